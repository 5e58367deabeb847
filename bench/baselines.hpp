// What users would have instead: hand-written liburing programs. They know nothing of ring3.
#pragma once

#include <cstdint>

namespace ring3::bench {

// What a baseline did. error: a negative errno if it could not be run.
struct Work {
  uint64_t operations = 0;  // NOPs, reads, or bytes copied
  uint64_t system_calls = 0;
  double seconds = 0;
  int error = 0;
};

// `count` NOPs, `batch` to an io_uring_submit_and_wait.
Work liburing_nops(uint64_t count, unsigned batch);

// `count` NOPs, two at a time, linked, one io_uring_submit_and_wait for each pair.
Work liburing_nop_links(uint64_t count);

// `count` reads of `block` bytes at consecutive offsets of `fd` (wrapping at `file_size`), `depth` in flight.
Work liburing_reads(int fd, uint64_t file_size, uint32_t block, unsigned depth, uint64_t count);

// Copies `size` bytes between the files with `depth` blocks in flight: a read, then the write of what it gave.
Work liburing_copy(int in, int out, uint64_t size, uint32_t block, unsigned depth);

}  // namespace ring3::bench
