#include "bpf/world/dynptr.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include "base/user_copy.hpp"
#include "bpf/world/common.hpp"

namespace ring3::bpf::common {

namespace {

// As memmove(3), of memory that may go away: a dynptr's, and what a program hands in, which may be of a
// buffer too.
long move(void* to, const void* from, uint64_t size) {
  const auto target = reinterpret_cast<uint64_t>(to), source = reinterpret_cast<uint64_t>(from);
  if (target - source >= size) return copy_between_users(target, source, size);
  // The end of the source would be overwritten before it was read: from the end, then.
  while (size > 0) {
    std::byte block[256];
    const uint64_t bytes = std::min(size, uint64_t{sizeof block});
    size -= bytes;
    if (ring3::copy_from_user(block, source + size, bytes) != 0 ||
        copy_to_user(target + size, block, bytes) != 0)
      return -EFAULT;
  }
  return 0;
}

void clear(void* out, uint64_t size) {
  static constexpr std::byte zeros[256] = {};
  for (uint64_t done = 0; done < size; done += sizeof zeros)
    copy_to_user(reinterpret_cast<uint64_t>(out) + done, zeros,
                 std::min(size - done, uint64_t{sizeof zeros}));
}

}  // namespace

long dynptr_from_mem(void* data, uint64_t size, uint64_t flags, Dynptr* dynptr) {
  *dynptr = Dynptr();
  if (size > Dynptr::kSizeMax) return -E2BIG;
  if (flags != 0) return -EINVAL;
  *dynptr = Dynptr(data, size, Dynptr::Kind::Local, false);
  return 0;
}

// What could not be read is zeros: to the verifier the memory holds numbers now, and an address that lay
// there must not pass for one. (Linux leaves it.)
long dynptr_read(void* out, uint64_t length, const Dynptr* dynptr, uint64_t offset, uint64_t flags) {
  long result = -EINVAL;
  if (!dynptr->is_null() && flags == 0)
    result = dynptr->holds(offset, length) ? move(out, dynptr->at(offset), length) : -E2BIG;
  if (result != 0) clear(out, length);
  return result;
}

long dynptr_write(const Dynptr* dynptr, uint64_t offset, const void* data, uint64_t length, uint64_t flags) {
  if (dynptr->is_null() || dynptr->is_read_only()) return -EINVAL;
  if (!dynptr->holds(offset, length)) return -E2BIG;
  if (flags != 0) return -EINVAL;
  return move(dynptr->at(offset), data, length);
}

void* dynptr_data(const Dynptr* dynptr, uint64_t offset, uint64_t length) {
  return dynptr_slice_rdwr(dynptr, offset, nullptr, length);
}

// All our dynptrs are over contiguous memory, so the program's buffer is never needed.
void* dynptr_slice(const Dynptr* dynptr, uint64_t offset, void*, uint64_t size) {
  return !dynptr->is_null() && dynptr->holds(offset, size) ? dynptr->at(offset) : nullptr;
}

void* dynptr_slice_rdwr(const Dynptr* dynptr, uint64_t offset, void* buffer, uint64_t size) {
  return dynptr->is_read_only() ? nullptr : dynptr_slice(dynptr, offset, buffer, size);
}

int dynptr_adjust(Dynptr* dynptr, uint64_t start, uint64_t end) {
  if (dynptr->is_null() || start > end) return -EINVAL;
  return dynptr->narrow(start, end) ? 0 : -ERANGE;
}

bool dynptr_is_null(const Dynptr* dynptr) { return dynptr->is_null(); }

bool dynptr_is_rdonly(const Dynptr* dynptr) { return !dynptr->is_null() && dynptr->is_read_only(); }

uint64_t dynptr_size(const Dynptr* dynptr) {
  return dynptr->is_null() ? static_cast<uint64_t>(-EINVAL) : dynptr->size();
}

int dynptr_clone(const Dynptr* dynptr, Dynptr* clone) {
  *clone = *dynptr;
  return dynptr->is_null() ? -EINVAL : 0;
}

}  // namespace ring3::bpf::common
