// uapi, IORING_OP_BPF: prep, issue, cleanup; how often each runs, and what becomes of results.
#include "harness.hpp"

namespace ring3::test {
namespace {

using namespace abi;

class PrepTest : public OperationTest {};
class IssueTest : public OperationTest {};
class SqeTest : public OperationTest {};

// The CQE of one request, submitted alone.
Cqe run(TestRing& ring, const Request& request, uint64_t user_data = 1) {
  push_bpf(ring, user_data, request);
  EXPECT_EQ(ring.enter(1), 1);
  const auto cqes = ring.reap();
  if (cqes.size() != 1) throw std::runtime_error("not one CQE, but " + std::to_string(cqes.size()));
  EXPECT_EQ(cqes[0].user_data, user_data);
  EXPECT_EQ(cqes[0].flags, 0u);
  return cqes[0];
}

// ---- prep

TEST_P(PrepTest, ARingWithoutBpfExtRefusesRequests) {
  TestRing ring = make_ring(16, 0);
  EXPECT_EQ(run(ring, {}).res, -EOPNOTSUPP);
}

TEST_P(PrepTest, AnIdThatNobodyHasIsRefused) {
  TestRing ring = make_ring();
  EXPECT_EQ(run(ring, {}).res, -EOPNOTSUPP) << "no operation at all";
  Scripted scripted;
  const Operation operation = scripted.attach(ring);
  EXPECT_EQ(run(ring, {.id = 6}).res, -EOPNOTSUPP);
  EXPECT_EQ(run(ring, {}).res, 0);
  EXPECT_EQ(scripted.counts(1), (Counts{1, 1, 0, 1}));
}

TEST_P(PrepTest, OpsWithoutPrepAreRefused) {
  TestRing ring = make_ring();
  Scripted scripted;
  const Operation operation = scripted.attach(ring, "without_prep");
  EXPECT_EQ(run(ring, {.id = kWithoutPrep}).res, -EOPNOTSUPP);
  EXPECT_EQ(scripted.total(), 0u);
}

TEST_P(PrepTest, WhatItReturnsIsTheResultAndNothingElseRuns) {
  TestRing ring = make_ring();
  Scripted scripted;
  const Operation operation = scripted.attach(ring);
  uint64_t user_data = 0;
  for (const int32_t returned : {-EIO, -1, -4095, -100000, 1, 77}) {
    EXPECT_EQ(run(ring, {.script = kPrepFails, .set = returned}, ++user_data).res, returned);
    EXPECT_EQ(scripted.counts(static_cast<uint32_t>(user_data)), (Counts{1, 0, 0, 0}));
  }
}

TEST_P(PrepTest, AFailureEndsTheBatchUnlessAllAreToBeSubmitted) {
  for (const uint32_t flags :
       {uint32_t{IORING_SETUP_BPF_EXT}, IORING_SETUP_BPF_EXT | IORING_SETUP_SUBMIT_ALL}) {
    TestRing ring = make_ring(16, flags);
    Scripted scripted;
    const Operation operation = scripted.attach(ring);
    push_bpf(ring, 1);
    push_bpf(ring, 2, {.script = kPrepFails, .set = -EIO});
    push_bpf(ring, 3);
    const bool all = flags & IORING_SETUP_SUBMIT_ALL;
    EXPECT_EQ(ring.enter(3), all ? 3 : 2);
    EXPECT_EQ(results(ring), all ? "1:0 2:-5 3:0" : "1:0 2:-5");
    EXPECT_EQ(scripted.counts(3), (all ? Counts{1, 1, 0, 1} : Counts{0, 0, 0, 0}));
  }
}

TEST_P(PrepTest, RunsAtSubmissionAlsoInAChain) {
  TestRing ring = make_ring(16, kDeferred);
  Scripted scripted;
  const Operation operation = scripted.attach(ring);
  ring.push_nop(1).flags = IOSQE_IO_LINK;
  push_bpf(ring, 2, {.flags = IOSQE_IO_LINK});
  push_bpf(ring, 3);
  EXPECT_EQ(ring.enter(3), 3);
  EXPECT_EQ(scripted.counts(2), (Counts{1, 0, 0, 0}));
  EXPECT_EQ(scripted.counts(3), (Counts{1, 0, 0, 0}));
  EXPECT_EQ(ring.enter(0, 2, IORING_ENTER_GETEVENTS), 0);
  EXPECT_EQ(results(ring), "1:0 2:0 3:0");
  EXPECT_EQ(scripted.counts(2), (Counts{1, 1, 0, 1}));
  EXPECT_EQ(scripted.counts(3), (Counts{1, 1, 0, 1}));
}

TEST_P(PrepTest, SeesTheSqeAndItsOwnFlags) {
  TestRing ring = make_ring();
  Scripted scripted;
  const Operation operation = scripted.attach(ring);
  EXPECT_EQ(run(ring, {.script = 0xabcd00 | kSetInIssue, .set = 5}, 4000).res, 5);
  EXPECT_EQ(*must(scripted.module().as<uint32_t>("opf")), 7u << 24 | 0xabcd00 | kSetInIssue);
  EXPECT_EQ(scripted.counts(4000), (Counts{1, 1, 0, 1})) << "sqe->len";
}

TEST_P(PrepTest, ThePduIsZeroAtFirstAndKeptToTheEnd) {
  TestRing ring = make_ring();
  Scripted scripted;
  const Operation operation = scripted.attach(ring);
  // Alone, and in chains, where requests wait with what prep_fn put there; slots are used again and again.
  for (uint64_t user_data = 1; user_data < 200; user_data += 3) {
    push_bpf(ring, user_data, {.flags = IOSQE_IO_LINK});
    push_bpf(ring, user_data + 1, {.script = kIssueReturns, .returned = -EIO});
    push_bpf(ring, user_data + 2);
    ASSERT_EQ(ring.enter(3, 3, IORING_ENTER_GETEVENTS), 3);
    ASSERT_EQ(ring.reap().size(), 3u);
  }
  EXPECT_EQ(scripted.dirty(), 0u);
}

// ---- issue

TEST_P(IssueTest, TheResultIsWhatWasSet) {
  TestRing ring = make_ring();
  Scripted scripted;
  const Operation operation = scripted.attach(ring);
  EXPECT_EQ(run(ring, {}).res, 0);
  for (const int32_t result : {1, 42, INT32_MAX, 0, -1, -EIO, INT32_MIN})
    EXPECT_EQ(run(ring, {.script = kSetInIssue, .set = result}).res, result);
  EXPECT_EQ(run(ring, {.script = kSetTwice, .set = 9}).res, 9) << "the last one counts";
  EXPECT_EQ(run(ring, {.script = kSetInPrep, .set = 8}).res, 8) << "unless there is another one later";
  EXPECT_EQ(scripted.counts(1), (Counts{10, 10, 0, 10})) << "a negative result is no failure of issue_fn";
}

TEST_P(IssueTest, AnErrnoIsTheResultAndFailRuns) {
  TestRing ring = make_ring();
  Scripted scripted;
  const Operation operation = scripted.attach(ring);
  uint64_t user_data = 0;
  for (const int32_t returned : {-1, -EAGAIN, -EIO, -529, -512, -4095}) {
    EXPECT_EQ(
        run(ring, {.script = kIssueReturns | kSetInIssue, .set = 3, .returned = returned}, ++user_data).res,
        returned);
    EXPECT_EQ(scripted.counts(static_cast<uint32_t>(user_data)), (Counts{1, 1, 1, 1}));
  }
}

TEST_P(IssueTest, OtherReturnsAreInvalid) {
  TestRing ring = make_ring();
  Scripted scripted;
  const Operation operation = scripted.attach(ring);
  uint64_t user_data = 0;
  for (const int32_t returned : {1, 2, INT32_MAX, -4096, INT32_MIN}) {
    EXPECT_EQ(run(ring, {.script = kIssueReturns, .returned = returned}, ++user_data).res, -EINVAL)
        << returned;
    EXPECT_EQ(scripted.counts(static_cast<uint32_t>(user_data)), (Counts{1, 1, 1, 1}));
  }
}

TEST_P(IssueTest, FailMaySetAnotherResultAndTheRequestStaysFailed) {
  TestRing ring = make_ring();
  Scripted scripted;
  const Operation operation = scripted.attach(ring);
  push_bpf(ring, 1,
           {.script = kIssueReturns | kSetInFail, .set = 17, .returned = -EIO, .flags = IOSQE_IO_LINK});
  ring.push_nop(2);
  EXPECT_EQ(ring.enter(2, 2, IORING_ENTER_GETEVENTS), 2);
  EXPECT_EQ(results(ring), "1:17 2:-125");
}

TEST_P(IssueTest, CallbacksMayBeMissing) {
  TestRing ring = make_ring();
  Scripted scripted;
  const Operation plain = scripted.attach(ring, "plain"),
                  without_issue = scripted.attach(ring, "without_issue");
  EXPECT_EQ(run(ring, {.id = kPlain}, 1).res, 0);
  EXPECT_EQ(run(ring, {.script = kIssueReturns, .returned = -EIO, .id = kPlain}, 1).res, -EIO);
  EXPECT_EQ(scripted.counts(1), (Counts{2, 2, 0, 0}));
  EXPECT_EQ(run(ring, {.id = kWithoutIssue}, 2).res, -EOPNOTSUPP);
  EXPECT_EQ(scripted.counts(2), (Counts{1, 0, 0, 1}));
}

TEST_P(IssueTest, NeedsNoSystemCall) {
  TestRing ring = make_ring();
  Scripted scripted;
  const Operation operation = scripted.attach(ring);
  const uint64_t before = ring.ring().counters().system_calls;
  for (uint64_t i = 1; i < 1000; i++) EXPECT_EQ(run(ring, {}, i).res, 0);
  EXPECT_EQ(ring.ring().counters().system_calls, before);
}

TEST_P(IssueTest, TheCheckingInterpreterAgrees) {
  TestRing ring = make_ring();
  Scripted scripted({.checked = true});
  const Operation operation = scripted.attach(ring);
  push_bpf(ring, 1, {.script = kSetInIssue, .set = 6, .flags = IOSQE_IO_LINK});
  push_bpf(ring, 2, {.script = kIssueReturns, .returned = -EIO, .flags = IOSQE_IO_LINK});
  push_bpf(ring, 3);
  EXPECT_EQ(ring.enter(3, 3, IORING_ENTER_GETEVENTS), 3);
  EXPECT_EQ(results(ring), "1:6 2:-5 3:-125");
  EXPECT_EQ(scripted.dirty(), 0u);
}

// ---- what else an SQE may say

TEST_P(SqeTest, FlagsThatMakeNoSenseAreRefused) {
  TestRing ring = make_ring();
  Scripted scripted;
  const Operation operation = scripted.attach(ring);
  EXPECT_EQ(run(ring, {.flags = 0x80}).res, -EINVAL);
  EXPECT_EQ(run(ring, {.flags = IOSQE_BUFFER_SELECT}).res, -EOPNOTSUPP);
  push_bpf(ring, 1).ioprio = 1;
  EXPECT_EQ(ring.enter(1), 1);
  EXPECT_EQ(results(ring), "1:-22");
  push_bpf(ring, 1).personality = 1;
  EXPECT_EQ(ring.enter(1), 1);
  EXPECT_EQ(results(ring), "1:-22");
  EXPECT_EQ(scripted.total(), 0u) << "prep_fn did not run";
  EXPECT_EQ(run(ring, {.flags = IOSQE_FIXED_FILE}).res, 0) << "the file is the program's business";
}

TEST_P(SqeTest, AsyncRunsToo) {
  TestRing ring = make_ring();
  Scripted scripted;
  const Operation operation = scripted.attach(ring);
  push_bpf(ring, 1, {.script = kSetInIssue, .set = 4, .flags = IOSQE_ASYNC});
  EXPECT_EQ(ring.enter(1, 1, IORING_ENTER_GETEVENTS), 1);
  EXPECT_EQ(results(ring), "1:4");
  EXPECT_EQ(scripted.counts(1), (Counts{1, 1, 0, 1}));
}

TEST_P(SqeTest, SkipSuccessSkipsSuccess) {
  TestRing ring = make_ring();
  Scripted scripted;
  const Operation operation = scripted.attach(ring);
  const uint8_t skip = IOSQE_CQE_SKIP_SUCCESS;
  push_bpf(ring, 1, {.flags = skip});
  push_bpf(ring, 2, {.script = kSetInIssue, .set = 5, .flags = skip});
  push_bpf(ring, 3, {.script = kSetInIssue, .set = -5, .flags = skip});
  push_bpf(ring, 4, {.script = kIssueReturns, .returned = -EIO, .flags = skip});
  push_bpf(ring, 5, {.script = kSetTwice, .set = 5, .flags = skip});
  push_bpf(ring, 6, {.script = kPrepFails, .set = -EIO, .flags = skip});
  EXPECT_EQ(ring.enter(6), 6);
  EXPECT_EQ(results(ring), "3:-5 4:-5 5:5 6:-5");
  for (uint32_t request = 1; request <= 5; request++) EXPECT_EQ(scripted.counts(request).cleanup, 1u);
  // In a chain a skipping request that fails silences those behind it, as any other.
  push_bpf(ring, 7, {.script = kSetInIssue, .set = -5, .flags = uint8_t(skip | IOSQE_IO_LINK)});
  push_bpf(ring, 8, {.flags = IOSQE_IO_LINK});
  ring.push_nop(9);
  EXPECT_EQ(ring.enter(3, 1, IORING_ENTER_GETEVENTS), 3);
  EXPECT_EQ(results(ring), "7:-5");
  EXPECT_EQ(scripted.counts(8), (Counts{1, 0, 0, 1}));
}

TEST_P(SqeTest, DrainWaitsForAllBefore) {
  TestRing ring = make_ring();
  Scripted scripted;
  const Operation operation = scripted.attach(ring);
  const Timespec soon = after(5ms);
  ring.push_timeout(1, soon);
  push_bpf(ring, 2, {.flags = IOSQE_IO_DRAIN});
  push_bpf(ring, 3);
  EXPECT_EQ(ring.enter(3), 3);
  EXPECT_EQ(scripted.counts(2), (Counts{1, 0, 0, 0})) << "prepared, and waiting";
  EXPECT_EQ(scripted.counts(3), (Counts{1, 0, 0, 0}));
  while (scripted.counts(3).cleanup == 0) ASSERT_EQ(ring.enter(0, 3, IORING_ENTER_GETEVENTS), 0);
  EXPECT_EQ(results(ring), "1:-62 2:0 3:0");
}

TEST_P(SqeTest, WideSqesAndCqesWork) {
  for (const uint32_t flags : {uint32_t{IORING_SETUP_NO_SQARRAY}, uint32_t{IORING_SETUP_CQE32}}) {
    auto ring = TestRing::create(GetParam(), 16, flags | IORING_SETUP_BPF_EXT);
    ASSERT_TRUE(ring.has_value());
    Scripted scripted;
    const Operation operation = scripted.attach(*ring);
    push_bpf(*ring, 1);
    EXPECT_EQ(ring->enter(1), 1);
    EXPECT_EQ(scripted.counts(1), (Counts{1, 1, 0, 1}));
  }
}

TEST_P(SqeTest, AFullQueueLosesNothing) {
  TestRing ring = make_ring(16, IORING_SETUP_BPF_EXT, 16);
  Scripted scripted;
  const Operation operation = scripted.attach(ring);
  for (int round = 0; round < 3; round++) {
    for (uint64_t i = 1; i <= 16; i++)
      push_bpf(ring, uint64_t(round) * 16 + i, {.script = kSetInIssue, .set = int32_t(i)});
    EXPECT_EQ(ring.enter(16), 16);
  }
  std::vector<Cqe> all;
  for (int tries = 0; tries < 10 && all.size() < 48; tries++) {
    for (const Cqe& cqe : ring.reap()) all.push_back(cqe);
    EXPECT_EQ(ring.enter(0, 0, IORING_ENTER_GETEVENTS), 0);
  }
  ASSERT_EQ(all.size(), 48u);
  for (size_t i = 0; i < all.size(); i++) {
    EXPECT_EQ(all[i].user_data, i + 1);
    EXPECT_EQ(all[i].res, int32_t(i % 16 + 1));
  }
}

RING3_BACKEND_TESTS(PrepTest);
RING3_BACKEND_TESTS(IssueTest);
RING3_BACKEND_TESTS(SqeTest);

}  // namespace
}  // namespace ring3::test
