// The BPF-controlled loop (Linux 7.1's io_uring_bpf_ops): once attached, enter() on the ring runs the
// program's loop_step again and again instead of submitting and waiting.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "ring3/error.hpp"
#include "ring3/module.hpp"
#include "ring3/ring.hpp"

namespace ring3 {

namespace hooks {
class Loop;
}

// The link between a loaded object and a ring; destroying it detaches. Ring and Loop may go in either order.
// Keeps what it needs of the module alive.
class Loop {
 public:
  // Attaches the struct_ops variable `ops` (empty: the only one) to the ring that its ring_fd names. Errors:
  // EBADF, EOPNOTSUPP (not a ring; SQPOLL, IOPOLL, or no DEFER_TASKRUN), EBUSY (the ring has a loop, or these
  // ops are attached), EINVAL (not loaded, no loop_step), ENOENT (no such variable).
  static Result<Loop> attach(Module& module, std::string_view ops = {});
  // The same for this ring, whatever ring_fd says.
  static Result<Loop> attach(Module& module, Ring& ring, std::string_view ops = {});

  Loop(Loop&&) noexcept;
  Loop& operator=(Loop&&) noexcept;
  ~Loop();

  // Detaches now. While loop_step runs on another thread, waits for the loop's end; a loop asleep is left
  // asleep, and its enter() returns -EFAULT at the next completion. Any thread.
  void detach();

  // Ends a running loop at its next turn: its enter() returns -ECANCELED. If none runs, the next enter() does so
  // without a step: a request is never lost. Any thread, async-signal-safe. Not in Linux.
  void stop();
  // Ends any enter() that runs longer: -ETIME. Not in Linux. Set between enters, by the ring's task.
  void set_time_limit(std::optional<std::chrono::nanoseconds> limit);

  uint64_t steps() const;  // loop_step calls since attach

 private:
  explicit Loop(std::shared_ptr<hooks::Loop> loop);
  std::shared_ptr<hooks::Loop> loop_;
};

}  // namespace ring3
