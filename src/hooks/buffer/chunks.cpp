#include "hooks/buffer/chunks.hpp"

#include <algorithm>
#include <cerrno>

#include "base/contained.hpp"
#include "base/user_copy.hpp"

namespace ring3::hooks {

namespace {

constexpr uint64_t kPage = 4096;

uint64_t bytes_to_page_end(uint64_t address) { return kPage - address % kPage; }

}  // namespace

int BufferIterator::open(const ring::Buffers& buffers, const BufferDescriptor& descriptor, int direction) {
  bytes_ = 0;
  direction_ = direction;
  return runs_.open(buffers, descriptor, direction);
}

int32_t* BufferIterator::next() {
  bytes_ = 0;
  if (!runs_.more()) return nullptr;
  chunk_ = runs_.address();
  if (direction_ == kDestination ? !is_writable(chunk_) : !is_readable(chunk_)) {
    runs_.close();
    return nullptr;
  }
  bytes_ = static_cast<int32_t>(std::min(runs_.bytes(), bytes_to_page_end(chunk_)));
  runs_.advance(static_cast<uint64_t>(bytes_));
  return &bytes_;
}

int BufferIterator::make_dynptr(bpf::Dynptr& dynptr, bool writable) const {
  dynptr = bpf::Dynptr();
  if (writable && direction_ != kDestination) return -EPERM;
  if (bytes_ == 0) return -EINVAL;
  dynptr = bpf::Dynptr(reinterpret_cast<void*>(chunk_), static_cast<uint64_t>(bytes_),
                       bpf::Dynptr::Kind::User, !writable);
  return 0;
}

ssize_t copy_buffer(const ring::Buffers& buffers, const BufferDescriptor& destination,
                    const BufferDescriptor& source) {
  BufferRuns to, from;
  if (const int error = to.open(buffers, destination, kDestination)) return error;
  if (const int error = from.open(buffers, source, kSource)) return error;
  ssize_t copied = 0;
  bool by_pages = false;
  while (to.more() && from.more()) {
    uint64_t bytes = std::min(to.bytes(), from.bytes());
    if (by_pages)
      bytes = std::min({bytes, bytes_to_page_end(to.address()), bytes_to_page_end(from.address())});
    if (copy_between_users(to.address(), from.address(), bytes) != 0) {
      if (by_pages) return copied ? copied : -EFAULT;
      // Whole runs at once, but what faults goes again by pages, for the count.
      by_pages = true;
      continue;
    }
    copied += static_cast<ssize_t>(bytes);
    to.advance(bytes);
    from.advance(bytes);
  }
  return copied;
}

}  // namespace ring3::hooks
