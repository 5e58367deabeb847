// What the tests of the loop share beyond hooks/test_ring.hpp: a loop that does what it is told, step by
// step.
#pragma once

#include <cstring>
#include <optional>
#include <vector>

#include "abi/io_uring.hpp"
#include "hooks/test_ring.hpp"
#include "ring3/loop.hpp"

namespace ring3::test {

inline constexpr uint32_t kLoopSetup = abi::IORING_SETUP_SINGLE_ISSUER | abi::IORING_SETUP_DEFER_TASKRUN;

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

class LoopTest : public BackendTest {
 protected:
  TestRing make_ring(unsigned entries = 16, uint32_t flags = kLoopSetup, unsigned cq_entries = 0) {
    return must(TestRing::create(GetParam(), entries, flags, cq_entries));
  }
};
#define RING3_LOOP_TESTS(suite) RING3_BACKEND_TESTS(suite)

// The errno that attaching gave; 0: it worked.
inline int code_of(const Result<Loop>& result) { return result ? 0 : result.error().code; }

}  // namespace ring3::test
