// Instructions by hand, and programs made of them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bpf/link/program.hpp"
#include "bpf/verifier/verify.hpp"

namespace ring3::bpf::test {

using namespace abi;

inline constexpr unsigned R0 = 0, R1 = 1, R2 = 2, R3 = 3, R4 = 4, R5 = 5, R6 = 6, R7 = 7, R8 = 8, R9 = 9,
                          R10 = 10;
inline constexpr uint8_t B = BPF_B, H = BPF_H, W = BPF_W, D = BPF_DW;

constexpr Insn insn(unsigned code, unsigned dst, unsigned src, int off, int32_t imm) {
  return {static_cast<uint8_t>(code), static_cast<uint8_t>(dst & 15), static_cast<uint8_t>(src & 15),
          static_cast<int16_t>(off), imm};
}
constexpr Insn alu(uint8_t op, unsigned dst, int32_t imm) { return insn(BPF_ALU64 | op, dst, 0, 0, imm); }
constexpr Insn alux(uint8_t op, unsigned dst, unsigned src) {
  return insn(BPF_ALU64 | op | BPF_X, dst, src, 0, 0);
}
constexpr Insn alu32(uint8_t op, unsigned dst, int32_t imm) { return insn(BPF_ALU | op, dst, 0, 0, imm); }
constexpr Insn alux32(uint8_t op, unsigned dst, unsigned src) {
  return insn(BPF_ALU | op | BPF_X, dst, src, 0, 0);
}
constexpr Insn mov(unsigned dst, int32_t imm) { return alu(BPF_MOV, dst, imm); }
constexpr Insn movx(unsigned dst, unsigned src) { return alux(BPF_MOV, dst, src); }
constexpr Insn add(unsigned dst, int32_t imm) { return alu(BPF_ADD, dst, imm); }
constexpr Insn addx(unsigned dst, unsigned src) { return alux(BPF_ADD, dst, src); }
constexpr Insn jump(uint8_t op, unsigned dst, int32_t imm, int off) {
  return insn(BPF_JMP | op, dst, 0, off, imm);
}
constexpr Insn jumpx(uint8_t op, unsigned dst, unsigned src, int off) {
  return insn(BPF_JMP | op | BPF_X, dst, src, off, 0);
}
constexpr Insn jump32(uint8_t op, unsigned dst, int32_t imm, int off) {
  return insn(BPF_JMP32 | op, dst, 0, off, imm);
}
constexpr Insn go(int off) { return insn(BPF_JMP | BPF_JA, 0, 0, off, 0); }
constexpr Insn may_goto(int off) { return insn(BPF_JMP | BPF_JCOND, 0, 0, off, 0); }
constexpr Insn load(uint8_t size, unsigned dst, unsigned src, int off) {
  return insn(BPF_LDX | BPF_MEM | size, dst, src, off, 0);
}
constexpr Insn load_signed(uint8_t size, unsigned dst, unsigned src, int off) {
  return insn(BPF_LDX | BPF_MEMSX | size, dst, src, off, 0);
}
constexpr Insn store(uint8_t size, unsigned dst, int off, unsigned src) {
  return insn(BPF_STX | BPF_MEM | size, dst, src, off, 0);
}
constexpr Insn store_imm(uint8_t size, unsigned dst, int off, int32_t imm) {
  return insn(BPF_ST | BPF_MEM | size, dst, 0, off, imm);
}
constexpr Insn atomic(uint8_t size, unsigned dst, int off, unsigned src, int32_t op) {
  return insn(BPF_STX | BPF_ATOMIC | size, dst, src, off, op);
}
constexpr Insn call(int32_t helper) { return insn(BPF_JMP | BPF_CALL, 0, BPF_HELPER_CALL, 0, helper); }
constexpr Insn call_kfunc(int32_t index) {
  return insn(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_KFUNC_CALL, 0, index);
}
constexpr Insn call_function(int32_t index) { return insn(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, index); }
constexpr Insn done() { return insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0); }

// Instructions that take two slots are made of two: {wide(…), high(…)}.
constexpr Insn wide(unsigned dst, uint64_t value, unsigned source = 0) {
  return insn(BPF_LD | BPF_IMM | BPF_DW, dst, source, 0, static_cast<int32_t>(value));
}
constexpr Insn high(uint64_t value = 0) { return insn(0, 0, 0, 0, static_cast<int32_t>(value >> 32)); }
constexpr Insn map_address(unsigned dst, unsigned map) { return wide(dst, map, BPF_PSEUDO_MAP_IDX); }
constexpr Insn value_address(unsigned dst, unsigned map) { return wide(dst, map, BPF_PSEUDO_MAP_IDX_VALUE); }
constexpr Insn function_address(unsigned dst, unsigned function) {
  return wide(dst, function, BPF_PSEUDO_FUNC);
}

inline constexpr int LOOKUP = 1, UPDATE = 2, KTIME = 5, PRANDOM = 7, RESERVE = 131, SUBMIT = 132,
                     DISCARD = 133, BPF_LOOP = 181, DYNPTR_FROM_MEM = 197, DYNPTR_READ = 201,
                     DYNPTR_DATA = 203;

// The common world, maps 0: array of four 8-byte values, 1: hash of 48-byte values, 2: ring buffer, 3: one
// 64-byte value, 4: the same, read-only and frozen, all bytes 5; kfuncs by their order in ITER_NEW ….
enum : unsigned { ARRAY, HASH, RINGBUF, BYTES, CONSTANTS };
enum : int { ITER_NEW, ITER_NEXT, ITER_DESTROY, SLICE, DYNPTR_SIZE };

struct Source {
  std::vector<Insn> insns;
  std::vector<uint32_t> starts = {0};  // of the functions
  bool sleepable = true;
};
std::shared_ptr<Program> make_program(const Source& source);

}  // namespace ring3::bpf::test
