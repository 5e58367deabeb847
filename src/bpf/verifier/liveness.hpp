// Which registers and stack slots may still be read, by instruction: what is dead need not agree when states
// are compared. Computed once from the code alone, so it holds for every path.
#pragma once

#include <cstdint>
#include <vector>

#include "bpf/link/program.hpp"
#include "bpf/verifier/cfg.hpp"

namespace ring3::bpf {

class Liveness {
 public:
  Liveness(const Program& program, const Cfg& cfg);

  // Bit r: register r may be read before it is written, from `insn` on.
  uint16_t registers(uint32_t insn) const { return registers_[insn]; }
  // Bit i: the same of stack slot i of the function's own frame (fp-8(i+1) …).
  uint64_t slots(uint32_t insn) const { return slots_[insn]; }

 private:
  struct Effect {
    uint16_t reads = 0, writes = 0;
  };
  Effect effect(uint32_t insn) const;
  uint16_t call_arguments(uint32_t insn) const;
  void solve_registers(const Subprogram& sub);
  void solve_slots(uint32_t subprogram);

  const Program& program_;
  const Cfg& cfg_;
  std::vector<uint16_t> registers_;
  std::vector<uint64_t> slots_;
  // The function may keep a pointer that it was passed, in memory that outlives it.
  std::vector<bool> keeps_pointers_;
};

}  // namespace ring3::bpf
