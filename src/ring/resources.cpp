#include "ring/resources.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "abi/io_uring.hpp"
#include "base/user_copy.hpp"

namespace ring3::ring {

namespace {

// The region must be there and writable when it is registered; unmapping it later is the application's own
// fault.
bool is_writable(uint64_t address, uint64_t size) {
  for (uint64_t at = address; at < address + size; at += kPageSize) {
    std::byte probe;
    if (copy_from_user(&probe, at, 1) != 0 || copy_to_user(at, &probe, 1) != 0) return false;
  }
  return true;
}

bool is_eventfd(int fd) {
  char name[64];
  const ssize_t size = ::readlink(fmt::format("/proc/self/fd/{}", fd).c_str(), name, sizeof name);
  return size > 0 && std::string_view(name, static_cast<size_t>(size)) == "anon_inode:[eventfd]";
}

}  // namespace

int Resources::register_region(uint64_t argument, unsigned count, bool ring_disabled, Memory& memory) {
  abi::MemRegionReg registration;
  abi::RegionDesc descriptor;
  if (count != 1) return -EINVAL;
  if (copy_from_user(&registration, argument, sizeof registration)) return -EFAULT;
  if (copy_from_user(&descriptor, registration.region_uptr, sizeof descriptor)) return -EFAULT;
  if (!region_.empty()) return -EBUSY;
  if (registration.resv[0] || registration.resv[1] ||
      (registration.flags & ~abi::IORING_MEM_REGION_REG_WAIT_ARG))
    return -EINVAL;
  // As in Linux: wait arguments can be registered only before the ring is enabled.
  if ((registration.flags & abi::IORING_MEM_REGION_REG_WAIT_ARG) && !ring_disabled) return -EINVAL;
  for (uint64_t reserved : descriptor.resv)
    if (reserved) return -EINVAL;
  if ((descriptor.flags & ~abi::IORING_MEM_REGION_TYPE_USER) || descriptor.id || descriptor.mmap_offset)
    return -EINVAL;
  const bool user = descriptor.flags & abi::IORING_MEM_REGION_TYPE_USER;
  if (user != (descriptor.user_addr != 0)) return -EFAULT;
  if (descriptor.size == 0 || descriptor.size % kPageSize || descriptor.user_addr % kPageSize) return -EINVAL;
  if (descriptor.user_addr + descriptor.size < descriptor.user_addr || descriptor.size > uint64_t{1} << 32)
    return -EOVERFLOW;
  if (user) {
    if (!is_writable(descriptor.user_addr, descriptor.size)) return -EFAULT;
    region_ = {reinterpret_cast<std::byte*>(descriptor.user_addr), descriptor.size};
    return 0;
  }
  auto mapping = memory.extend(abi::IORING_MAP_OFF_PARAM_REGION, descriptor.size);
  if (!mapping) return -ENOMEM;
  descriptor.mmap_offset = abi::IORING_MAP_OFF_PARAM_REGION;
  if (copy_to_user(registration.region_uptr, &descriptor, sizeof descriptor)) return -EFAULT;
  mapping_ = std::move(*mapping);
  region_ = mapping_.bytes();
  return 0;
}

int Resources::register_eventfd(uint64_t argument, unsigned count, bool async, backend::Backend& backend) {
  int32_t fd;
  if (count != 1) return -EINVAL;
  if (eventfd_) return -EBUSY;
  if (copy_from_user(&fd, argument, sizeof fd)) return -EFAULT;
  FileDescriptor own(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (!own) return -EBADF;
  if (!is_eventfd(own.get())) return -EINVAL;
  const unsigned opcode = async ? abi::IORING_REGISTER_EVENTFD_ASYNC : abi::IORING_REGISTER_EVENTFD;
  backend_signals_ = backend.register_op(opcode, reinterpret_cast<uint64_t>(&fd), 1) == 0;
  eventfd_ = std::move(own);
  async_ = async;
  return 0;
}

int Resources::unregister_eventfd(backend::Backend& backend) {
  if (!eventfd_) return -ENXIO;
  if (backend_signals_) backend.register_op(abi::IORING_UNREGISTER_EVENTFD, 0, 0);
  backend_signals_ = false;
  eventfd_ = FileDescriptor();
  return 0;
}

void Resources::signal_eventfd() {
  if (!async_) ::eventfd_write(eventfd_.get(), 1);
}

}  // namespace ring3::ring
