// The registered buffers of a ring. Those of the application are registered with the back-end, and known here
// too, for whoever looks into buffers itself; provider buffers (ring3/buffer.hpp) are known here only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "backend/backend.hpp"
#include "base/error.hpp"
#include "ring3/buffer.hpp"

namespace ring3::ring {

// Immutable. Requests that use one keep it alive.
class Buffer {
 public:
  // The application's: absolute addresses mean something in it. It may be unmapped at any time.
  Buffer(uint64_t address, uint64_t size);
  explicit Buffer(ProviderBuffer buffer);
  Buffer(const Buffer&) = delete;
  ~Buffer();

  struct Segment {
    uint64_t offset, address, size;  // offset: of its first byte in the buffer
  };

  // Where a request that names it by address counts from: 0 for a provider buffer.
  uint64_t base() const { return base_; }
  uint64_t size() const { return size_; }
  bool allows(BufferUse use) const { return static_cast<unsigned>(use_) & static_cast<unsigned>(use); }
  bool is_provided() const { return provided_; }
  bool holds(uint64_t offset, uint64_t bytes) const { return bytes <= size_ && offset <= size_ - bytes; }
  // The segment with the byte at `offset`, which lies in the buffer.
  const Segment& segment_at(uint64_t offset) const;

 private:
  uint64_t base_ = 0, size_ = 0;
  BufferUse use_ = BufferUse::Both;
  bool provided_ = false;
  std::vector<Segment> segments_;
  std::function<void()> released_;
};

// Threading: as the ring's registrations.
class Buffers {
 public:
  // IORING_REGISTER_BUFFERS, _BUFFERS2, _BUFFERS_UPDATE and IORING_UNREGISTER_BUFFERS, as the system call
  // returns.
  int register_op(unsigned opcode, uint64_t argument, unsigned count, backend::Backend& backend);
  // EINVAL (no such slot in the table that was registered, no bytes, a segment without address or size),
  // EBUSY (the slot is taken).
  Result<void> provide(uint32_t index, ProviderBuffer buffer);
  // EINVAL (no such slot), EBUSY (what is there is not a provider's).
  Result<void> withdraw(uint32_t index);

  // Nothing if there is none.
  const Buffer* find(uint32_t index) const { return index < slots_.size() ? slots_[index].get() : nullptr; }
  std::shared_ptr<const Buffer> share(uint32_t index) const {
    return index < slots_.size() ? slots_[index] : nullptr;
  }

 private:
  void remember(uint32_t first, uint32_t count, uint64_t vectors);

  std::vector<std::shared_ptr<const Buffer>> slots_;
};

}  // namespace ring3::ring
