// SEND, RECV, SENDMSG, RECVMSG.
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "backend/threads/operations.hpp"
#include "base/user_copy.hpp"

namespace ring3::backend::threads {

namespace {

constexpr uint16_t kPollFirst = 1u << 0;  // all else (multishot, bundles, fixed buffers) is refused

int settle(const Request& request, int error) {
  return request.done ? static_cast<int>(request.done) : error;
}

bool is_stream(int fd) {
  int type = 0;
  socklen_t size = sizeof(type);
  return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
         (type == SOCK_STREAM || type == SOCK_SEQPACKET);
}

void prepare_plain(Request& request) {
  request.vectors = {iovec{reinterpret_cast<void*>(request.sqe.addr), request.sqe.len}};
  request.wanted = request.sqe.len;
  request.wants_all = request.sqe.op_flags & MSG_WAITALL;
  request.message = std::make_unique<Message>();
}

int prepare_message(Request& request) {
  const abi::Sqe& sqe = request.sqe;
  if (sqe.buf_index || sqe.file_index || sqe.ioprio & ~kPollFirst) return -EINVAL;
  request.message = std::make_unique<Message>();
  msghdr& header = request.message->header;
  if (int result = copy_from_user(&header, sqe.addr, sizeof(header)); result < 0) return result;
  request.wants_all = sqe.op_flags & MSG_WAITALL;
  uint64_t vectors = reinterpret_cast<uint64_t>(header.msg_iov);
  if (static_cast<int>(header.msg_namelen) < 0) return -EINVAL;
  return copy_vectors(request, vectors, header.msg_iovlen, -EMSGSIZE);
}

// One attempt, and what its result means: done, wait for `events`, or (MSG_WAITALL) wait for the rest.
template <typename Call>
int attempt(Request& request, uint32_t events, Call call) {
  ssize_t moved;
  do {
    moved = call();
  } while (moved < 0 && errno == EINTR);
  if (moved < 0) {
    if (errno != EAGAIN) return settle(request, -errno);
    if (request.sqe.op_flags & MSG_DONTWAIT) return settle(request, -EAGAIN);
    return block_on(request, events);
  }
  consume(request, moved);
  bool goes_on = request.wants_all && moved > 0 && request.done < request.wanted && is_stream(request.fd);
  return goes_on ? block_on(request, events) : static_cast<int>(request.done);
}

// The fields of the application's msghdr that recvmsg(2) sets.
int copy_back(const Request& request, const msghdr& header) {
  uint64_t user = request.sqe.addr;
  auto put = [&](size_t offset, const auto& field) {
    return copy_to_user(user + offset, &field, sizeof(field));
  };
  int result = put(offsetof(msghdr, msg_namelen), header.msg_namelen);
  if (result == 0) result = put(offsetof(msghdr, msg_controllen), header.msg_controllen);
  if (result == 0) result = put(offsetof(msghdr, msg_flags), header.msg_flags);
  return result;
}

}  // namespace

int prepare_send(Request& request) {
  const abi::Sqe& sqe = request.sqe;
  if (sqe.buf_index || sqe.ioprio & ~kPollFirst) return -EINVAL;
  prepare_plain(request);
  uint16_t address_size = static_cast<uint16_t>(sqe.file_index);
  if (static_cast<uint32_t>(sqe.file_index) >> 16) return -EINVAL;
  if (!sqe.off) return 0;
  if (address_size > sizeof(sockaddr_storage)) return -EINVAL;
  msghdr& header = request.message->header;
  header.msg_name = &request.message->address;
  header.msg_namelen = address_size;
  return copy_from_user(&request.message->address, sqe.off, address_size);
}

int prepare_receive(Request& request) {
  const abi::Sqe& sqe = request.sqe;
  if (sqe.buf_index || sqe.file_index || sqe.off || sqe.ioprio & ~kPollFirst) return -EINVAL;
  prepare_plain(request);
  return 0;
}

int prepare_receivemsg(Request& request) { return request.sqe.off ? -EINVAL : prepare_message(request); }

int prepare_sendmsg(Request& request) {
  if (request.sqe.off) return -EINVAL;
  if (int result = prepare_message(request); result < 0) return result;
  msghdr& header = request.message->header;
  if (!header.msg_name || header.msg_namelen == 0) return 0;
  header.msg_namelen = std::min<socklen_t>(header.msg_namelen, sizeof(sockaddr_storage));
  uint64_t name = reinterpret_cast<uint64_t>(header.msg_name);
  header.msg_name = &request.message->address;
  return copy_from_user(&request.message->address, name, header.msg_namelen);
}

int perform_send(Run&, Request& request) {
  int flags = static_cast<int>(request.sqe.op_flags) | MSG_DONTWAIT | MSG_NOSIGNAL;
  return attempt(request, POLLOUT, [&] {
    msghdr header = request.message->header;
    header.msg_iov = request.vectors.data();
    header.msg_iovlen = request.vectors.size();
    return ::sendmsg(request.fd, &header, flags);
  });
}

int perform_receive(Run&, Request& request) {
  int flags = static_cast<int>(request.sqe.op_flags) | MSG_DONTWAIT;
  msghdr header = request.message->header;
  int result = attempt(request, POLLIN, [&] {
    header.msg_iov = request.vectors.data();
    header.msg_iovlen = request.vectors.size();
    return ::recvmsg(request.fd, &header, flags);
  });
  bool has_header = request.sqe.opcode == abi::IORING_OP_RECVMSG;
  if (result < 0 || !has_header) return result;
  int copied = copy_back(request, header);
  return copied < 0 ? copied : result;
}

}  // namespace ring3::backend::threads
