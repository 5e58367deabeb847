#include "raw_cases.hpp"

#include <gtest/gtest.h>

#include "abi/bpf.hpp"
#include "host_kernel.hpp"

namespace ring3::bpf::test {

using namespace abi;

namespace {

Insn move(uint8_t dst, int32_t imm) { return {BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, imm}; }
Insn copy(uint8_t dst, uint8_t src) { return {BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0}; }
Insn alu(uint8_t op, uint8_t dst, int32_t imm) {
  return {static_cast<uint8_t>(BPF_ALU64 | op | BPF_K), dst, 0, 0, imm};
}
Insn jump(int16_t off) { return {BPF_JMP | BPF_JA, 0, 0, off, 0}; }
Insn jump_if(uint8_t op, uint8_t dst, int32_t imm, int16_t off) {
  return {static_cast<uint8_t>(BPF_JMP | op | BPF_K), dst, 0, off, imm};
}
Insn call(int32_t helper) { return {BPF_JMP | BPF_CALL, 0, 0, 0, helper}; }
Insn call_relative(int32_t displacement) { return {BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, displacement}; }
const Insn leave = {BPF_JMP | BPF_EXIT};
constexpr int32_t ktime = 5;

}  // namespace

std::vector<RawCase> raw_cases() {
  return {
      {"returns_a_number", {move(0, 0), leave}, nullptr},
      {"falls_off_the_end", {move(0, 0)}, "last insn is not an exit or jmp"},
      {"jump_beyond_the_end", {move(0, 0), jump(5), leave}, "jump out of range from insn 1 to 7"},
      {"jump_before_the_start", {move(0, 0), jump(-7), leave}, "jump out of range from insn 1 to -5"},
      {"jump_into_an_immediate",
       {move(0, 0), jump_if(BPF_JEQ, 0, 5, 1), {BPF_LD | BPF_IMM | BPF_DW, 1, 0, 0, 5}, {}, leave},
       "jump into the middle of ldimm64 insn 2"},
      {"immediate_cut_short",
       {move(0, 0), {BPF_LD | BPF_IMM | BPF_DW, 1, 0, 0, 5}, leave},
       "invalid bpf_ld_imm64 insn"},
      {"unreachable", {move(0, 0), leave, move(0, 1), leave}, "unreachable insn 2"},
      {"unknown_opcode", {move(0, 0), {0x8f, 0, 0, 0, 0}, leave}, "unknown opcode 8f"},
      {"opcode_of_no_instruction", {move(0, 0), {0xe7, 0, 0, 0, 0}, leave}, "unknown opcode e7"},
      {"negation_with_operands",
       {move(0, 0), {BPF_ALU64 | BPF_NEG, 0, 0, 0, 1}, leave},
       "BPF_NEG uses reserved fields"},
      {"register_eleven", {move(0, 0), move(11, 0), leave}, "R11 is invalid"},
      {"register_fifteen_read", {copy(0, 15), leave}, "R15 is invalid"},
      {"exit_with_operands", {move(0, 0), {BPF_JMP | BPF_EXIT, 0, 0, 0, 1}}, "BPF_EXIT uses reserved fields"},
      {"jump_with_operands",
       {move(0, 0), {BPF_JMP | BPF_JA, 1, 0, 0, 0}, leave},
       "BPF_JA uses reserved fields"},
      {"move_with_offset",
       {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 7, 0}, leave},
       "BPF_MOV uses reserved fields"},
      {"shift_too_far", {move(0, 1), alu(BPF_LSH, 0, 64), leave}, "invalid shift 64"},
      {"shift_negative", {move(0, 1), alu(BPF_ARSH, 0, -1), leave}, "invalid shift -1"},
      {"division_by_zero", {move(0, 1), alu(BPF_DIV, 0, 0), leave}, "div by zero"},
      {"swap_of_odd_width",
       {move(0, 1), {BPF_ALU | BPF_END | BPF_X, 0, 0, 0, 24}, leave},
       "BPF_END uses reserved fields"},
      {"packet_load",
       {copy(6, 1), {BPF_LD | BPF_ABS | BPF_W, 0, 0, 0, 0}, leave},
       "BPF_LD_[ABS|IND] instructions not allowed",
       "unknown opcode 20"},
      {"unknown_atomic",
       {move(0, 1),
        {BPF_STX | BPF_MEM | BPF_DW, 10, 0, -8, 0},
        {BPF_STX | BPF_ATOMIC | BPF_DW, 10, 0, -8, 0x77},
        leave},
       "BPF_ATOMIC uses invalid atomic opcode 77"},
      {"atomic_of_a_byte",
       {move(0, 1),
        {BPF_STX | BPF_MEM | BPF_DW, 10, 0, -8, 0},
        {BPF_STX | BPF_ATOMIC | BPF_B, 10, 0, -8, BPF_ADD},
        leave},
       "invalid atomic operand size"},
      {"jump_to_itself", {move(0, 0), jump(-1), leave}, "unreachable insn 2"},
      {"endless",
       {call(ktime), jump_if(BPF_JEQ, 0, 1, 1), jump(-3), move(0, 0), leave},
       "infinite loop detected"},
      {"loops_on_a_constant", {move(0, 0), jump_if(BPF_JEQ, 0, 0, -1), leave}, "infinite loop detected"},
      {"unset_on_one_path",
       {call(ktime), jump_if(BPF_JEQ, 0, 7, 1), move(6, 1), copy(0, 6), leave},
       "R6 !read_ok"},
      {"call_scratches", {move(2, 1), call(ktime), copy(0, 2), leave}, "R2 !read_ok"},
      {"kept_over_a_call", {move(6, 1), call(ktime), copy(0, 6), leave}, nullptr},
      {"calls_itself",
       {call_relative(1), leave, call_relative(-1), leave},
       "the call stack of 9 frames is too deep",
       "recursive call from sub() to sub()"},
      {"argument_not_given", {call_relative(1), leave, copy(0, 2), leave}, "R2 !read_ok"},
      {"callee_saved_is_callers",
       {move(6, 5), call_relative(2), copy(0, 6), leave, move(6, 1), move(0, 0), leave},
       nullptr},
      {"callee_reads_callers_register",
       {move(6, 5), call_relative(1), leave, copy(0, 6), leave},
       "R6 !read_ok"},
      {"jumps_into_another_function",
       {call_relative(2), jump(2), leave, move(0, 0), leave},
       "jump out of range from insn 1 to 4"},
  };
}

namespace {

TEST(RawCasesOnTheHost, VerdictsAgree) {
  if (!host_unavailable().empty()) GTEST_SKIP() << host_unavailable();
  for (const RawCase& test : raw_cases()) {
    auto verdict = host_verify(test.insns, 1);
    EXPECT_EQ(verdict.accepted, test.message == nullptr) << test.name << "\n" << verdict.log;
    if (!test.message || verdict.accepted) continue;
    EXPECT_NE(verdict.log.find(test.message), std::string::npos) << test.name << ": " << test.message << "\n"
                                                                 << verdict.log;
  }
}

}  // namespace
}  // namespace ring3::bpf::test
