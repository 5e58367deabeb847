// Timeouts, link timeouts and cancellation.
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

#include "suite.hpp"

namespace ring3::backend::test {
namespace {

using namespace abi;

constexpr uint32_t kAbs = 1, kUpdate = 2, kBoottime = 4, kRealtime = 8, kLinkUpdate = 16, kEtimeSuccess = 32,
                   kMultishot = 64;
constexpr uint32_t kCancelAll = 1, kCancelFd = 2, kCancelAny = 4, kCancelOp = 32;

Timespec after(uint64_t ns) {
  return {static_cast<int64_t>(ns / kSecond), static_cast<int64_t>(ns % kSecond)};
}
const Timespec kLong = after(60 * kSecond), kShort = after(5 * kMillisecond);

Sqe timeout(const Timespec& time, uint32_t flags = 0, uint64_t count = 0) {
  return make_sqe(IORING_OP_TIMEOUT, -1, address(&time), 1, count, flags);
}
Sqe link_timeout(const Timespec& time) { return make_sqe(IORING_OP_LINK_TIMEOUT, -1, address(&time), 1); }
Sqe cancel(uint64_t token, uint32_t flags = 0, int fd = -1) {
  return make_sqe(IORING_OP_ASYNC_CANCEL, fd, token, 0, 0, flags);
}

using Results = std::vector<int>;
class Timeouts : public Suite {};
RING3_BACKEND_SUITE(Timeouts);

TEST_P(Timeouts, EachClockRelativeAndAbsolute) {
  struct Clock {
    uint32_t flag;
    clockid_t id;
  };
  for (auto [flag, id] :
       {Clock{0, CLOCK_MONOTONIC}, {kBoottime, CLOCK_BOOTTIME}, {kRealtime, CLOCK_REALTIME}}) {
    uint64_t before = now_ns(id);
    EXPECT_EQ(run(timeout(kShort, flag)), -ETIME);
    EXPECT_GE(now_ns(id) - before, 5 * kMillisecond);
    Timespec at = after(now_ns(id) + 5 * kMillisecond);
    EXPECT_EQ(run(timeout(at, flag | kAbs)), -ETIME);
    EXPECT_GE(now_ns(id), at.tv_sec * kSecond + at.tv_nsec);
    EXPECT_EQ(run(timeout(after(0), flag | kAbs)), -ETIME);
  }
  EXPECT_EQ(run(timeout(after(0))), -ETIME);
}

TEST_P(Timeouts, Refused) {
  EXPECT_EQ(run(timeout(kShort, 1u << 20)), -EINVAL);
  EXPECT_EQ(run(timeout(kShort, kBoottime | kRealtime)), -EINVAL);
  EXPECT_EQ(run(timeout(kShort, kMultishot | kAbs)), -EINVAL);
  EXPECT_EQ(run(timeout({-1, 0})), -EINVAL);
  EXPECT_EQ(run(make_sqe(IORING_OP_TIMEOUT, -1, kWildAddress, 1)), -EFAULT);
  EXPECT_EQ(run(make_sqe(IORING_OP_TIMEOUT, -1, address(&kShort), 2)), -EINVAL);
  EXPECT_EQ(run(link_timeout(kShort)), -EINVAL);
}

TEST_P(Timeouts, CountForm) {
  queue({timeout(kLong, 0, 2)}, 1);
  queue({make_sqe(IORING_OP_NOP)}, 2);
  collect(1);
  EXPECT_EQ(backend_->wait(1, {.deadline_ns = now_ns() + 5 * kMillisecond}), -ETIME);
  queue({make_sqe(IORING_OP_NOP)}, 3);
  collect(2);
  EXPECT_EQ(result_of(1), 0);
}

TEST_P(Timeouts, Multishot) {
  queue({timeout(after(kMillisecond), kMultishot, 3)}, 1);
  collect(3);
  ASSERT_EQ(order_.size(), 3u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(order_[i].res, -ETIME);
    EXPECT_EQ(order_[i].flags & IORING_CQE_F_MORE, i < 2 ? IORING_CQE_F_MORE : 0u);
  }
}

TEST_P(Timeouts, BreakLinksUnlessTheyAreASuccess) {
  Sqe nop = make_sqe(IORING_OP_NOP);
  EXPECT_EQ(run({linked(timeout(kShort)), nop}), (Results{-ETIME, -ECANCELED}));
  EXPECT_EQ(run({linked(timeout(kShort, kEtimeSuccess)), nop}), (Results{-ETIME, 0}));
  EXPECT_EQ(run({hard_linked(timeout(kShort)), nop}), (Results{-ETIME, 0}));
}

TEST_P(Timeouts, RemoveAndUpdate) {
  queue({timeout(kLong)}, 1);
  queue({make_sqe(IORING_OP_TIMEOUT_REMOVE, -1, 1)}, 2);
  collect(2);
  EXPECT_EQ(result_of(1), -ECANCELED);
  EXPECT_EQ(result_of(2), 0);
  EXPECT_EQ(run(make_sqe(IORING_OP_TIMEOUT_REMOVE, -1, 77)), -ENOENT);
  done_.clear();
  queue({timeout(kLong)}, 1);
  queue({make_sqe(IORING_OP_TIMEOUT_REMOVE, -1, 1, 0, address(&kShort), kUpdate)}, 2);
  collect(2);
  EXPECT_EQ(result_of(2), 0);
  EXPECT_EQ(result_of(1), -ETIME);
  EXPECT_EQ(run(make_sqe(IORING_OP_TIMEOUT_REMOVE, -1, 77, 0, address(&kShort), kUpdate)), -ENOENT);
  EXPECT_EQ(run(make_sqe(IORING_OP_TIMEOUT_REMOVE, -1, 77, 0, kWildAddress, kUpdate)), -EFAULT);
  EXPECT_EQ(run(make_sqe(IORING_OP_TIMEOUT_REMOVE, -1, 77, 1)), -EINVAL);
}

TEST_P(Timeouts, LinkTimeoutLimitsItsPredecessor) {
  SocketPair pair = socket_pair();
  char byte;
  Sqe receive = make_sqe(IORING_OP_RECV, pair.left.get(), address(&byte), 1), nop = make_sqe(IORING_OP_NOP);
  EXPECT_EQ(run({linked(receive), link_timeout(kShort)}), (Results{-ECANCELED, -ETIME}));
  EXPECT_EQ(run({linked(receive), linked(link_timeout(kShort)), nop}),
            (Results{-ECANCELED, -ETIME, -ECANCELED}));
  EXPECT_EQ(run({linked(nop), link_timeout(kLong)}), (Results{0, -ECANCELED}));
  EXPECT_EQ(run({linked(nop), linked(link_timeout(kLong)), nop}), (Results{0, -ECANCELED, 0}));
  // In time.
  queue({linked(receive), linked(link_timeout(kLong)), nop}, 1);
  ASSERT_EQ(backend_->flush(), 0);
  ASSERT_EQ(::write(pair.right.get(), "x", 1), 1);
  collect(3);
  EXPECT_EQ(result_of(1), 1);
  EXPECT_EQ(result_of(2), -ECANCELED);
  EXPECT_EQ(result_of(3), 0);
  EXPECT_EQ(run({linked(nop), linked(link_timeout(kLong)), link_timeout(kLong)}),
            (Results{-ECANCELED, -ECANCELED, -EINVAL}));
}

TEST_P(Timeouts, LinkTimeoutCanBeUpdated) {
  SocketPair pair = socket_pair();
  char byte;
  queue({linked(make_sqe(IORING_OP_RECV, pair.left.get(), address(&byte), 1)), link_timeout(kLong)}, 1);
  queue({make_sqe(IORING_OP_TIMEOUT_REMOVE, -1, 2, 0, address(&kShort), kUpdate | kLinkUpdate)}, 3);
  collect(3);
  EXPECT_EQ(result_of(3), 0);
  EXPECT_EQ(result_of(2), -ETIME);
  EXPECT_EQ(result_of(1), -ECANCELED);
}

TEST_P(Timeouts, CancelEndsWhatWaits) {
  SocketPair pair = socket_pair();
  FileDescriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr unix_name{AF_UNIX, {}};
  ASSERT_EQ(::bind(listener.get(), &unix_name, sizeof(unix_name.sa_family)), 0);
  ASSERT_EQ(::listen(listener.get(), 4), 0);
  char byte;
  const Sqe waiting[] = {make_sqe(IORING_OP_RECV, pair.left.get(), address(&byte), 1),
                         make_sqe(IORING_OP_READ, pair.left.get(), address(&byte), 1),
                         make_sqe(IORING_OP_POLL_ADD, pair.left.get(), 0, 0, 0, POLLIN),
                         make_sqe(IORING_OP_ACCEPT, listener.get()), timeout(kLong)};
  for (const Sqe& sqe : waiting) {
    done_.clear();
    queue({sqe}, 1);
    queue({cancel(1)}, 2);
    collect(2);
    EXPECT_EQ(result_of(1), -ECANCELED) << int{sqe.opcode};
    EXPECT_EQ(result_of(2), 0) << int{sqe.opcode};
  }
  EXPECT_EQ(run(cancel(77)), -ENOENT);
  EXPECT_EQ(run(cancel(77, 1u << 20)), -EINVAL);
  EXPECT_EQ(run(cancel(77, kCancelFd, -1)), -EBADF);
  done_.clear();
  queue({waiting[2]}, 1);
  queue({make_sqe(IORING_OP_POLL_REMOVE, -1, 1)}, 2);
  collect(2);
  EXPECT_EQ(result_of(1), -ECANCELED);
  EXPECT_EQ(result_of(2), 0);
  EXPECT_EQ(run(make_sqe(IORING_OP_POLL_REMOVE, -1, 77)), -ENOENT);
}

TEST_P(Timeouts, CancelByFileByOpcodeAndAll) {
  SocketPair pair = socket_pair(), other = socket_pair();
  char byte;
  auto start = [&] {
    done_.clear();
    queue({make_sqe(IORING_OP_RECV, pair.left.get(), address(&byte), 1)}, 1);
    queue({make_sqe(IORING_OP_POLL_ADD, pair.left.get(), 0, 0, 0, POLLIN)}, 2);
    queue({make_sqe(IORING_OP_POLL_ADD, other.left.get(), 0, 0, 0, POLLIN)}, 3);
    ASSERT_EQ(backend_->flush(), 0);
    // A wait of its own lets `host` have its own request in flight too.
    EXPECT_EQ(backend_->wait(1, {.deadline_ns = now_ns() + kMillisecond}), -ETIME);
  };
  start();
  queue({cancel(0, kCancelFd | kCancelAll, pair.left.get())}, 4);
  collect(3);
  EXPECT_EQ(result_of(4), 2);
  EXPECT_EQ(done_.count(3), 0u);
  queue({cancel(0, kCancelAny | kCancelAll)}, 5);
  collect(2);
  EXPECT_EQ(result_of(5), 1);
  EXPECT_EQ(result_of(3), -ECANCELED);
  EXPECT_EQ(run(cancel(0, kCancelAny | kCancelAll)), 0);
  start();
  Sqe by_opcode = cancel(0, kCancelOp | kCancelAll);
  by_opcode.len = IORING_OP_POLL_ADD;
  queue({by_opcode}, 4);
  collect(3);
  EXPECT_EQ(result_of(4), 2);
  EXPECT_EQ(done_.count(1), 0u);
  queue({cancel(1)}, 5);
  collect(2);
}

// What is still there when the back-end goes must not hurt.
TEST_P(Timeouts, DestroyWithRequestsInFlight) {
  SocketPair pair = socket_pair();
  static char byte;
  queue({linked(make_sqe(IORING_OP_RECV, pair.left.get(), address(&byte), 1)), linked(link_timeout(kLong)),
         make_sqe(IORING_OP_NOP)},
        1);
  queue({timeout(kLong)}, 4);
  queue({make_sqe(IORING_OP_POLL_ADD, pair.left.get(), 0, 0, 0, POLLIN)}, 5);
  ASSERT_EQ(backend_->flush(), 0);
  queue({make_sqe(IORING_OP_NOP)}, 6);
  backend_.reset();
  SUCCEED();
}

}  // namespace
}  // namespace ring3::backend::test
