// Accesses to memory that nobody vouches for, made in place: by a program that runs, or one at a time. A
// fault costs the access or the run, never the process. (For copies: base/user_copy.hpp, whose rules on
// signals hold here too.)
//
// On CPUs other than x86-64 a run is not contained: a fault in it goes where any other goes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace ring3 {

// Marks a function whose own instructions may fault: its loads and stores, not those of what it calls. It
// must not be inlined elsewhere, and whatever it calls into code so marked must be safe to abandon,
// destructors and all.
#define RING3_CONTAINED __attribute__((section("ring3_contained"), noinline))

// The same for code that is made at run time: contained as long as this lives.
class ContainedCode {
 public:
  explicit ContainedCode(std::span<const std::byte> pages);  // whole pages
  ContainedCode(ContainedCode&& other) noexcept : ranges_(std::move(other.ranges_)) {}
  ~ContainedCode();

 private:
  std::vector<std::atomic<uint64_t>*> ranges_;
};

struct Landed {
  uint64_t result;
  uint64_t faulted;  // 1: the function was left where it faulted, and there is no result
};

// Runs function(argument) until it returns, or until code marked RING3_CONTAINED faults on this thread. May
// be nested. Any thread; no allocation, no lock, no system call unless it faults.
Landed run_contained(uint64_t (*function)(void*), void* argument);

// The same for made code that takes an object and up to five words, of which it reads no more than the first. No look
// whether faults are caught at all yet: ensure_fault_handler() has been called before.
Landed land_in_made(const void* code, void* object, uint64_t argument);
template <typename T>
Landed run_made(uint64_t (*code)(T&, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t), T& object, uint64_t argument) {
  return land_in_made(reinterpret_cast<const void*>(code), &object, argument);
}

// One access of 1, 2, 4 or 8 bytes. False: it could not be made; `value` is then 0, or nothing was stored.
template <typename T>
bool contained_load(uint64_t address, T& value);
template <typename T>
bool contained_store(uint64_t address, T value);

// Whether a byte can be read, or written, at this moment. What it holds stays.
inline bool is_readable(uint64_t address) {
  uint8_t byte;
  return contained_load(address, byte);
}
bool is_writable(uint64_t address);

}  // namespace ring3
