// Whose turn it is inside a ring that several threads may enter. One is inside at a time; one that sleeps in
// the back-end is woken by whoever comes after, lets it in, and goes on when it has left or has brought what
// is waited for.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>

#include "backend/backend.hpp"

namespace ring3::ring {

// The calling task's id; right also in a forked child.
pid_t current_task();

class Turn {
 public:
  explicit Turn(backend::Backend& backend) : backend_(backend) {}

  class Guard {
   public:
    explicit Guard(Turn& turn) : turn_(turn) { turn_.take(); }
    ~Guard() { turn_.give(); }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    Turn& turn_;
  };

  // For one that waits, before it sleeps and after. Lets in those who came meanwhile and, if CQEs were posted
  // (`news`), those who gave way before, so that they can look; then takes the turn again. One that gave way
  // is not woken by signals, but is back at its deadline (CLOCK_MONOTONIC).
  void give_way(bool news, std::optional<uint64_t> deadline_ns) {
    std::unique_lock lock(mutex_);
    if (coming_ == 0 && !(news && returning_ != 0)) return;
    taken_ = false;
    const uint64_t turn = turns_;
    ++returning_;
    changed_.notify_all();
    const auto mine = [&] { return !taken_ && coming_ == 0 && turns_ != turn; };
    if (deadline_ns) {
      const std::chrono::steady_clock::time_point deadline{std::chrono::nanoseconds(*deadline_ns)};
      if (!changed_.wait_until(lock, deadline, mine)) enter(lock);
    } else {
      changed_.wait(lock, mine);
    }
    --returning_;
    taken_ = true;
    ++turns_;
  }

 private:
  void take() {
    std::unique_lock lock(mutex_);
    enter(lock);
    taken_ = true;
    ++turns_;
  }

  void enter(std::unique_lock<std::mutex>& lock) {
    ++coming_;
    if (taken_) backend_.wake();
    changed_.wait(lock, [this] { return !taken_; });
    --coming_;
  }

  void give() {
    {
      std::lock_guard lock(mutex_);
      taken_ = false;
    }
    changed_.notify_all();
  }

  backend::Backend& backend_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool taken_ = false;
  unsigned coming_ = 0;     // want in at once
  unsigned returning_ = 0;  // gave way, and want to go on waiting
  uint64_t turns_ = 0;
};

}  // namespace ring3::ring
