// What the tests of the loop share: a ring with its words at hand, modules that know its layout, and the
// back-ends that each test runs on.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "abi/io_uring.hpp"
#include "ring3/loop.hpp"
#include "ring3/module.hpp"
#include "ring3/ring.hpp"

namespace ring3::test {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

inline constexpr uint32_t kLoopSetup = abi::IORING_SETUP_SINGLE_ISSUER | abi::IORING_SETUP_DEFER_TASKRUN;

// A ring as an application has it: parameters, and the shared words where they are mapped.
class TestRing {
 public:
  static Result<TestRing> create(BackendKind backend, unsigned entries = 16, uint32_t flags = kLoopSetup,
                                 unsigned cq_entries = 0);

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
  const abi::Cqe& cqe(uint32_t index);

  // The next free SQE, zeroed, with the tail moved on. Links and such are the caller's.
  abi::Sqe& push(uint8_t opcode, uint64_t user_data);
  abi::Sqe& push_nop(uint64_t user_data) { return push(abi::IORING_OP_NOP, user_data); }
  // A request that completes after that time; `when` must live until then.
  abi::Sqe& push_timeout(uint64_t user_data, const abi::Timespec& when);
  // Takes all CQEs.
  std::vector<abi::Cqe> reap();

 private:
  uint32_t& word(uint32_t offset) { return *reinterpret_cast<uint32_t*>(ring_->sq_ring() + offset); }

  abi::Params params_{};
  std::optional<Ring> ring_;
};

inline abi::Timespec after(std::chrono::nanoseconds time) {
  return {time / 1s, (time % std::chrono::nanoseconds(1s)).count()};
}

// Mirrors of script.bpf.c.
struct Action {
  int32_t submit = -1;
  uint32_t wait_mode = 0;
  uint32_t wait = 0;
  uint32_t reap = 0;
  uint32_t spin = 0;
  uint32_t forge_tail = 0;
  uint32_t break_sq_head = 0;
  int32_t result = 0;
};
struct Note {
  int32_t submitted;
  uint32_t cq_head, cq_tail, cq_tail_after, sq_head_after, sq_flags, overflow, wait_idx;
  int32_t last_res;
};
inline constexpr uint32_t kWaitRelative = 1, kWaitAbsolute = 2;
inline constexpr int kContinue = 0, kStop = 1;

// An object of this folder, or of the programs that ship; with the layout of `ring` in its variable `ring` if
// it has one. Not loaded.
Result<Module> open_fixture(const std::string& name, const TestRing* ring = nullptr);
Result<Module> open_program(const std::string& name, const TestRing& ring);
// Loads; a refusal is an error with the verifier's text.
Result<void> load(Module& module, const LoadOptions& options = {});

// The scripted loop on a ring of its own.
class Script {
 public:
  explicit Script(TestRing& ring);
  void play(const std::vector<Action>& actions);
  const Note& note(size_t step) const { return notes_[step]; }
  // Both are read while the program runs: what a program writes is shared memory without a lock, and a thread
  // sanitizer that sees the program's side alone has nothing to say.
  __attribute__((no_sanitize("thread"))) uint32_t steps() const {
    return *reinterpret_cast<volatile uint32_t*>(steps_);
  }
  // The step, counted from 1, that burns time right now.
  __attribute__((no_sanitize("thread"))) uint32_t spinning() const {
    return *reinterpret_cast<volatile uint32_t*>(spinning_);
  }
  Module& module() { return *module_; }

 private:
  std::optional<Module> module_;
  Note* notes_ = nullptr;
  uint32_t* steps_ = nullptr;
  uint32_t* spinning_ = nullptr;
};

// Each test runs on both back-ends; `host` is skipped where io_uring is missing or forbidden.
class LoopTest : public testing::TestWithParam<BackendKind> {
 protected:
  void SetUp() override;
  TestRing make_ring(unsigned entries = 16, uint32_t flags = kLoopSetup, unsigned cq_entries = 0);
};
inline std::string backend_name(const testing::TestParamInfo<BackendKind>& backend) {
  return backend.param == BackendKind::Host ? "host" : "threads";
}
#define RING3_LOOP_TESTS(suite) \
  INSTANTIATE_TEST_SUITE_P(, suite, testing::Values(BackendKind::Host, BackendKind::Threads), backend_name)

// The value, or an exception that fails the test with the error's text.
template <typename T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().text());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// The errno that attaching gave; 0: it worked.
inline int code_of(const Result<Loop>& result) { return result ? 0 : result.error().code; }

// Runs `action` on another thread once `ready` holds.
std::jthread when(std::function<bool()> ready, std::function<void()> action);

}  // namespace ring3::test
