// Whether a task works inside the ring, for those outside who must not take away what it uses. For rings that
// one task enters; where several may, they take turns, and so does whoever waits for them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

namespace ring3::ring {

class Presence {
 public:
  enum State : uint32_t { Outside, Awake, Asleep };

  // By the ring's task. What it looks at once it is awake, somebody who waited for it may have changed
  // before.
  void set(State state) {
    state_.store(state, state == Awake ? std::memory_order_seq_cst : std::memory_order_release);
  }
  State get() const { return state_.load(std::memory_order_relaxed); }

  // Until the task is outside or asleep. When it is awake again, it sees what was changed before this call.
  // Looked at again and again, so that a task that goes to sleep need not ask whether somebody waits for it.
  void wait_while_awake() const {
    while (state_.load() == Awake) std::this_thread::sleep_for(std::chrono::microseconds(20));
  }

  // The task is inside, and awake.
  class Guard {
   public:
    // nullptr: nobody looks.
    explicit Guard(Presence* presence) : presence_(presence) {
      if (presence_) presence_->set(Awake);
    }
    ~Guard() {
      if (presence_) presence_->set(Outside);
    }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    Presence* presence_;
  };

 private:
  std::atomic<State> state_ = Outside;
};

}  // namespace ring3::ring
