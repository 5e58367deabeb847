// The seam: who performs the requests that the ring does not complete by itself. One folder per back-end
// implements this interface; tests/backend runs one behaviour suite on all of them.
//
// The ring hands over *chains*: one SQE, or several that are linked. In each SQE `user_data` is the ring's
// token; the application's own value stays with the ring. What the back-end may rely on:
//   - tokens of requests in flight are unique; a token may be used again once its last completion was reaped;
//   - IOSQE_CQE_SKIP_SUCCESS and IOSQE_IO_DRAIN are never set: the ring does both;
//   - in ASYNC_CANCEL, POLL_REMOVE, TIMEOUT_REMOVE (and the update forms) `addr` is a token when the request
//   is matched
//     by user_data, and LINK_TIMEOUT is always the successor of the request that it limits;
//   - the SQEs are copies that die with the call; memory that they point to obeys io_uring's own rules
//   (SUBMIT_STABLE).
// What it owes: exactly one completion without IORING_CQE_F_MORE per SQE queued, in Linux's order and with
// Linux's results, and never a crash, whatever the SQE says: a wild address is -EFAULT, an unknown opcode
// -EINVAL.
//
// Threading: everything is called from one thread at a time (the ring serialises), except wake(), which any
// thread may call at any time.
#pragma once

#include <signal.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "abi/io_uring.hpp"
#include "base/error.hpp"

namespace ring3::backend {

struct Completion {
  uint64_t token;
  int32_t res;
  uint32_t flags;
};

// What a wait is limited by.
struct WaitLimits {
  // CLOCK_MONOTONIC, nanoseconds; none: wait for ever. Passing it ends the wait with -ETIME.
  std::optional<uint64_t> deadline_ns;
  // The signal mask to wait with (atomically, as pselect(2) does); nullptr keeps the thread's. A signal that
  // it lets through runs its handler and ends the wait with -EINTR.
  const sigset_t* signal_mask = nullptr;
};

// Counted since creation; plain numbers, read by the ring's thread.
struct Counters {
  uint64_t system_calls = 0;  // made on the submitting thread
  uint64_t requests = 0;      // SQEs taken
};

// Places for requests that stand alone (without links; no TIMEOUT, no ASYNC_CANCEL): one that is written at `next`, which
// then moves on, up to `end`, is queued as by queue(), without the call and the copy.
struct Places {
  abi::Sqe* next = nullptr;
  abi::Sqe* end = nullptr;
  bool empty() const { return next == end; }
};

class Backend {
 public:
  virtual ~Backend() = default;

  // Those that there are now; any call of the back-end may change them. Once there is none, queue() may bring more. Some
  // back-ends never have any.
  Places places;

  // "host" or "threads".
  virtual std::string_view name() const = 0;

  // Takes a chain. It may start at once or at the next flush() or wait(); no system call unless internal
  // queues are full. Returns 0 or a negative errno (then nothing of the chain was taken: -EAGAIN, -ENOMEM).
  virtual int queue(std::span<const abi::Sqe> chain) = 0;

  // Makes everything queued start. Returns 0 or a negative errno.
  virtual int flush() = 0;

  // flush(), and then sleeps until at least `completions` can be reaped (0: only collects what is there),
  // wake() is called, or a limit is met. One system call on `host`. Returns 0, -EINTR, -ETIME; early returns
  // of 0 are normal.
  virtual int wait(unsigned completions, const WaitLimits& limits) = 0;

  // Moves finished requests into `out`, oldest first, and returns how many. No system call.
  virtual size_t reap(std::span<Completion> out) = 0;

  // Ends a current or the next wait() early. Any thread, async-signal-safe.
  virtual void wake() = 0;

  // io_uring_register(2) for what belongs to the back-end: files, buffers, provided-buffer rings, probe,
  // personalities, worker limits, synchronous cancel. Addresses are untrusted. Returns as the system call
  // does; -EINVAL for what this back-end does not have.
  virtual int register_op(unsigned opcode, uint64_t argument, unsigned count) = 0;

  // True if `opcode` is performed here (what REGISTER_PROBE reports).
  virtual bool supports(uint8_t opcode) const = 0;

  const Counters& counters() const { return counters_; }

 protected:
  Counters counters_;
};

struct Config {
  unsigned entries = 0;  // SQ size of the ring, a power of two
  unsigned cq_entries = 0;
  uint32_t setup_flags = 0;  // what the application gave; a back-end uses those that make sense to it
};

// Both fail with the errno of what is missing (ENOSYS, EPERM: io_uring absent or forbidden).
Result<std::unique_ptr<Backend>> create_host(const Config& config);
Result<std::unique_ptr<Backend>> create_threads(const Config& config);

}  // namespace ring3::backend
