// The verifier of the kernel that runs the tests, as an oracle.
#pragma once

#include <span>
#include <string>

#include "bpf/isa/insn.hpp"

namespace ring3::bpf::test {

struct HostVerdict {
  bool available = false;  // false: bpf(2) isn't permitted here, `log` says why
  bool accepted = false;
  int error = 0;  // positive errno if refused
  std::string log;
};

// Loads the instructions as a sleepable BPF_PROG_TYPE_SYSCALL program (r1: a context), and unloads them
// again.
HostVerdict host_verify(std::span<const Insn> insns, unsigned log_level);
// Empty, or why host_verify() can't answer.
const std::string& host_unavailable();

// As long as it lives, the kernel takes this thread's programs for those of someone with CAP_BPF and without
// CAP_PERFMON: what strict verification is compared with.
class WithoutPerfmon {
 public:
  WithoutPerfmon();
  ~WithoutPerfmon();
  WithoutPerfmon(const WithoutPerfmon&) = delete;
  WithoutPerfmon& operator=(const WithoutPerfmon&) = delete;
  bool ok() const { return ok_; }

 private:
  uint32_t effective_[2] = {};
  bool ok_ = false;
};

// Map creation for programs that need one: a file descriptor, or -1.
int host_map(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t entries, uint32_t flags = 0);

}  // namespace ring3::bpf::test
