// The process's handlers for SIGSEGV and SIGBUS, in front of those of the application: a fault that is ours
// to resume is resumed, any other goes to whom it would have gone without us.
#pragma once

#include <atomic>

namespace ring3 {

// Looks at the saved context (a ucontext_t*) of a thread that faulted; if the fault is its own, changes the
// context to where the thread goes on, and returns true. Async-signal-safe.
using FaultResume = bool (*)(void* context);

// Puts our handlers in front of whatever handles the signals now. `resume` is the same at every call.
void install_fault_handler(FaultResume resume);

inline std::atomic<bool> fault_handler_installed{false};

// The same, once in the life of the process.
inline void require_fault_handler(FaultResume resume) {
  if (!fault_handler_installed.load(std::memory_order_acquire)) install_fault_handler(resume);
}

}  // namespace ring3
