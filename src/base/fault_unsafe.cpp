#include "base/fault_unsafe.hpp"

#include <signal.h>
#include <unistd.h>

#include <cstring>
#include <mutex>

namespace ring3 {

namespace {

constexpr int kSignals[] = {SIGSEGV, SIGBUS};

// What handled a signal before us. Never freed: a handler may be reading it. An application that keeps
// changing between a few handlers makes only as many of these.
struct Earlier {
  struct sigaction action;
  const Earlier* older;  // what that one had replaced
  const Earlier* next;   // in the list of all that were made
};

struct Slot {
  std::atomic<const Earlier*> earlier{nullptr};
  const Earlier* made = nullptr;
};

Slot slots[2];
std::mutex installing;

Slot& slot_of(int signal) { return slots[signal == SIGBUS]; }

// A handler installed after us may pass on to us what we passed to it. Then the fault goes to the one before,
// instead of round in circles. Such a call is told from a new fault, raised after a handler jumped out, by
// the same siginfo seen from deeper in the stack.
struct Passing {
  const siginfo_t* info;
  uintptr_t frame;
  const Earlier* to;
};
__attribute__((tls_model("initial-exec"))) thread_local Passing passing = {};

void die_by_default(int signal, const siginfo_t* info) {
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  sigaction(signal, &action, nullptr);
  // A fault comes again as soon as the handler returns; a signal that somebody sent does not.
  if (info->si_code <= 0) raise(signal);
}

void pass_on(int signal, siginfo_t* info, void* context, const Earlier* earlier) {
  const struct sigaction& action = earlier->action;
  if (action.sa_handler == SIG_IGN && info->si_code <= 0) return;
  // The kernel lets nobody ignore a fault.
  if (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN) return die_by_default(signal, info);
  sigset_t blocked = action.sa_mask;
  if (!(action.sa_flags & SA_NODEFER)) sigaddset(&blocked, signal);
  pthread_sigmask(SIG_BLOCK, &blocked, nullptr);  // until we return to the kernel
  if (action.sa_flags & SA_SIGINFO)
    action.sa_sigaction(signal, info, context);
  else
    action.sa_handler(signal);
}

void on_fault(int signal, siginfo_t* info, void* context) {
  if (info->si_code > 0 && resume_fault(context)) return;
  const auto frame = reinterpret_cast<uintptr_t>(__builtin_frame_address(0));
  const bool again = passing.to && passing.info == info && frame < passing.frame;
  const Earlier* to = again ? passing.to->older : slot_of(signal).earlier.load(std::memory_order_acquire);
  if (!to) return die_by_default(signal, info);
  const Passing before = passing;
  passing = {info, frame, to};
  const int error = errno;
  pass_on(signal, info, context, to);
  errno = error;
  passing = before;
}

bool same(const struct sigaction& a, const struct sigaction& b) {
  return a.sa_sigaction == b.sa_sigaction && a.sa_flags == b.sa_flags &&
         memcmp(&a.sa_mask, &b.sa_mask, sizeof a.sa_mask) == 0;
}

const Earlier* remember(Slot& slot, const struct sigaction& action) {
  const Earlier* newest = slot.earlier.load(std::memory_order_relaxed);
  // One that came back to the front stands in for those that it had been behind.
  for (const Earlier* known = newest; known; known = known->older)
    if (same(known->action, action)) return known;
  for (const Earlier* known = slot.made; known; known = known->next)
    if (known->older == newest && same(known->action, action)) return known;
  return slot.made = new Earlier{action, newest, slot.made};
}

}  // namespace

void install_fault_handler() {
  for (int signal : kSignals) {
    struct sigaction current;
    if (sigaction(signal, nullptr, &current) == 0 && current.sa_sigaction == on_fault) continue;
    std::lock_guard guard(installing);
    sigaction(signal, nullptr, &current);
    if (current.sa_sigaction == on_fault) continue;
    Slot& slot = slot_of(signal);
    slot.earlier.store(remember(slot, current), std::memory_order_release);
    struct sigaction ours = {};
    ours.sa_sigaction = on_fault;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | (current.sa_flags & SA_RESTART);
    sigaction(signal, &ours, nullptr);
  }
  fault_handler_installed.store(true, std::memory_order_release);
}

}  // namespace ring3
