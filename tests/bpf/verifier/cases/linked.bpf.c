/* Numbers that are copies of each other, or at a known distance: what is learned of one is known of the others. */
#include "cases.h"

#define CLOBBERS "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "memory"
/* r9: a value of 64 bytes; r0: a number of 32 bits that nothing is known of. */
#define VALUE_AND_NUMBER \
  "*(u32 *)(r10 - 4) = 0\n r2 = r10\n r2 += -4\n r1 = %[map] ll\n call 1\n if r0 == 0 goto 9f\n r9 = r0\n call 7\n w0 = w0\n"
/* Reads the byte of the value that the register says, and ends. */
#define READ(r) "r9 += " r "\n r0 = *(u8 *)(r9 + 0)\n"
#define END "9:\n r0 = 0\n exit\n"
#define MAP : : [map] "i"(&array) : CLOBBERS

BARE_PROGRAM(copy) {  // ACCEPTED
  asm volatile(VALUE_AND_NUMBER "r1 = r0\n if r1 > 63 goto 9f\n" READ("r0") END MAP);
}

BARE_PROGRAM(copy_of_a_copy) {  // ACCEPTED
  asm volatile(VALUE_AND_NUMBER "r1 = r0\n r2 = r1\n r3 = r2\n if r3 > 63 goto 9f\n" READ("r0") END MAP);
}

BARE_PROGRAM(copy_then_changed) {
  asm volatile(VALUE_AND_NUMBER "r1 = r0\n r1 *= 2\n if r1 > 63 goto 9f\n r9 += r0\n" MAP);
  asm volatile("r0 = *(u8 *)(r9 + 0)\n" END : : : CLOBBERS);  // REFUSED: R9 unbounded memory access
}

BARE_PROGRAM(short_copy) {  // ACCEPTED
  asm volatile(VALUE_AND_NUMBER "w0 = w0\n w1 = w0\n if w1 > 63 goto 9f\n" READ("r0") END MAP);
}

BARE_PROGRAM(short_copy_of_a_long_number) {
  asm volatile(VALUE_AND_NUMBER "call 5\n w1 = w0\n if w1 > 63 goto 9f\n" MAP);
  asm volatile("r9 += r0\n" END : : : CLOBBERS);  // REFUSED: math between map_value pointer and register with unbounded min value is not allowed
}

BARE_PROGRAM(above_by_a_constant) {  // ACCEPTED
  asm volatile(VALUE_AND_NUMBER "w0 = w0\n r1 = r0\n r1 += 8\n if r1 > 63 goto 9f\n" READ("r0") END MAP);
}

BARE_PROGRAM(above_by_a_register) {  // ACCEPTED
  asm volatile(VALUE_AND_NUMBER "w0 = w0\n r1 = r0\n r2 = 8\n r1 += r2\n if r1 > 63 goto 9f\n" READ("r0") END MAP);
}

BARE_PROGRAM(the_other_way_round) {  // ACCEPTED
  asm volatile(VALUE_AND_NUMBER "w0 = w0\n r1 = r0\n r1 += 8\n if r0 > 55 goto 9f\n" READ("r1") END MAP);
}

BARE_PROGRAM(the_other_way_round_too_far) {
  asm volatile(VALUE_AND_NUMBER "w0 = w0\n r1 = r0\n r1 += 8\n if r0 > 56 goto 9f\n r9 += r1\n" MAP);
  asm volatile("r0 = *(u8 *)(r9 + 0)\n" END : : : CLOBBERS);  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
}

BARE_PROGRAM(two_distances) {  // ACCEPTED
  asm volatile(VALUE_AND_NUMBER "w0 = w0\n r1 = r0\n r1 += 8\n r2 = r0\n r2 += 3\n if r1 > 63 goto 9f\n" READ("r2") END MAP);
}

// RULE: linked-numbers
BARE_PROGRAM(below_by_a_constant) {  // ACCEPTED LINUX: refused before Linux 7.1
  asm volatile(VALUE_AND_NUMBER "w0 = w0\n r1 = r0\n r1 += -1\n if r1 > 62 goto 9f\n" READ("r0") END MAP);
}

BARE_PROGRAM(less_a_constant) {  // ACCEPTED LINUX: refused before Linux 7.1
  asm volatile(VALUE_AND_NUMBER "w0 = w0\n r1 = r0\n r1 -= 1\n if r1 > 62 goto 9f\n" READ("r0") END MAP);
}

/* What clang makes of `if (n - 1 < 63)` with 32-bit numbers. */
// RULE: linked-numbers, ranges-32
BARE_PROGRAM(below_in_32_bits) {  // ACCEPTED LINUX: refused before Linux 7.1
  asm volatile(VALUE_AND_NUMBER "w0 = w0\n w1 = w0\n w1 += -1\n if w1 > 62 goto 9f\n" READ("r0") END MAP);
}

