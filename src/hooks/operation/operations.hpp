// The operations of one ring: what IORING_OP_BPF does there, by id.
//
// Threading: programs run on whatever task is inside the ring. add() and remove() may be called by any
// thread, but not from within the ring. The ring and those who hold its operations may end in any order.
#pragma once

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

#include "bpf/exec/executable.hpp"
#include "hooks/operation/data.hpp"
#include "ring/handler.hpp"
#include "ring/ring.hpp"

namespace ring3::hooks {

// A loaded uring_bpf_ops variable. Any number of rings may have it.
struct OperationOps {
  std::span<const std::byte> bytes;                                   // the structure, in the world's layout
  std::shared_ptr<const bpf::Executable> prep, issue, fail, cleanup;  // nullptr: it has none
  bool checked = false;  // they run under the checking interpreter
  uint16_t id() const;
};

class Operations final : public ring::Handler {
 public:
  // Those of a ring; made when they are first asked for. nullptr if the ring was set up without BPF_EXT, or
  // if its requests are somebody else's.
  static std::shared_ptr<Operations> of(ring::Ring& ring);
  ~Operations() override;

  // 0, -EINVAL (an id beyond 255), -EBUSY (it is taken). Keeps `ops`, and whatever owns it, alive until
  // removed.
  int add(std::shared_ptr<const OperationOps> ops);
  // New requests of that id are refused from here on; waits for those in flight to be cleaned up. On a task
  // that may enter the ring it runs the ring meanwhile; else that goes on only as the ring's task comes by.
  void remove(uint8_t id);

  int prepare(Memory& memory, const abi::Sqe& sqe) override;
  ring::Outcome issue(Memory& memory) override;
  void cleanup(Memory& memory) override;
  void ring_gone() override;

  // For kfuncs, whose Machine::context is the Operations: the ring that the running program is in.
  ring::Ring& ring() const { return *ring_; }

 private:
  struct Entry;
  explicit Operations(ring::Ring& ring);
  void wait_for_requests(Entry& entry);

  // Read by the ring's task without a lock, hence both are changed only when it is seen not to look
  // (Ring::quiesce).
  std::array<std::atomic<Entry*>, 256> entries_ = {};
  std::mutex mutex_;  // of ring_, and of adding and removing
  ring::Ring* ring_;
  const pid_t process_;  // a forked child has the memory, but nobody who runs the ring
};

}  // namespace ring3::hooks
