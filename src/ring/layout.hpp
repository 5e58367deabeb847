// Where things lie in the ring's memory, and which set-ups are legal. The offsets are those that Linux reports, so
// that a program which has them compiled in works too.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/io_uring.hpp"

namespace ring3::ring {

// Offsets of the words that application and ring share, from IORING_OFF_SQ_RING.
inline constexpr uint32_t kSqHead = 0, kSqTail = 4, kCqHead = 8, kCqTail = 12, kSqMask = 16, kCqMask = 20,
                          kSqEntries = 24, kCqEntries = 28, kSqDropped = 32, kSqFlags = 36, kCqFlags = 40,
                          kCqOverflow = 44, kCqes = 64;

inline constexpr size_t kPageSize = 4096;
constexpr size_t round_to_pages(size_t size) { return (size + kPageSize - 1) & ~(kPageSize - 1); }

struct Layout {
  uint32_t flags = 0;  // of the set-up
  uint32_t sq_entries = 0, cq_entries = 0;
  uint32_t sqe_shift = 6, cqe_shift = 4;  // log2 of the entries' bytes
  uint32_t array_offset = 0;              // of the SQ index array; 0 with NO_SQARRAY
  size_t ring_size = 0, sqes_size = 0;    // in whole pages

  bool has(uint32_t flag) const { return flags & flag; }
};

// Checks what io_uring_setup(2) was given. Returns 0 and fills `layout`, or a negative errno.
int check_setup(uint32_t entries, const abi::Params& params, Layout& layout);

// Fills in what the kernel fills in: entries, features, offsets.
void report_layout(const Layout& layout, abi::Params& params);

}  // namespace ring3::ring
