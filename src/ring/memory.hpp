// The memory that ring and application share: one memory file whose offsets are those of io_uring's mmap(2), or memory
// of the application (NO_MMAP). It can't shrink, so neither side can be faulted by the other cutting it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "ring/layout.hpp"

namespace ring3::ring {

class Memory {
 public:
  // `sqes` and `rings` are the application's addresses with NO_MMAP, otherwise ignored.
  static Result<Memory> create(const Layout& layout, uint64_t sqes, uint64_t rings);

  int fd() const { return fd_.get(); }
  std::span<std::byte> rings() const { return rings_; }
  std::span<std::byte> sqes() const { return sqes_; }

  // Makes the file hold `size` bytes at `offset`, zeroed, and maps them.
  Result<Mapping> extend(uint64_t offset, size_t size);

 private:
  FileDescriptor fd_;
  uint64_t file_size_ = 0;
  Mapping rings_mapping_, sqes_mapping_;
  std::span<std::byte> rings_, sqes_;
};

}  // namespace ring3::ring
