// Sockets come and go: ACCEPT, CONNECT, SOCKET, SHUTDOWN; and POLL_ADD.
//
// accept(2) and connect(2) have no flag that keeps one call from blocking, as send and receive have. So the
// file is made O_NONBLOCK for the length of the call; other users of the same file can see that for a
// microsecond.
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "backend/threads/operations.hpp"
#include "base/user_copy.hpp"

namespace ring3::backend::threads {

namespace {

template <typename Call>
int without_blocking(int fd, Call call) {
  int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return -errno;
  ::fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  int result = call();
  int error = errno;
  ::fcntl(fd, F_SETFL, flags);
  return result < 0 ? -error : result;
}

int to_result(int result) { return result < 0 ? -errno : result; }

}  // namespace

uint32_t ready_now(int fd, uint32_t events) {
  pollfd entry{fd, static_cast<short>(events), 0};
  return ::poll(&entry, 1, 0) > 0 ? static_cast<uint16_t>(entry.revents) : 0;
}

int block_on(Request& request, uint32_t events) {
  request.poll_events = events;
  return kBlocked;
}

int prepare_accept(Request& request) {
  constexpr uint16_t kDontWait = 1u << 1, kPollFirst = 1u << 2;  // without the multishot form
  const abi::Sqe& sqe = request.sqe;
  if (sqe.len || sqe.buf_index || sqe.ioprio & ~(kDontWait | kPollFirst)) return -EINVAL;
  if (sqe.op_flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) return -EINVAL;
  return sqe.file_index && sqe.op_flags & SOCK_CLOEXEC ? -EINVAL : 0;
}

int perform_accept(Run& run, Request& request) {
  constexpr uint16_t kDontWait = 1u << 1;
  const abi::Sqe& sqe = request.sqe;
  int listens = 0;
  socklen_t size = sizeof(listens);
  if (::getsockopt(request.fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0) return -errno;
  if (listens && !ready_now(request.fd, POLLIN))
    return sqe.ioprio & kDontWait ? -EAGAIN : block_on(request, POLLIN);
  int flags = static_cast<int>(sqe.op_flags) | (sqe.file_index ? SOCK_CLOEXEC : 0);
  int fd = without_blocking(request.fd, [&] {
    return ::accept4(request.fd, reinterpret_cast<sockaddr*>(sqe.addr), reinterpret_cast<socklen_t*>(sqe.off),
                     flags);
  });
  if (fd == -EAGAIN) return sqe.ioprio & kDontWait ? -EAGAIN : block_on(request, POLLIN);
  if (fd < 0) return fd;
  return deliver_descriptor(run, request, fd);
}

int prepare_connect(Request& request) {
  const abi::Sqe& sqe = request.sqe;
  if (sqe.len || sqe.buf_index || sqe.op_flags || sqe.file_index) return -EINVAL;
  int size = static_cast<int>(sqe.off);
  if (size < 0 || static_cast<size_t>(size) > sizeof(sockaddr_storage)) return -EINVAL;
  request.message = std::make_unique<Message>();
  return copy_from_user(&request.message->address, sqe.addr, size);
}

int perform_connect(Run&, Request& request) {
  if (request.started) {
    if (!ready_now(request.fd, POLLOUT)) return block_on(request, POLLOUT);
    int error = 0;
    socklen_t size = sizeof(error);
    if (::getsockopt(request.fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) return -errno;
    return -error;
  }
  int result = without_blocking(request.fd, [&] {
    return ::connect(request.fd, reinterpret_cast<sockaddr*>(&request.message->address),
                     static_cast<socklen_t>(request.sqe.off));
  });
  if (result == -EAGAIN) return kRetryLater;  // a UNIX socket whose listener's queue is full; no event tells
  if (result != -EINPROGRESS) return result;
  request.started = true;
  return block_on(request, POLLOUT);
}

int prepare_shutdown(Request& request) {
  const abi::Sqe& sqe = request.sqe;
  return sqe.off || sqe.addr || sqe.op_flags || sqe.buf_index || sqe.file_index ? -EINVAL : 0;
}
int perform_shutdown(Run&, Request& request) {
  return to_result(::shutdown(request.fd, static_cast<int>(request.sqe.len)));
}

int prepare_socket(Request& request) {
  const abi::Sqe& sqe = request.sqe;
  if (sqe.addr || sqe.op_flags || sqe.buf_index) return -EINVAL;
  return sqe.file_index && sqe.off & SOCK_CLOEXEC ? -EINVAL : 0;
}
int perform_socket(Run& run, Request& request) {
  const abi::Sqe& sqe = request.sqe;
  int type = static_cast<int>(sqe.off) | (sqe.file_index ? SOCK_CLOEXEC : 0);
  return deliver_descriptor(run, request, ::socket(sqe.fd, type, static_cast<int>(sqe.len)));
}

// Without the multishot, level and update forms.
int prepare_poll(Request& request) {
  const abi::Sqe& sqe = request.sqe;
  return sqe.buf_index || sqe.off || sqe.addr || sqe.len ? -EINVAL : 0;
}
int perform_poll(Run&, Request& request) {
  constexpr uint32_t kEvents = 0x7fff;
  uint32_t events = request.sqe.op_flags & kEvents;
  if (::fcntl(request.fd, F_GETFD) < 0) return -errno;
  if (uint32_t ready = ready_now(request.fd, events)) return static_cast<int>(ready);
  request.poll_events = events;
  return kBlocked;
}

}  // namespace ring3::backend::threads
