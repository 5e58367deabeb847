// What the tests of operations share beyond hooks/test_ring.hpp: requests that say what their programs do
// (scripted.bpf.c), and what those programs counted.
#pragma once

#include <fmt/format.h>

#include "abi/io_uring.hpp"
#include "hooks/test_ring.hpp"
#include "ring3/operation.hpp"

namespace ring3::test {

inline constexpr uint32_t kPrepFails = 1, kSetInPrep = 2, kSetInIssue = 4, kSetInFail = 8, kIssueReturns = 16,
                          kSetTwice = 32;
inline constexpr uint8_t kScripted = 7, kPlain = 8, kWithoutPrep = 9, kWithoutIssue = 10;

// A ring whose chains go on only when it is asked for events.
inline constexpr uint32_t kDeferred =
    abi::IORING_SETUP_BPF_EXT | abi::IORING_SETUP_SINGLE_ISSUER | abi::IORING_SETUP_DEFER_TASKRUN;

struct Counts {
  uint32_t prep, issue, fail, cleanup;
  bool operator==(const Counts&) const = default;
};
inline std::ostream& operator<<(std::ostream& out, const Counts& c) {
  return out << "prep " << c.prep << " issue " << c.issue << " fail " << c.fail << " cleanup " << c.cleanup;
}

struct Request {
  uint32_t script = 0;  // the program's own flags
  int32_t set = 0;      // the result that it sets
  int32_t returned = 0;
  uint8_t flags = 0;  // IOSQE_*
  uint8_t id = kScripted;
};

// scripted.bpf.c, loaded.
class Scripted {
 public:
  explicit Scripted(const LoadOptions& options = {}) : module_(must(open_fixture("scripted"))) {
    must(load(module_, options));
  }
  Module& module() { return module_; }
  Operation attach(TestRing& ring, const char* ops = "scripted") {
    return must(Operation::attach(module_, ring.ring(), ops));
  }
  Counts counts(uint32_t request) {
    return must(module_.as<Counts>("counts[" + std::to_string(request % 4096) + "]"))[0];
  }
  uint32_t dirty() { return *must(module_.as<uint32_t>("dirty")); }
  uint32_t total() { return *must(module_.as<uint32_t>("total")); }

 private:
  Module module_;
};

// A request of IORING_OP_BPF; its user_data is also its number among the counts.
inline abi::Sqe bpf_sqe(uint64_t user_data, const Request& request, uint8_t flags) {
  return {.opcode = abi::IORING_OP_BPF,
          .flags = flags,
          .fd = request.set,
          .len = static_cast<uint32_t>(user_data),
          .op_flags = uint32_t{request.id} << 24 | request.script,
          .user_data = user_data,
          .file_index = request.returned};
}
inline abi::Sqe& push_bpf(TestRing& ring, uint64_t user_data, const Request& request = {}) {
  return ring.push(abi::IORING_OP_BPF, user_data) = bpf_sqe(user_data, request, request.flags);
}

// "user_data:res" of all CQEs there are, in their order.
inline std::string results(TestRing& ring) {
  std::string text;
  for (const abi::Cqe& cqe : ring.reap())
    text += fmt::format("{}{}:{}", text.empty() ? "" : " ", cqe.user_data, cqe.res);
  return text;
}

class OperationTest : public BackendTest {
 protected:
  TestRing make_ring(unsigned entries = 16, uint32_t flags = abi::IORING_SETUP_BPF_EXT,
                     unsigned cq_entries = 0) {
    return must(TestRing::create(GetParam(), entries, flags, cq_entries));
  }
};

}  // namespace ring3::test
