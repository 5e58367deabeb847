// Hash tables over preallocated elements: nothing is allocated after creation, and the address of a value
// stays valid memory. Private to this folder.
#pragma once

#include <atomic>

#include "bpf/map/storage.hpp"

namespace ring3::bpf {

// The elements of a table and the free ones among them. Lock-free.
class ElementPool {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  struct Element {
    std::atomic<uint32_t> next;  // in its bucket's chain, or in the list of free ones
    std::atomic<uint32_t> hash;
    std::atomic<bool> linked;      // in a bucket
    std::atomic<bool> referenced;  // looked up since the eviction hand passed (LRU)
  };
  static_assert(sizeof(Element) == 12 && std::atomic<uint32_t>::is_always_lock_free);

  ElementPool(Mapping memory, uint32_t count, uint32_t key_size, uint32_t value_bytes)
      : memory_(std::move(memory)),
        count_(count),
        value_offset_(kKeyOffset + round_up(key_size, 8)),
        stride_(element_bytes(key_size, value_bytes)) {}

  static uint64_t element_bytes(uint32_t key_size, uint64_t value_bytes) {
    return kKeyOffset + round_up(key_size, 8) + value_bytes;
  }

  uint32_t count() const { return count_; }
  Element& operator[](uint32_t index) const { return *reinterpret_cast<Element*>(at(index)); }
  std::byte* key(uint32_t index) const { return at(index) + kKeyOffset; }
  std::byte* value(uint32_t index) const { return at(index) + value_offset_; }

  // A free element, or kNone.
  uint32_t take();
  void give_back(uint32_t index);

 private:
  static constexpr uint64_t kKeyOffset = 16;

  std::byte* at(uint32_t index) const { return memory_.data() + index * stride_; }

  Mapping memory_;
  const uint32_t count_;
  const uint64_t value_offset_, stride_;
  // Elements that were never used are those from fresh_ on, so that their memory is not touched before.
  std::atomic<uint32_t> fresh_{0};
  // Of those given back: the index of the first + 1, and above it a count of changes (against ABA).
  std::atomic<uint64_t> free_{0};
};

}  // namespace ring3::bpf
