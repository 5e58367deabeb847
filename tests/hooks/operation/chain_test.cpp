// Requests of IORING_OP_BPF among others in chains: order, results that break them, and that each is cleaned
// up once, however its chain ended.
#include <unistd.h>

#include <algorithm>

#include "harness.hpp"

namespace ring3::test {
namespace {

using namespace abi;

class ChainTest : public OperationTest {
 protected:
  void SetUp() override {
    OperationTest::SetUp();
    if (IsSkipped()) return;
    ring_.emplace(make_ring());
    operation_.emplace(scripted_.attach(*ring_));
    ASSERT_EQ(pipe(pipe_), 0);
  }
  ~ChainTest() override {
    for (int fd : pipe_) close(fd);
  }

  // Submits `count` and waits for as many CQEs.
  std::string submit(unsigned count, unsigned wait) {
    EXPECT_EQ(ring_->enter(count, wait, IORING_ENTER_GETEVENTS), int(count));
    return results(*ring_);
  }
  // A read of the pipe, which is empty.
  Sqe& push_read(uint64_t user_data) {
    Sqe& sqe = ring_->push(IORING_OP_READ, user_data);
    sqe.fd = pipe_[0];
    sqe.addr = reinterpret_cast<uint64_t>(buffer_);
    sqe.len = sizeof buffer_;
    return sqe;
  }
  // Runs the ring until the request is cleaned up.
  void wait_for_cleanup(uint32_t request) {
    for (int tries = 0; tries < 1000 && scripted_.counts(request).cleanup == 0; tries++)
      ring_->enter(0, 0, IORING_ENTER_GETEVENTS), std::this_thread::sleep_for(1ms);
    EXPECT_EQ(scripted_.counts(request).cleanup, 1u);
  }

