// A map of the running kernel, through bpf(2): what ours are compared with. In a translation unit of its own,
// because <linux/bpf.h> has macros that are names of ours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace kernel {

// Why bpf(2) can't be used here, or nothing if it can.
std::optional<const char*> unavailable();

// As many CPUs have values in a per-CPU map; 0 if that is unknown.
unsigned possible_cpus();

class Map {
 public:
  // On failure valid() is false and error() says why.
  Map(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t max_entries, uint32_t flags,
      uint64_t extra = 0);
  ~Map();
  Map(Map&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

  bool valid() const { return fd_ >= 0; }
  int error() const { return error_; }  // positive errno; 0 if valid
  int fd() const { return fd_; }

  // 0 or a negative errno.
  int read(const void* key, void* value);
  int write(const void* key, const void* value, uint64_t flags);
  int remove(const void* key);
  int next_key(const void* key, void* next);
  int freeze();

 private:
  int fd_ = -1;
  int error_ = 0;
};

// A program that calls bpf_ringbuf_output(map, stack, size, flags); run() gives its result.
class RingBufferWriter {
 public:
  RingBufferWriter(const Map& map, uint32_t size, uint32_t flags);
  ~RingBufferWriter();
  bool valid() const { return fd_ >= 0; }
  int run();

 private:
  int fd_ = -1;
};

}  // namespace kernel
