// One BPF instruction and questions about it. The encoding is abi::BpfInsn; LD_IMM64 takes two slots, the
// second of which is all zero but imm. Program counters everywhere count slots.
#pragma once

#include <cstdint>

#include "abi/bpf.hpp"

namespace ring3::bpf {

using Insn = abi::BpfInsn;

inline uint8_t insn_class(Insn insn) { return insn.code & 0x07; }
inline uint8_t insn_op(Insn insn) { return insn.code & 0xf0; }    // ALU and jumps
inline uint8_t insn_mode(Insn insn) { return insn.code & 0xe0; }  // loads and stores
inline bool uses_register(Insn insn) { return insn.code & abi::BPF_X; }
inline bool is_64bit_imm(Insn insn) { return insn.code == (abi::BPF_LD | abi::BPF_IMM | abi::BPF_DW); }
inline unsigned insn_slots(Insn insn) { return is_64bit_imm(insn) ? 2 : 1; }
inline bool is_jump_class(Insn insn) {
  return insn_class(insn) == abi::BPF_JMP || insn_class(insn) == abi::BPF_JMP32;
}
inline bool is_call(Insn insn) { return insn.code == (abi::BPF_JMP | abi::BPF_CALL); }
inline bool is_exit(Insn insn) { return insn.code == (abi::BPF_JMP | abi::BPF_EXIT); }
// Bytes that a load or store moves: 1, 2, 4 or 8.
inline unsigned access_bytes(Insn insn) {
  switch (insn.code & 0x18) {
    case abi::BPF_B:
      return 1;
    case abi::BPF_H:
      return 2;
    case abi::BPF_W:
      return 4;
    default:
      return 8;
  }
}

}  // namespace ring3::bpf
