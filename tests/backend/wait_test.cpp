// Waiting: limits, signals, wake-ups, and two threads.
#include <poll.h>
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <thread>

#include "backend/host/host.hpp"
#include "suite.hpp"

namespace ring3::backend::test {
namespace {

using namespace abi;

class Waiting : public Suite {
 protected:
  Sqe poll(const SocketPair& pair) { return make_sqe(IORING_OP_POLL_ADD, pair.left.get(), 0, 0, 0, POLLIN); }
};
RING3_BACKEND_SUITE(Waiting);

// A signal that is blocked but for the time of a wait.
class BlockedSignal {
 public:
  BlockedSignal() {
    handled = 0;
    struct sigaction action {};
    action.sa_handler = [](int) { ++handled; };
    ::sigaction(SIGUSR1, &action, &old_action_);
    sigset_t blocked;
    ::sigemptyset(&blocked);
    ::sigaddset(&blocked, SIGUSR1);
    ::pthread_sigmask(SIG_BLOCK, &blocked, &old_mask_);
    open_mask_ = old_mask_;
    ::sigdelset(&open_mask_, SIGUSR1);
  }
  ~BlockedSignal() {
    ::pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr);
    ::sigaction(SIGUSR1, &old_action_, nullptr);
  }
  const sigset_t* open_mask() const { return &open_mask_; }
  static std::atomic<int> handled;

