// The flags of ASYNC_CANCEL.
#pragma once

#include <cstdint>

namespace ring3::backend::threads {

inline constexpr uint32_t kCancelAll = 1u << 0, kCancelFd = 1u << 1, kCancelAny = 1u << 2,
                          kCancelFdFixed = 1u << 3, kCancelUserData = 1u << 4, kCancelOp = 1u << 5;
inline constexpr uint32_t kCancelFlags = (1u << 6) - 1;

}  // namespace ring3::backend::threads
