// From a descriptor to memory: the runs of contiguous bytes behind it, in their order. Nothing is allocated,
// and nothing is vouched for: iovecs are read as their turn comes, and whoever touches the bytes contains the
// fault.
#pragma once

#include <cstdint>

#include "ring/buffers.hpp"

namespace ring3::hooks {

// struct io_bpf_buf_desc
struct BufferDescriptor {
  uint8_t type, reserved;
  uint16_t buf_index;
  uint32_t len;
  uint64_t addr;
};
static_assert(sizeof(BufferDescriptor) == 16);

enum BufferType : uint8_t { kUser = 0, kFixed = 1, kVector = 2, kKernelFixed = 3, kRegisteredVector = 4 };
enum Direction : int { kDestination = 0, kSource = 1 };

// Uses the ring's buffers, which must not change meanwhile. A trivial copy goes on where the original was.
class BufferRuns {
 public:
  // Nothing at all.
  BufferRuns() = default;
  // 0; -EINVAL (no such type or direction, more than 1024 iovecs), -EFAULT (no such registered buffer, not in
  // this direction, a range outside it, iovecs that can't be read). After an error there are no runs.
  int open(const ring::Buffers& buffers, const BufferDescriptor& descriptor, int direction);

  // What is left of the current run, or all of the next one, if nothing is. False at the end, which is also
  // where an iovec has gone bad since open().
  bool more() { return at_ != end_ || next(); }
  uint64_t address() const { return at_; }
  uint64_t bytes() const { return end_ - at_; }
  // At most bytes().
  void advance(uint64_t bytes) { at_ += bytes; }
  void close() { *this = BufferRuns(); }

 private:
  bool next();
  bool next_segment();
  bool take_piece(uint64_t address, uint64_t bytes);
  int check_vectors() const;

  uint64_t at_ = 0, end_ = 0;                 // the current run
  const ring::Buffer* registered_ = nullptr;  // nullptr: addresses are the application's
  uint64_t offset_ = 0, left_ = 0;            // of the piece in it that is walked: what follows the run
  uint64_t vectors_ = 0;                      // address of the iovecs that follow
  uint32_t vectors_left_ = 0;
};

}  // namespace ring3::hooks
