// Provider buffers: registered buffers that the application gives by their pieces and need not be able to
// address as one (the request queue of a block server, frames of a capture card, pages of a cache). Requests
// name them by index. Only programs (ring3/bpf/operation.h) and the transfers that IORING_OP_READ_FIXED and
// WRITE_FIXED make reach their bytes.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace ring3 {

struct BufferSegment {
  void* data = nullptr;
  size_t size = 0;  // bytes, not 0
};

// What requests may do with a buffer. Linux's directions, as bits.
enum class BufferUse : unsigned char {
  Destination = 1,  // it may be written: READ_FIXED, ITER_DEST
  Source = 2,       // it may be read: WRITE_FIXED, ITER_SOURCE
  Both = 3,
};

// Offsets run through the segments, in their order. Their memory belongs to whoever provides the buffer and
// must stay until `released` was called; should it go away before, requests fail with -EFAULT.
struct ProviderBuffer {
  std::vector<BufferSegment> segments;
  BufferUse use = BufferUse::Both;
  // Called once, when the buffer is withdrawn or replaced, or the ring goes away, and no request uses it any
  // more: on the thread that withdraws, enters or destroys the ring. It must not call into the ring. May be
  // empty.
  std::function<void()> released;
};

}  // namespace ring3
