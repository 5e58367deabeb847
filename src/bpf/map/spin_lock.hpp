// Locks that are held for a few dozen instructions at a time: those of the maps themselves, and the struct
// bpf_spin_lock that a program puts into a map's values.
#pragma once

#include <sched.h>

#include <atomic>
#include <cstdint>
#include <optional>

#include "base/error.hpp"
#include "bpf/btf/btf.hpp"

namespace ring3::bpf {

// Zero memory is an unlocked one.
class SpinLock {
 public:
  void lock() {
    for (unsigned spins = 0; word_.exchange(1, std::memory_order_acquire) != 0;) {
      while (word_.load(std::memory_order_relaxed) != 0)
        // The holder may have been preempted: give it the CPU.
        if (++spins % 128 == 0) sched_yield();
    }
  }
  void unlock() { word_.store(0, std::memory_order_release); }

 private:
  std::atomic<uint32_t> word_{0};
};
// What a program has as struct bpf_spin_lock.
static_assert(sizeof(SpinLock) == 4 && alignof(SpinLock) == 4);

// Where values of type `value` (a structure, or the section of global variables) have their struct
// bpf_spin_lock, in bytes; nothing if they have none. E2BIG: more than one, or an array of them; EINVAL: one
// that isn't 4 aligned bytes.
Result<std::optional<uint32_t>> find_spin_lock(TypeRef value, const std::string& place);

}  // namespace ring3::bpf
