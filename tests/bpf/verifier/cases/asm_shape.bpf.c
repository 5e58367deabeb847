#include "asm.h"

BARE_PROGRAM(jump_beyond_the_end) {
  ASM("r0 = 0");
  INSN(0x05, 0, 0, 5, 0);  // REFUSED: jump out of range from insn 1 to 7
  ASM("exit");
}

BARE_PROGRAM(jump_before_the_start) {
  ASM("r0 = 0");
  INSN(0x05, 0, 0, -7, 0);  // REFUSED: jump out of range from insn 1 to -5
  ASM("exit");
}

BARE_PROGRAM(jump_into_an_immediate) {
  ASM("r0 = 0");
  INSN(0x15, 0, 0, 1, 5);  // REFUSED: jump into the middle of ldimm64 insn 2
  ASM("r1 = 0x5 ll");
  ASM("exit");
}

BARE_PROGRAM(immediate_cut_short) {
  ASM("r0 = 0");
  INSN(0x18, 1, 0, 0, 5);  // REFUSED: invalid bpf_ld_imm64 insn
  ASM("exit");
}

BARE_PROGRAM(unreachable) {
  ASM("r0 = 0");
  ASM("exit");
  ASM("r0 = 1");  // REFUSED: unreachable insn 2
  ASM("exit");
}

BARE_PROGRAM(unknown_opcode) {
  ASM("r0 = 0");
  INSN(0x8f, 0, 0, 0, 0);  // REFUSED: unknown opcode 8f
  ASM("exit");
}

BARE_PROGRAM(opcode_of_no_instruction) {
  ASM("r0 = 0");
  INSN(0xe7, 0, 0, 0, 0);  // REFUSED: unknown opcode e7
  ASM("exit");
}

BARE_PROGRAM(negation_with_operands) {
  ASM("r0 = 0");
  INSN(0x87, 0, 0, 0, 1);  // REFUSED: BPF_NEG uses reserved fields
  ASM("exit");
}

BARE_PROGRAM(register_eleven) {
  ASM("r0 = 0");
  INSN(0xb7, 11, 0, 0, 0);  // REFUSED: R11 is invalid
  ASM("exit");
}

BARE_PROGRAM(register_fifteen_read) {
  INSN(0xbf, 0, 15, 0, 0);  // REFUSED: R15 is invalid
  ASM("exit");
}

BARE_PROGRAM(exit_with_operands) {
  ASM("r0 = 0");
  INSN(0x95, 0, 0, 0, 1);  // REFUSED: BPF_EXIT uses reserved fields
}

BARE_PROGRAM(jump_with_operands) {
  ASM("r0 = 0");
  INSN(0x05, 1, 0, 0, 0);  // REFUSED: BPF_JA uses reserved fields
  ASM("1: exit");
}

BARE_PROGRAM(move_with_offset) {
  INSN(0xb7, 0, 0, 7, 0);  // REFUSED: BPF_MOV uses reserved fields
  ASM("exit");
}

BARE_PROGRAM(shift_negative) {
  ASM("r0 = 1");
  INSN(0xc7, 0, 0, 0, -1);  // REFUSED: invalid shift -1
  ASM("exit");
}

BARE_PROGRAM(swap_of_odd_width) {
  ASM("r0 = 1");
  INSN(0xdc, 0, 0, 0, 24);  // REFUSED: BPF_END uses reserved fields
  ASM("exit");
}

BARE_PROGRAM(packet_load) {
  ASM("r6 = r1");
  INSN(0x20, 0, 0, 0, 0);  // REFUSED: unknown opcode 20  LINUX: refused, because programs that read packets have it
  ASM("exit");
}

BARE_PROGRAM(unknown_atomic) {
  ASM("r0 = 1");
  INSN(0x7b, 10, 0, -8, 0);
  INSN(0xdb, 10, 0, -8, 119);  // REFUSED: BPF_ATOMIC uses invalid atomic opcode 77
  ASM("exit");
}

BARE_PROGRAM(atomic_of_a_byte) {
  ASM("r0 = 1");
  INSN(0x7b, 10, 0, -8, 0);
  INSN(0xd3, 10, 0, -8, 0);  // REFUSED: invalid atomic operand size
  ASM("exit");
}

BARE_PROGRAM(jump_to_itself) {
  ASM("r0 = 0");
  ASM("1: goto 1b");
  ASM("exit");  // REFUSED: unreachable insn 2
}

BARE_PROGRAM(endless) {
  ASM("1: call 5");  // REFUSED: infinite loop detected at insn 0  LINUX: refused, an instruction later
  ASM("if r0 == 1 goto 2f");
  ASM("goto 1b");
  ASM("2: r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(loops_on_a_constant) {
  ASM("r0 = 0");
  ASM("1: if r0 == 0 goto 1b");  // REFUSED: infinite loop detected at insn 1
  ASM("exit");
}

BARE_PROGRAM(unset_on_one_path) {
  ASM("call 5");
  ASM("if r0 == 7 goto 1f");
  ASM("r6 = 1");
  ASM("1: r0 = r6");  // REFUSED: R6 !read_ok
  ASM("exit");
}

BARE_PROGRAM(call_scratches) {
  ASM("r2 = 1");
  ASM("call 5");
  ASM("r0 = r2");  // REFUSED: R2 !read_ok
  ASM("exit");
}

FUNCTION(calls_itself_callee) {
  ASM("call calls_itself_callee");  // REFUSED(calls_itself): recursive call from calls_itself_callee() to calls_itself_callee()  LINUX: refused, because the ninth frame is one too many
  ASM("exit");
}

BARE_PROGRAM(calls_itself) {
  ASM("call calls_itself_callee");
  ASM("exit");
}

FUNCTION(argument_not_given_callee) {
  ASM("r0 = r2");  // REFUSED(argument_not_given): R2 !read_ok
  ASM("exit");
}

BARE_PROGRAM(argument_not_given) {
  ASM("call argument_not_given_callee");
  ASM("exit");
}

FUNCTION(callee_saved_is_callers_callee) {
  ASM("r6 = 1");
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: static-functions
BARE_PROGRAM(callee_saved_is_callers) {  // ACCEPTED
  ASM("r6 = 5");
  ASM("call callee_saved_is_callers_callee");
  ASM("r0 = r6");
  ASM("exit");
}

FUNCTION(callee_reads_callers_register_callee) {
  ASM("r0 = r6");  // REFUSED(callee_reads_callers_register): R6 !read_ok
  ASM("exit");
}

BARE_PROGRAM(callee_reads_callers_register) {
  ASM("r6 = 5");
  ASM("call callee_reads_callers_register_callee");
  ASM("exit");
}

FUNCTION(jumps_into_another_function_callee) {
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(jumps_into_another_function) {
  ASM("call jumps_into_another_function_callee");
  INSN(0x05, 0, 0, 2, 0);  // REFUSED: jump out of range from insn 1 to 4
  ASM("exit");
}
