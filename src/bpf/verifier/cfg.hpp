// The shape of a program, before any value is looked at: where control may go, which functions call which.
// After build() every jump stays in its function and hits the start of an instruction, every instruction can
// be reached, every function ends, and no function calls itself, however indirectly.
#pragma once

#include <cstdint>
#include <expected>
#include <vector>

#include "bpf/link/program.hpp"
#include "bpf/verifier/fault.hpp"

namespace ring3::bpf {

class Cfg {
 public:
  static std::expected<Cfg, Fault> build(const Program& program);

  // Where a jump (not call, not exit) at `insn` goes if taken.
  static uint32_t target(const Program& program, uint32_t insn);
  static bool is_plain_jump(Insn insn);        // always taken
  static bool is_conditional_jump(Insn insn);  // including may_goto
  static bool is_may_goto(Insn insn);
  // A helper or kfunc call that runs a BPF function given to it.
  static bool calls_back(const Program& program, uint32_t insn);
  static bool is_iterator_next(const Program& program, uint32_t insn);

  // States are compared here.
  bool is_prune_point(uint32_t insn) const { return flags_[insn] & Prune; }
  // A state is always stored here: loops converge on it.
  bool is_checkpoint(uint32_t insn) const { return flags_[insn] & Checkpoint; }
  uint32_t subprogram(uint32_t insn) const { return owner_[insn]; }
  // Subprograms that subprogram i calls, or whose address it takes.
  const std::vector<uint32_t>& callees(uint32_t i) const { return callees_[i]; }
  // All subprograms, callees before callers.
  const std::vector<uint32_t>& bottom_up() const { return bottom_up_; }

 private:
  enum Flag : uint8_t { Start = 1, Prune = 2, Checkpoint = 4, Reached = 8 };
  std::expected<void, Fault> scan(const Program& program, uint32_t subprogram);
  std::expected<void, Fault> reach(const Program& program, uint32_t subprogram);
  std::expected<void, Fault> order(const Program& program);

  std::vector<uint8_t> flags_;
  std::vector<uint32_t> owner_;
  std::vector<std::vector<uint32_t>> callees_;
  std::vector<uint32_t> bottom_up_;
};

}  // namespace ring3::bpf
