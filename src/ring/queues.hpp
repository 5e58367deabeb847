// The two queues as the ring sees them. Their words in shared memory may be overwritten at any time by the
// application or by a program: the ring keeps its own head and tail, reads each shared word once, clamps what it reads,
// and never indexes by it unmasked.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>

#include "abi/io_uring.hpp"
#include "ring/layout.hpp"

namespace ring3::ring {

// The words that the application also uses. Those of both queues lie where the layout says.
class SharedWords {
 public:
  SharedWords() = default;
  explicit SharedWords(std::byte* rings) : rings_(rings) {}
  uint32_t load(uint32_t offset) const { return word(offset).load(std::memory_order_acquire); }
  void store(uint32_t offset, uint32_t value) { word(offset).store(value, std::memory_order_release); }
  std::byte* at(uint32_t offset) const { return rings_ + offset; }

 private:
  std::atomic_ref<uint32_t> word(uint32_t offset) const {
    return std::atomic_ref(*reinterpret_cast<uint32_t*>(rings_ + offset));
  }
  std::byte* rings_ = nullptr;
};

class SubmissionQueue {
 public:
  void create(const Layout& layout, std::byte* rings, std::byte* sqes);

  uint32_t entries() const { return entries_; }

  // How many SQEs a submission of `count` may take. With SQ_REWIND always from slot 0.
  uint32_t begin(uint32_t count) {
    if (rewind_) [[unlikely]] {
      head_ = 0;
      return std::min(count, entries_);
    }
    return std::min({count, words_.load(kSqTail) - head_, entries_});
  }

  // Copies the next SQE, once: checks and uses are of the copy. False if the index array names none; that entry is
  // dropped.
  bool take(abi::Sqe& sqe) {
    const bool copied = peek(sqe);
    skip();
    return copied || drop();
  }
  // The same without going on to the one after it, or dropping it.
  bool peek(abi::Sqe& sqe) const {
    uint32_t index = head_ & mask_;
    if (array_ != nullptr) [[likely]] {
      index = std::atomic_ref(array_[index]).load(std::memory_order_relaxed);
      if (index >= entries_) [[unlikely]]
        return false;
    }
    std::memcpy(&sqe, sqes_ + (size_t{index} << shift_), sizeof sqe);
    asm volatile("" : "+m"(sqe));  // no second read of shared memory behind our back
    return true;
  }
  void skip() { ++head_; }
  // A 128-byte SQE of a ring with mixed sizes takes two entries, which must lie side by side: false if they don't.
  bool take_second_half();

  // Tells the application how far the ring has read.
  void publish() {
    if (!rewind_) [[likely]]
      words_.store(kSqHead, head_);
  }

  // Sets those of the shared flags (NEED_WAKEUP, CQ_OVERFLOW, TASKRUN) that are in `mask`.
  void set_flags(uint32_t mask, uint32_t flags) {
    flags |= flags_ & ~mask;
    if (flags != flags_) {
      flags_ = flags;
      words_.store(kSqFlags, flags);
    }
  }

 private:
  bool drop();

  SharedWords words_;
  std::byte* sqes_ = nullptr;
  uint32_t* array_ = nullptr;
  uint32_t head_ = 0, mask_ = 0, entries_ = 0, flags_ = 0, dropped_ = 0;
  uint8_t shift_ = 6;
  bool rewind_ = false;
};

class CompletionQueue {
 public:
  void create(const Layout& layout, std::byte* rings);

  uint32_t entries() const { return entries_; }

  // Posts a CQE, into the queue or behind the backlog. Visible to the application after publish().
  void post(uint64_t user_data, int32_t res, uint32_t flags) {
    ++total_;
    if (room_ == 0) [[unlikely]] {
      if (!find_room()) return keep({user_data, res, flags});
    }
    write({user_data, res, flags});
  }

  // Shows what was posted. Returns true if something was.
  bool publish() {
    if (posted_ == published_) return false;
    published_ = posted_;
    words_.store(kCqTail, static_cast<uint32_t>(posted_));
    return true;
  }

  // Moves the backlog into the queue, oldest first, as far as there is room.
  void flush_backlog();
  bool has_backlog() const { return total_ != posted_; }

  // The CQEs that the application can see and has not taken.
  uint32_t ready() const { return words_.load(kCqTail) - words_.load(kCqHead); }
  uint32_t visible_tail() const { return words_.load(kCqTail); }
  // Everything that was ever posted, whether in the queue or kept back.
  uint64_t total() const { return total_; }
  uint64_t posted() const { return posted_; }
  uint32_t application_flags() const { return words_.load(kCqFlags); }

 private:
  void write(const abi::Cqe& cqe) {
    std::byte* slot = words_.at(kCqes) + (size_t{static_cast<uint32_t>(posted_) & mask_} << shift_);
    std::memcpy(slot, &cqe, sizeof cqe);
    if (shift_ == 5) [[unlikely]]
      std::memset(slot + sizeof cqe, 0, sizeof cqe);
    ++posted_;
    --room_;
  }
  bool find_room();
  void keep(const abi::Cqe& cqe);

  SharedWords words_;
  uint64_t total_ = 0, posted_ = 0, published_ = 0;
  uint32_t room_ = 0;  // free entries known of; 0 until the head was looked at, and while there is a backlog, so that nothing overtakes it
  uint32_t mask_ = 0, entries_ = 0, shift_ = 4;
  std::deque<abi::Cqe> backlog_;
};

}  // namespace ring3::ring
