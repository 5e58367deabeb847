// uapi, "The BPF-controlled loop": attach, set-up, detach, context.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>

#include "harness.hpp"

namespace ring3::test {
namespace {

class AttachTest : public LoopTest {};
class SetUpTest : public LoopTest {};
class DetachTest : public LoopTest {};
class ContextTest : public LoopTest {};

// ---- attach

TEST_P(AttachTest, LoadSucceedsWhateverTheRing) {
  TestRing ring = make_ring(16, 0);
  Module module = must(open_fixture("script", &ring));
  must(module.set("script_ops.ring_fd", uint64_t(12345)));
  EXPECT_TRUE(must(module.load()));
}

TEST_P(AttachTest, WithoutDeferTaskrunIsNotSupported) {
  for (uint32_t flags : {uint32_t{0}, uint32_t{abi::IORING_SETUP_SINGLE_ISSUER}}) {
    TestRing ring = make_ring(16, flags);
    Script script(ring);
    EXPECT_EQ(code_of(Loop::attach(script.module(), ring.ring(), "script_ops")), EOPNOTSUPP);
  }
}

TEST_P(AttachTest, SqpollAndIopollAreNotSupported) {
  const uint32_t cases[] = {abi::IORING_SETUP_SQPOLL, abi::IORING_SETUP_IOPOLL,
                            abi::IORING_SETUP_IOPOLL | kLoopSetup};
  int tried = 0;
  for (uint32_t flags : cases) {
    auto ring = TestRing::create(GetParam(), 16, flags);
    if (!ring) continue;  // set-up refuses it already, as ring3 says of what it does not have
    tried++;
    Script script(*ring);
    EXPECT_EQ(code_of(Loop::attach(script.module(), ring->ring(), "script_ops")), EOPNOTSUPP) << flags;
  }
  if (!tried) GTEST_SKIP() << "this ring has neither SQPOLL nor IOPOLL: set-up refuses them";
}

TEST_P(AttachTest, SecondAttachIsBusy) {
  TestRing ring = make_ring();
  Script script(ring);
  Loop loop = must(Loop::attach(script.module(), ring.ring(), "script_ops"));
  EXPECT_EQ(code_of(Loop::attach(script.module(), ring.ring(), "script_ops")), EBUSY) << "the same map";
  EXPECT_EQ(code_of(Loop::attach(script.module(), ring.ring(), "other_ops")), EBUSY) << "another map";
  Script another(ring);
  EXPECT_EQ(code_of(Loop::attach(another.module(), ring.ring(), "script_ops")), EBUSY) << "another object";
}

TEST_P(AttachTest, SecondAttachWhileALoopWaitsIsBusy) {
  TestRing ring = make_ring();
  Script script(ring), another(ring);
  script.play({{.wait_mode = kWaitRelative, .wait = 1}});
  Loop loop = must(Loop::attach(script.module(), ring.ring(), "script_ops"));
  int code = 0;
  auto thread = when([&] { return script.steps() == 1; },
                     [&] {
                       std::this_thread::sleep_for(20ms);
                       code = code_of(Loop::attach(another.module(), ring.ring(), "script_ops"));
                       loop.stop();
                     });
  EXPECT_EQ(ring.enter(), -ECANCELED);
  thread.join();
  EXPECT_EQ(code, EBUSY);
}

TEST_P(AttachTest, OpsMapOnASecondRingIsRefused) {
  TestRing first = make_ring(), second = make_ring();
  Script script(first);
  Loop loop = must(Loop::attach(script.module(), first.ring(), "script_ops"));
  EXPECT_EQ(code_of(Loop::attach(script.module(), second.ring(), "script_ops")), EBUSY);
  // Nothing dangles: the second ring works as an ordinary one, the first still has its loop.
  second.push_nop(1);
  EXPECT_EQ(second.enter(1), 1);
  script.play({{.result = kStop}});
  EXPECT_EQ(first.enter(), 0);
  EXPECT_EQ(script.steps(), 1u);
}

TEST_P(AttachTest, RingFdNamesTheRing) {
  TestRing ring = make_ring();
  Script script(ring);
  auto attach_to = [&](int fd) {
    Module module = must(open_fixture("script", &ring));
    must(module.set("script_ops.ring_fd", uint64_t(fd)));
    must(load(module));
    return code_of(Loop::attach(module, "script_ops"));
  };
  EXPECT_EQ(attach_to(ring.ring().fd()), 0);
  EXPECT_EQ(attach_to(9999), EBADF);
  EXPECT_EQ(attach_to(STDIN_FILENO), fcntl(STDIN_FILENO, F_GETFD) < 0 ? EBADF : EOPNOTSUPP);
}

TEST_P(AttachTest, RingFdOfAPlainFileIsNotSupported) {
  TestRing ring = make_ring();
  const int fd = open("/dev/null", O_RDONLY);
  Module module = must(open_fixture("script", &ring));
  must(module.set("script_ops.ring_fd", uint64_t(fd)));
  must(load(module));
  EXPECT_EQ(code_of(Loop::attach(module, "script_ops")), EOPNOTSUPP);
  close(fd);
}

TEST_P(AttachTest, OpsWithoutLoopStepAreInvalidAtLoad) {
  // Linux says so when the map is loaded, which is part of opening a module here.
  auto module = open_fixture("no_step");
  ASSERT_FALSE(module);
  EXPECT_EQ(module.error().code, EINVAL) << module.error().text();
}

TEST_P(AttachTest, NotLoadedIsInvalid) {
  TestRing ring = make_ring();
  Module module = must(open_fixture("script", &ring));
  EXPECT_EQ(code_of(Loop::attach(module, ring.ring(), "script_ops")), EINVAL);
}

TEST_P(AttachTest, NamesOfOpsAreChecked) {
  TestRing ring = make_ring();
  Script script(ring);
  EXPECT_EQ(code_of(Loop::attach(script.module(), ring.ring(), "no_such_ops")), ENOENT);
  EXPECT_EQ(code_of(Loop::attach(script.module(), ring.ring())), ENOENT) << "two of them: one must be named";
}

TEST_P(AttachTest, WorksFromAnotherThread) {
  TestRing ring = make_ring();
  Script script(ring);
  script.play({{.result = kStop}});
  std::optional<Loop> loop;
  std::jthread([&] { loop.emplace(must(Loop::attach(script.module(), ring.ring(), "script_ops"))); }).join();
  EXPECT_EQ(ring.enter(), 0);
  EXPECT_EQ(loop->steps(), 1u);
}

TEST_P(AttachTest, WorksOnDisabledSqe128AndCqe32Rings) {
  for (uint32_t flag : {abi::IORING_SETUP_SQE128, abi::IORING_SETUP_CQE32, abi::IORING_SETUP_NO_SQARRAY}) {
    auto ring = TestRing::create(GetParam(), 16, kLoopSetup | flag);
    ASSERT_TRUE(ring) << flag << ring.error().text();
    Script script(*ring);
    script.play({{.result = kStop}});
    Loop loop = must(Loop::attach(script.module(), ring->ring(), "script_ops"));
    EXPECT_EQ(ring->enter(), 0) << flag;
    EXPECT_EQ(script.steps(), 1u) << flag;
  }
  TestRing ring = make_ring(16, kLoopSetup | abi::IORING_SETUP_R_DISABLED);
  Script script(ring);
  script.play({{.result = kStop}});
  Loop loop = must(Loop::attach(script.module(), ring.ring(), "script_ops"));
  EXPECT_EQ(ring.ring().register_op(abi::IORING_REGISTER_ENABLE_RINGS, nullptr, 0), 0);
  EXPECT_EQ(ring.enter(), 0);
  EXPECT_EQ(script.steps(), 1u);
}

TEST_P(AttachTest, EarlierCqesAreVisibleToTheFirstStep) {
  TestRing ring = make_ring();
  ring.push_nop(1);
  ring.push_nop(2);
  ASSERT_EQ(ring.enter(2, 2, abi::IORING_ENTER_GETEVENTS), 2);
  Script script(ring);
  script.play({{.result = kStop}});
  Loop loop = must(Loop::attach(script.module(), ring.ring(), "script_ops"));
  EXPECT_EQ(ring.enter(), 0);
  EXPECT_EQ(script.note(0).cq_tail - script.note(0).cq_head, 2u);
}

TEST_P(AttachTest, BothNamesOfTheContextLoad) {
  TestRing ring = make_ring();
  Module module = must(open_fixture("old_name"));
  must(load(module));
  Loop loop = must(Loop::attach(module, ring.ring()));
  ring.push_nop(1);
  EXPECT_EQ(ring.enter(), 0);
  EXPECT_EQ(*must(module.as<int>("submitted")), 1);
}

// ---- set-up

TEST_P(SetUpTest, CombinationsThatLinuxRefuses) {
  const uint32_t cases[] = {
      abi::IORING_SETUP_SQPOLL | kLoopSetup,
      abi::IORING_SETUP_DEFER_TASKRUN,
      kLoopSetup | abi::IORING_SETUP_SQ_REWIND,
  };
  for (uint32_t flags : cases) {
    auto ring = TestRing::create(GetParam(), 16, flags);
    ASSERT_FALSE(ring) << flags;
    EXPECT_EQ(ring.error().code, EINVAL) << flags;
  }
}

// ---- detach

TEST_P(DetachTest, DestroyingTheLinkMakesEnterOrdinary) {
  TestRing ring = make_ring();
  Script script(ring);
  script.play({{.result = kStop}});
  {
    Loop loop = must(Loop::attach(script.module(), ring.ring(), "script_ops"));
    ring.push_nop(1);
    EXPECT_EQ(ring.enter(1), 0) << "the loop decides, and it submits nothing";
  }
  EXPECT_EQ(ring.enter(1), 1);
  EXPECT_EQ(script.steps(), 1u);
}

TEST_P(DetachTest, DetachIsAtOnceAndTwiceIsHarmless) {
  TestRing ring = make_ring();
  Script script(ring);
  Loop loop = must(Loop::attach(script.module(), ring.ring(), "script_ops"));
  loop.detach();
  loop.detach();
  ring.push_nop(1);
  EXPECT_EQ(ring.enter(1), 1);
  EXPECT_EQ(script.steps(), 0u);
  EXPECT_EQ(code_of(Loop::attach(script.module(), ring.ring(), "script_ops")), 0) << "the map is free again";
}

TEST_P(DetachTest, MovingTheLinkKeepsIt) {
  TestRing ring = make_ring();
  Script script(ring);
  script.play({{.result = kStop}});
  std::optional<Loop> kept;
  {
    Loop loop = must(Loop::attach(script.module(), ring.ring(), "script_ops"));
    kept.emplace(std::move(loop));
  }
  EXPECT_EQ(ring.enter(), 0);
  EXPECT_EQ(script.steps(), 1u);
}

TEST_P(DetachTest, ClosingTheObjectDoesNotDetach) {
  TestRing ring = make_ring();
  std::optional<Script> script(std::in_place, ring);
  script->play({{.result = kStop}});
  Loop loop = must(Loop::attach(script->module(), ring.ring(), "script_ops"));
  script.reset();
  EXPECT_EQ(ring.enter(), 0);
  EXPECT_EQ(loop.steps(), 1u);
}

TEST_P(DetachTest, RingClosedFirst) {
  TestRing ring = make_ring(), next = make_ring();
  Script script(ring);
  Loop loop = must(Loop::attach(script.module(), ring.ring(), "script_ops"));
  ring.close();
  Loop again = must(Loop::attach(script.module(), next.ring(), "script_ops"));
  loop.detach();
  script.play({{.result = kStop}});
  EXPECT_EQ(next.enter(), 0) << "detaching from the ring that is gone leaves the new one alone";
  EXPECT_EQ(script.steps(), 1u);
}

TEST_P(DetachTest, SleepingLoopIsNotWokenAndEndsWithFaultAtTheNextCompletion) {
  TestRing ring = make_ring();
  Script script(ring);
  const abi::Timespec time = after(150ms);
  ring.push_timeout(1, time);
  script.play({{.submit = 1, .wait_mode = kWaitRelative, .wait = 1}});
  Loop loop = must(Loop::attach(script.module(), ring.ring(), "script_ops"));
  std::atomic<Clock::time_point> detached;
  auto thread = when([&] { return script.steps() == 1; },
                     [&] {
                       std::this_thread::sleep_for(30ms);
                       loop.detach();
                       detached = Clock::now();
                     });
  const auto start = Clock::now();
  EXPECT_EQ(ring.enter(), -EFAULT);
  const auto end = Clock::now();
  EXPECT_GE(end - start, 140ms) << "it slept on until the completion";
  thread.join();
  EXPECT_LT(detached.load() - start, 140ms) << "detaching did not wait for the sleeper";
  EXPECT_EQ(script.steps(), 1u);
}

TEST_P(DetachTest, SleepingLoopDetachedThenSignalled) {
  struct sigaction action {
  }, before;
  action.sa_handler = [](int) {};
  sigaction(SIGUSR1, &action, &before);
  TestRing ring = make_ring();
  Script script(ring);
  script.play({{.wait_mode = kWaitRelative, .wait = 1}});
  Loop loop = must(Loop::attach(script.module(), ring.ring(), "script_ops"));
  auto thread = when([&] { return script.steps() == 1; },
                     [&, self = pthread_self()] {
                       std::this_thread::sleep_for(30ms);
                       loop.detach();
                       pthread_kill(self, SIGUSR1);
                     });
  EXPECT_EQ(ring.enter(), -EINTR);
  thread.join();
  sigaction(SIGUSR1, &before, nullptr);
}

TEST_P(DetachTest, BusyLoopIsWaitedFor) {
  TestRing ring = make_ring();
  Script script(ring);
  script.play({{}});
  Loop loop = must(Loop::attach(script.module(), ring.ring(), "script_ops"));
  std::atomic<bool> ended = false;
  bool ended_before_detach_returned = false;
  auto detacher = when([&] { return script.steps() > 3; },
                       [&] {
                         loop.detach();
                         ended_before_detach_returned = ended;
                       });
  auto stopper = when([&] { return script.steps() > 3; },
                      [&] {
                        std::this_thread::sleep_for(50ms);
                        ended = true;
                        loop.stop();
                      });
  EXPECT_EQ(ring.enter(), -ECANCELED);
  detacher.join();
  stopper.join();
  EXPECT_TRUE(ended_before_detach_returned);
}

// ---- context

TEST_P(ContextTest, AnotherThreadIsNotTheSubmitter) {
  TestRing ring = make_ring();
  Script script(ring);
  script.play({{.result = kStop}});
  Loop loop = must(Loop::attach(script.module(), ring.ring(), "script_ops"));
  int result = 0;
  std::jthread([&] { result = ring.enter(); }).join();
  EXPECT_EQ(result, -EEXIST);
  EXPECT_EQ(script.steps(), 0u);
  EXPECT_EQ(ring.enter(), 0);
}

TEST_P(ContextTest, ForkedChildIsNotTheSubmitter) {
  TestRing ring = make_ring();
  Script script(ring);
  script.play({{.result = kStop}});
  Loop loop = must(Loop::attach(script.module(), ring.ring(), "script_ops"));
  const pid_t child = fork();
  if (child == 0) _exit(ring.enter() == -EEXIST ? 0 : 1);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(ring.enter(), 0);
  EXPECT_EQ(script.steps(), 1u);
}

TEST_P(ContextTest, StopWithCqesLeftLeavesThem) {
  TestRing ring = make_ring();
  Script script(ring);
  ring.push_nop(7);
  script.play({{.submit = 1, .result = kStop}});
  Loop loop = must(Loop::attach(script.module(), ring.ring(), "script_ops"));
  EXPECT_EQ(ring.enter(), 0);
  const auto cqes = ring.reap();
  ASSERT_EQ(cqes.size(), 1u);
  EXPECT_EQ(cqes[0].user_data, 7u);
}

TEST_P(ContextTest, DisabledRingIsRefused) {
  TestRing ring = make_ring(16, kLoopSetup | abi::IORING_SETUP_R_DISABLED);
  Script script(ring);
  Loop loop = must(Loop::attach(script.module(), ring.ring(), "script_ops"));
  EXPECT_EQ(ring.enter(), -EBADFD);
  EXPECT_EQ(script.steps(), 0u);
}

RING3_LOOP_TESTS(AttachTest);
RING3_LOOP_TESTS(SetUpTest);
RING3_LOOP_TESTS(DetachTest);
RING3_LOOP_TESTS(ContextTest);

}  // namespace
}  // namespace ring3::test