 private:
  struct sigaction old_action_ {};
  sigset_t old_mask_, open_mask_;
};
std::atomic<int> BlockedSignal::handled = 0;

TEST_P(Waiting, Deadline) {
  uint64_t before = now_ns();
  EXPECT_EQ(backend_->wait(1, {.deadline_ns = before + 10 * kMillisecond}), -ETIME);
  EXPECT_GE(now_ns(), before + 10 * kMillisecond);
  EXPECT_LT(now_ns(), before + kSecond);
  EXPECT_EQ(backend_->wait(1, {.deadline_ns = 1}), -ETIME);
  EXPECT_EQ(backend_->wait(0, {.deadline_ns = 1}), 0);
}

// Fewer completions than asked for, and then the deadline: no matter in which call they were submitted.
TEST_P(Waiting, DeadlineWithSomeCompletions) {
  if (is_kernel()) GTEST_SKIP() << "the kernel hides the reason behind the count";
  queue({make_sqe(IORING_OP_NOP)}, 1);
  EXPECT_EQ(backend_->wait(3, {.deadline_ns = now_ns() + 5 * kMillisecond}), -ETIME);
  EXPECT_EQ(backend_->wait(3, {.deadline_ns = now_ns() + 5 * kMillisecond}), -ETIME);
  EXPECT_EQ(backend_->wait(1, {}), 0);
  collect(1);
}

TEST_P(Waiting, NothingToDoIsNoSystemCall) {
  if (is_kernel()) GTEST_SKIP() << "a property of the back-ends";
  queue({make_sqe(IORING_OP_NOP)}, 1);
  EXPECT_EQ(backend_->wait(1, {}), 0);
  uint64_t before = backend_->counters().system_calls;
  EXPECT_EQ(backend_->wait(1, {}), 0);
  EXPECT_EQ(backend_->wait(0, {}), 0);
  EXPECT_EQ(backend_->counters().system_calls, before);
}

TEST_P(Waiting, ATurnIsOneSystemCall) {
  if (!is_host()) GTEST_SKIP() << "a property of host";
  FileDescriptor file = temporary_file(4096);
  char bytes[512];
  run(make_sqe(IORING_OP_NOP));  // arms what a first wait arms
  uint64_t before = backend_->counters().system_calls;
  for (int i = 0; i < 8; ++i)
    queue({make_sqe(IORING_OP_READ, file.get(), address(bytes), 512, i * 512)}, i + 1);
  EXPECT_EQ(backend_->wait(8, {.deadline_ns = now_ns() + kSecond}), 0);
  EXPECT_EQ(backend_->counters().system_calls, before + 1);
  collect(8);
}

TEST_P(Waiting, ASignalThatTheMaskLetsThroughEndsIt) {
  BlockedSignal signal;
  ::pthread_kill(::pthread_self(), SIGUSR1);
  EXPECT_EQ(backend_->wait(1, {.deadline_ns = now_ns() + 5 * kMillisecond}), -ETIME) << "blocked";
  EXPECT_EQ(BlockedSignal::handled, 0);
  EXPECT_EQ(backend_->wait(1, {.deadline_ns = now_ns() + 5 * kSecond, .signal_mask = signal.open_mask()}),
            -EINTR);
  EXPECT_EQ(BlockedSignal::handled, 1);
}

TEST_P(Waiting, ASignalIsSeenThoughRequestsWereSubmittedOrCompleted) {
  if (is_kernel()) GTEST_SKIP() << "the kernel hides the reason behind the count";
  BlockedSignal signal;
  SocketPair pair = socket_pair();
  ::pthread_kill(::pthread_self(), SIGUSR1);
  queue({make_sqe(IORING_OP_NOP)}, 1);
  queue({poll(pair)}, 2);
  EXPECT_EQ(backend_->wait(2, {.signal_mask = signal.open_mask()}), -EINTR);
  EXPECT_EQ(BlockedSignal::handled, 1);
  std::thread later([target = ::pthread_self()] {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    ::pthread_kill(target, SIGUSR1);
  });
  EXPECT_EQ(backend_->wait(2, {.deadline_ns = now_ns() + 5 * kSecond, .signal_mask = signal.open_mask()}),
            -EINTR);
  EXPECT_EQ(BlockedSignal::handled, 2);
  later.join();
  collect(1);
}

// Timeouts that fire all the time must not swallow a signal.
TEST_P(Waiting, ASignalIsSeenAmongTimeouts) {
  if (is_kernel()) GTEST_SKIP() << "the kernel hides the reason behind the count";
  BlockedSignal signal;
  Timespec often{0, 200'000};
  queue({make_sqe(IORING_OP_TIMEOUT, -1, address(&often), 1, 0, 64 /* multishot */)}, 1);
  std::array<Completion, 16> out;
  for (int i = 1; i <= 50; ++i) {
    ::pthread_kill(::pthread_self(), SIGUSR1);
    uint64_t before = now_ns();
    while (BlockedSignal::handled < i && now_ns() - before < kSecond) {
      int result = backend_->wait(4, {.deadline_ns = now_ns() + kSecond, .signal_mask = signal.open_mask()});
      ASSERT_EQ(result == -EINTR, BlockedSignal::handled == i) << result << " in round " << i;
      backend_->reap(out);
    }
    ASSERT_LT(now_ns() - before, 10 * kMillisecond);
  }
}

// As Linux has it: fewer completions than the wait asks for.
TEST_P(Waiting, ATimeoutEndsAnyWait) {
  Timespec soon{0, 5'000'000};
  queue({make_sqe(IORING_OP_TIMEOUT, -1, address(&soon), 1)}, 1);
  EXPECT_EQ(backend_->wait(8, {.deadline_ns = now_ns() + 5 * kSecond}), 0);
  collect(1);
  EXPECT_EQ(result_of(1), -ETIME);
}

TEST_P(Waiting, WakeEndsTheCurrentOrTheNext) {
  if (is_kernel()) GTEST_SKIP() << "the kernel has no wake";
  for (unsigned completions : {1u, 8u}) {
    backend_->wake();
    EXPECT_EQ(backend_->wait(completions, {.deadline_ns = now_ns() + 5 * kSecond}), 0);
    std::thread later([this] {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      backend_->wake();
    });
    int result;
    uint64_t before = now_ns();
    do {  // an early return is normal
      result = backend_->wait(completions, {.deadline_ns = now_ns() + 5 * kSecond});
    } while (result == 0 && now_ns() - before < 9 * kMillisecond);
    EXPECT_EQ(result, 0);
    later.join();
    std::array<Completion, 4> out;
    EXPECT_EQ(backend_->reap(out), 0u);
  }
}

// Each wake() must end a wait that starts after the one before it was seen; half of the waits have work as
// well.
TEST_P(Waiting, NoWakeIsLost) {
  if (is_kernel()) GTEST_SKIP() << "the kernel has no wake";
  std::atomic<uint64_t> sent = 0, seen = 0;
  std::atomic<bool> stop = false;
  std::thread waker([&] {
    while (!stop) {
      sent.fetch_add(1);
      backend_->wake();
      for (uint64_t spins = 0; seen < sent && !stop; ++spins)
        if (spins > 100) std::this_thread::yield();
    }
  });
  uint64_t end = now_ns() + kSecond, rounds = 0;
  std::array<Completion, 16> out;
  while (now_ns() < end && !HasFailure()) {
    if (rounds++ % 2) queue({make_sqe(IORING_OP_NOP)}, rounds);
    while (seen < sent) seen = sent.load();
    EXPECT_EQ(backend_->wait(4, {.deadline_ns = now_ns() + 2 * kSecond}), 0)
        << "a lost wake-up, round " << rounds;
    while (backend_->reap(out) == out.size()) {
    }
  }
  stop = true;
  seen = ~0ull;
  waker.join();
  EXPECT_GT(rounds, 100u);
}

// One thread submits, then another one takes over: what the interface allows of a ring that has no single
// issuer.
TEST_P(Waiting, TwoThreadsInTurn) {
  create({.entries = 16, .cq_entries = 32, .setup_flags = 0});
  if (IsSkipped()) return;
  SocketPair pair = socket_pair();
  queue({poll(pair)}, 1);
  ASSERT_EQ(backend_->flush(), 0);
  std::thread other([&] {
    queue({make_sqe(IORING_OP_WRITE, pair.right.get(), address("x"), 1)}, 2);
    collect(2);
  });
  other.join();
  EXPECT_EQ(result_of(1), POLLIN);
  EXPECT_EQ(result_of(2), 1);
}

TEST_P(Waiting, CompletionsBeyondTheQueueAreKept) {
  if (is_kernel()) GTEST_SKIP() << "a property of the back-ends";
  constexpr size_t kCount = 9000;  // more than host's own CQ holds
  size_t queued = 0;
  for (; queued < kCount; ++queued) {
    Sqe nop = make_sqe(IORING_OP_NOP);
    nop.user_data = queued + 1;
    if (backend_->queue({&nop, 1}) != 0) break;
  }
  ASSERT_GT(queued, 4000u);
  collect(queued);
  EXPECT_EQ(done_.size(), queued);
}

// A disabled ring belongs to who enables it.
TEST_P(Waiting, DisabledUntilEnabled) {
  create(
      {.entries = 16, .cq_entries = 32, .setup_flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_R_DISABLED});
  if (IsSkipped()) return;
  std::thread other([&] {
    EXPECT_EQ(backend_->register_op(IORING_REGISTER_ENABLE_RINGS, 0, 0), 0);
    EXPECT_EQ(run(make_sqe(IORING_OP_NOP)), 0);
  });
  other.join();
}

// The host back-end where the kernel lacks what newer ones have.
class Fallbacks : public ::testing::TestWithParam<host::Absent> {};
constexpr uint32_t kNone = IORING_SETUP_NO_SQARRAY | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_SINGLE_ISSUER |
                           IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL |
                           IORING_SETUP_R_DISABLED;
INSTANTIATE_TEST_SUITE_P(Kernels, Fallbacks,
                         ::testing::Values(host::Absent{}, host::Absent{IORING_SETUP_NO_SQARRAY, 0},
                                           host::Absent{IORING_SETUP_DEFER_TASKRUN, 0},
                                           host::Absent{kNone, IORING_FEAT_SINGLE_MMAP},
                                           host::Absent{kNone, IORING_FEAT_EXT_ARG}));

TEST_P(Fallbacks, WaitsWakesAndCompletes) {
  Config config{.entries = 8, .cq_entries = 16, .setup_flags = IORING_SETUP_SINGLE_ISSUER};
  auto created = host::HostBackend::create(config, GetParam());
  if (!created) GTEST_SKIP() << created.error().text();
  Backend& backend = **created;
  BlockedSignal signal;
  // What a wake-up leaves behind may end a few more waits early.
  auto wait = [&](const WaitLimits& limits) {
    int result;
    do {
      result = backend.wait(2, limits);
      std::array<Completion, 8> none;
      EXPECT_EQ(backend.reap(none), 0u);
    } while (result == 0);
    return result;
  };
  for (int round = 0; round < 3; ++round) {
    uint64_t before = now_ns();
    EXPECT_EQ(wait({.deadline_ns = before + 5 * kMillisecond}), -ETIME);
    EXPECT_GE(now_ns(), before + 5 * kMillisecond);
    std::thread later([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
      backend.wake();
    });
    EXPECT_EQ(backend.wait(5, {.deadline_ns = now_ns() + 5 * kSecond}), 0);
    later.join();
    ::pthread_kill(::pthread_self(), SIGUSR1);
    EXPECT_EQ(wait({.deadline_ns = now_ns() + 5 * kSecond, .signal_mask = signal.open_mask()}), -EINTR);
    Sqe chain[2] = {linked(make_sqe(IORING_OP_NOP)), make_sqe(IORING_OP_NOP)};
    chain[0].user_data = 1;
    chain[1].user_data = 2;
    ASSERT_EQ(backend.queue(chain), 0);
    std::array<Completion, 8> out;
    size_t count = 0;
    while (count < 2 && backend.wait(2 - count, {.deadline_ns = now_ns() + 5 * kSecond}) == 0)
      count += backend.reap(std::span(out).subspan(count));
    ASSERT_EQ(count, 2u);
    EXPECT_EQ(out[0].token + out[1].token, 3u);
  }
}

}  // namespace
}  // namespace ring3::backend::test
