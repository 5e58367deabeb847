// What can be said of instructions without running them: known opcodes, reserved fields zero, registers that
// exist, jumps that land on instructions of the same function.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "bpf/isa/insn.hpp"

namespace ring3::bpf {

struct MalformedInsn {
  uint32_t insn = 0;          // slot
  std::string linux_message;  // Linux's own wording
  std::string reason;         // for a person
};

// Checks the function in slots [start, end) of `insns`; nothing if it is well formed. After this, every slot
// of it is either an instruction of the table with valid fields or the second half of an LD_IMM64, every jump
// leads to an instruction of [start, end), and the last instruction is an exit or a jump. What calls and
// LD_IMM64 refer to is not checked.
std::optional<MalformedInsn> check_function(std::span<const Insn> insns, uint32_t start, uint32_t end);

// The slot that a jump leads to, if `insn` is one (may be outside the program).
std::optional<int64_t> jump_target(Insn insn, uint32_t slot);

}  // namespace ring3::bpf
