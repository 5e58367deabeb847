// Whether a task works inside the ring, for those outside who must not take away what it uses: they change
// what it will find, and then wait until it can't be using what it found before. For rings that one task
// enters; where several may, they take turns, and so does whoever waits for them.
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
  // By the ring's task, between two turns of a driver.
  void turn() { answer(turns_); }

  // Until the task is outside, asleep, or in another turn. Then it sees what was changed before this call.
  void wait_for_turn() { wait_for(turns_); }
  // Until it is outside or asleep, or has been outside.
  void wait_for_exit() { wait_for(exits_); }

  // The task is inside, and awake.
  class Guard {
   public:
    // nullptr: nobody looks.
    explicit Guard(Presence* presence) : presence_(presence) {
      if (!presence_) return;
      presence_->set(Awake);
      presence_->answer(presence_->turns_);
      presence_->answer(presence_->exits_);
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
  using Answer = std::atomic<uint32_t>;

  void answer(Answer& answer) {
    const uint32_t asked = asked_.load(std::memory_order_acquire);
    if (answer.load(std::memory_order_relaxed) != asked) [[unlikely]]
      answer.store(asked, std::memory_order_release);
  }

  // Looked at again and again, so that a task that goes to sleep need not ask whether somebody waits for it.
  void wait_for(const Answer& answer) {
    const uint32_t question = asked_.fetch_add(1) + 1;
    while (state_.load() == Awake &&
           static_cast<int32_t>(answer.load(std::memory_order_acquire) - question) < 0)
      std::this_thread::sleep_for(std::chrono::microseconds(20));
  }

  std::atomic<State> state_ = Outside;
  std::atomic<uint32_t> asked_ = 0;  // questions so far; each is answered by storing its number
  Answer turns_ = 0, exits_ = 0;
};

}  // namespace ring3::ring
