// uapi, "The BPF-controlled loop": return of a step, submit_sqes, links, enter, waiting, overflow.
#include <map>

#include "harness.hpp"

namespace ring3::test {
namespace {

class ReturnTest : public LoopTest {};
class SubmitTest : public LoopTest {};
class LinksTest : public LoopTest {};
class EnterTest : public LoopTest {};
class WaitingTest : public LoopTest {};
class OverflowTest : public LoopTest {};

// A ring with the scripted loop attached to it.
struct Driven {
  explicit Driven(TestRing made) : ring(std::move(made)), script(ring) {
    loop.emplace(must(Loop::attach(script.module(), ring.ring(), "script_ops")));
  }
  int run(const std::vector<Action>& actions) {
    script.play(actions);
    return ring.enter();
  }
  TestRing ring;
  Script script;
  std::optional<Loop> loop;
};

std::vector<uint64_t> user_data_of(const std::vector<abi::Cqe>& cqes) {
  std::vector<uint64_t> result;
  for (const abi::Cqe& cqe : cqes) result.push_back(cqe.user_data);
  return result;
}

// ---- return of a step

TEST_P(ReturnTest, StopIsZero) {
  Driven driven(make_ring());
  EXPECT_EQ(driven.run({{.result = kStop}}), 0);
  EXPECT_EQ(driven.script.steps(), 1u);
  EXPECT_EQ(driven.run({{}, {}, {.result = kStop}}), 0);
  EXPECT_EQ(driven.script.steps(), 3u);
  EXPECT_EQ(driven.loop->steps(), 4u);
}

TEST_P(ReturnTest, AnyOtherValueIsInvalidAndTheLoopStaysAttached) {
  Driven driven(make_ring());
  for (int32_t value : {2, -1, 100, -11, -512}) {
    driven.ring.push_nop(5);
    EXPECT_EQ(driven.run({{.submit = 1, .result = value}}), -EINVAL) << value;
    EXPECT_EQ(driven.script.note(0).submitted, 1) << value;
    EXPECT_EQ(driven.ring.reap().size(), 1u) << "what was submitted stands; returned " << value;
    EXPECT_EQ(driven.run({{.result = kStop}}), 0) << "runs again after " << value;
  }
}

// ---- submit_sqes

TEST_P(SubmitTest, NothingIsNothing) {
  Driven driven(make_ring());
  driven.ring.push_nop(1);
  EXPECT_EQ(driven.run({{.submit = 0, .result = kStop}}), 0);
  EXPECT_EQ(driven.script.note(0).submitted, 0);
  EXPECT_EQ(driven.ring.sq_head(), 0u);
}

TEST_P(SubmitTest, TakesAtMostWhatIsQueuedAndLeavesTheRest) {
  Driven driven(make_ring());
  for (uint64_t i = 0; i < 5; i++) driven.ring.push_nop(i);
  EXPECT_EQ(driven.run({{.submit = 3}, {.submit = 100}, {.submit = 1, .result = kStop}}), 0);
  EXPECT_EQ(driven.script.note(0).submitted, 3);
  EXPECT_EQ(driven.script.note(0).sq_head_after, 3u);
  EXPECT_EQ(driven.script.note(1).submitted, 2);
  EXPECT_EQ(driven.script.note(2).submitted, 0);
  EXPECT_EQ(user_data_of(driven.ring.reap()), (std::vector<uint64_t>{0, 1, 2, 3, 4}));
}

TEST_P(SubmitTest, RewindStartsAtSlotZeroAndSubmitsAgain) {
  Driven driven(make_ring(4, kLoopSetup | abi::IORING_SETUP_NO_SQARRAY | abi::IORING_SETUP_SQ_REWIND, 32));
  for (uint64_t i = 0; i < 4; i++) driven.ring.push_nop(10 + i);
  driven.ring.sq_tail() = 0;
  EXPECT_EQ(driven.run({{.submit = 2}, {.submit = 3}, {.submit = 100, .result = kStop}}), 0);
  EXPECT_EQ(driven.script.note(0).submitted, 2);
  EXPECT_EQ(driven.script.note(1).submitted, 3);
  EXPECT_EQ(driven.script.note(2).submitted, 4) << "clamped to the size of the SQ";
  EXPECT_EQ(user_data_of(driven.ring.reap()), (std::vector<uint64_t>{10, 11, 10, 11, 12, 10, 11, 12, 13}));
  EXPECT_EQ(driven.ring.sq_head(), 0u);
  EXPECT_EQ(driven.ring.sq_tail(), 0u);
}

TEST_P(SubmitTest, InvalidOpcodeEndsTheBatchAndCountsInIt) {
  Driven driven(make_ring());
  driven.ring.push_nop(1);
  driven.ring.push(0xee, 2);
  driven.ring.push_nop(3);
  driven.ring.push_nop(4);
  EXPECT_EQ(driven.run({{.submit = 4, .result = kStop}}), 0);
  EXPECT_EQ(driven.script.note(0).submitted, 2);
  const auto cqes = driven.ring.reap();
  ASSERT_EQ(user_data_of(cqes), (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(cqes[0].res, 0);
  EXPECT_EQ(cqes[1].res, -EINVAL);
}

TEST_P(SubmitTest, InvalidOpcodeInAChainCancelsItsHead) {
  Driven driven(make_ring());
  driven.ring.push_nop(1).flags = abi::IOSQE_IO_LINK;
  driven.ring.push(0xee, 2);
  driven.ring.push_nop(3);
  driven.ring.push_nop(4);
  EXPECT_EQ(driven.run({{.submit = 4}, {.result = kStop}}), 0);
  EXPECT_EQ(driven.script.note(0).submitted, 2);
  std::map<uint64_t, int> results;
  for (const abi::Cqe& cqe : driven.ring.reap()) results[cqe.user_data] = cqe.res;
  EXPECT_EQ(results, (std::map<uint64_t, int>{{1, -ECANCELED}, {2, -EINVAL}}));
}

// ---- links

TEST_P(LinksTest, SuccessorsCompleteAfterTheStep) {
  Driven driven(make_ring());
  driven.ring.push_nop(1).flags = abi::IOSQE_IO_LINK;
  driven.ring.push_nop(2).flags = abi::IOSQE_IO_LINK;
  driven.ring.push_nop(3);
  EXPECT_EQ(driven.run({{.submit = 3, .wait_mode = kWaitAbsolute, .wait = 3}, {}, {}, {.result = kStop}}), 0);
  EXPECT_EQ(driven.script.note(0).submitted, 3);
  EXPECT_LE(driven.script.note(0).cq_tail_after, 1u) << "only the head's CQE can be seen in the same step";
  EXPECT_EQ(user_data_of(driven.ring.reap()), (std::vector<uint64_t>{1, 2, 3}));
}

TEST_P(LinksTest, FailedHeadCancelsSuccessors) {
  Driven driven(make_ring());
  abi::Sqe& head = driven.ring.push_nop(1);
  head.flags = abi::IOSQE_IO_LINK;
  head.op_flags = abi::IORING_NOP_INJECT_RESULT;
  head.len = static_cast<uint32_t>(-EIO);
  driven.ring.push_nop(2).flags = abi::IOSQE_IO_LINK;
  driven.ring.push_nop(3);
  EXPECT_EQ(driven.run({{.submit = 3, .wait_mode = kWaitAbsolute, .wait = 3}, {}, {}, {.result = kStop}}), 0);
  const auto cqes = driven.ring.reap();
  ASSERT_EQ(user_data_of(cqes), (std::vector<uint64_t>{1, 2, 3}));
  EXPECT_EQ(cqes[0].res, -EIO);
  EXPECT_EQ(cqes[1].res, -ECANCELED);
  EXPECT_EQ(cqes[2].res, -ECANCELED);
}

TEST_P(LinksTest, ChainCutByASmallerCountEndsThere) {
  Driven driven(make_ring());
  abi::Sqe& head = driven.ring.push_nop(1);
  head.flags = abi::IOSQE_IO_LINK;
  head.op_flags = abi::IORING_NOP_INJECT_RESULT;
  head.len = static_cast<uint32_t>(-EIO);
  driven.ring.push_nop(2).flags = abi::IOSQE_IO_LINK;
  driven.ring.push_nop(3);
  EXPECT_EQ(driven.run({{.submit = 2, .wait_mode = kWaitAbsolute, .wait = 2},
                        {.submit = 1, .wait_mode = kWaitAbsolute, .wait = 3},
                        {.result = kStop}}),
            0);
  EXPECT_EQ(driven.script.note(0).submitted, 2);
  EXPECT_EQ(driven.script.note(1).submitted, 1);
  const auto cqes = driven.ring.reap();
  ASSERT_EQ(user_data_of(cqes), (std::vector<uint64_t>{1, 2, 3}));
  EXPECT_EQ(cqes[1].res, -ECANCELED);
  EXPECT_EQ(cqes[2].res, 0) << "not of that chain";
}

// ---- enter

TEST_P(EnterTest, RunsTheLoopWhateverTheArguments) {
  Driven driven(make_ring());
  driven.ring.push_nop(1);
  driven.ring.push_nop(2);
  abi::GeteventsArg bad_pointer{.ts = 0x10};
  struct {
    unsigned to_submit, min_complete, flags;
    const void* argument;
    size_t size;
  } cases[] = {
      {0, 0, 0, nullptr, 0},
      {2, 0, 0, nullptr, 0},
      {2, 2, abi::IORING_ENTER_GETEVENTS, nullptr, 0},
      {0, 100, abi::IORING_ENTER_GETEVENTS, nullptr, 0},
      {1, 1, abi::IORING_ENTER_GETEVENTS | abi::IORING_ENTER_EXT_ARG, &bad_pointer, sizeof(bad_pointer)},
      {1, 1, abi::IORING_ENTER_GETEVENTS | abi::IORING_ENTER_EXT_ARG, &bad_pointer, 3},
      {1, 1, abi::IORING_ENTER_GETEVENTS, reinterpret_cast<const void*>(0x10), 8},
  };
  for (const auto& one : cases) {
    driven.script.play({{.result = kStop}});
    EXPECT_EQ(driven.ring.ring().enter(one.to_submit, one.min_complete, one.flags, one.argument, one.size), 0)
        << one.to_submit << " " << one.flags << " " << one.size;
    EXPECT_EQ(driven.script.steps(), 1u);
  }
  EXPECT_EQ(driven.ring.sq_head(), 0u) << "the application's SQEs are not consumed";
}

TEST_P(EnterTest, UnknownFlagIsInvalidWithoutAStep) {
  Driven driven(make_ring());
  driven.script.play({{.result = kStop}});
  EXPECT_EQ(driven.ring.enter(0, 0, 1u << 30), -EINVAL);
  EXPECT_EQ(driven.script.steps(), 0u);
}

// ---- waiting

TEST_P(WaitingTest, IndexStartsAtZeroAtEveryEnterAndPersistsBetweenSteps) {
  Driven driven(make_ring());
  for (int enter = 0; enter < 2; enter++) {
    EXPECT_EQ(driven.run({{.wait_mode = kWaitAbsolute, .wait = uint32_t(-7)}, {}, {.result = kStop}}), 0);
    EXPECT_EQ(driven.script.note(0).wait_idx, 0u);
    EXPECT_EQ(driven.script.note(1).wait_idx, uint32_t(-7));
    EXPECT_EQ(driven.script.note(2).wait_idx, uint32_t(-7));
  }
}

TEST_P(WaitingTest, ComparisonIsSigned) {
  Driven driven(make_ring());
  // Behind the tail, also across 2^31: no wait at all.
  for (uint32_t index : {0u, uint32_t(-1), 0x80000000u, 0xf0000000u}) {
    EXPECT_EQ(driven.run({{.wait_mode = kWaitAbsolute, .wait = index}, {.result = kStop}}), 0) << index;
    EXPECT_EQ(driven.script.steps(), 2u);
  }
}

TEST_P(WaitingTest, WaitsForSoManyCompletions) {
  Driven driven(make_ring());
  const abi::Timespec times[] = {after(10ms), after(30ms), after(60ms)};
  for (uint64_t i = 0; i < 3; i++) driven.ring.push_timeout(i, times[i]);
  const auto start = Clock::now();
  // The index is a hint: timeouts end the sleep early. Go on until all three are there.
  driven.script.play({{.submit = 3, .wait_mode = kWaitAbsolute, .wait = 3},
                      {.wait_mode = kWaitAbsolute, .wait = 3},
                      {.wait_mode = kWaitAbsolute, .wait = 4}});
  auto watcher =
      when([&] { return std::atomic_ref(driven.ring.cq_tail()).load() == 3; }, [&] { driven.loop->stop(); });
  EXPECT_EQ(driven.ring.enter(), -ECANCELED);
  EXPECT_GE(Clock::now() - start, 60ms);
  EXPECT_EQ(driven.ring.reap().size(), 3u);
  EXPECT_LE(driven.loop->steps(), 6u) << "it slept";
}

TEST_P(WaitingTest, OneCompletionEndsOneWait) {
  Driven driven(make_ring());
  const abi::Timespec time = after(20ms);
  driven.ring.push_timeout(9, time);
  EXPECT_EQ(driven.run({{.submit = 1, .wait_mode = kWaitRelative, .wait = 1}, {.result = kStop}}), 0);
  EXPECT_EQ(driven.script.note(1).cq_tail, 1u);
  EXPECT_EQ(driven.script.note(1).last_res, -ETIME);
  EXPECT_EQ(driven.script.steps(), 2u);
}

TEST_P(WaitingTest, InlineCompletionsNeedNoWait) {
  Driven driven(make_ring());
  driven.ring.push_nop(1);
  EXPECT_EQ(driven.run({{.submit = 1, .wait_mode = kWaitAbsolute, .wait = 1}, {.result = kStop}}), 0);
  EXPECT_EQ(driven.script.note(1).cq_tail, 1u);
}

// ---- overflow

TEST_P(OverflowTest, NothingIsLostAndTheBacklogComesInOrder) {
  Driven driven(make_ring(16, kLoopSetup, 16));
  const uint32_t entries = driven.ring.params().cq_entries;
  for (uint64_t i = 0; i < 16; i++) driven.ring.push_nop(i);
  // Fill the CQ, and then some: 16 + 8 for 16 entries.
  EXPECT_EQ(driven.run({{.submit = 16}, {.result = kStop}}), 0);
  for (uint64_t i = 16; i < 24; i++) driven.ring.push_nop(i);
  EXPECT_EQ(driven.run({{.submit = 8}, {}, {.reap = 3}, {}, {.reap = 5}, {}, {.result = kStop}}), 0);
  const Script& script = driven.script;
  EXPECT_EQ(script.note(0).submitted, 8) << "submission still works";
  EXPECT_EQ(script.note(1).cq_tail, entries) << "the tail stops at the ring's size";
  EXPECT_EQ(script.note(1).overflow, 0u);
  EXPECT_TRUE(script.note(1).sq_flags & abi::IORING_SQ_CQ_OVERFLOW);
  EXPECT_EQ(script.note(3).cq_tail, entries + 3) << "posted between steps as the head moves";
  EXPECT_TRUE(script.note(3).sq_flags & abi::IORING_SQ_CQ_OVERFLOW);
  EXPECT_EQ(script.note(5).cq_tail, entries + 8);
  EXPECT_FALSE(script.note(5).sq_flags & abi::IORING_SQ_CQ_OVERFLOW);
  std::vector<uint64_t> expected;
  for (uint64_t i = 8; i < 24; i++) expected.push_back(i);
  EXPECT_EQ(user_data_of(driven.ring.reap()), expected);
  EXPECT_EQ(driven.ring.cq_overflow(), 0u);
}

TEST_P(OverflowTest, EnterFlushesItAfterADetach) {
  Driven driven(make_ring(16, kLoopSetup, 16));
  for (uint64_t i = 0; i < 16; i++) driven.ring.push_nop(i);
  EXPECT_EQ(driven.run({{.submit = 16, .result = kStop}}), 0);
  for (uint64_t i = 16; i < 20; i++) driven.ring.push_nop(i);
  EXPECT_EQ(driven.run({{.submit = 4, .result = kStop}}), 0);
  driven.loop->detach();
  EXPECT_EQ(driven.ring.reap().size(), 16u);
  EXPECT_EQ(driven.ring.enter(0, 0, abi::IORING_ENTER_GETEVENTS), 0);
  EXPECT_EQ(user_data_of(driven.ring.reap()), (std::vector<uint64_t>{16, 17, 18, 19}));
}

RING3_LOOP_TESTS(ReturnTest);
RING3_LOOP_TESTS(SubmitTest);
RING3_LOOP_TESTS(LinksTest);
RING3_LOOP_TESTS(EnterTest);
RING3_LOOP_TESTS(WaitingTest);
RING3_LOOP_TESTS(OverflowTest);

}  // namespace
}  // namespace ring3::test
