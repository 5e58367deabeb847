#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>

#include "base/user_copy.hpp"
#include "ring/memory.hpp"

namespace ring3::ring {
namespace {

// Memory of the application must be there and writable when the ring is made; should it be unmapped later, the
// application breaks itself only.
Result<std::span<std::byte>> borrow(uint64_t address, size_t size) {
  if (address % kPageSize != 0) return fail(EINVAL, "ring", "NO_MMAP memory is not page-aligned");
  for (size_t at = 0; at < size; at += kPageSize) {
    std::byte probe;
    if (address + at < address || copy_from_user(&probe, address + at, 1) != 0 ||
        copy_to_user(address + at, &probe, 1) != 0)
      return fail(EFAULT, "ring", "NO_MMAP memory is not readable and writable");
  }
  return std::span(reinterpret_cast<std::byte*>(address), size);
}

}  // namespace

Result<Mapping> Memory::extend(uint64_t offset, size_t size) {
  if (offset + size > file_size_) {
    if (::ftruncate(fd_.get(), static_cast<off_t>(offset + size)) != 0)
      return fail(errno, "ring", "cannot size the ring's memory file");
    file_size_ = offset + size;
  }
  void* address = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_.get(),
                         static_cast<off_t>(offset));
  if (address == MAP_FAILED) return fail(ENOMEM, "ring", "cannot map {} bytes of ring memory", size);
  return Mapping(address, size);
}

Result<Memory> Memory::create(const Layout& layout, uint64_t sqes, uint64_t rings) {
  Memory memory;
  memory.fd_ = FileDescriptor(::memfd_create("ring3", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory.fd_) return fail(errno, "ring", "memfd_create failed");
  if (layout.has(abi::IORING_SETUP_NO_MMAP)) {
    memory.rings_ = TRY(borrow(rings, layout.ring_size));
    memory.sqes_ = TRY(borrow(sqes, layout.sqes_size));
  } else {
    memory.rings_mapping_ = TRY(memory.extend(abi::IORING_OFF_SQ_RING, layout.ring_size));
    memory.sqes_mapping_ = TRY(memory.extend(abi::IORING_OFF_SQES, layout.sqes_size));
    memory.rings_ = memory.rings_mapping_.bytes();
    memory.sqes_ = memory.sqes_mapping_.bytes();
  }
  if (::fcntl(memory.fd_.get(), F_ADD_SEALS, F_SEAL_SHRINK) != 0)
    return fail(errno, "ring", "cannot seal the ring's memory file");
  return memory;
}

}  // namespace ring3::ring
