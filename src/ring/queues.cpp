#include "ring/queues.hpp"

namespace ring3::ring {

void SubmissionQueue::create(const Layout& layout, std::byte* rings, std::byte* sqes) {
  sqes_ = sqes;
  if (layout.array_offset != 0) array_ = reinterpret_cast<uint32_t*>(rings + layout.array_offset);
  entries_ = layout.sq_entries;
  mask_ = entries_ - 1;
  shift_ = static_cast<uint8_t>(layout.sqe_shift);
  rewind_ = layout.has(abi::IORING_SETUP_SQ_REWIND);
  words_ = SharedWords(rings);
  words_.store(kSqMask, mask_);
  words_.store(kSqEntries, entries_);
}

bool SubmissionQueue::drop() {
  words_.store(kSqDropped, ++dropped_);
  return false;
}

bool SubmissionQueue::take_second_half() {
  const bool side_by_side = (head_ & mask_) != 0;
  ++head_;
  return side_by_side && array_ == nullptr;
}

void CompletionQueue::create(const Layout& layout, std::byte* rings) {
  words_ = SharedWords(rings);
  entries_ = layout.cq_entries;
  mask_ = entries_ - 1;
  shift_ = layout.cqe_shift;
  words_.store(kCqMask, mask_);
  words_.store(kCqEntries, entries_);
}

[[gnu::hot]] bool CompletionQueue::find_room() {
  if (!backlog_.empty()) return false;
  // A head that lies beyond the tail, or too far behind it, counts as full.
  const uint32_t used = static_cast<uint32_t>(posted_) - words_.load(kCqHead);
  room_ = used >= entries_ ? 0 : entries_ - used;
  return room_ != 0;
}

void CompletionQueue::keep(const abi::Cqe& cqe) { backlog_.push_back(cqe); }

void CompletionQueue::flush_backlog() {
  if (backlog_.empty()) return;
  const uint32_t used = static_cast<uint32_t>(posted_) - words_.load(kCqHead);
  uint32_t free = used >= entries_ ? 0 : entries_ - used;
  for (; free != 0 && !backlog_.empty(); --free) {
    room_ = 1;  // write() takes it again
    write(backlog_.front());
    backlog_.pop_front();
  }
  room_ = backlog_.empty() ? free : 0;
}

}  // namespace ring3::ring
