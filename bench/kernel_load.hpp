// The running kernel's verifier, given the programs that ours is given.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "bpf/link/collection.hpp"

namespace ring3::bench {

// A collection's maps and types in the kernel.
class KernelLoad {
 public:
  // `types`: the object's .BTF section. An errno of bpf(2).
  static Result<std::unique_ptr<KernelLoad>> create(const bpf::Collection& collection,
                                                    std::span<const std::byte> types);
  // Nanoseconds that bpf(BPF_PROG_LOAD) takes, as a sleepable program of type SYSCALL; unloads it again.
  Result<double> load_ns(const bpf::Program& program) const;

 private:
  KernelLoad() = default;
  int map_fd(const bpf::Map* map) const;

  std::vector<std::pair<const bpf::Map*, FileDescriptor>> maps_;
  FileDescriptor types_;
};

}  // namespace ring3::bench
