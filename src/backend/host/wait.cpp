// Waiting: one io_uring_enter that submits, waits and collects; none if what is asked for is already there.
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "backend/host/host.hpp"

namespace ring3::backend::host {

namespace {

constexpr uint64_t kSecond = 1'000'000'000;

uint64_t now_ns() {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

abi::Timespec to_timespec(uint64_t ns) {
  return {static_cast<int64_t>(ns / kSecond), static_cast<int64_t>(ns % kSecond)};
}

}  // namespace

int HostBackend::wait(unsigned completions, const WaitLimits& limits) {
  completions = std::min(completions, ring_.cq_entries());
  if (ring_.setup_flags() & abi::IORING_SETUP_IOPOLL) return wait_polling(completions, limits);

  bool kernel_has_work = ring_.wants_enter() || was_full_;
  if (ring_.ready() >= completions) {
    if (ring_.pending() == 0 && !kernel_has_work) return 0;
    completions = 0;
  }
  if (completions > 0) return wait_blocking(completions, limits);
  int result = enter(0, abi::IORING_ENTER_GETEVENTS);
  was_full_ = false;
  if (result < 0 && result != -EINTR && ring_.ready() > 0) return 0;  // the kernel wants the CQ emptied first
  if (result >= 0 && ring_.pending() > 0) return std::min(submit_pending(), 0);
  return std::min(result, 0);
}

int HostBackend::wait_blocking(unsigned completions, const WaitLimits& limits) {
  bool wake_answered = wake_armed_ && ring_.ready() > 0 && wake_read_is_ready();
  if ((!wake_armed_ || wake_answered) && make_room(2)) arm_wake();
  bool woken = woken_.load() && woken_.exchange(false);

  abi::Timespec timeout;
  const abi::Timespec* timeout_argument = nullptr;
  bool late = false;
  if (limits.deadline_ns && !woken) {
    uint64_t now = now_ns();
    late = *limits.deadline_ns <= now;
    timeout = to_timespec(late ? 0 : *limits.deadline_ns - now);
    if (!late && ring_.has(abi::IORING_FEAT_EXT_ARG))
      timeout_argument = &timeout;
    else if (!late && deadline_armed_ns_ != *limits.deadline_ns && make_room(2))
      arm_deadline(*limits.deadline_ns, timeout);
  }

  unsigned min_complete = woken || late ? 0 : completions;
  int result = 0;
  do {
    result = enter(min_complete, abi::IORING_ENTER_GETEVENTS, limits.signal_mask, timeout_argument);
    // A batch that the kernel took only partly did not wait.
  } while (result >= 0 && ring_.pending() > 0);
  was_full_ = false;

  if (ring_.ready() >= completions || woken) return 0;
  if (result == -EINTR || result == -ETIME) return result;
  if (result < 0) return ring_.ready() > 0 ? 0 : result;  // emptying the CQ may help the kernel on
  return why_wait_ended(completions, limits);
}

// The kernel hides -EINTR and -ETIME behind a count of submissions, or if there are any completions. What
// ended a wait too early is then known by what it was not.
int HostBackend::why_wait_ended(unsigned completions, const WaitLimits& limits) {
  unsigned ready = ring_.ready();
  if (ready >= completions) return 0;
  bool timeout_fired = false;
  for (unsigned i = 0; i < ready; ++i) {
    uint64_t token = ring_.peek(i).user_data;
    timeout_fired |= token == own_token(Own::kWakeRead, wake_generation_) || timeouts_.contains(token);
  }
  if (woken_.load() && woken_.exchange(false)) return 0;
  if (limits.deadline_ns && *limits.deadline_ns <= now_ns()) return -ETIME;
  return timeout_fired ? 0 : -EINTR;
}

// For kernels before 5.11, whose io_uring_enter takes no time limit: a TIMEOUT of our own, in place of the
// one for an earlier deadline. Precondition: room for two.
void HostBackend::arm_deadline(uint64_t deadline_ns, const abi::Timespec& timeout) {
  if (deadline_armed_ns_ != 0) {
    abi::Sqe& remove = ring_.push();
    remove = {};
    remove.opcode = abi::IORING_OP_TIMEOUT_REMOVE;
    remove.addr = own_token(Own::kDeadline, deadline_generation_);
    remove.user_data = own_token(Own::kCancel, deadline_generation_);
  }
  abi::Sqe& sqe = ring_.push();
  sqe = {};
  sqe.opcode = abi::IORING_OP_TIMEOUT;
  sqe.addr = reinterpret_cast<uint64_t>(&deadline_timeout_);
  sqe.len = 1;
  sqe.user_data = own_token(Own::kDeadline, ++deadline_generation_);
  deadline_timeout_ = timeout;
  deadline_armed_ns_ = deadline_ns;
}

// With IOPOLL the kernel completes requests only while it is asked to, knows no time limit or signal mask
// while it polls, and takes no request that could wake it. So we ask it in turns and look at the rest in
// between.
int HostBackend::wait_polling(unsigned completions, const WaitLimits& limits) {
  while (true) {
    if (ring_.pending() > 0 || in_flight_ > 0) {
      int result = enter(0, abi::IORING_ENTER_GETEVENTS);
      if (result < 0 && result != -EINTR && ring_.ready() == 0) return result;
    }
    if (ring_.ready() >= completions) return 0;
    timespec timeout{};
    bool idle = ring_.pending() == 0 && in_flight_ == 0;
    if (limits.deadline_ns) {
      uint64_t now = now_ns();
      if (*limits.deadline_ns <= now) return -ETIME;
      abi::Timespec left = to_timespec(*limits.deadline_ns - now);
      if (idle) timeout = {left.tv_sec, left.tv_nsec};
    }
    pollfd event{event_.get(), POLLIN, 0};
    ++counters_.system_calls;
    int polled = ::ppoll(&event, 1, idle && !limits.deadline_ns ? nullptr : &timeout, limits.signal_mask);
    if (polled < 0 && errno == EINTR) return -EINTR;
    if (polled > 0) {
      uint64_t value;
      [[maybe_unused]] ssize_t drained = ::read(event_.get(), &value, sizeof(value));
      woken_.store(false);
      return 0;
    }
  }
}

}  // namespace ring3::backend::host
