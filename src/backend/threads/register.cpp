// io_uring_register(2): files, buffers and the probe.
#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "backend/threads/engine.hpp"
#include "base/user_copy.hpp"

namespace ring3::backend::threads {

namespace {

int probe(uint64_t address, unsigned count) {
  constexpr unsigned kOpsMax = 256;
  constexpr size_t kHeaderSize = 16, kOpSize = 8;
  constexpr uint8_t kSupported = 1, kLastOp = abi::IORING_OP_URING_CMD128;
  if (count > kOpsMax) return -EINVAL;
  std::vector<uint8_t> bytes(kHeaderSize + count * kOpSize);
  if (int result = copy_from_user(bytes.data(), address, bytes.size()); result < 0) return result;
  for (uint8_t byte : bytes)
    if (byte) return -EINVAL;
  unsigned ops = std::min<unsigned>(count, kLastOp + 1);
  bytes[0] = kLastOp;
  bytes[1] = static_cast<uint8_t>(ops);
  for (unsigned op = 0; op < ops; ++op) {
    bytes[kHeaderSize + op * kOpSize] = static_cast<uint8_t>(op);
    bytes[kHeaderSize + op * kOpSize + 2] = find_operation(static_cast<uint8_t>(op)) ? kSupported : 0;
  }
  return copy_to_user(address, bytes.data(), bytes.size());
}

// A duplicate of the eventfd that the address names, or nothing.
FileDescriptor duplicate_eventfd(uint64_t address) {
  int32_t fd = -1;
  if (copy_from_user(&fd, address, sizeof fd) != 0) return {};
  return FileDescriptor(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
}

}  // namespace

int Engine::register_op(unsigned opcode, uint64_t argument, unsigned count) {
  // Requests that were queued before see what was registered before.
  flush();
  if (opcode == abi::IORING_REGISTER_PROBE) return probe(argument, count);
  if (opcode == abi::IORING_REGISTER_ENABLE_RINGS) return argument || count ? -EINVAL : 0;
  std::lock_guard lock(mutex_);
  // Which of them is legal when is the ring's to check.
  if (opcode == abi::IORING_REGISTER_EVENTFD || opcode == abi::IORING_REGISTER_EVENTFD_ASYNC) {
    eventfd_ = duplicate_eventfd(argument);
    return eventfd_ ? 0 : -EBADF;
  }
  if (opcode == abi::IORING_UNREGISTER_EVENTFD) {
    eventfd_ = FileDescriptor();
    return 0;
  }
  return resources_.register_op(opcode, argument, count);
}

}  // namespace ring3::backend::threads
