// The gate that holds signals back while programs run, by itself: what it takes for pending is the kernel's word, and not
// what else lies in a sigset_t.
#include <gtest/gtest.h>
#include <signal.h>

#include <cstring>

#include "hooks/loop/signals.hpp"

namespace ring3::hooks {
namespace {

// What functions that are called next find where their variables will be.
__attribute__((noinline)) void leave_garbage_on_the_stack() {
  char garbage[4096];
  std::memset(garbage, 0xff, sizeof garbage);
  asm volatile("" : : "r"(garbage) : "memory");
}

TEST(SignalGate, NothingIsPendingIfNothingIs) {
  SignalGate gate;
  leave_garbage_on_the_stack();
  EXPECT_FALSE(gate.pending());
  leave_garbage_on_the_stack();
  EXPECT_FALSE(sigismember(gate.sleep_mask(), SIGWINCH)) << "nothing was pending, so nothing had to be asked for";
}

TEST(SignalGate, WhatIsIgnoredIsNoEvent) {
  {
    SignalGate gate;
    raise(SIGWINCH);
    EXPECT_FALSE(gate.pending());
    EXPECT_TRUE(sigismember(gate.sleep_mask(), SIGWINCH)) << "else it would end the sleep";
    EXPECT_TRUE(gate.was_event()) << "what ended the sleep was none of those";
  }
  SignalGate another;
  EXPECT_FALSE(sigismember(another.sleep_mask(), SIGWINCH));
}

TEST(SignalGate, WhatTheApplicationHandlesIs) {
  struct sigaction action{}, before;
  action.sa_handler = [](int) {};
  sigaction(SIGRTMIN + 2, &action, &before);
  {
    SignalGate gate;
    raise(SIGRTMIN + 2);
    EXPECT_TRUE(gate.pending());
  }
  SignalGate after;
  EXPECT_FALSE(after.pending()) << "it was delivered";
  EXPECT_TRUE(after.was_event()) << "a sleep may have let it in";
  sigaction(SIGRTMIN + 2, &before, nullptr);
}

}  // namespace
}  // namespace ring3::hooks
