// The process's handlers for SIGSEGV and SIGBUS, in front of those of the application: a fault that is ours
// to resume is resumed, any other goes to whom it would have gone without us.
#pragma once

#include <atomic>
#include <cstdint>

namespace ring3 {

// Looks at the saved context (a ucontext_t*) of a thread that faulted; if the fault is one of ours, changes
// the context to where the thread goes on, and returns true. Async-signal-safe. (user_copy_unsafe.cpp)
bool resume_fault(void* context);
// Its part for contained runs and accesses (contained_unsafe.cpp).
bool resume_contained(uintptr_t& pc, uintptr_t& stack);

// Puts our handlers in front of whatever handles the signals now.
void install_fault_handler();

inline std::atomic<bool> fault_handler_installed{false};

// The same, once in the life of the process.
inline void require_fault_handler() {
  if (!fault_handler_installed.load(std::memory_order_acquire)) install_fault_handler();
}

}  // namespace ring3
