/* What is known of bytes of the stack: spills of all widths, parts of them, zeroes, and writes at unknown places. */
#include "cases.h"

#define CLOBBERS "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "memory"
#define VALUE_AND_NUMBER \
  "*(u32 *)(r10 - 4) = 0\n r2 = r10\n r2 += -4\n r1 = %[map] ll\n call 1\n if r0 == 0 goto 9f\n r9 = r0\n call 7\n"
#define READ(r) "r9 += " r "\n r0 = *(u8 *)(r9 + 0)\n"
#define END "9:\n r0 = 0\n exit\n"
#define MAP : : [map] "i"(&array) : CLOBBERS

// RULE: spills
BARE_PROGRAM(spill_of_two_bytes) {  // ACCEPTED
  asm volatile(VALUE_AND_NUMBER "r0 &= 63\n *(u16 *)(r10 - 16) = r0\n r1 = *(u16 *)(r10 - 16)\n" READ("r1") END MAP);
}

BARE_PROGRAM(spill_of_a_byte) {  // ACCEPTED
  asm volatile(VALUE_AND_NUMBER "r0 &= 63\n *(u8 *)(r10 - 16) = r0\n r1 = *(u8 *)(r10 - 16)\n" READ("r1") END MAP);
}

// RULE: spills
BARE_PROGRAM(low_half_of_a_spill) {  // ACCEPTED
  asm volatile(VALUE_AND_NUMBER "r0 &= 63\n *(u64 *)(r10 - 16) = r0\n r1 = *(u32 *)(r10 - 16)\n" READ("r1") END MAP);
}

BARE_PROGRAM(low_byte_of_a_spill) {  // ACCEPTED
  asm volatile(VALUE_AND_NUMBER "r0 &= 63\n *(u64 *)(r10 - 16) = r0\n r1 = *(u8 *)(r10 - 16)\n" READ("r1") END MAP);
}

BARE_PROGRAM(signed_low_half_of_a_spill) {  // ACCEPTED
  asm volatile(VALUE_AND_NUMBER "r0 &= 63\n *(u64 *)(r10 - 16) = r0\n r1 = *(s32 *)(r10 - 16)\n" READ("r1") END MAP);
}

BARE_PROGRAM(more_than_was_spilled) {
  asm volatile(VALUE_AND_NUMBER "r0 &= 63\n *(u64 *)(r10 - 16) = r1\n *(u32 *)(r10 - 16) = r0\n r1 = *(u64 *)(r10 - 16)\n" MAP);  // REFUSED: R1 !read_ok
  asm volatile(READ("r1") END : : : CLOBBERS);
}

BARE_PROGRAM(upper_bytes_unknown) {
  asm volatile(VALUE_AND_NUMBER "*(u64 *)(r10 - 16) = r0\n r0 &= 63\n *(u32 *)(r10 - 16) = r0\n r1 = *(u64 *)(r10 - 16)\n" MAP);
  asm volatile("r9 += r1\n" END : : : CLOBBERS);  // REFUSED: math between map_value pointer and register with unbounded min value is not allowed
}

// RULE: spills
BARE_PROGRAM(byte_of_a_spill_overwritten) {
  asm volatile(VALUE_AND_NUMBER "r1 = r0\n r0 &= 63\n *(u64 *)(r10 - 16) = r0\n *(u8 *)(r10 - 14) = r1\n r1 = *(u64 *)(r10 - 16)\n" MAP);
  asm volatile("r9 += r1\n" END : : : CLOBBERS);  // REFUSED: math between map_value pointer and register with unbounded min value is not allowed
}

BARE_PROGRAM(part_of_a_zero) {  // ACCEPTED
  asm volatile(VALUE_AND_NUMBER "*(u64 *)(r10 - 16) = 0\n r1 = *(u16 *)(r10 - 12)\n" READ("r1") END MAP);
}

BARE_PROGRAM(upper_half_of_a_constant) {
  asm volatile(VALUE_AND_NUMBER "r1 = 0x500000005 ll\n *(u64 *)(r10 - 16) = r1\n r1 = *(u32 *)(r10 - 12)\n r9 += r1\n" MAP);
  asm volatile("r0 = *(u8 *)(r9 + 0)\n" END : : : CLOBBERS);  // REFUSED: R9 unbounded memory access
}

BARE_PROGRAM(constant_survives) {  // ACCEPTED
  asm volatile(VALUE_AND_NUMBER "*(u64 *)(r10 - 16) = 63\n r1 = *(u64 *)(r10 - 16)\n" READ("r1") END MAP);
}

BARE_PROGRAM(constant_of_four_bytes_survives) {  // ACCEPTED
  asm volatile(VALUE_AND_NUMBER "*(u32 *)(r10 - 16) = 63\n r1 = *(u32 *)(r10 - 16)\n" READ("r1") END MAP);
}

BARE_PROGRAM(constant_in_the_upper_half) {
  asm volatile(VALUE_AND_NUMBER "*(u64 *)(r10 - 16) = 0\n *(u32 *)(r10 - 12) = 63\n r1 = *(u32 *)(r10 - 12)\n r9 += r1\n" MAP);
  asm volatile("r0 = *(u8 *)(r9 + 0)\n" END : : : CLOBBERS);  // REFUSED: R9 unbounded memory access
}

