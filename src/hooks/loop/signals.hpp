// Signals of a thread that runs BPF programs. While they run every signal is held back (but those that a
// fault raises), so that none is lost between two turns; the gate says whether one has come, and sleeps let
// them in. Nothing is decided for the application: its own mask is what counts, its handlers run before
// enter() returns, and a signal that it ignores is no event.
#pragma once

#include <signal.h>

#include <cstdint>

#include "base/clock.hpp"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace ring3::hooks {

class SignalGate {
 public:
  // Blocks the thread's signals.
  SignalGate();
  // Restores the mask: handlers of what is pending run here.
  ~SignalGate();
  SignalGate(const SignalGate&) = delete;
  SignalGate& operator=(const SignalGate&) = delete;

  // The mask to sleep with: the application's, and signals that it ignores. Those would end a sleep if they
  // had been held back before, which they never do in Linux. Asking for every disposition costs as much as
  // sixty system calls, so the first sleeps ask for what is pending instead, and all is asked only if
  // something is.
  const sigset_t* sleep_mask();

  // After a sleep that ended with -EINTR: false if that was a signal that the application ignores, which came
  // in the instant between that question and the sleep. (If the application has handlers, one of them may have
  // run, and it is true.)
  bool was_event();

  // True if a signal is pending that the application has neither blocked nor ignored. A system call.
  bool pending() const;

 private:
  void learn();

  sigset_t application_;
  sigset_t sleep_;
  int sleeps_ = 0;
  bool sleep_known_ = false;  // sleep_ and handlers_ are
  bool handlers_ = false;     // there is one for a signal that is not blocked
};

// Says when it is time to look at what costs a system call: every 500 µs or so, judged by the processor's
// counter.
class Pulse {
 public:
  Pulse();
  // True if the last look was long ago. Reading the counter costs some nanoseconds, as much as a whole short
  // step: while steps are short, not every one does.
  bool due() { return (++calls_ & calls_mask_) == 0 && ticks() - last_ticks_ > interval_ticks_; }
  // The look was taken at `now_ns` (CLOCK_MONOTONIC).
  void taken(uint64_t now_ns);

 private:
  static uint64_t ticks() {
#if defined(__x86_64__)
    return __rdtsc();
#elif defined(__aarch64__)
    uint64_t value;
    asm volatile("mrs %0, cntvct_el0" : "=r"(value));
    return value;
#else
    return monotonic_ns();
#endif
  }

  // Nobody says how fast the counter counts, so the interval is adjusted to what the clock says.
  uint64_t interval_ticks_ = 1 << 16;
  uint64_t last_ticks_;
  uint64_t last_ns_;
  uint32_t calls_ = 0;       // since the last look
  uint32_t calls_mask_ = 0;  // the counter is read when these bits of calls_ are 0
};

}  // namespace ring3::hooks
