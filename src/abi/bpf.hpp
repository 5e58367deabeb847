// BPF as the kernel numbers it: instruction encoding (RFC 9669), object conventions of libbpf, map types.
// Data only.
#pragma once

#include <cstdint>

namespace ring3::abi {

struct BpfInsn {
  uint8_t code;
  uint8_t dst : 4;
  uint8_t src : 4;
  int16_t off;
  int32_t imm;
};
static_assert(sizeof(BpfInsn) == 8);

// code & 7
inline constexpr uint8_t BPF_LD = 0, BPF_LDX = 1, BPF_ST = 2, BPF_STX = 3, BPF_ALU = 4, BPF_JMP = 5,
                         BPF_JMP32 = 6, BPF_ALU64 = 7;
// code & 0x18 of a load or store
inline constexpr uint8_t BPF_W = 0x00, BPF_H = 0x08, BPF_B = 0x10, BPF_DW = 0x18;
// code & 0xe0 of a load or store
inline constexpr uint8_t BPF_IMM = 0x00, BPF_ABS = 0x20, BPF_IND = 0x40, BPF_MEM = 0x60, BPF_MEMSX = 0x80,
                         BPF_ATOMIC = 0xc0;
// code & 8 of an ALU or jump instruction: the second operand is imm or src
inline constexpr uint8_t BPF_K = 0x00, BPF_X = 0x08;
// code & 0xf0
inline constexpr uint8_t BPF_ADD = 0x00, BPF_SUB = 0x10, BPF_MUL = 0x20, BPF_DIV = 0x30, BPF_OR = 0x40,
                         BPF_AND = 0x50, BPF_LSH = 0x60, BPF_RSH = 0x70, BPF_NEG = 0x80, BPF_MOD = 0x90,
                         BPF_XOR = 0xa0, BPF_MOV = 0xb0, BPF_ARSH = 0xc0, BPF_END = 0xd0;
// BPF_JCOND: may_goto
inline constexpr uint8_t BPF_JA = 0x00, BPF_JEQ = 0x10, BPF_JGT = 0x20, BPF_JGE = 0x30, BPF_JSET = 0x40,
                         BPF_JNE = 0x50, BPF_JSGT = 0x60, BPF_JSGE = 0x70, BPF_CALL = 0x80, BPF_EXIT = 0x90,
                         BPF_JLT = 0xa0, BPF_JLE = 0xb0, BPF_JSLT = 0xc0, BPF_JSLE = 0xd0, BPF_JCOND = 0xe0;
// imm of an atomic
enum BpfAtomicOp : int32_t {
  BPF_FETCH = 0x01,
  BPF_XCHG = 0xe1,
  BPF_CMPXCHG = 0xf1,
  BPF_LOAD_ACQ = 0x100,
  BPF_STORE_REL = 0x110
};
// src of LD_IMM64
enum BpfPseudo : uint8_t {
  BPF_PSEUDO_MAP_FD = 1,
  BPF_PSEUDO_MAP_VALUE = 2,
  BPF_PSEUDO_BTF_ID = 3,
  BPF_PSEUDO_FUNC = 4,
  BPF_PSEUDO_MAP_IDX = 5,
  BPF_PSEUDO_MAP_IDX_VALUE = 6
};
// src of a call
enum BpfCallKind : uint8_t { BPF_HELPER_CALL = 0, BPF_PSEUDO_CALL = 1, BPF_PSEUDO_KFUNC_CALL = 2 };

enum BpfMapType : uint32_t {
  BPF_MAP_TYPE_HASH = 1,
  BPF_MAP_TYPE_ARRAY = 2,
  BPF_MAP_TYPE_PERCPU_HASH = 5,
  BPF_MAP_TYPE_PERCPU_ARRAY = 6,
  BPF_MAP_TYPE_LRU_HASH = 9,
  BPF_MAP_TYPE_RINGBUF = 27,
  BPF_MAP_TYPE_ARENA = 33
};
enum BpfMapFlag : uint32_t {
  BPF_F_NO_PREALLOC = 1u << 0,
  BPF_F_RDONLY = 1u << 3,
  BPF_F_WRONLY = 1u << 4,
  BPF_F_RDONLY_PROG = 1u << 7,
  BPF_F_WRONLY_PROG = 1u << 8,
  BPF_F_MMAPABLE = 1u << 10,
  BPF_F_SEGV_ON_FAULT = 1u << 17,
  BPF_F_NO_USER_CONV = 1u << 18
};
enum BpfUpdateFlag : uint64_t { BPF_ANY = 0, BPF_NOEXIST = 1, BPF_EXIST = 2, BPF_F_LOCK = 4 };

inline constexpr int BPF_STACK_BYTES = 512;
inline constexpr int BPF_FRAMES_MAX = 8;

}  // namespace ring3::abi
