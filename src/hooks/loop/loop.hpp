// The BPF-controlled loop of one ring: runs a verified loop_step in place of submit-and-wait, with the
// answers of Linux 7.2 for every end that it can have.
//
// Threading: drive() is called by the ring, on its submitting task. detach(), stop() and steps() may be
// called from any thread at any time; stop() also from a signal handler. The ring and the loop may end in any
// order, but not on two threads at the same moment.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

#include "abi/io_uring.hpp"
#include "bpf/exec/executable.hpp"
#include "hooks/loop/signals.hpp"
#include "ring/ring.hpp"

namespace ring3::hooks {

// A loaded io_uring_bpf_ops variable: what a Loop runs, and whether one does. One loop at a time.
struct LoopOps {
  std::shared_ptr<const bpf::Executable> loop_step;
  std::atomic<bool> attached = false;
};

class Loop final : public ring::Driver, public std::enable_shared_from_this<Loop> {
 public:
  // Keeps `ops`, and whatever owns it, alive.
  explicit Loop(std::shared_ptr<LoopOps> ops);

  // 0, -EBUSY (the ring has a loop, or the ops are attached elsewhere), -EOPNOTSUPP.
  int attach(ring::Ring& ring);
  // Waits for a busy loop to end. A loop asleep is left asleep: its enter() returns -EFAULT once it wakes.
  void detach();
  void stop();
  void set_time_limit(std::optional<std::chrono::nanoseconds> limit) { time_limit_ = limit; }
  uint64_t steps() const { return steps_.load(std::memory_order_relaxed); }

  int drive(ring::Ring& ring) override;
  void ring_gone() override;

  // For kfuncs: the ring that runs the program right now, and its regions.
  ring::Ring& driven() const { return *driven_.load(std::memory_order_relaxed); }
  // In whole pages.
  std::span<std::byte> region(uint32_t id) const {
    const uint32_t queue = id - abi::IOU_REGION_CQ;
    return queue < std::size(queues_) ? queues_[queue] : in_pages(driven().region(id));
  }

 private:
  // Regions are whole pages, and so is what may be asked for: the rest of the last page is zeros.
  static std::span<std::byte> in_pages(std::span<std::byte> region) {
    constexpr size_t kPage = 4096;
    return {region.data(), (region.size() + kPage - 1) / kPage * kPage};
  }
  // What one enter() carries from turn to turn.
  struct Turns {
    ring::Ring& ring;
    SignalGate& signals;
    std::optional<uint64_t> deadline_ns;
    Pulse pulse;
    struct {
      uint32_t cq_wait_idx = 0;
    } params;
    uint64_t arguments[2];
  };
  // Ends with the return of enter().
  int turn(Turns& turns);
  // 0: go on.
  int sleep(Turns& turns);
  int look(Turns& turns);
  bool stop_requested() {
    return stop_.load(std::memory_order_relaxed) && stop_.exchange(false);
  }
  void leave();

  const std::shared_ptr<LoopOps> ops_;
  bpf::Execution execution_;
  std::optional<std::chrono::nanoseconds> time_limit_;
  std::atomic<uint64_t> steps_ = 0;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> detached_ = false;

  std::mutex mutex_;  // of ring_: attach and its two ends
  ring::Ring* ring_ = nullptr;

  // The ring while drive() runs, for stop(), which can't lock; drive() ends when no waker looks at it any
  // more.
  std::atomic<ring::Ring*> driven_ = nullptr;
  std::atomic<uint32_t> wakers_ = 0;
  // Its CQ and SQ, which stay where they are. (The memory region may come later.)
  std::span<std::byte> queues_[2];
};

}  // namespace ring3::hooks
