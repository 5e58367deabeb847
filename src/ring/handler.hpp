// Who performs IORING_OP_BPF: the second of the ring's two extension points. The ring keeps the request's
// place in its chain, its drain and its CQE; what the operation does, it does not know.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/io_uring.hpp"

namespace ring3::ring {

// What issue() came to.
struct Outcome {
  int32_t res = 0;
  bool failed = false;  // breaks the chain, even if `res` is not negative
};

// All is called on the task that is inside the ring, one call at a time, from nowhere else; nothing here may
// enter the ring or throw.
class Handler {
 public:
  // A request's own memory: the handler's from prepare() to cleanup(). Never moves.
  struct alignas(8) Memory {
    std::byte bytes[64];
  };

  virtual ~Handler() = default;
  // As the request is submitted; `sqe` is a copy that dies with the call. 0, or the result that the request
  // fails with: then nothing more is called for it.
  virtual int prepare(Memory& memory, const abi::Sqe& sqe) = 0;
  // When its turn in the chain has come. Not called if the chain broke or was cancelled before.
  virtual Outcome issue(Memory& memory) = 0;
  // Exactly once for each request that was prepared, as the last thing.
  virtual void cleanup(Memory& memory) = 0;
  // The ring is going away: all its requests are cleaned up. Called on the thread that destroys it.
  virtual void ring_gone() = 0;
};

}  // namespace ring3::ring
