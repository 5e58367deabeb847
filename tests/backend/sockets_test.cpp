// Requests on sockets and readiness.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "suite.hpp"

namespace ring3::backend::test {
namespace {

using namespace abi;

class Sockets : public Suite {
 protected:
  // A listening TCP socket on the loopback interface, and its address.
  FileDescriptor listen(sockaddr_in& name) {
    FileDescriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    name = {.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(name);
    EXPECT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&name), size), 0);
    EXPECT_EQ(::listen(listener.get(), 16), 0);
    EXPECT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&name), &size), 0);
    return listener;
  }
};
RING3_BACKEND_SUITE(Sockets);

TEST_P(Sockets, AcceptWaitsForConnect) {
  sockaddr_in name;
  FileDescriptor listener = listen(name);
  sockaddr_in peer{};
  socklen_t peer_size = sizeof(peer);
  Sqe accept =
      make_sqe(IORING_OP_ACCEPT, listener.get(), address(&peer), 0, address(&peer_size), SOCK_CLOEXEC);
  queue({accept}, 1);
  ASSERT_EQ(backend_->flush(), 0);
  EXPECT_EQ(backend_->wait(1, {.deadline_ns = now_ns() + 5 * kMillisecond}), -ETIME);
  queue({make_sqe(IORING_OP_SOCKET, AF_INET, 0, 0, SOCK_STREAM)}, 2);
  collect(1);
  FileDescriptor client(result_of(2));
  ASSERT_TRUE(client);
  queue({make_sqe(IORING_OP_CONNECT, client.get(), address(&name), 0, sizeof(name))}, 3);
  collect(2);
  EXPECT_EQ(result_of(3), 0);
  FileDescriptor server(result_of(1));
  ASSERT_TRUE(server);
  EXPECT_EQ(peer.sin_family, AF_INET);
  EXPECT_EQ(peer_size, sizeof(peer));
  EXPECT_EQ(::fcntl(listener.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(::fcntl(client.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(run(make_sqe(IORING_OP_SEND, client.get(), address("ping"), 4)), 4);
  char buffer[8];
  EXPECT_EQ(run(make_sqe(IORING_OP_RECV, server.get(), address(buffer), 8)), 4);
  EXPECT_EQ(run(make_sqe(IORING_OP_SHUTDOWN, client.get(), 0, SHUT_WR)), 0);
  EXPECT_EQ(run(make_sqe(IORING_OP_RECV, server.get(), address(buffer), 8)), 0);
}

TEST_P(Sockets, ConnectErrors) {
  sockaddr_in name;
  { FileDescriptor gone = listen(name); }
  FileDescriptor client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(run(make_sqe(IORING_OP_CONNECT, client.get(), address(&name), 0, sizeof(name))), -ECONNREFUSED);
  EXPECT_EQ(run(make_sqe(IORING_OP_CONNECT, client.get(), kWildAddress, 0, sizeof(name))), -EFAULT);
  EXPECT_EQ(run(make_sqe(IORING_OP_CONNECT, client.get(), address(&name), 0, 4096)), -EINVAL);
  FileDescriptor file = temporary_file();
  EXPECT_EQ(run(make_sqe(IORING_OP_CONNECT, file.get(), address(&name), 0, sizeof(name))), -ENOTSOCK);
  EXPECT_EQ(run(make_sqe(IORING_OP_ACCEPT, file.get())), -ENOTSOCK);
  EXPECT_EQ(run(make_sqe(IORING_OP_ACCEPT, client.get(), 0, 1)), -EINVAL);
  EXPECT_EQ(run(make_sqe(IORING_OP_SHUTDOWN, file.get())), -ENOTSOCK);
  EXPECT_EQ(run(make_sqe(IORING_OP_SOCKET, 12345, 0, 0, SOCK_STREAM)), -EAFNOSUPPORT);
  EXPECT_EQ(run(make_sqe(IORING_OP_SOCKET, AF_INET, 0, 0, SOCK_STREAM, 1)), -EINVAL);
}

TEST_P(Sockets, ReceiveWaitsAndTakesWhatIsThere) {
  SocketPair pair = socket_pair();
  char buffer[100] = {};
  queue({make_sqe(IORING_OP_RECV, pair.left.get(), address(buffer), 100)}, 1);
  queue({make_sqe(IORING_OP_SEND, pair.right.get(), address("abc"), 3)}, 2);
  collect(2);
  EXPECT_EQ(result_of(1), 3);
  EXPECT_EQ(result_of(2), 3);
  EXPECT_STREQ(buffer, "abc");
  EXPECT_EQ(run(make_sqe(IORING_OP_RECV, pair.left.get(), address(buffer), 1, 0, MSG_DONTWAIT)), -EAGAIN);
  EXPECT_EQ(run(make_sqe(IORING_OP_RECV, -1, address(buffer), 1)), -EBADF);
  FileDescriptor file = temporary_file(10);
  EXPECT_EQ(run(make_sqe(IORING_OP_RECV, file.get(), address(buffer), 1)), -ENOTSOCK);
  EXPECT_EQ(run(make_sqe(IORING_OP_SEND, pair.right.get(), kWildAddress, 10)), -EFAULT);
}

TEST_P(Sockets, WaitAllWaitsForAll) {
  SocketPair pair = socket_pair();
  char buffer[100] = {};
  Sqe receive = make_sqe(IORING_OP_RECV, pair.left.get(), address(buffer), 6, 0, MSG_WAITALL);
  queue({linked(receive), make_sqe(IORING_OP_NOP)}, 1);
  ASSERT_EQ(backend_->flush(), 0);
  ASSERT_EQ(::write(pair.right.get(), "abc", 3), 3);
  EXPECT_EQ(backend_->wait(1, {.deadline_ns = now_ns() + 10 * kMillisecond}), -ETIME);
  ASSERT_EQ(::write(pair.right.get(), "def", 3), 3);
  collect(2);
  EXPECT_EQ(result_of(1), 6);
  EXPECT_EQ(result_of(2), 0);
  EXPECT_STREQ(buffer, "abcdef");
  // Short because of the end: a failure to the link.
  ASSERT_EQ(::write(pair.right.get(), "ghi", 3), 3);
  pair.right = FileDescriptor();
  EXPECT_EQ(run({linked(receive), make_sqe(IORING_OP_NOP)}), (std::vector<int>{3, -ECANCELED}));
}

TEST_P(Sockets, SendToAClosedPeerIsEpipeWithoutASignal) {
  SocketPair pair = socket_pair();
  pair.right = FileDescriptor();
  EXPECT_EQ(run(make_sqe(IORING_OP_SEND, pair.left.get(), address("x"), 1)), -EPIPE);
}

TEST_P(Sockets, BigSendWaitsForTheReader) {
  SocketPair pair = socket_pair();
  std::string out = pattern(0, 1 << 20), in(1 << 20, 0);
  queue({make_sqe(IORING_OP_SEND, pair.left.get(), address(out.data()), 1 << 20, 0, MSG_WAITALL)}, 1);
  queue({make_sqe(IORING_OP_RECV, pair.right.get(), address(in.data()), 1 << 20, 0, MSG_WAITALL)}, 2);
  collect(2);
  EXPECT_EQ(result_of(1), 1 << 20);
  EXPECT_EQ(result_of(2), 1 << 20);
  EXPECT_EQ(in, out);
}

TEST_P(Sockets, Messages) {
  SocketPair pair = socket_pair(SOCK_DGRAM);
  char one[] = "one", two[] = "two", in[4] = {}, control[64];
  iovec out_parts[] = {{one, 3}, {two, 3}}, in_part{in, 4};
  msghdr out{}, receive{};
  out.msg_iov = out_parts;
  out.msg_iovlen = 2;
  receive.msg_iov = &in_part;
  receive.msg_iovlen = 1;
  receive.msg_control = control;
  receive.msg_controllen = sizeof(control);
  EXPECT_EQ(run(make_sqe(IORING_OP_SENDMSG, pair.left.get(), address(&out), 1)), 6);
  EXPECT_EQ(run(make_sqe(IORING_OP_RECVMSG, pair.right.get(), address(&receive), 1)), 4);
  EXPECT_EQ(std::string(in, 4), "onet");
  EXPECT_EQ(receive.msg_flags & MSG_TRUNC, MSG_TRUNC);
  EXPECT_EQ(receive.msg_controllen, 0u);
  EXPECT_EQ(run(make_sqe(IORING_OP_SENDMSG, pair.left.get(), kWildAddress, 1)), -EFAULT);
  EXPECT_EQ(run(make_sqe(IORING_OP_RECVMSG, pair.left.get(), kWildAddress, 1)), -EFAULT);
  out.msg_iov = reinterpret_cast<iovec*>(kWildAddress);
  EXPECT_EQ(run(make_sqe(IORING_OP_SENDMSG, pair.left.get(), address(&out), 1)), -EFAULT);
  out.msg_iovlen = 5000;
  EXPECT_EQ(run(make_sqe(IORING_OP_SENDMSG, pair.left.get(), address(&out), 1)), -EMSGSIZE);
}

TEST_P(Sockets, PollReportsEvents) {
  SocketPair pair = socket_pair();
  EXPECT_EQ(run(make_sqe(IORING_OP_POLL_ADD, pair.left.get(), 0, 0, 0, POLLIN | POLLOUT)), POLLOUT);
  queue({make_sqe(IORING_OP_POLL_ADD, pair.left.get(), 0, 0, 0, POLLIN)}, 1);
  ASSERT_EQ(backend_->flush(), 0);
  EXPECT_EQ(backend_->wait(1, {.deadline_ns = now_ns() + 5 * kMillisecond}), -ETIME);
  ASSERT_EQ(::write(pair.right.get(), "x", 1), 1);
  collect(1);
  EXPECT_EQ(result_of(1), POLLIN);
  pair.right = FileDescriptor();
  EXPECT_EQ(run(make_sqe(IORING_OP_POLL_ADD, pair.left.get(), 0, 0, 0, POLLOUT)) & POLLHUP, POLLHUP);
  EXPECT_EQ(run(make_sqe(IORING_OP_POLL_ADD, -1, 0, 0, 0, POLLIN)), -EBADF);
  EXPECT_EQ(run(make_sqe(IORING_OP_POLL_ADD, pair.left.get(), 1, 0, 0, POLLIN)), -EINVAL);
  FileDescriptor file = temporary_file(10);
  EXPECT_EQ(run(make_sqe(IORING_OP_POLL_ADD, file.get(), 0, 0, 0, POLLIN)), POLLIN);
}

TEST_P(Sockets, ManyPollsOnOneFile) {
  SocketPair pair = socket_pair();
  constexpr size_t kCount = 60;
  for (size_t i = 0; i < kCount; ++i)
    queue({make_sqe(IORING_OP_POLL_ADD, pair.left.get(), 0, 0, 0, POLLIN)}, i + 1);
  ASSERT_EQ(backend_->flush(), 0);
  ASSERT_EQ(::write(pair.right.get(), "x", 1), 1);
  collect(kCount);
  for (size_t i = 0; i < kCount; ++i) EXPECT_EQ(result_of(i + 1), POLLIN);
}

}  // namespace
}  // namespace ring3::backend::test
