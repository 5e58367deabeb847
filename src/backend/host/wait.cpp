// Waiting: one io_uring_enter that submits, waits and collects; none if what is asked for is already there.
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "backend/host/host.hpp"
#include "base/clock.hpp"

namespace ring3::backend::host {

namespace {

constexpr uint64_t kSecond = 1'000'000'000;
// How long the kernel sleeps at a time while timeouts are in flight: at first, and in the end.
constexpr uint64_t kSliceNsMin = 1'000'000, kSliceNsMax = 4'000'000;

abi::Timespec to_timespec(uint64_t ns) {
  return {static_cast<int64_t>(ns / kSecond), static_cast<int64_t>(ns % kSecond)};
}

}  // namespace

int HostBackend::wait_for(unsigned completions, const WaitLimits& limits) {
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
  if ((!wake_armed_ || wake_answered) && make_room(kWakeRequests)) arm_wake();
  bool woken = woken_.load() && woken_.exchange(false);
  int verdict;
  uint64_t slice_ns = kSliceNsMin;
  do {
    Turn turn{.completions = completions, .slice_ns = slice_ns};
    slice_ns = std::min(2 * slice_ns, kSliceNsMax);
    turn.signal_mask = limits.signal_mask;
    if (!woken && !set_limits(turn, limits)) return -EINTR;
    unsigned target = turn.batches ? completions : std::min(completions, ring_.ready() + 1);
    turn.min_complete = woken || turn.is_late ? 0 : target;
    int result;
    do {
      result = enter(turn.min_complete, abi::IORING_ENTER_GETEVENTS, turn.signal_mask,
                     turn.has_timeout ? &turn.timeout : nullptr);
      // A batch that the kernel took only partly did not wait.
    } while (result >= 0 && ring_.pending() > 0);
    was_full_ = false;
    if (ring_.ready() >= completions || woken) return 0;
    if (result == -EINTR) return result;
    if (result < 0 && result != -ETIME)
      return ring_.ready() > 0 ? 0 : result;  // emptying the CQ may help it on
    verdict = why_wait_ended(turn, limits);
  } while (verdict == kGoOn);
  return verdict;
}

// How long the kernel is to sleep, and with which signals. While timeouts are in flight it sleeps in slices:
// one that fires in the moment before the kernel goes to sleep does not end its wait, though its completion
// is posted. In these slices signals stay blocked, because the kernel would hide behind such a completion
// that one was delivered; we look for them ourselves. False: a signal was delivered.
bool HostBackend::set_limits(Turn& turn, const WaitLimits& limits) {
  bool has_timeouts = !timeouts_.empty() || wake_timers_running_ > 0;
  bool sliced = has_timeouts && ring_.has(abi::IORING_FEAT_EXT_ARG);
  if (has_timeouts && !sliced) turn.batches = false;
  if (!limits.deadline_ns && !has_timeouts) return true;
  uint64_t now = monotonic_ns(), deadline = limits.deadline_ns.value_or(UINT64_MAX);
  if (has_timeouts && limits.signal_mask) {
    if (sliced) turn.signal_mask = nullptr;
    if (!sliced || now - signals_seen_ns_ >= kSliceNsMin) {
      signals_seen_ns_ = now;
      if (deliver_signals(*limits.signal_mask)) return false;
    }
  }
  if (!limits.deadline_ns && !sliced) return true;
  turn.is_late = deadline <= now;
  if (turn.is_late) return true;
  turn.slice_end_ns = sliced ? std::min(deadline, now + turn.slice_ns) : deadline;
  turn.timeout = to_timespec(turn.slice_end_ns - now);
  turn.has_timeout = ring_.has(abi::IORING_FEAT_EXT_ARG);
  if (!turn.has_timeout && deadline_armed_ns_ != deadline && make_room(2))
    arm_deadline(deadline, turn.timeout);
  return true;
}

// Lets pending signals through `mask`; true if there were any.
bool HostBackend::deliver_signals(const sigset_t& mask) {
  constexpr timespec kNow{};
  ++counters_.system_calls;
  return ::ppoll(nullptr, 0, &kNow, &mask) < 0 && errno == EINTR;
}

bool HostBackend::timeout_has_fired() const {
  for (unsigned i = 0, ready = ring_.ready(); i < ready; ++i) {
    uint64_t token = ring_.peek(i).user_data;
    if (is_own(token) ? !is_own_kind(token, Own::kCancel) : timeouts_.contains(token)) return true;
  }
  return false;
}

// The kernel hides -EINTR and -ETIME behind a count of submissions, or if there are any completions. What
// ended a wait too early is then known by what it was not.
int HostBackend::why_wait_ended(const Turn& turn, const WaitLimits& limits) {
  if (woken_.load() && woken_.exchange(false)) return 0;
  uint64_t now = limits.deadline_ns || turn.slice_end_ns ? monotonic_ns() : 0;
  if (limits.deadline_ns && *limits.deadline_ns <= now) return -ETIME;
  if (timeout_has_fired()) return 0;
  if (turn.slice_end_ns && turn.slice_end_ns <= now) return kGoOn;
  if (ring_.ready() >= turn.min_complete) return kGoOn;
  // A timeout that has fired may still be on its way into the CQ: it ends the wait before it makes its completion,
  // perhaps on another processor, which may be held up.
  const bool has_timeouts = !timeouts_.empty() || wake_timers_running_ > 0;
  const uint64_t patience_ends_ns = has_timeouts ? monotonic_ns() + kSliceNsMin : 0;
  do {
    if (ring_.wants_enter() && enter(0, abi::IORING_ENTER_GETEVENTS) >= 0 &&
        (timeout_has_fired() || ring_.ready() >= turn.completions))
      return 0;
  } while (has_timeouts && monotonic_ns() < patience_ends_ns);
  return -EINTR;
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
      uint64_t now = monotonic_ns();
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
