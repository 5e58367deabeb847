// What lies in the 16 bytes that a program calls a struct bpf_dynptr: a window on memory, of a size known
// only at run time. Programs never look into it; helpers and kfuncs (also those of hooks/) make and use it.
//
// A dynptr's memory may be something that nobody vouches for (Kind::User): a buffer of the application that
// another thread can unmap. Reads and writes through helpers then give -EFAULT.
#pragma once

#include <cstdint>

namespace ring3::bpf {

class Dynptr {
 public:
  enum class Kind : uint32_t { Local = 0, Ringbuf = 1, User = 2 };
  static constexpr uint64_t kSizeMax = (1u << 24) - 1;  // bytes

  // The null dynptr: what a failed constructor leaves.
  Dynptr() = default;
  // `size` at most kSizeMax.
  Dynptr(void* data, uint64_t size, Kind kind, bool read_only)
      : data_(static_cast<uint8_t*>(data)),
        size_and_flags_(static_cast<uint32_t>(size) | static_cast<uint32_t>(kind) << kKindShift |
                        (read_only ? kReadOnly : 0)) {}

  bool is_null() const { return data_ == nullptr; }
  bool is_read_only() const { return size_and_flags_ & kReadOnly; }
  Kind kind() const { return static_cast<Kind>(size_and_flags_ >> kKindShift & 7); }
  uint64_t size() const { return size_and_flags_ & kSizeMax; }

  // Whether `length` bytes at `offset` lie in it.
  bool holds(uint64_t offset, uint64_t length) const { return length <= size() && offset <= size() - length; }
  // Where the memory starts that the dynptr was made for: before any narrowing.
  uint8_t* base() const { return data_; }
  uint8_t* at(uint64_t offset) const { return data_ + offset_ + offset; }

  // Narrows the window to [start, end), where start <= end. False, and nothing changed, if it ends beyond.
  bool narrow(uint64_t start, uint64_t end) {
    if (start > size() || end > size()) return false;
    offset_ += static_cast<uint32_t>(start);
    size_and_flags_ =
        (size_and_flags_ & ~static_cast<uint32_t>(kSizeMax)) | static_cast<uint32_t>(end - start);
    return true;
  }

 private:
  static constexpr uint32_t kKindShift = 28;
  static constexpr uint32_t kReadOnly = 1u << 31;

  uint8_t* data_ = nullptr;
  uint32_t size_and_flags_ = 0;
  uint32_t offset_ = 0;
};
static_assert(sizeof(Dynptr) == 16 && alignof(Dynptr) == 8);

}  // namespace ring3::bpf
