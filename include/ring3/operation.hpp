// Operations of one's own (IORING_OP_BPF): once attached, requests that name the operation's id run its
// programs.
//
//   io_uring_params params{};
//   params.flags = IORING_SETUP_BPF_EXT;
//   Ring ring = TRY(Ring::setup(64, params));
//   Module module = TRY(Module::open("xor_parity.bpf.o"));
//   if (!TRY(module.load())) … module.verdicts()
//   Operation parity = TRY(Operation::attach(module, ring));
//   Queues queues = TRY(Queues::open(ring, params));
//   io_uring_prep_bpf(queues.next_sqe(), parity.id(), 0, buffers, 4);
//
// (<ring3/queues.hpp> has the queues, <ring3/operation.h> the last line, for C as well.)
// Such a request may be linked, drained and skipped as any other. Its programs run inside the ring: prep_fn
// as it is submitted, issue_fn when its turn has come, on whatever thread is inside enter() then.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "ring3/error.hpp"
#include "ring3/module.hpp"
#include "ring3/ring.hpp"

namespace ring3 {

namespace hooks {
class Operations;
}

// An id of a ring that a loaded object answers for; destroying it detaches. One object may be attached to any
// number of rings. Ring and Operation may go in either order. Keeps what it needs of the module alive.
// Move-only.
class Operation {
 public:
  // Attaches the struct_ops variable `ops` (of type uring_bpf_ops; empty: the only one) to the ring that its
  // ring_fd names. Errors: EBADF, EOPNOTSUPP (not a ring), EINVAL (not loaded, an id beyond 255, or a ring
  // without IORING_SETUP_BPF_EXT), EBUSY (the ring has an operation of that id), ENOENT (no such variable).
  // Any thread.
  static Result<Operation> attach(Module& module, std::string_view ops = {});
  // The same for this ring, whatever ring_fd says.
  static Result<Operation> attach(Module& module, Ring& ring, std::string_view ops = {});

  Operation(Operation&&) noexcept;
  Operation& operator=(Operation&&) noexcept;
  ~Operation();

  // New requests are refused at once (-EOPNOTSUPP); waits until those in flight are cleaned up. Called on a
  // thread that may enter the ring, it runs the ring meanwhile; else those requests end only as the ring's
  // own task comes by, or destroys the ring. A request that waits in a chain for what never comes is waited
  // for as long: cancel it first. Any thread, but not while another one destroys a ring that several may
  // enter.
  void detach();

  uint8_t id() const { return id_; }

 private:
  Operation(std::shared_ptr<hooks::Operations> operations, uint8_t id);
  std::shared_ptr<hooks::Operations> operations_;  // of the ring; nullptr once detached
  uint8_t id_;
};

}  // namespace ring3
