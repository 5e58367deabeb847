// Waiting for completions, taking them, and ending a wait from elsewhere.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "backend/threads/engine.hpp"

namespace ring3::backend::threads {

// Sleeps in ppoll(2), which takes a signal mask; whoever posts the completion that is still missing writes to
// the eventfd, and nobody else does. A late write only makes the next wait look twice.
int Engine::wait(unsigned completions, const WaitLimits& limits) {
  flush();
  if (completions == 0) return 0;
  while (true) {
    if (woken_.load() && woken_.exchange(false)) return 0;
    {
      std::lock_guard lock(mutex_);
      bool satisfied = done_.size() >= completions || (timeout_finished_ && !done_.empty());
      timeout_finished_ = false;
      wanted_ = satisfied ? 0 : completions;
      if (satisfied) return 0;
    }
    timespec timeout{};
    if (limits.deadline_ns) {
      uint64_t now = now_ns(CLOCK_MONOTONIC);
      if (*limits.deadline_ns <= now) return -ETIME;
      uint64_t left = *limits.deadline_ns - now;
      timeout = {static_cast<time_t>(left / kSecond), static_cast<long>(left % kSecond)};
    }
    pollfd event{event_.get(), POLLIN, 0};
    ++counters_.system_calls;
    int polled = ::ppoll(&event, 1, limits.deadline_ns ? &timeout : nullptr, limits.signal_mask);
    if (polled < 0 && errno == EINTR) return -EINTR;
    if (polled > 0) {
      uint64_t value;
      ++counters_.system_calls;
      [[maybe_unused]] ssize_t drained = ::read(event_.get(), &value, sizeof(value));
    }
  }
}

size_t Engine::reap(std::span<Completion> out) {
  std::lock_guard lock(mutex_);
  wanted_ = 0;
  size_t count = std::min(out.size(), done_.size());
  std::copy_n(done_.begin(), count, out.begin());
  done_.erase(done_.begin(), done_.begin() + count);
  return count;
}

// The flag first: a wait that drains the eventfd looks at the flag afterwards.
void Engine::wake() {
  woken_.store(true);
  uint64_t one = 1;
  [[maybe_unused]] ssize_t written = ::write(event_.get(), &one, sizeof(one));
}

}  // namespace ring3::backend::threads
