// The oracle: the running kernel executes the same instructions. Programs see one piece of memory, the value
// of the only map, in which they leave whatever is to be compared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace ring3::test {

class HostKernel {
 public:
  explicit HostKernel(size_t memory_bytes);
  ~HostKernel();
  HostKernel(const HostKernel&) = delete;

  // Why programs can't be run here; empty if they can.
  const std::string& unavailable() const { return unavailable_; }
  std::span<std::byte> memory() const { return {memory_, memory_bytes_}; }
  // Loads and runs once. Empty, or what the kernel said against it. `insns` are 8 bytes each, as the kernel
  // takes them; an LD_IMM64 of BPF_PSEUDO_MAP_IDX_VALUE with index 0 loads the memory's address.
  std::string run(std::span<const uint64_t> insns) const;

 private:
  long load(std::span<const uint64_t> insns, std::span<char> log) const;

  std::string unavailable_;
  int map_ = -1;
  std::byte* memory_ = nullptr;
  size_t memory_bytes_;
};

}  // namespace ring3::test
