#include "ring/request.hpp"

#include <new>

namespace ring3::ring {

bool RequestTable::grow() {
  if (capacity_ > kNone - 2 * kChunk) return false;
  std::unique_ptr<Chunk> chunk(new (std::nothrow) Chunk);
  if (!chunk) return false;
  for (uint32_t i = 0; i < kChunk; ++i) chunk->requests[i].next = i + 1 < kChunk ? capacity_ + i + 1 : kNone;
  chunks_.push_back(std::move(chunk));
  free_ = capacity_;
  capacity_ += kChunk;
  return true;
}

}  // namespace ring3::ring