// RULE: variable-stack
BARE_PROGRAM(zeroes_read_anywhere) {  // ACCEPTED
  asm volatile(VALUE_AND_NUMBER "*(u64 *)(r10 - 16) = 0\n *(u32 *)(r10 - 12) = 0\n *(u16 *)(r10 - 14) = 0\n *(u8 *)(r10 - 15) = 0\n r0 &= 3\n r2 = r10\n r2 += -12\n r2 += r0\n r1 = *(u8 *)(r2 + 0)\n" READ("r1") END MAP);  // STRICT: R2 variable stack access prohibited for !root
}

BARE_PROGRAM(zeroes_written_anywhere_into_zeroes) {  // ACCEPTED
  asm volatile(VALUE_AND_NUMBER "*(u64 *)(r10 - 16) = 0\n r0 &= 7\n r2 = r10\n r2 += -16\n r2 += r0\n r3 = 0\n *(u8 *)(r2 + 0) = r3\n r1 = *(u64 *)(r10 - 16)\n" READ("r1") END MAP);  // STRICT: R2 variable stack access prohibited for !root
}

BARE_PROGRAM(numbers_written_anywhere_into_zeroes) {
  asm volatile(VALUE_AND_NUMBER "*(u64 *)(r10 - 16) = 0\n r0 &= 7\n r2 = r10\n r2 += -16\n r2 += r0\n r3 = 64\n *(u8 *)(r2 + 0) = r3\n r1 = *(u64 *)(r10 - 16)\n" MAP);
  asm volatile("r9 += r1\n" END : : : CLOBBERS);  // REFUSED: math between map_value pointer and register with unbounded min value is not allowed
}

BARE_PROGRAM(outside_of_what_was_written_anywhere) {  // ACCEPTED
  asm volatile(VALUE_AND_NUMBER "*(u64 *)(r10 - 24) = 63\n *(u64 *)(r10 - 16) = 0\n r0 &= 7\n r2 = r10\n r2 += -16\n r2 += r0\n *(u8 *)(r2 + 0) = 7\n r1 = *(u64 *)(r10 - 24)\n" READ("r1") END MAP);  // STRICT: R2 variable stack access prohibited for !root
}

// RULE: variable-stack
BARE_PROGRAM(pointer_read_anywhere) {
  asm volatile(VALUE_AND_NUMBER "*(u64 *)(r10 - 16) = r9\n *(u64 *)(r10 - 24) = r9\n r0 &= 8\n r2 = r10\n r2 += -24\n r2 += r0\n r1 = *(u64 *)(r2 + 0)\n" MAP);
  asm volatile("r0 = *(u8 *)(r1 + 0)\n" END : : : CLOBBERS);  // REFUSED: R1 invalid mem access 'scalar'
}

/* A branch that depends on what was spilled in a part of a slot. */
// RULE: precision, spills
BARE_PROGRAM(precise_in_a_part_of_a_slot) {
  asm volatile(VALUE_AND_NUMBER "r6 = 4\n if r0 == 5 goto 1f\n r6 = 400\n1:\n *(u16 *)(r10 - 16) = r6\n r1 = 1\n r1 = 2\n r1 = *(u16 *)(r10 - 16)\n r9 += r1\n" MAP);
  asm volatile("r0 = *(u8 *)(r9 + 0)\n" END : : : CLOBBERS);  // REFUSED: off=400 size=1
}

/* The zeroes of one path don't stand for the bytes of another. */
BARE_PROGRAM(zero_on_one_path) {
  asm volatile(VALUE_AND_NUMBER "*(u64 *)(r10 - 16) = 0\n if r0 == 5 goto 1f\n *(u8 *)(r10 - 9) = 1\n1:\n r1 = 1\n r1 = 2\n r1 = *(u64 *)(r10 - 16)\n r9 += r1\n" MAP);  // REFUSED: math between map_value pointer and register with unbounded min value is not allowed
  asm volatile("r0 = *(u8 *)(r9 + 0)\n" END : : : CLOBBERS);
}

static __noinline int fills(__u64* slot, __u64 n) {
  *slot = n & 63;
  return 0;
}

PROGRAM(written_by_a_function) {  // ACCEPTED
  struct value* value = array_value();
  __u64 n = 0;
  if (!value) return 0;
  fills(&n, NUMBER());
  return value->bytes[n > 47 ? 0 : n];
}

static __noinline int reads(__u64* slot, struct value* value) {
  return value->bytes[*slot];
}

PROGRAM(read_by_a_function) {  // ACCEPTED
  struct value* value = array_value();
  __u64 n = NUMBER() & 31;
  asm volatile("" : "+r"(n));
  if (!value || n > 47) return 0;
  return reads(&n, value);
}

PROGRAM(bounds_lost_in_memory) {
  struct value* value = array_value();
  if (!value) return 0;
  value->words[0] = NUMBER() & 31;
  barrier();
  __u64 n = *(volatile __u64*)&value->words[0];
  return value->bytes[n];  // REFUSED: math between map_value pointer and register with unbounded min value is not allowed
}
