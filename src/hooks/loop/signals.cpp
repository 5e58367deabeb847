#include "hooks/loop/signals.hpp"

#include <pthread.h>
#include <time.h>

#include <algorithm>
#include <cstring>
#include <iterator>

namespace ring3::hooks {

namespace {

constexpr int kFaults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS};

enum class Effect { None, Handler, Default };

// What a signal does to the application.
Effect effect(int signal) {
  struct sigaction action;
  if (sigaction(signal, nullptr, &action) != 0) return Effect::Default;  // glibc keeps two for itself
  if (action.sa_flags & SA_SIGINFO) return Effect::Handler;
  if (action.sa_handler == SIG_IGN) return Effect::None;
  if (action.sa_handler != SIG_DFL) return Effect::Handler;
  const bool nothing = signal == SIGCHLD || signal == SIGCONT || signal == SIGURG || signal == SIGWINCH;
  return nothing ? Effect::None : Effect::Default;
}

bool is_fault(int signal) { return std::ranges::find(kFaults, signal) != std::end(kFaults); }

// The signals of a set, as the kernel has them: bit n - 1 is signal n. (glibc's functions for sets touch no more of
// its 1,024 bits than these, and its sigisemptyset looks at fewer.)
uint64_t bits(const sigset_t& set) {
  uint64_t word;
  static_assert(sizeof(set) >= sizeof(word));
  std::memcpy(&word, &set, sizeof(word));
  return word;
}

// What is pending for this thread: held back, by the application or by the gate.
uint64_t pending_bits() {
  sigset_t set;
  return sigpending(&set) == 0 ? bits(set) : 0;
}

}  // namespace

SignalGate::SignalGate() {
  sigset_t all;
  sigfillset(&all);
  for (int fault : kFaults) sigdelset(&all, fault);
  pthread_sigmask(SIG_SETMASK, &all, &application_);
}

SignalGate::~SignalGate() { pthread_sigmask(SIG_SETMASK, &application_, nullptr); }

[[gnu::hot]] const sigset_t* SignalGate::sleep_mask() {
  constexpr int sleeps_max = 64;
  if (!sleep_known_ && (sleeps_++ >= sleeps_max || pending_bits() != 0)) learn();
  return sleep_known_ ? &sleep_ : &application_;
}

void SignalGate::learn() {
  sleep_ = application_;
  for (int signal = 1; signal <= SIGRTMAX; signal++) {
    if (sigismember(&application_, signal)) continue;
    const Effect what = effect(signal);
    if (what == Effect::None) sigaddset(&sleep_, signal);
    if (what == Effect::Handler && !is_fault(signal)) handlers_ = true;
  }
  sleep_known_ = true;
}

bool SignalGate::was_event() {
  if (sleep_known_) return true;
  learn();
  return handlers_;
}

bool SignalGate::pending() const {
  for (uint64_t left = pending_bits() & ~bits(application_); left != 0; left &= left - 1)
    if (effect(__builtin_ctzll(left) + 1) != Effect::None) return true;
  return false;
}

Pulse::Pulse() : last_ticks_(ticks()), last_ns_(monotonic_ns()) {}

void Pulse::taken(uint64_t now_ns) {
  constexpr uint64_t wanted_ns = 500'000;
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
