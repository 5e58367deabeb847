#include "ring/queues.hpp"

namespace ring3::ring {

void SubmissionQueue::create(const Layout& layout, std::byte* rings, std::byte* sqes) {
  sqes_ = sqes;
  if (layout.array_offset != 0) array_ = reinterpret_cast<uint32_t*>(rings + layout.array_offset);
  entries_ = layout.sq_entries;
  mask_ = entries_ - 1;
  shift_ = layout.sqe_shift;
  rewind_ = layout.has(abi::IORING_SETUP_SQ_REWIND);
  head_word_ = SharedWord(rings, kSqHead);
  tail_word_ = SharedWord(rings, kSqTail);
  flags_word_ = SharedWord(rings, kSqFlags);
  dropped_word_ = SharedWord(rings, kSqDropped);
  SharedWord(rings, kSqMask).store(mask_);
  SharedWord(rings, kSqEntries).store(entries_);
}

bool SubmissionQueue::drop() {
  dropped_word_.store(++dropped_);
  return false;
}

bool SubmissionQueue::take_second_half() {
  const bool side_by_side = (head_ & mask_) != 0;
  ++head_;
  return side_by_side && array_ == nullptr;
}

void CompletionQueue::create(const Layout& layout, std::byte* rings) {
  cqes_ = rings + kCqes;
  entries_ = layout.cq_entries;
  mask_ = entries_ - 1;
  shift_ = layout.cqe_shift;
  head_word_ = SharedWord(rings, kCqHead);
  tail_word_ = SharedWord(rings, kCqTail);
  flags_word_ = SharedWord(rings, kCqFlags);
  SharedWord(rings, kCqMask).store(mask_);
  SharedWord(rings, kCqEntries).store(entries_);
}

bool CompletionQueue::find_room() {
  if (!backlog_.empty()) return false;
  // A head that lies beyond the tail, or too far behind it, counts as full.
  const uint32_t used = static_cast<uint32_t>(posted_) - head_word_.load();
  room_ = used >= entries_ ? 0 : entries_ - used;
  return room_ != 0;
}

void CompletionQueue::keep(const abi::Cqe& cqe) { backlog_.push_back(cqe); }

void CompletionQueue::flush_backlog() {
  if (backlog_.empty()) return;
  const uint32_t used = static_cast<uint32_t>(posted_) - head_word_.load();
  uint32_t free = used >= entries_ ? 0 : entries_ - used;
  for (; free != 0 && !backlog_.empty(); --free) {
    room_ = 1;  // write() takes it again
    write(backlog_.front());
    backlog_.pop_front();
  }
  room_ = backlog_.empty() ? free : 0;
}

}  // namespace ring3::ring
