#include "ring/enter.hpp"

#include <cerrno>
#include <cstring>

#include "abi/io_uring.hpp"
#include "base/clock.hpp"
#include "base/user_copy.hpp"

namespace ring3::ring {

namespace {

constexpr size_t kKernelSignalSetBytes = 8;
constexpr uint64_t kSecond = 1'000'000'000;

int read_mask(uint64_t address, size_t size, EnterArgument& result) {
  if (address == 0) return 0;
  if (size != kKernelSignalSetBytes) return -EINVAL;
  sigemptyset(&result.signal_mask);
  if (copy_from_user(&result.signal_mask, address, kKernelSignalSetBytes)) return -EFAULT;
  result.has_mask = true;
  return 0;
}

}  // namespace

int read_enter_argument(unsigned flags, const void* argument, size_t size, EnterArgument& result) {
  const auto address = reinterpret_cast<uint64_t>(argument);
  if (flags & abi::IORING_ENTER_EXT_ARG_REG) return -EINVAL;  // registered wait arguments are not offered
  if (!(flags & abi::IORING_ENTER_EXT_ARG)) return read_mask(address, size, result);

  abi::GeteventsArg extended;
  if (size != sizeof extended) return -EINVAL;
  if (copy_from_user(&extended, address, sizeof extended)) return -EFAULT;
  if (int error = read_mask(extended.sigmask, extended.sigmask_sz, result)) return error;
  if (extended.min_wait_usec) result.min_wait_deadline_ns = monotonic_ns() + uint64_t{extended.min_wait_usec} * 1000;
  if (extended.ts == 0) return 0;
  abi::Timespec timeout;
  if (copy_from_user(&timeout, extended.ts, sizeof timeout)) return -EFAULT;
  // A time too long to tell is no limit; one in the past has passed.
  if (timeout.tv_sec > int64_t{1} << 33) return 0;
  const int64_t given = timeout.tv_sec < 0 ? 0 : timeout.tv_sec * static_cast<int64_t>(kSecond) + timeout.tv_nsec;
  const auto nanoseconds = static_cast<uint64_t>(given < 0 ? 0 : given);
  result.deadline_ns = flags & abi::IORING_ENTER_ABS_TIMER ? nanoseconds : monotonic_ns() + nanoseconds;
  return 0;
}

}  // namespace ring3::ring
