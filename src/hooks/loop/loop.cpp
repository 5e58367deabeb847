#include "hooks/loop/loop.hpp"

#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "abi/io_uring.hpp"
#include "base/user_copy.hpp"
#include "bpf/map/map.hpp"

namespace ring3::hooks {

namespace {

// bpf_printk: a line on standard error.
void print(void*, std::string_view text) {
  [[maybe_unused]] ssize_t written = write(STDERR_FILENO, text.data(), text.size());
}

// Only the checking interpreter says so, and only if the verifier has let through what it must not.
int violated(std::string_view what) {
  print(nullptr, what);
  print(nullptr, "\n");
  return -EFAULT;
}

}  // namespace

Loop::Loop(std::shared_ptr<LoopOps> ops) : ops_(std::move(ops)), execution_(*ops_->loop_step) {
  execution_.context = this;
  execution_.print = print;
}

int Loop::attach(ring::Ring& ring) {
  std::lock_guard lock(mutex_);
  if (ops_->attached.exchange(true)) return -EBUSY;
  const int result = ring.set_driver(this);
  if (result == 0) {
    ring_ = &ring;
  } else {
    ops_->attached = false;
  }
  return result;
}

void Loop::detach() {
  std::lock_guard lock(mutex_);
  if (!ring_) return;
  detached_ = true;
  ring_->clear_driver(this);
  ring_ = nullptr;
  ops_->attached = false;
}

void Loop::ring_gone() {
  std::lock_guard lock(mutex_);
  ring_ = nullptr;
  ops_->attached = false;
}

void Loop::stop() {
  stop_ = true;
  wakers_++;
  if (ring::Ring* ring = driven_.load()) ring->wake();
  wakers_--;
}

void Loop::leave() {
  driven_ = nullptr;
  while (wakers_.load() != 0) sched_yield();
}

int Loop::drive(ring::Ring& ring) {
  // If it is detached while it sleeps, nobody else may own the loop when it wakes.
  const std::shared_ptr<Loop> self = shared_from_this();
  ensure_fault_handler();
  SignalGate signals;
  Turns turns{.ring = ring, .signals = signals};
  if (time_limit_) turns.deadline_ns = monotonic_ns() + static_cast<uint64_t>(time_limit_->count());
  // The context is a handle that programs can't look into: any address that means nothing will do.
  turns.arguments[0] = reinterpret_cast<uint64_t>(this);
  turns.arguments[1] = reinterpret_cast<uint64_t>(&turns.params);
  execution_.cpu = ring.number() % bpf::cpu_count();
  execution_.forget();
  execution_.allow(turns.arguments, sizeof(turns.arguments), false);
  execution_.allow(&turns.params, sizeof(turns.params), true);
  for (uint32_t id : {abi::IOU_REGION_MEM, abi::IOU_REGION_CQ, abi::IOU_REGION_SQ})
    execution_.allow(ring.region(id).data(), ring.region(id).size(), true);

  queues_[0] = in_pages(ring.region(abi::IOU_REGION_CQ));
  queues_[1] = in_pages(ring.region(abi::IOU_REGION_SQ));
  driven_ = &ring;
  const int result = turn(turns);
  leave();
  return result;
}

[[gnu::hot]] int Loop::turn(Turns& turns) {
  for (;;) {
    if (stop_requested()) [[unlikely]]
      return -ECANCELED;
    steps_.store(steps_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    const bpf::RunResult run = execution_.run(reinterpret_cast<uint64_t>(turns.arguments));
    if (!run.violation.empty()) [[unlikely]]
      return violated(run.violation);
    if (run.faulted) [[unlikely]]
      return -EFAULT;
    const auto step = static_cast<int32_t>(run.r0);
    if (step != abi::IOU_LOOP_CONTINUE) [[unlikely]]
      return step == abi::IOU_LOOP_STOP ? 0 : -EINVAL;

    const auto missing = static_cast<int32_t>(turns.params.cq_wait_idx - turns.ring.cq_tail());
    if (missing <= 0) [[unlikely]] {
      turns.ring.poll();
    } else {
      if (!turns.ring.completes_at_once(static_cast<uint32_t>(missing))) [[unlikely]]
        if (const int result = sleep(turns)) return result;
      // Nobody wakes a sleeper for detach(), so it is found out here.
      if (detached_.load(std::memory_order_relaxed)) [[unlikely]]
        return -EFAULT;
    }
    if (turns.pulse.due()) [[unlikely]]
      if (const int result = look(turns)) return result;
    turns.ring.flush_overflow();
  }
}

int Loop::sleep(Turns& turns) {
  const auto missing = static_cast<int32_t>(turns.params.cq_wait_idx - turns.ring.cq_tail());
  if (missing <= 0) return 0;
  const int result = turns.ring.wait(static_cast<uint32_t>(missing), {.deadline_ns = turns.deadline_ns,
                                                                      .signal_mask = turns.signals.sleep_mask()});
  if (stop_requested()) return -ECANCELED;
  return result < 0 && !(result == -EINTR && !turns.signals.was_event()) ? result : 0;
}

// What only a look can tell of a loop that never sleeps.
int Loop::look(Turns& turns) {
  const uint64_t now_ns = monotonic_ns();
  turns.pulse.taken(now_ns);
  if (turns.signals.pending()) return -EINTR;
  return turns.deadline_ns && now_ns >= *turns.deadline_ns ? -ETIME : 0;
}

}  // namespace ring3::hooks