  Scripted scripted_;
  std::optional<TestRing> ring_;
  std::optional<Operation> operation_;
  int pipe_[2] = {-1, -1};
  char buffer_[8] = {};
};

TEST_P(ChainTest, GoesOnFromOneToTheNext) {
  ring_->push_nop(1).flags = IOSQE_IO_LINK;
  push_bpf(*ring_, 2, {.flags = IOSQE_IO_LINK});
  ring_->push_nop(3).flags = IOSQE_IO_LINK;
  push_bpf(*ring_, 4);
  EXPECT_EQ(submit(4, 4), "1:0 2:0 3:0 4:0");
}

TEST_P(ChainTest, APositiveResultBreaksNothing) {
  push_bpf(*ring_, 1, {.script = kSetInIssue, .set = 1, .flags = IOSQE_IO_LINK});
  push_bpf(*ring_, 2);
  EXPECT_EQ(submit(2, 2), "1:1 2:0");
}

TEST_P(ChainTest, ANegativeResultBreaksIt) {
  push_bpf(*ring_, 1, {.script = kSetInIssue, .set = -7, .flags = IOSQE_IO_LINK});
  push_bpf(*ring_, 2, {.flags = IOSQE_IO_LINK});
  ring_->push_nop(3);
  EXPECT_EQ(submit(3, 3), "1:-7 2:-125 3:-125");
  EXPECT_EQ(scripted_.counts(1), (Counts{1, 1, 0, 1}));
  EXPECT_EQ(scripted_.counts(2), (Counts{1, 0, 0, 1})) << "cancelled before issue, and still cleaned up";
}

TEST_P(ChainTest, OnceNegativeIsFailed) {
  push_bpf(*ring_, 1, {.script = kSetTwice, .set = 5, .flags = IOSQE_IO_LINK});
  ring_->push_nop(2);
  EXPECT_EQ(submit(2, 2), "1:5 2:-125");
}

TEST_P(ChainTest, AnIssueThatFailsBreaksIt) {
  push_bpf(*ring_, 1, {.script = kIssueReturns, .returned = -EIO, .flags = IOSQE_IO_LINK});
  ring_->push_nop(2);
  EXPECT_EQ(submit(2, 2), "1:-5 2:-125");
  EXPECT_EQ(scripted_.counts(1), (Counts{1, 1, 1, 1}));
}

TEST_P(ChainTest, HardLinksGoOn) {
  push_bpf(*ring_, 1, {.script = kIssueReturns, .returned = -EIO, .flags = IOSQE_IO_HARDLINK});
  push_bpf(*ring_, 2, {.script = kSetInIssue, .set = -6, .flags = IOSQE_IO_HARDLINK});
  push_bpf(*ring_, 3, {.script = kSetTwice, .set = 6, .flags = IOSQE_IO_HARDLINK});
  push_bpf(*ring_, 4);
  EXPECT_EQ(submit(4, 4), "1:-5 2:-6 3:6 4:0");
}

TEST_P(ChainTest, ShortReadsAndWritesBeforeItCount) {
  ASSERT_EQ(write(pipe_[1], "abc", 3), 3);
  push_read(1).flags = IOSQE_IO_LINK;  // 3 of 8 bytes: short
  push_bpf(*ring_, 2);
  EXPECT_EQ(submit(2, 2), "1:3 2:-125");
  ASSERT_EQ(write(pipe_[1], "abcdefgh", 8), 8);
  push_read(3).flags = IOSQE_IO_LINK;
  push_bpf(*ring_, 4, {.flags = IOSQE_IO_LINK});
  Sqe& write = ring_->push(IORING_OP_WRITE, 5);
  write.fd = pipe_[1];
  write.addr = reinterpret_cast<uint64_t>(buffer_);
  write.len = 8;
  EXPECT_EQ(submit(3, 3), "3:8 4:0 5:8");
}

TEST_P(ChainTest, IssueWaitsForTheRequestBefore) {
  push_read(1).flags = IOSQE_IO_LINK;
  push_bpf(*ring_, 2);
  EXPECT_EQ(ring_->enter(2), 2);
  EXPECT_EQ(scripted_.counts(2), (Counts{1, 0, 0, 0}));
  ASSERT_EQ(write(pipe_[1], "abcdefgh", 8), 8);
  EXPECT_EQ(submit(0, 2), "1:8 2:0");
  EXPECT_EQ(scripted_.counts(2), (Counts{1, 1, 0, 1}));
}

TEST_P(ChainTest, CancellingTheRequestBeforeCancelsIt) {
  push_read(1).flags = IOSQE_IO_LINK;
  push_bpf(*ring_, 2);
  EXPECT_EQ(ring_->enter(2), 2);
  ring_->push(IORING_OP_ASYNC_CANCEL, 3).addr = 1;
  EXPECT_EQ(ring_->enter(1, 3, IORING_ENTER_GETEVENTS), 1);
  auto cqes = ring_->reap();
  std::ranges::sort(cqes, {}, &Cqe::user_data);
  ASSERT_EQ(cqes.size(), 3u);
  EXPECT_TRUE(cqes[0].res == -ECANCELED || cqes[0].res == -EINTR) << cqes[0].res;
  EXPECT_EQ(cqes[1].res, -ECANCELED);
  EXPECT_EQ(scripted_.counts(2), (Counts{1, 0, 0, 1}));
}

TEST_P(ChainTest, ItselfCannotBeFoundByACancellation) {
  // As any linked request whose turn has not come: what is started can be cancelled, and that here never
  // waits.
  push_read(1).flags = IOSQE_IO_LINK;
  push_bpf(*ring_, 2);
  EXPECT_EQ(ring_->enter(2), 2);
  ring_->push(IORING_OP_ASYNC_CANCEL, 3).addr = 2;
  EXPECT_EQ(submit(1, 1), "3:-2");
  EXPECT_EQ(scripted_.counts(2), (Counts{1, 0, 0, 0}));
  ASSERT_EQ(write(pipe_[1], "abcdefgh", 8), 8);
  EXPECT_EQ(submit(0, 2), "1:8 2:0");
}

TEST_P(ChainTest, ATimeoutBehindItHasNothingToLimit) {
  const Timespec long_time = after(10s);
  push_bpf(*ring_, 1, {.flags = IOSQE_IO_LINK});
  Sqe& timeout = ring_->push(IORING_OP_LINK_TIMEOUT, 2);
  timeout.addr = reinterpret_cast<uint64_t>(&long_time);
  timeout.len = 1;
  timeout.flags = IOSQE_IO_LINK;
  push_bpf(*ring_, 3);
  EXPECT_EQ(submit(3, 3), "1:0 2:-125 3:0");
}

TEST_P(ChainTest, ATimeoutOfTheRequestBeforeCancelsIt) {
  const Timespec soon = after(5ms);
  push_read(1).flags = IOSQE_IO_LINK;
  Sqe& timeout = ring_->push(IORING_OP_LINK_TIMEOUT, 2);
  timeout.addr = reinterpret_cast<uint64_t>(&soon);
  timeout.len = 1;
  timeout.flags = IOSQE_IO_LINK;
  push_bpf(*ring_, 3);
  EXPECT_EQ(ring_->enter(3, 3, IORING_ENTER_GETEVENTS), 3);
  wait_for_cleanup(3);
  EXPECT_EQ(scripted_.counts(3), (Counts{1, 0, 0, 1}));
}

// ---- chains that are cut

TEST_P(ChainTest, CutByAnSqeThatCannotBe) {
  push_bpf(*ring_, 1, {.flags = IOSQE_IO_LINK});
  push_bpf(*ring_, 2, {.flags = IOSQE_IO_LINK});
  ring_->push(200, 3);
  EXPECT_EQ(submit(3, 3), "1:-125 2:-125 3:-22");
  EXPECT_EQ(scripted_.counts(1), (Counts{1, 0, 0, 1}));
  EXPECT_EQ(scripted_.counts(2), (Counts{1, 0, 0, 1}));
}

TEST_P(ChainTest, CutByAPrepThatFails) {
  push_bpf(*ring_, 1, {.flags = IOSQE_IO_LINK});
  push_bpf(*ring_, 2, {.script = kPrepFails, .set = -EIO, .flags = IOSQE_IO_LINK});
  push_bpf(*ring_, 3);
  EXPECT_EQ(submit(3, 3), "1:-125 2:-5 3:-125");
  EXPECT_EQ(scripted_.counts(1), (Counts{1, 0, 0, 1}));
  EXPECT_EQ(scripted_.counts(2), (Counts{1, 0, 0, 0}));
  EXPECT_EQ(scripted_.counts(3), (Counts{1, 0, 0, 1}));
}

TEST_P(ChainTest, CutByAPrepThatIsNotNegative) {
  push_bpf(*ring_, 1, {.script = kPrepFails, .set = 3, .flags = IOSQE_IO_LINK});
  ring_->push_nop(2);
  EXPECT_EQ(submit(2, 2), "1:3 2:-125");
}

TEST_P(ChainTest, CutByTheEndOfTheBatch) {
  push_bpf(*ring_, 1, {.flags = IOSQE_IO_LINK});
  push_bpf(*ring_, 2);
  EXPECT_EQ(submit(1, 1), "1:0");
  EXPECT_EQ(submit(1, 1), "2:0");
}

TEST_P(ChainTest, AFailedRequestBeforeADrainedOne) {
  push_read(1).flags = IOSQE_IO_LINK;
  push_bpf(*ring_, 2, {.flags = IOSQE_IO_DRAIN | IOSQE_IO_LINK});
  push_bpf(*ring_, 3);
  EXPECT_EQ(ring_->enter(3), 3);
  EXPECT_EQ(close(pipe_[1]), 0);
  pipe_[1] = -1;
  EXPECT_EQ(submit(0, 3), "1:0 2:-125 3:-125") << "the end of the pipe: a short read";
}

// ---- the ring goes first

TEST_P(ChainTest, RingClosedWithRequestsInFlight) {
  push_read(1).flags = IOSQE_IO_LINK;  // behind a read that never ends
  push_bpf(*ring_, 2, {.flags = IOSQE_IO_HARDLINK});
  push_bpf(*ring_, 3);
  push_bpf(*ring_, 4, {.flags = IOSQE_IO_DRAIN});  // behind all of it
  push_bpf(*ring_, 5);
  EXPECT_EQ(ring_->enter(5), 5);
  for (uint32_t request = 2; request <= 5; request++)
    EXPECT_EQ(scripted_.counts(request), (Counts{1, 0, 0, 0}));
  ring_->close();
  for (uint32_t request = 2; request <= 5; request++)
    EXPECT_EQ(scripted_.counts(request), (Counts{1, 0, 0, 1}));
  EXPECT_EQ(scripted_.dirty(), 0u);
  operation_.reset();
}

TEST_P(ChainTest, RingClosedWithRequestsThatWaitForATask) {
  TestRing ring = make_ring(16, kDeferred);
  const Operation operation = scripted_.attach(ring);
  ring.push_nop(1).flags = IOSQE_IO_LINK;
  push_bpf(ring, 2);
  EXPECT_EQ(ring.enter(2), 2);
  EXPECT_EQ(scripted_.counts(2), (Counts{1, 0, 0, 0}));
  ring.close();
  EXPECT_EQ(scripted_.counts(2), (Counts{1, 0, 0, 1}));
}

RING3_BACKEND_TESTS(ChainTest);

}  // namespace
}  // namespace ring3::test
