// TIMEOUT, LINK_TIMEOUT and their removal and update. One timerfd a clock rings for the earliest of its
// timers.
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "backend/threads/engine.hpp"

namespace ring3::backend::threads {

namespace {

// As nanoseconds; a time too far away to be counted is the farthest that can be. `time` is not negative.
uint64_t to_ns(const abi::Timespec& time) {
  constexpr uint64_t kMax = INT64_MAX;
  uint64_t ns;
  if (__builtin_mul_overflow(static_cast<uint64_t>(time.tv_sec), kSecond, &ns) ||
      __builtin_add_overflow(ns, static_cast<uint64_t>(time.tv_nsec), &ns))
    return kMax;
  return std::min(ns, kMax);
}

uint64_t deadline(int clock, const abi::Timespec& time, bool is_absolute) {
  uint64_t ns = to_ns(time), base = is_absolute ? 0 : now_ns(kClockIds[clock]);
  return std::min<uint64_t>(base + ns, INT64_MAX);
}

int clock_of(uint32_t timeout_flags) {
  return timeout_flags & kTimeoutBoottime ? 1 : timeout_flags & kTimeoutRealtime ? 2 : 0;
}

void set_deadline(Request& request) {
  request.timer.clock = clock_of(request.sqe.op_flags);
  request.timer.deadline_ns = deadline(request.timer.clock, request.time, request.sqe.op_flags & kTimeoutAbs);
}

}  // namespace

uint64_t now_ns(int clock_id) {
  timespec now;
  ::clock_gettime(clock_id, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

void Engine::arm_timer_locked(Request& request) {
  Timer& timer = request.timer;
  bool is_timeout = request.sqe.opcode == abi::IORING_OP_TIMEOUT;
  bool is_multishot = is_timeout && request.sqe.op_flags & kTimeoutMultishot;
  request.state = State::kTimer;
  if (is_timeout && timer.deadline_ns == 0) {
    set_deadline(request);
    timer.interval_ns = is_multishot ? to_ns(request.time) : 0;
    if (request.sqe.off && !is_multishot) {
      timer.target_sequence = sequence_ + static_cast<uint32_t>(request.sqe.off);
      counted_.emplace(timer.target_sequence, &request);
    }
  }
  timer.deadline_ns = std::max<uint64_t>(timer.deadline_ns, 1);
  timer.position = timers_[timer.clock].emplace(timer.deadline_ns, &request);
  timer.armed = true;
  if (timer.position == timers_[timer.clock].begin()) set_alarm_locked(timer.clock);
}

void Engine::disarm_timer_locked(Request& request) {
  Timer& timer = request.timer;
  if (timer.target_sequence) {
    auto [first, last] = counted_.equal_range(timer.target_sequence);
    counted_.erase(std::find_if(first, last, [&](auto& entry) { return entry.second == &request; }));
    timer.target_sequence = 0;
  }
  if (!timer.armed) return;
  bool was_first = timer.position == timers_[timer.clock].begin();
  timers_[timer.clock].erase(timer.position);
  timer.armed = false;
  if (was_first) set_alarm_locked(timer.clock);
}

void Engine::set_alarm_locked(int clock) {
  itimerspec alarm{};
  if (!timers_[clock].empty()) {
    uint64_t ns = timers_[clock].begin()->first;
    alarm.it_value = {static_cast<time_t>(ns / kSecond), static_cast<long>(ns % kSecond)};
  }
  ::timerfd_settime(alarms_[clock].get(), TFD_TIMER_ABSTIME, &alarm, nullptr);
}

void Engine::timers_due(Run& run, int clock) {
  uint64_t expirations;
  [[maybe_unused]] ssize_t drained = ::read(alarms_[clock].get(), &expirations, sizeof(expirations));
  std::lock_guard lock(mutex_);
  uint64_t now = now_ns(kClockIds[clock]);
  auto& timers = timers_[clock];
  while (!timers.empty() && timers.begin()->first <= now) timer_due_locked(run, timers.begin()->second);
  set_alarm_locked(clock);
}

void Engine::timer_due_locked(Run& run, Request* request) {
  if (Request* target = request->limited) {
    request->limited = nullptr;
    target->limiter = nullptr;
    int result = cancel_one_locked(run, target);
    return finish_locked(run, request, result == 0 ? -ETIME : result);
  }
  if (request->sqe.opcode != abi::IORING_OP_TIMEOUT) {  // kRetryLater
    disarm_timer_locked(*request);
    request->state = State::kRunning;
    run.ready.push_back(request);
    return;
  }
  bool goes_on = request->timer.interval_ns && (request->sqe.off == 0 || --request->sqe.off > 0);
  if (!goes_on) return finish_locked(run, request, -ETIME);
  post_locked(*request, -ETIME, abi::IORING_CQE_F_MORE);
  disarm_timer_locked(*request);
  request->timer.deadline_ns += request->timer.interval_ns;
  arm_timer_locked(*request);
}

// A LINK_TIMEOUT counts from when its request starts to wait.
void Engine::arm_limit_locked(Request& request) {
  if (!request.limit) return;
  Request* limit = request.limit.release();
  request.limiter = limit;
  limit->limited = &request;
  limit->in_table = table_.emplace(limit->sqe.user_data, limit).second;
  set_deadline(*limit);
  arm_timer_locked(*limit);
}

int Engine::remove_timeout(Run& run, const Request& remove) {
  const abi::Sqe& sqe = remove.sqe;
  std::lock_guard lock(mutex_);
  auto found = table_.find(sqe.addr);
  bool wants_limit = sqe.op_flags & kLinkTimeoutUpdate;
  uint8_t opcode = wants_limit ? abi::IORING_OP_LINK_TIMEOUT : abi::IORING_OP_TIMEOUT;
  if (found == table_.end() || found->second->sqe.opcode != opcode) return -ENOENT;
  Request* request = found->second;
  if (!(sqe.op_flags & (kTimeoutUpdate | kLinkTimeoutUpdate))) {
    finish_locked(run, request, -ECANCELED);
    return 0;
  }
  // Keeps the clock, forgets the count.
  disarm_timer_locked(*request);
  request->timer.deadline_ns =
      std::max<uint64_t>(deadline(request->timer.clock, remove.time, sqe.op_flags & kTimeoutAbs), 1);
  arm_timer_locked(*request);
  return 0;
}

}  // namespace ring3::backend::threads
