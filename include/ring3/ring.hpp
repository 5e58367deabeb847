// io_uring in user space: a ring with Linux's structures, flags, limits and errnos, whose requests a back-end
// performs (the kernel's io_uring, or threads and plain system calls where that is missing or forbidden).
//
// The application works with the memory of the ring exactly as with the kernel's: it maps the SQ ring and the
// SQEs, writes SQEs, moves tails and heads, and calls enter(). <linux/io_uring.h>'s structures can be laid
// over it.
//
// Threading: as with the kernel. A ring with IORING_SETUP_SINGLE_ISSUER is entered by one task only (-EEXIST
// from another); any other ring may be entered by several threads, one after the other under a lock.
// Completions are posted while some thread is inside enter() (as with IORING_SETUP_DEFER_TASKRUN), never
// behind the application's back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "ring3/buffer.hpp"
#include "ring3/error.hpp"

struct io_uring_params;

namespace ring3 {

namespace ring {
class Ring;  // the engine, src/ring
}

enum class BackendKind {
  Auto,     // Host where io_uring_setup(2) works, else Threads
  Host,     // the kernel's io_uring: every opcode that it has
  Threads,  // no io_uring at all: the opcodes listed in docs/backends.md
};

// Counted since the ring was made.
struct RingCounters {
  uint64_t sqes_submitted = 0;
  uint64_t cqes_posted = 0;
  uint64_t system_calls = 0;  // made by ring and back-end on the entering thread
};

// Owns the ring; destroying it cancels what is in flight and waits for it. Move-only.
class Ring {
 public:
  // io_uring_setup(2). `params` is read and filled in as the kernel does. Errors: EINVAL (bad flags or sizes,
  // SQPOLL with DEFER_TASKRUN, DEFER_TASKRUN without SINGLE_ISSUER, SQ_REWIND without NO_SQARRAY), ENOMEM,
  // and with BackendKind::Host whatever io_uring_setup(2) said.
  static Result<Ring> setup(unsigned entries, io_uring_params& params,
                            BackendKind backend = BackendKind::Auto);

  Ring(Ring&&) noexcept;
  Ring& operator=(Ring&&) noexcept;
  ~Ring();

  // io_uring_enter(2): what it would return, errors as negative errno. `argument` is what its flags say: a
  // sigset_t*, or with IORING_ENTER_EXT_ARG a struct io_uring_getevents_arg*.
  int enter(unsigned to_submit, unsigned min_complete, unsigned flags, const void* argument = nullptr,
            size_t argument_size = 0);

  // io_uring_register(2).
  int register_op(unsigned opcode, void* argument, unsigned count);

  // Puts a provider buffer (ring3/buffer.hpp) into an empty slot of the buffer table, which
  // IORING_REGISTER_BUFFERS2 made (IORING_RSRC_REGISTER_SPARSE). Not in Linux, where only drivers do this. Errors:
  // EINVAL (no such slot, a segment without address or size, more than 1024 of them), EBUSY (the slot is taken),
  // EEXIST (not the task of a SINGLE_ISSUER ring); `released` is then never called.
  Result<void> provide_buffer(unsigned index, ProviderBuffer buffer);
  // Takes it out again; requests that use it go on. EINVAL (the slot is empty), EBUSY (what is there was registered
  // by IORING_REGISTER_BUFFERS and its kin), EEXIST.
  Result<void> withdraw_buffer(unsigned index);

  // A descriptor to mmap(2) at IORING_OFF_SQ_RING, IORING_OFF_SQES and the offsets of regions. Owned by the
  // ring.
  int fd() const;
  // The same memory where the ring itself has it mapped.
  std::byte* sq_ring() const;  // SQ and CQ headers, CQEs, index array (IORING_OFF_SQ_RING)
  std::byte* sqes() const;

  std::string_view backend() const;  // "host" or "threads"
  RingCounters counters() const;

  ring::Ring& engine() const { return *engine_; }

 private:
  explicit Ring(std::unique_ptr<ring::Ring> engine);
  std::unique_ptr<ring::Ring> engine_;
};

}  // namespace ring3
