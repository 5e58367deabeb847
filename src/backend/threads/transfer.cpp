// Reads and writes. The submitting thread tries with RWF_NOWAIT: what the page cache has costs one system
// call and no other thread. The rest goes to a worker (files) or waits for readiness (pipes, sockets,
// terminals).
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

#include "backend/threads/operations.hpp"
#include "base/user_copy.hpp"

namespace ring3::backend::threads {

namespace {

constexpr uint64_t kCurrentPosition = ~0ull;
constexpr int kVectorsMax = 1024;  // IOV_MAX

bool may_sleep_in_disk(int fd) {
  struct stat status;
  return ::fstat(fd, &status) == 0 && !S_ISFIFO(status.st_mode) && !S_ISSOCK(status.st_mode) &&
         !S_ISCHR(status.st_mode) && (status.st_mode & S_IFMT) != 0;
}

bool has_valid_ioprio(const abi::Sqe& sqe) {
  constexpr int kClassShift = 13, kClassIdle = 3;
  return sqe.ioprio >> kClassShift <= kClassIdle;
}

ssize_t transfer(Request& request, bool is_write, int extra_flags) {
  abi::Sqe& sqe = request.sqe;
  while (true) {
    off_t offset = sqe.off == kCurrentPosition ? -1 : static_cast<off_t>(sqe.off + request.done);
    int count = static_cast<int>(std::min<size_t>(request.vectors.size(), kVectorsMax));
    int flags = static_cast<int>(sqe.op_flags) | extra_flags;
    ssize_t result = is_write ? ::pwritev2(request.fd, request.vectors.data(), count, offset, flags)
                              : ::preadv2(request.fd, request.vectors.data(), count, offset, flags);
    if (result >= 0) return result;
    if (errno == ESPIPE && sqe.off != kCurrentPosition)
      sqe.off = kCurrentPosition;  // what has no position ignores it
    else if (errno != EINTR)
      return -errno;
  }
}

// What was moved, or `error` if nothing was.
int settle(const Request& request, int error) {
  return request.done ? static_cast<int>(std::min<size_t>(request.done, INT32_MAX)) : error;
}

int resolve_fixed(Run& run, Request& request) {
  const abi::Sqe& sqe = request.sqe;
  request.buffer = run.engine.buffer(sqe.buf_index);
  if (!request.buffer) return -EFAULT;
  uint64_t end;
  if (__builtin_add_overflow(sqe.addr, uint64_t{sqe.len}, &end)) return -EFAULT;
  bool inside = sqe.addr >= request.buffer->address && end <= request.buffer->address + request.buffer->size;
  return inside ? 0 : -EFAULT;
}

int perform_on_disk(Run& run, Request& request, bool is_write) {
  if (!run.may_sleep) return kNeedsWorker;
  while (true) {
    ssize_t moved = transfer(request, is_write, 0);
    if (moved < 0) return settle(request, static_cast<int>(moved));
    consume(request, moved);
    if (moved == 0 || request.done >= request.wanted) return settle(request, 0);
  }
}

// RWF_NOWAIT is unknown to this kind of file: only call when it is said to be ready.
int perform_when_ready(Run& run, Request& request, bool is_write, uint32_t events) {
  if (!ready_now(request.fd, events)) return block_on(request, events);
  if (!run.may_sleep) return kNeedsWorker;
  ssize_t moved = transfer(request, is_write, 0);
  return moved == -EAGAIN ? block_on(request, events) : static_cast<int>(moved);
}

int perform_transfer(Run& run, Request& request, bool is_write) {
  bool is_fixed =
      request.sqe.opcode == abi::IORING_OP_READ_FIXED || request.sqe.opcode == abi::IORING_OP_WRITE_FIXED;
  if (is_fixed && !request.buffer) {
    if (int result = resolve_fixed(run, request); result < 0) return result;
  }
  uint32_t events = is_write ? POLLOUT : POLLIN;
  while (true) {
    ssize_t moved = transfer(request, is_write, RWF_NOWAIT);
    if (moved >= 0) {
      consume(request, moved);
      if (moved == 0 || request.done >= request.wanted) return settle(request, 0);
      if (!may_sleep_in_disk(request.fd)) return settle(request, 0);
      continue;  // the end of the file, or of what is cached
    }
    bool asks_nowait = request.sqe.op_flags & RWF_NOWAIT;
    if ((moved != -EAGAIN && moved != -EOPNOTSUPP) || asks_nowait)
      return settle(request, static_cast<int>(moved));
    if (may_sleep_in_disk(request.fd)) return perform_on_disk(run, request, is_write);
    return moved == -EAGAIN ? block_on(request, events) : perform_when_ready(run, request, is_write, events);
  }
}

}  // namespace

void consume(Request& request, size_t bytes) {
  request.done += bytes;
  auto vector = request.vectors.begin();
  for (; vector != request.vectors.end() && bytes >= vector->iov_len; ++vector) bytes -= vector->iov_len;
  request.vectors.erase(request.vectors.begin(), vector);
  if (request.vectors.empty()) return;
  request.vectors[0].iov_base = static_cast<std::byte*>(request.vectors[0].iov_base) + bytes;
  request.vectors[0].iov_len -= bytes;
}

int copy_vectors(Request& request, uint64_t address, uint64_t count, int too_many) {
  if (count > kVectorsMax) return too_many;
  request.vectors.resize(count);
  if (int result = copy_from_user(request.vectors.data(), address, count * sizeof(iovec)); result < 0)
    return result;
  for (const iovec& vector : request.vectors) {
    if (static_cast<ssize_t>(vector.iov_len) < 0) return -EINVAL;
    request.wanted += vector.iov_len;
  }
  return 0;
}

int prepare_transfer(Request& request) {
  if (!has_valid_ioprio(request.sqe)) return -EINVAL;
  request.vectors = {iovec{reinterpret_cast<void*>(request.sqe.addr), request.sqe.len}};
  request.wanted = request.sqe.len;
  request.wants_all = true;
  return 0;
}
int prepare_transfer_vector(Request& request) {
  request.wants_all = true;
  if (!has_valid_ioprio(request.sqe)) return -EINVAL;
  return copy_vectors(request, request.sqe.addr, request.sqe.len, -EINVAL);
}
int prepare_transfer_fixed(Request& request) { return prepare_transfer(request); }

int perform_read(Run& run, Request& request) { return perform_transfer(run, request, false); }
int perform_write(Run& run, Request& request) { return perform_transfer(run, request, true); }

}  // namespace ring3::backend::threads
