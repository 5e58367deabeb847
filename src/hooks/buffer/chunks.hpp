// What programs see of buffers: an iterator that lies on their stack and walks a buffer in chunks, dynptrs
// over those, and a copy between buffers.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "bpf/world/dynptr.hpp"
#include "hooks/buffer/runs.hpp"

namespace ring3::hooks {

// struct bpf_iter_uring_buf. A chunk lies in one page, so that one look says whether it is there; the memory
// may still go away at any time. Each method is a kfunc of ring3/bpf/operation.h, and has its results.
class BufferIterator {
 public:
  int open(const ring::Buffers& buffers, const BufferDescriptor& descriptor, int direction);
  int32_t* next();
  void close() { *this = BufferIterator(); }
  int make_dynptr(bpf::Dynptr& dynptr, bool writable) const;

 private:
  BufferRuns runs_;
  int32_t bytes_ = 0;  // of the current chunk; 0: there is none
  int32_t direction_ = kSource;
  uint64_t chunk_ = 0;  // its address
};
static_assert(sizeof(BufferIterator) <= 96 && alignof(BufferIterator) == 8);

ssize_t copy_buffer(const ring::Buffers& buffers, const BufferDescriptor& destination,
                    const BufferDescriptor& source);

}  // namespace ring3::hooks
