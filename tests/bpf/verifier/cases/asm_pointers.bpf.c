/* Pointers and what they point to, where C would hide it. */
#include "asm.h"

// RULE: frame-pointer, stack-bounds
BARE_PROGRAM(copy_of_frame_pointer) {  // ACCEPTED
  ASM("r2 = r10");
  ASM("r2 += -8");
  ASM("*(u64 *)(r2 + 0) = 1");
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: stack-bounds
BARE_PROGRAM(deepest_byte) {  // ACCEPTED
  ASM("*(u8 *)(r10 - 512) = 1");
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(below_the_deepest_byte) {
  ASM("*(u8 *)(r10 - 513) = 1");  // REFUSED: invalid write to stack R10 off=-513 size=1
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(above_the_frame) {
  ASM("*(u8 *)(r10 + 0) = 1");  // REFUSED: invalid write to stack R10 off=0 size=1
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: misaligned
BARE_PROGRAM(aligned_at_every_size) {  // ACCEPTED
  ASM("*(u64 *)(r10 - 8) = 0");
  ASM("*(u32 *)(r10 - 12) = 0");
  ASM("*(u16 *)(r10 - 14) = 0");
  ASM("*(u8 *)(r10 - 15) = 0");
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(misaligned_u64) {
  ASM("*(u64 *)(r10 - 17) = 0");  // REFUSED: misaligned stack access off 0+0+-17 size 8
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(misaligned_u32) {
  ASM("*(u32 *)(r10 - 9) = 0");  // REFUSED: misaligned stack access off 0+0+-9 size 4
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(misaligned_u16) {
  ASM("*(u16 *)(r10 - 5) = 0");  // REFUSED: misaligned stack access off 0+0+-5 size 2
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(misaligned_atomic_in_a_value) {
  ASM("r1 = bytes ll");
  ASM("r2 = 1");
  ASM("lock *(u64 *)(r1 + 4) += r2");  // REFUSED: misaligned value access off 0+0+4 size 8
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: misaligned
BARE_PROGRAM(unaligned_plain_store_in_a_value) {  // ACCEPTED
  ASM("r1 = bytes ll");
  ASM("*(u64 *)(r1 + 5) = 1");
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: partial-pointer
BARE_PROGRAM(whole_pointer_stored_and_loaded) {  // ACCEPTED
  ASM("*(u64 *)(r10 - 8) = r10");
  ASM("r1 = *(u64 *)(r10 - 8)");
  ASM("*(u64 *)(r1 - 16) = 1");
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(pointer_stored_as_32_bits) {
  ASM("*(u32 *)(r10 - 8) = r10");  // REFUSED: invalid size of register spill
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(pointer_loaded_as_16_bits) {
  ASM("*(u64 *)(r10 - 8) = r10");
  ASM("r0 = *(u16 *)(r10 - 8)");  // REFUSED: invalid size of register fill
  ASM("exit");
}

// RULE: out-of-bounds
BARE_PROGRAM(last_byte_of_a_value) {  // ACCEPTED
  ASM("r1 = bytes ll");
  ASM("r0 = *(u8 *)(r1 + 63)");
  ASM("exit");
}

BARE_PROGRAM(beyond_a_value) {
  ASM("r1 = bytes ll");
  ASM("r0 = *(u8 *)(r1 + 64)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("exit");
}

BARE_PROGRAM(before_a_value) {
  ASM("r1 = bytes ll");
  ASM("r0 = *(u8 *)(r1 - 1)");  // REFUSED: invalid access to map value, value_size=64 off=-1 size=1
  ASM("exit");
}

BARE_PROGRAM(word_across_the_end) {
  ASM("r1 = bytes ll");
  ASM("r0 = *(u64 *)(r1 + 57)");  // REFUSED: invalid access to map value, value_size=64 off=57 size=8
  ASM("exit");
}

// RULE: pointer-range, pointer-arithmetic
BARE_PROGRAM(there_and_back) {  // ACCEPTED
  ASM("r1 = bytes ll");
  ASM("r1 += 100");  // STRICT: R1 pointer arithmetic of map value goes out of range, prohibited for !root
  ASM("r1 += -50");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("exit");
}

BARE_PROGRAM(far_beyond) {
  ASM("r1 = bytes ll");
  ASM("r1 += 0x20000000");  // REFUSED: math between map_value pointer and 536870912 is not allowed
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(added_without_bounds) {
  ASM("call 7");
  ASM("r1 = bytes ll");
  ASM("r0 <<= 32");
  ASM("r1 += r0");  // REFUSED: math between map_value pointer and register with unbounded min value is not allowed
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(pointer_masked) {
  ASM("r1 = bytes ll");
  ASM("r1 &= 7");  // REFUSED: R1 bitwise operator &= on pointer prohibited
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(pointer_doubled) {
  ASM("r1 = bytes ll");
  ASM("r1 += r1");  // REFUSED: R1 pointer += pointer prohibited
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(pointer_shifted) {
  ASM("r1 = bytes ll");
  ASM("r1 <<= 1");  // REFUSED: R1 pointer arithmetic with <<= operator prohibited
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(pointer_divided) {
  ASM("r1 = bytes ll");
  ASM("r1 /= 2");  // REFUSED: R1 pointer arithmetic with /= operator prohibited
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(low_half_of_a_pointer_moved) {
  ASM("r1 = bytes ll");
  ASM("w1 += 1");  // REFUSED: R1 32-bit pointer arithmetic prohibited
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(pointer_subtracted_from_a_number) {
  ASM("r1 = bytes ll");
  ASM("r2 = 8");
  ASM("r2 -= r1");  // REFUSED: R2 tried to subtract pointer from scalar
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(stack_pointer_subtracted_from) {
  ASM("r1 = r10");
  ASM("r1 -= 8");  // REFUSED: R1 subtraction from stack pointer prohibited
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(number_dereferenced) {
  ASM("r1 = 4096");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: R1 invalid mem access 'scalar'
  ASM("exit");
}

BARE_PROGRAM(map_written) {
  ASM("r1 = numbers ll");
  ASM("*(u64 *)(r1 + 0) = 1");  // REFUSED: only read from bpf_array is supported
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(map_moved) {
  ASM("r1 = numbers ll");
  ASM("r1 += 8");  // REFUSED: R1 pointer arithmetic on map_ptr prohibited
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(address_loaded_from_a_value) {
  ASM("r1 = bytes ll");
  ASM("r1 = *(u64 *)(r1 + 0)");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: R1 invalid mem access 'scalar'
  ASM("exit");
}

// RULE: not-a-pointer, spills
BARE_PROGRAM(pointer_from_the_stack) {  // ACCEPTED
  ASM("r1 = bytes ll");
  ASM("*(u64 *)(r10 - 8) = r1");
  ASM("r1 = *(u64 *)(r10 - 8)");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("exit");
}

// RULE: variable-stack
BARE_PROGRAM(pointer_through_variable_stack) {
  ASM("call 7");
  ASM("r0 &= 8");
  ASM("r1 = bytes ll");
  ASM("*(u64 *)(r10 - 8) = r1");
  ASM("*(u64 *)(r10 - 16) = r1");
  ASM("r2 = r10");
  ASM("r2 += -16");
  ASM("r2 += r0");
  ASM("r1 = *(u64 *)(r2 + 0)");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: R1 invalid mem access 'scalar'
  ASM("exit");
}

// RULE: variable-stack
BARE_PROGRAM(byte_through_variable_stack) {  // ACCEPTED
  ASM("call 7");
  ASM("r0 &= 7");
  ASM("*(u64 *)(r10 - 8) = 0");
  ASM("r2 = r10");
  ASM("r2 += -8");
  ASM("r2 += r0");  // STRICT: R2 variable stack access prohibited for !root, var_off=(0x0; 0x7) off=-8
  ASM("r0 = *(u8 *)(r2 + 0)");
  ASM("exit");
}

// RULE: variable-stack
BARE_PROGRAM(byte_beyond_variable_stack) {
  ASM("call 7");
  ASM("r0 &= 15");
  ASM("*(u64 *)(r10 - 8) = 0");
  ASM("r2 = r10");
  ASM("r2 += -8");
  ASM("r2 += r0");
  ASM("r0 = *(u8 *)(r2 + 0)");  // REFUSED: invalid variable-offset read from stack R2 var_off=(0x0; 0xf) off=-8 size=1
  ASM("exit");
}

BARE_PROGRAM(frozen_written) {
  ASM("r1 = constants ll");
  ASM("*(u8 *)(r1 + 0) = 1");  // REFUSED: write into map forbidden, value_size=64 off=0 size=1
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: permission
BARE_PROGRAM(value_written) {  // ACCEPTED
  ASM("r1 = bytes ll");
  ASM("*(u8 *)(r1 + 0) = 1");
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: atomic-target
BARE_PROGRAM(atomic_at_each_place) {  // ACCEPTED
  ASM("*(u64 *)(r10 - 8) = 0");
  ASM("r2 = 1");
  ASM("lock *(u64 *)(r10 - 8) += r2");
  ASM("r1 = bytes ll");
  ASM("lock *(u32 *)(r1 + 4) |= w2");
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(atomic_on_a_number) {
  ASM("r1 = 0");
  ASM("r2 = 1");
  ASM("lock *(u64 *)(r1 + 0) += r2");  // REFUSED: R1 invalid mem access 'scalar'
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: atomic-target
BARE_PROGRAM(exchange_gives_the_old) {  // ACCEPTED
  ASM("*(u64 *)(r10 - 8) = 0");
  ASM("r2 = 1");
  ASM("r2 = xchg_64(r10 - 8, r2)");
  ASM("r0 = r2");
  ASM("exit");
}

// RULE: maybe-null
BARE_PROGRAM(looked_up_and_checked) {  // ACCEPTED
  ASM("call 7");
  ASM("*(u32 *)(r10 - 4) = r0");
  ASM("r2 = r10");
  ASM("r2 += -4");
  ASM("r1 = numbers ll");
  ASM("call 1");
  ASM("if r0 == 0 goto 1f");
  ASM("r0 = *(u64 *)(r0 + 0)");
  ASM("1: exit");
}

BARE_PROGRAM(looked_up_and_checked_otherwise) {
  ASM("call 7");
  ASM("*(u32 *)(r10 - 4) = r0");
  ASM("r2 = r10");
  ASM("r2 += -4");
  ASM("r1 = numbers ll");
  ASM("call 1");
  ASM("if r0 != 0 goto 1f");
  ASM("r0 = *(u64 *)(r0 + 0)");  // REFUSED: R0 invalid mem access 'scalar'
  ASM("1: r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(looked_up_and_moved_before_the_check) {
  ASM("call 7");
  ASM("*(u32 *)(r10 - 4) = r0");
  ASM("r2 = r10");
  ASM("r2 += -4");
  ASM("r1 = numbers ll");
  ASM("call 1");
  ASM("r0 += 4");  // REFUSED: R0 pointer arithmetic on map_value_or_null prohibited, null-check it first
  ASM("if r0 == 0 goto 1f");
  ASM("r0 = *(u8 *)(r0 + 0)");
  ASM("1: exit");
}

BARE_PROGRAM(looked_up_and_half_compared) {
  ASM("call 7");
  ASM("*(u32 *)(r10 - 4) = r0");
  ASM("r2 = r10");
  ASM("r2 += -4");
  ASM("r1 = numbers ll");
  ASM("call 1");
  ASM("if w0 == 0 goto 1f");
  ASM("r0 = *(u64 *)(r0 + 0)");  // REFUSED: R0 invalid mem access 'map_value_or_null'
  ASM("1: exit");
}

BARE_PROGRAM(one_of_two_lookups_checked) {
  ASM("call 7");
  ASM("*(u32 *)(r10 - 4) = r0");
  ASM("r2 = r10");
  ASM("r2 += -4");
  ASM("r1 = numbers ll");
  ASM("call 1");
  ASM("r6 = r0");
  ASM("call 7");
  ASM("*(u32 *)(r10 - 4) = r0");
  ASM("r2 = r10");
  ASM("r2 += -4");
  ASM("r1 = numbers ll");
  ASM("call 1");
  ASM("if r6 == 0 goto 1f");
  ASM("r0 = *(u64 *)(r0 + 0)");  // REFUSED: R0 invalid mem access 'map_value_or_null'
  ASM("1: r0 = 0");
  ASM("exit");
}

// RULE: maybe-null
BARE_PROGRAM(copy_checked_before_use) {  // ACCEPTED
  ASM("call 7");
  ASM("*(u32 *)(r10 - 4) = r0");
  ASM("r2 = r10");
  ASM("r2 += -4");
  ASM("r1 = numbers ll");
  ASM("call 1");
  ASM("r6 = r0");
  ASM("if r0 == 0 goto 1f");
  ASM("r0 = *(u64 *)(r6 + 0)");
  ASM("1: exit");
}

// RULE: leak, release-argument
BARE_PROGRAM(record_reserved_and_submitted) {  // ACCEPTED
  ASM("r1 = records ll");
  ASM("r2 = 16");
  ASM("r3 = 0");
  ASM("call 131");
  ASM("if r0 == 0 goto 1f");
  ASM("*(u64 *)(r0 + 8) = 1");
  ASM("r1 = r0");
  ASM("r2 = 0");
  ASM("call 132");
  ASM("1: r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(record_kept) {
  ASM("r1 = records ll");
  ASM("r2 = 16");
  ASM("r3 = 0");
  ASM("call 131");
  ASM("if r0 == 0 goto 1f");
  ASM("*(u64 *)(r0 + 8) = 1");
  ASM("1: r0 = 0");
  ASM("exit");  // REFUSED: Unreleased reference
}

BARE_PROGRAM(record_not_checked_but_submitted) {
  ASM("r1 = records ll");
  ASM("r2 = 16");
  ASM("r3 = 0");
  ASM("call 131");
  ASM("r1 = r0");
  ASM("r2 = 0");
  ASM("call 132");  // REFUSED: R1 type=ringbuf_mem_or_null expected=ringbuf_mem
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(record_submitted_twice) {
  ASM("r1 = records ll");
  ASM("r2 = 16");
  ASM("r3 = 0");
  ASM("call 131");
  ASM("if r0 == 0 goto 1f");
  ASM("r6 = r0");
  ASM("r1 = r0");
  ASM("r2 = 0");
  ASM("call 132");
  ASM("r1 = r6");
  ASM("r2 = 0");
  ASM("call 132");  // REFUSED: R1 type=scalar expected=ringbuf_mem
  ASM("1: r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(record_moved_and_submitted) {
  ASM("r1 = records ll");
  ASM("r2 = 16");
  ASM("r3 = 0");
  ASM("call 131");
  ASM("if r0 == 0 goto 1f");
  ASM("r1 = r0");
  ASM("r1 += 8");
  ASM("r2 = 0");
  ASM("call 132");  // REFUSED: R1 must have zero offset when passed to release func or trusted arg to kfunc
  ASM("1: r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(record_written_after_submission) {
  ASM("r1 = records ll");
  ASM("r2 = 16");
  ASM("r3 = 0");
  ASM("call 131");
  ASM("if r0 == 0 goto 1f");
  ASM("r6 = r0");
  ASM("r1 = r0");
  ASM("r2 = 0");
  ASM("call 132");
  ASM("*(u64 *)(r6 + 0) = 1");  // REFUSED: R6 invalid mem access 'scalar'
  ASM("1: r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(record_beyond_its_end) {
  ASM("r1 = records ll");
  ASM("r2 = 16");
  ASM("r3 = 0");
  ASM("call 131");
  ASM("if r0 == 0 goto 1f");
  ASM("r1 = r0");
  ASM("*(u64 *)(r0 + 16) = 1");  // REFUSED: invalid access to memory, mem_size=16 off=16 size=8
  ASM("r2 = 0");
  ASM("call 132");
  ASM("1: r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(value_submitted_as_a_record) {
  ASM("r1 = bytes ll");
  ASM("r2 = 0");
  ASM("call 132");  // REFUSED: R1 type=map_value expected=ringbuf_mem
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(record_submitted_on_one_way_only) {
  ASM("r1 = records ll");
  ASM("r2 = 16");
  ASM("r3 = 0");
  ASM("call 131");
  ASM("if r0 == 0 goto 1f");
  ASM("r6 = r0");
  ASM("call 7");
  ASM("if r0 == 0 goto 1f");
  ASM("r1 = r6");
  ASM("r2 = 0");
  ASM("call 132");
  ASM("1: r0 = 0");
  ASM("exit");  // REFUSED: Unreleased reference
}

// RULE: leak, spills
BARE_PROGRAM(record_spilled_and_submitted) {  // ACCEPTED
  ASM("r1 = records ll");
  ASM("r2 = 16");
  ASM("r3 = 0");
  ASM("call 131");
  ASM("*(u64 *)(r10 - 8) = r0");
  ASM("if r0 == 0 goto 1f");
  ASM("r1 = *(u64 *)(r10 - 8)");
  ASM("r2 = 0");
  ASM("call 132");
  ASM("1: r0 = 0");
  ASM("exit");
}
