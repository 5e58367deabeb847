#include "hooks/buffer/runs.hpp"

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

#include "base/user_copy.hpp"

namespace ring3::hooks {

namespace {

constexpr uint32_t kVectorsMax = 1024;  // UIO_MAXIOV

struct Kind {
  bool registered;      // buf_index names the buffer that it lies in
  bool vector;          // addr and len are those of an array of iovecs
  bool from_the_start;  // addr counts from the buffer's start, not from where addresses of it count
};
constexpr Kind kKinds[] = {
    {false, false, false},  // kUser
    {true, false, false},   // kFixed
    {false, true, false},   // kVector
    {true, false, true},    // kKernelFixed
    {true, true, false},    // kRegisteredVector
};

}  // namespace

int BufferRuns::open(const ring::Buffers& buffers, const BufferDescriptor& descriptor, int direction) {
  close();
  if (descriptor.type >= std::size(kKinds) || (direction != kDestination && direction != kSource))
    return -EINVAL;
  const Kind kind = kKinds[descriptor.type];
  if (kind.registered) {
    registered_ = buffers.find(descriptor.buf_index);
    if (!registered_ ||
        !registered_->allows(direction == kDestination ? BufferUse::Destination : BufferUse::Source))
      return close(), -EFAULT;
  }
  int result = 0;
  if (kind.vector) {
    vectors_ = descriptor.addr;
    vectors_left_ = descriptor.len;
    result = check_vectors();
  } else {
    const uint64_t start = kind.from_the_start ? registered_->base() : 0;
    uint64_t address;
    const bool fits = !__builtin_add_overflow(descriptor.addr, start, &address);
    result = fits && take_piece(address, descriptor.len) ? 0 : -EFAULT;
  }
  if (result != 0) close();
  return result;
}

// The bytes at that address become what is walked, if they lie where they must.
bool BufferRuns::take_piece(uint64_t address, uint64_t bytes) {
  uint64_t end;
  if (__builtin_add_overflow(address, bytes, &end)) return false;
  if (!registered_) {
    at_ = address;
    end_ = end;
    return true;
  }
  if (address < registered_->base() || !registered_->holds(address - registered_->base(), bytes))
    return false;
  offset_ = address - registered_->base();
  left_ = bytes;
  return true;
}

int BufferRuns::check_vectors() const {
  if (vectors_left_ > kVectorsMax) return -EINVAL;
  constexpr uint32_t kBatch = 16;
  iovec batch[kBatch];
  for (uint32_t done = 0; done < vectors_left_; done += kBatch) {
    const uint32_t count = std::min(kBatch, vectors_left_ - done);
    if (copy_from_user(batch, vectors_ + done * sizeof(iovec), count * sizeof(iovec)) != 0) return -EFAULT;
    for (uint32_t i = 0; i < count; ++i) {
      BufferRuns piece;
      piece.registered_ = registered_;
      if (!piece.take_piece(reinterpret_cast<uint64_t>(batch[i].iov_base), batch[i].iov_len)) return -EFAULT;
    }
  }
  return 0;
}

bool BufferRuns::next() {
  for (;;) {
    if (left_ != 0) return next_segment();
    if (vectors_left_ == 0) return false;
    iovec vector;
    if (copy_from_user(&vector, vectors_, sizeof vector) != 0 ||
        !take_piece(reinterpret_cast<uint64_t>(vector.iov_base), vector.iov_len))
      return close(), false;
    vectors_ += sizeof vector;
    --vectors_left_;
    if (at_ != end_) return true;
  }
}

bool BufferRuns::next_segment() {
  const ring::Buffer::Segment& segment = registered_->segment_at(offset_);
  const uint64_t skipped = offset_ - segment.offset;
  const uint64_t bytes = std::min(left_, segment.size - skipped);
  at_ = segment.address + skipped;
  end_ = at_ + bytes;
  offset_ += bytes;
  left_ -= bytes;
  return true;
}

}  // namespace ring3::hooks
