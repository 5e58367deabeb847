#include "asm.h"

// RULE: malformed, program-result
BARE_PROGRAM(returns_zero) {  // ACCEPTED
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(returns_nothing) {
  ASM("exit");  // REFUSED: R0 !read_ok
}

BARE_PROGRAM(reads_unwritten) {
  ASM("r0 = r2");  // REFUSED: R2 !read_ok
  ASM("exit");
}

BARE_PROGRAM(writes_frame_pointer) {
  ASM("r10 = 0");  // REFUSED: frame pointer is read only
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(reads_clobbered) {
  ASM("r3 = 1");
  ASM("call 5");
  ASM("r0 = r3");  // REFUSED: R3 !read_ok
  ASM("exit");
}

// RULE: unset-register
BARE_PROGRAM(keeps_saved) {  // ACCEPTED
  ASM("r6 = 1");
  ASM("call 5");
  ASM("r0 = r6");
  ASM("exit");
}

BARE_PROGRAM(unreachable) {
  ASM("goto 1f");
  ASM("r0 = 1");  // REFUSED: unreachable insn 1
  ASM("1: r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(falls_off) {
  ASM("r0 = 0");  // REFUSED: last insn is not an exit or jmp
}

BARE_PROGRAM(jumps_out) {
  INSN(0x15, 1, 0, 7, 0);  // REFUSED: jump out of range from insn 0 to 8
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(jumps_into_constant) {
  ASM("call 5");
  INSN(0x15, 0, 0, 1, 0);  // REFUSED: jump into the middle of ldimm64 insn 2
  ASM("r0 = 0x1 ll");
  ASM("exit");
}

BARE_PROGRAM(pointer_times_number) {
  ASM("r2 = r10");
  ASM("r2 *= 2");  // REFUSED: R2 pointer arithmetic with *= operator prohibited
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(half_pointer) {
  ASM("r2 = r10");
  ASM("w2 += 1");  // REFUSED: R2 32-bit pointer arithmetic prohibited
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(partial_copy) {
  ASM("w2 = w10");
  ASM("r0 = *(u64 *)(r2 + 0)");  // REFUSED: R2 invalid mem access 'scalar'
  ASM("exit");
}

BARE_PROGRAM(negates_pointer) {
  ASM("r2 = r10");
  ASM("r2 = -r2");
  ASM("r0 = *(u64 *)(r2 + 0)");  // REFUSED: R2 invalid mem access 'scalar'
  ASM("exit");
}

BARE_PROGRAM(pointer_plus_pointer) {
  ASM("r2 = r10");
  ASM("r2 += r10");  // REFUSED: R2 pointer += pointer prohibited
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: pointer-arithmetic
BARE_PROGRAM(pointer_minus_pointer) {  // ACCEPTED
  ASM("r0 = r10");
  ASM("r0 -= r10");  // STRICT: R0 pointer -= pointer prohibited
  ASM("exit");
}

BARE_PROGRAM(number_minus_pointer) {
  ASM("r2 = 5");
  ASM("r2 -= r10");  // REFUSED: R2 tried to subtract pointer from scalar
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(stack_minus_number) {
  ASM("r2 = r10");
  ASM("r2 -= 8");  // REFUSED: R2 subtraction from stack pointer prohibited
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(huge_offset) {
  ASM("r2 = r10");
  ASM("r2 += 1073741824");  // REFUSED: math between fp pointer and 1073741824 is not allowed
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(unbounded_offset) {
  ASM("call 5");
  ASM("r2 = r10");
  ASM("r2 += r0");  // REFUSED: math between fp pointer and register with unbounded min value is not allowed
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: refinement-64
BARE_PROGRAM(dead_branch_is_not_followed) {  // ACCEPTED
  ASM("r2 = 1");
  ASM("if r2 == 1 goto 1f");
  ASM("r0 = *(u64 *)(r9 + 0)");
  ASM("1: r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(both_branches_are_followed) {
  ASM("call 7");
  ASM("if r0 == 1 goto 1f");
  ASM("r0 = *(u64 *)(r9 + 0)");  // REFUSED: R9 !read_ok
  ASM("1: r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(unknown_helper) {
  ASM("call 999999");  // REFUSED: invalid func unknown#999999
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(divides_by_zero_constant) {
  ASM("r0 = 1");
  ASM("r0 /= 0");  // REFUSED: div by zero
  ASM("exit");
}

BARE_PROGRAM(shifts_too_far) {
  ASM("r0 = 1");
  ASM("r0 <<= 64");  // REFUSED: invalid shift 64
  ASM("exit");
}
