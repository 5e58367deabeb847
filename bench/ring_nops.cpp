#include <chrono>

#include "base/error.hpp"
#include "bench/benchmark.hpp"
#include "ring/ring.hpp"

namespace ring3::bench {

namespace {

class Nops final : public ring::Driver {
 public:
  Nops(const abi::Params& params, uint64_t count) : params_(params), count_(count) {}

  int drive(ring::Ring& ring) override {
    std::byte* rings = ring.region(abi::IOU_REGION_CQ).data();
    auto word = [&](uint32_t offset) { return reinterpret_cast<uint32_t*>(rings + offset); };
    for (uint64_t i = 0; i < count_; ++i) {
      ++*word(params_.sq_off.tail);
      ring.submit(1);
      const uint32_t tail = __atomic_load_n(word(params_.cq_off.tail), __ATOMIC_ACQUIRE);
      __atomic_store_n(word(params_.cq_off.head), tail, __ATOMIC_RELEASE);
    }
    return 0;
  }
  void ring_gone() override {}

 private:
  const abi::Params& params_;
  uint64_t count_;
};

}  // namespace

Result<double> ring_nop_ns(uint64_t nops) {
  abi::Params params{};
  params.flags = abi::IORING_SETUP_SINGLE_ISSUER | abi::IORING_SETUP_DEFER_TASKRUN;
  auto ring = TRY(ring::Ring::create(128, params, BackendKind::Host));
  Nops driver(params, nops);
  if (int result = ring->set_driver(&driver); result < 0) return fail(-result, "ring", "it takes no driver");
  const auto start = std::chrono::steady_clock::now();
  const int result = ring->enter(0, 0, 0, nullptr, 0);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  ring->clear_driver(&driver);
  if (result < 0) return fail(-result, "enter", "the ring ended with an error");
  return took.count() / double(nops) * 1e9;
}

}  // namespace ring3::bench
