// The one clock that waits are measured by.
#pragma once

#include <time.h>

#include <cstdint>

namespace ring3 {

// CLOCK_MONOTONIC, in nanoseconds. No system call where the vDSO serves it.
inline uint64_t monotonic_ns() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace ring3
