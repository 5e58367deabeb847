// What the tests of all hooks share: a ring with its words at hand, modules that know its layout, and the
// back-ends that each test runs on.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "abi/io_uring.hpp"
#include "ring3/module.hpp"
#include "ring3/ring.hpp"

namespace ring3::test {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// The value, or an exception that fails the test with the error's text.
template <typename T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().text());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// A ring as an application has it: parameters, and the shared words where they are mapped.
class TestRing {
 public:
  static Result<TestRing> create(BackendKind backend, unsigned entries, uint32_t flags,
                                 unsigned cq_entries = 0) {
    TestRing result;
    result.params_.flags = flags | (cq_entries ? uint32_t{abi::IORING_SETUP_CQSIZE} : 0);
    result.params_.cq_entries = cq_entries;
    auto ring = Ring::setup(entries, reinterpret_cast<io_uring_params&>(result.params_), backend);
    if (!ring) return std::unexpected(ring.error());
    result.ring_.emplace(std::move(*ring));
    if (!(flags & abi::IORING_SETUP_NO_SQARRAY))
      for (uint32_t i = 0; i < result.params_.sq_entries; i++)
        result.word(result.params_.sq_off.array + i * sizeof(uint32_t)) = i;
    return result;
  }

  Ring& ring() { return *ring_; }
  const abi::Params& params() const { return params_; }
  int enter(unsigned to_submit = 0, unsigned min_complete = 0, unsigned flags = 0) {
    return ring_->enter(to_submit, min_complete, flags);
  }
  void close() { ring_.reset(); }

  uint32_t& sq_head() { return word(params_.sq_off.head); }
  uint32_t& sq_tail() { return word(params_.sq_off.tail); }
  uint32_t& sq_flags() { return word(params_.sq_off.flags); }
  uint32_t& cq_head() { return word(params_.cq_off.head); }
  uint32_t& cq_tail() { return word(params_.cq_off.tail); }
  uint32_t& cq_overflow() { return word(params_.cq_off.overflow); }
  const abi::Cqe& cqe(uint32_t index) {
    auto* cqes = reinterpret_cast<const abi::Cqe*>(ring_->sq_ring() + params_.cq_off.cqes);
    return cqes[index & (params_.cq_entries - 1)];
  }

  // The next free SQE, zeroed, with the tail moved on. Links and such are the caller's.
  abi::Sqe& push(uint8_t opcode, uint64_t user_data) {
    auto* sqes = reinterpret_cast<abi::Sqe*>(ring_->sqes());
    abi::Sqe& sqe = sqes[sq_tail()++ & (params_.sq_entries - 1)];
    sqe = abi::Sqe{.opcode = opcode, .user_data = user_data};
    return sqe;
  }
  abi::Sqe& push_nop(uint64_t user_data) { return push(abi::IORING_OP_NOP, user_data); }
  // A request that completes after that time; `when` must live until then.
  abi::Sqe& push_timeout(uint64_t user_data, const abi::Timespec& when) {
    abi::Sqe& sqe = push(abi::IORING_OP_TIMEOUT, user_data);
    sqe.addr = reinterpret_cast<uint64_t>(&when);
    sqe.len = 1;
    return sqe;
  }
  // Takes all CQEs.
  std::vector<abi::Cqe> reap() {
    std::vector<abi::Cqe> result;
    while (cq_head() != cq_tail()) result.push_back(cqe(cq_head()++));
    return result;
  }

 private:
  uint32_t& word(uint32_t offset) { return *reinterpret_cast<uint32_t*>(ring_->sq_ring() + offset); }

  abi::Params params_{};
  std::optional<Ring> ring_;
};

inline abi::Timespec after(std::chrono::nanoseconds time) {
  return {time / 1s, (time % std::chrono::nanoseconds(1s)).count()};
}

// An object, with the layout of `ring` in its variable `ring` if it has one. Not loaded.
inline Result<Module> open_object(const std::string& path, const TestRing* ring = nullptr) {
  auto module = Module::open(path);
  if (!module || !ring || !module->variable("ring")) return module;
  auto set = module->set_ring(reinterpret_cast<const io_uring_params&>(ring->params()));
  if (!set) return std::unexpected(set.error());
  return module;
}

// One of the tests' own folder.
inline Result<Module> open_fixture(const std::string& name, const TestRing* ring = nullptr) {
  return open_object(std::string(RING3_TEST_OBJECTS "/") + name + ".bpf.o", ring);
}

// One that ships.
inline Result<Module> open_program(const std::string& name, const TestRing& ring) {
  return open_object(std::string(RING3_BUILD_DIR "/programs/") + name + ".bpf.o", &ring);
}

// Loads; a refusal is an error with the verifier's text.
inline Result<void> load(Module& module, const LoadOptions& options = {}) {
  auto accepted = module.load(options);
  if (!accepted) return std::unexpected(accepted.error());
  for (const ProgramVerdict& verdict : module.verdicts())
    if (!verdict.accepted) return std::unexpected(Error{verdict.refusal->code, verdict.program, verdict.text});
  return {};
}

// Each test runs on both back-ends; `host` is skipped where io_uring is missing or forbidden.
class BackendTest : public testing::TestWithParam<BackendKind> {
 protected:
  void SetUp() override {
    if (GetParam() != BackendKind::Host) return;
    if (auto probe = TestRing::create(BackendKind::Host, 1, 0); !probe)
      GTEST_SKIP() << "no io_uring on this machine: " << probe.error().text();
  }
};
inline std::string backend_name(const testing::TestParamInfo<BackendKind>& backend) {
  return backend.param == BackendKind::Host ? "host" : "threads";
}
#define RING3_BACKEND_TESTS(suite) \
  INSTANTIATE_TEST_SUITE_P(, suite, testing::Values(BackendKind::Host, BackendKind::Threads), backend_name)

// Runs `action` on another thread once `ready` holds.
inline std::jthread when(std::function<bool()> ready, std::function<void()> action) {
  return std::jthread([ready = std::move(ready), action = std::move(action)] {
    const auto give_up = Clock::now() + 20s;
    while (!ready() && Clock::now() < give_up) std::this_thread::sleep_for(100us);
    action();
  });
}

}  // namespace ring3::test
