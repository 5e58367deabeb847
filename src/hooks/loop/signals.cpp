#include "hooks/loop/signals.hpp"

#include <pthread.h>
#include <time.h>

#include <algorithm>
#include <cstring>

namespace ring3::hooks {

namespace {

constexpr int kFaults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};

bool ignored(int signal) {
  struct sigaction action;
  if (sigaction(signal, nullptr, &action) != 0) return false;  // glibc keeps two for itself
  if (action.sa_flags & SA_SIGINFO) return false;
  if (action.sa_handler == SIG_IGN) return true;
  return action.sa_handler == SIG_DFL &&
         (signal == SIGCHLD || signal == SIGCONT || signal == SIGURG || signal == SIGWINCH);
}

// Some signal is pending for this thread: held back, by the application or by the gate. (glibc's
// sigisemptyset looks at the lower half of a word only, and misses real-time signals.)
bool any_pending(sigset_t& set) {
  static const sigset_t none = [] {
    sigset_t empty;
    sigemptyset(&empty);
    return empty;
  }();
  sigemptyset(&set);
  return sigpending(&set) == 0 && std::memcmp(&set, &none, sizeof(set)) != 0;
}

}  // namespace

SignalGate::SignalGate() {
  sigset_t all;
  sigfillset(&all);
  for (int fault : kFaults) sigdelset(&all, fault);
  pthread_sigmask(SIG_SETMASK, &all, &application_);
}

SignalGate::~SignalGate() { pthread_sigmask(SIG_SETMASK, &application_, nullptr); }

const sigset_t* SignalGate::sleep_mask() {
  constexpr int sleeps_max = 64;
  if (!sleep_known_ && sleeps_++ < sleeps_max) {
    sigset_t set;
    if (!any_pending(set)) return &application_;
  }
  if (!sleep_known_) {
    sleep_ = application_;
    for (int signal = 1; signal <= SIGRTMAX; signal++)
      if (!sigismember(&sleep_, signal) && ignored(signal)) sigaddset(&sleep_, signal);
    sleep_known_ = true;
  }
  return &sleep_;
}

bool SignalGate::pending() const {
  sigset_t set;
  if (!any_pending(set)) return false;
  for (int signal = 1; signal <= SIGRTMAX; signal++)
    if (sigismember(&set, signal) == 1 && sigismember(&application_, signal) == 0 && !ignored(signal))
      return true;
  return false;
}

Pulse::Pulse() : last_ticks_(ticks()), last_ns_(monotonic_ns()) {}

void Pulse::taken(uint64_t now_ns) {
  constexpr uint64_t wanted_ns = 50'000;
  const uint64_t elapsed_ns = now_ns - last_ns_;
  // A step that took long says nothing of the counter, hence no more than a factor of two at a time.
  if (elapsed_ns < wanted_ns / 2) interval_ticks_ *= 2;
  if (elapsed_ns > wanted_ns * 2) interval_ticks_ = std::max<uint64_t>(interval_ticks_ / 2, 256);
  // No more than eight: if steps get long at once, eight of them still end soon.
  calls_mask_ = calls_ >= 64 ? 7 : 0;
  calls_ = 0;
  last_ns_ = now_ns;
  last_ticks_ = ticks();
}

}  // namespace ring3::hooks
