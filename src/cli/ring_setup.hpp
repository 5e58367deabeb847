// A ring as the options of `ring3 run` describe it, and the facts of it that --set may name.
#pragma once

#include <linux/io_uring.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ring3/ring.hpp"

namespace ring3::cli {

struct RingOptions {
  unsigned entries = 128;
  unsigned cq_entries = 0;  // 0: Linux's default, twice the SQ
  std::vector<std::string> flags;
  uint64_t region_bytes = 0;
  bool operations = false;  // it is to have some: BPF_EXT
  BackendKind backend = BackendKind::Auto;
};

struct RingSetup {
  Ring ring;
  io_uring_params params;
  std::map<std::string, uint64_t> facts;  // "sq.head" → its offset in the ring's memory, …
};

// EINVAL names the flag or size that is wrong, and lists what there is.
Result<RingSetup> set_up_ring(const RingOptions& options);

// "4096", "64K", "1M", "2G", "0x1000". EINVAL.
Result<uint64_t> parse_size(const std::string& text);

}  // namespace ring3::cli
