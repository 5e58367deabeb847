// Whether a task works inside the ring, for those outside who must not take away what it uses. For rings that
// one task enters; where several may, they take turns, and so does whoever waits for them.
#pragma once

#include <atomic>
#include <cstdint>

namespace ring3::ring {

class Presence {
 public:
  enum State : uint32_t { Outside, Awake, Asleep };

  // By the ring's task.
  void set(State state) {
    state_.store(state);
    state_.notify_all();
  }
  State get() const { return state_.load(std::memory_order_relaxed); }

  // Until the task is outside or asleep. Whatever it looks at after that was written before this call, or
  // later.
  void wait_while_awake() const {
    while (state_.load() == Awake) state_.wait(Awake);
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