BARE_PROGRAM(below_in_32_bits_wraps) {
  asm volatile(VALUE_AND_NUMBER "w0 = w0\n w1 = w0\n w1 += -1\n if w1 < 62 goto 9f\n r9 += r0\n" MAP);
  asm volatile("r0 = *(u8 *)(r9 + 0)\n" END : : : CLOBBERS);  // REFUSED: R9 unbounded memory access
}

BARE_PROGRAM(above_in_32_bits) {  // ACCEPTED LINUX: refused before Linux 7.1
  asm volatile(VALUE_AND_NUMBER "w0 = w0\n w1 = w0\n w1 += 8\n if w1 > 63 goto 9f\n if w1 < 8 goto 9f\n" READ("r0") END MAP);
}

/* With 32 bits, a small sum may come of a large number. */
BARE_PROGRAM(above_in_32_bits_wraps) {
  asm volatile(VALUE_AND_NUMBER "w0 = w0\n w1 = w0\n w1 += 8\n if w1 > 63 goto 9f\n r9 += r0\n" MAP);
  asm volatile("r0 = *(u8 *)(r9 + 0)\n" END : : : CLOBBERS);  // REFUSED: R9 unbounded memory access
}

BARE_PROGRAM(spilled_copy) {  // ACCEPTED
  asm volatile(VALUE_AND_NUMBER "w0 = w0\n *(u64 *)(r10 - 16) = r0\n if r0 > 63 goto 9f\n r1 = *(u64 *)(r10 - 16)\n" READ("r1") END MAP);
}

BARE_PROGRAM(spilled_copy_checked_after_reload) {  // ACCEPTED
  asm volatile(VALUE_AND_NUMBER "w0 = w0\n *(u64 *)(r10 - 16) = r0\n r1 = *(u64 *)(r10 - 16)\n if r1 > 63 goto 9f\n" READ("r0") END MAP);
}

BARE_PROGRAM(short_spilled_copy) {  // ACCEPTED
  asm volatile(VALUE_AND_NUMBER "w0 = w0\n *(u32 *)(r10 - 16) = r0\n if r0 > 63 goto 9f\n r1 = *(u32 *)(r10 - 16)\n" READ("r1") END MAP);
}

BARE_PROGRAM(byte_of_a_spilled_copy) {
  asm volatile(VALUE_AND_NUMBER "w0 = w0\n *(u64 *)(r10 - 16) = r0\n r1 = *(u8 *)(r10 - 16)\n if r1 > 63 goto 9f\n r9 += r0\n" MAP);
  asm volatile("r0 = *(u8 *)(r9 + 0)\n" END : : : CLOBBERS);  // REFUSED: R9 unbounded memory access
}

BARE_PROGRAM(equal_registers) {  // ACCEPTED
  asm volatile(VALUE_AND_NUMBER "r6 = r0\n call 7\n if r0 > 63 goto 9f\n if r6 != r0 goto 9f\n" READ("r6") END MAP);
}

BARE_PROGRAM(less_than_a_bounded_register) {  // ACCEPTED
  asm volatile(VALUE_AND_NUMBER "r6 = r0\n call 7\n if r0 > 64 goto 9f\n if r6 >= r0 goto 9f\n" READ("r6") END MAP);
}

/* The link is of one value: a new one breaks it. */
BARE_PROGRAM(overwritten) {
  asm volatile(VALUE_AND_NUMBER "r6 = r0\n call 7\n w0 = w0\n if r6 > 63 goto 9f\n r9 += r0\n" MAP);
  asm volatile("r0 = *(u8 *)(r9 + 0)\n" END : : : CLOBBERS);  // REFUSED: R9 unbounded memory access
}

/* States in which the numbers are linked don't stand for those in which they aren't. */
BARE_PROGRAM(linked_on_one_path) {
  asm volatile(VALUE_AND_NUMBER "w6 = w0\n call 7\n w7 = w0\n call 7\n if r0 == 5 goto 1f\n r6 = r7\n1:\n r1 = 1\n r1 = 2\n if r7 > 63 goto 9f\n r9 += r6\n" MAP);
  asm volatile("r0 = *(u8 *)(r9 + 0)\n" END : : : CLOBBERS);  // REFUSED: R9 unbounded memory access
}

BARE_PROGRAM(distance_on_one_path) {
  asm volatile(VALUE_AND_NUMBER "w6 = w0\n call 7\n r7 = r6\n if r0 == 5 goto 1f\n r7 += 9\n1:\n r1 = 1\n r1 = 2\n if r7 > 63 goto 9f\n r9 += r6\n" MAP);
  asm volatile("r0 = *(u8 *)(r9 + 9)\n" END : : : CLOBBERS);  // REFUSED: off=72 size=1
}
