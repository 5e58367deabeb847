// The engine behind ring3::Ring: the kernel's half of io_uring. Knows nothing of BPF; what drives it from
// inside (hooks/loop) does so through Driver.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>

#include "abi/io_uring.hpp"
#include "backend/backend.hpp"
#include "base/error.hpp"
#include "ring/handler.hpp"
#include "ring3/buffer.hpp"
#include "ring3/ring.hpp"

namespace ring3::ring {

class Buffers;
class Engine;
class Presence;
class Ring;
class Turn;

// What replaces submit-and-wait in enter(): the first of the ring's two extension points (the second is
// ring/handler.hpp).
class Driver {
 public:
  virtual ~Driver() = default;
  // Called by enter() on the submitting task, after the ring's own checks (flags known, not disabled, right
  // task) and instead of everything else. Its return is that of enter().
  virtual int drive(Ring& ring) = 0;
  // The ring is going away and won't call this driver again. Called on the thread that destroys the ring,
  // which holds no lock of the ring's meanwhile.
  virtual void ring_gone() = 0;
};

class Ring {
 public:
  static Result<std::unique_ptr<Ring>> create(unsigned entries, abi::Params& params, BackendKind backend);
  ~Ring();

  // The system calls.
  int enter(unsigned to_submit, unsigned min_complete, unsigned flags, const void* argument,
            size_t argument_size);
  int register_op(unsigned opcode, uint64_t argument, unsigned count);
  // ring3::Ring's.
  Result<void> provide_buffer(unsigned index, ProviderBuffer buffer);
  Result<void> withdraw_buffer(unsigned index);

  // Installs a driver. 0, -EOPNOTSUPP (SQPOLL, IOPOLL, or no DEFER_TASKRUN), -EBUSY (there is one). Any
  // thread.
  int set_driver(Driver* driver);
  // Removes it, waiting for a drive() that is running on another thread unless that thread is asleep in
  // wait(). Any thread.
  void clear_driver(Driver* driver);

  // Installs the handler of IORING_OP_BPF, for as long as the ring lives. 0, -EINVAL (a ring without BPF_EXT), -EBUSY
  // (there is one). Any thread.
  int set_handler(std::shared_ptr<Handler> handler);
  // nullptr if there is none. Any thread.
  std::shared_ptr<Handler> handler() const;
  // Returns once whoever was inside the ring at the call has left it, sleeps, or is in another turn of its driver: what
  // was changed before the call is then seen by all. Any thread but one that is inside. Only of rings with BPF_EXT.
  void quiesce();
  // Runs the ring until `done`, which is about requests in flight: for whoever waits for their end. False if only another
  // task may enter it. Any thread but one that is inside.
  bool run_until(const std::function<bool()>& done);

  // For drivers, on the submitting task only.
  // Consumes SQEs as io_uring_enter's to_submit does: the number consumed, or a negative errno.
  int submit(unsigned count);
  // Region memory, empty if there is none of that id. abi::RegionId.
  std::span<std::byte> region(uint32_t id) const;
  const Buffers& buffers() const;
  uint32_t cq_tail() const;
  // Posts what has completed.
  void poll();
  // Starts what is queued, without sleeping: true if `completions` more CQEs are posted by then. Where that is rare it is
  // not tried each time.
  bool completes_at_once(uint32_t completions);
  // Starts what is queued, sleeps until `completions` more CQEs are posted or a limit is met, and posts CQEs.
  // 0, -EINTR, -ETIME; early returns of 0 are normal. Never sleeps while CQEs are kept back for want of room.
  int wait(unsigned completions, const backend::WaitLimits& limits);
  // Moves completions that found the CQ full into it, oldest first, as far as there is room.
  void flush_overflow();
  // Ends a wait() early. Any thread, async-signal-safe.
  void wake();

  // Tells the rings of the process apart; given out in turn, from 0.
  unsigned number() const { return number_; }

  // For the public face of the ring (face.cpp).
  int fd() const;
  std::byte* sq_ring() const;
  std::byte* sqes() const;
  std::string_view backend() const;
  RingCounters counters() const;

 private:
  explicit Ring(std::unique_ptr<Engine> engine);
  int enter_unlocked(unsigned to_submit, unsigned min_complete, unsigned flags, const void* argument,
                     size_t argument_size);
  Presence* watched();
  Result<void> check_task() const;

  const std::unique_ptr<Engine> engine_;
  const unsigned number_;
  const bool single_issuer_;
  std::atomic<bool> disabled_;
  std::atomic<pid_t> submitter_ = 0;  // of a SINGLE_ISSUER ring; 0: whoever comes first
  std::atomic<Driver*> driver_ = nullptr;
  mutable std::mutex handler_mutex_;
  std::shared_ptr<Handler> handler_;
  const std::unique_ptr<Turn> turn_;  // of a ring that several tasks may enter
  const pid_t process_;               // a forked child must not end what its parent has in flight
};

// The live ring whose descriptor (ring3::Ring::fd, ring3_setup) that is, or nullptr. Any thread.
Ring* find(int fd);

}  // namespace ring3::ring
