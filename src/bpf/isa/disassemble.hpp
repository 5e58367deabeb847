// Instructions as text, spelled as Linux's verifier log and llvm-objdump spell them.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "bpf/isa/insn.hpp"

namespace ring3::bpf {

// The name of what a call or an LD_IMM64 at `slot` refers to: a helper, kfunc or function
// ("bpf_ktime_get_ns"), or the whole operand of the load ("map[counts]", "&depth"). Empty: unknown, the
// number is printed.
using NameOf = std::function<std::string(uint32_t slot, Insn insn)>;

// "+=", "s>>=", … for the operation of an ALU instruction (insn_op()); empty for those that have no such
// sign.
std::string_view alu_operator(uint8_t op, bool is_signed = false);

// One instruction, without its slot number. Never fails: what is no instruction is printed as its bytes.
std::string disassemble(std::span<const Insn> insns, uint32_t slot, const NameOf& name_of = {});

}  // namespace ring3::bpf
