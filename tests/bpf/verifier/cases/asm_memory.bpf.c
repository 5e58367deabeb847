#include "asm.h"

// RULE: stack-bounds, spills
BARE_PROGRAM(stack_round_trip) {  // ACCEPTED
  ASM("*(u64 *)(r10 - 8) = 7");
  ASM("r0 = *(u64 *)(r10 - 8)");
  ASM("exit");
}

BARE_PROGRAM(stack_unwritten) {  // ACCEPTED
  ASM("r0 = *(u64 *)(r10 - 8)");  // STRICT: invalid read from stack
  ASM("exit");
}

BARE_PROGRAM(stack_below) {
  ASM("*(u64 *)(r10 - 520) = 7");  // REFUSED: invalid write to stack R10 off=-520 size=8
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(stack_above) {
  ASM("*(u64 *)(r10 + 0) = 7");  // REFUSED: invalid write to stack R10 off=0 size=8
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(stack_read_above) {
  ASM("r0 = *(u64 *)(r10 + 0)");  // REFUSED: invalid read from stack R10 off=0 size=8
  ASM("exit");
}

BARE_PROGRAM(stack_misaligned) {
  ASM("*(u32 *)(r10 - 7) = 7");  // REFUSED: misaligned stack access off
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: spills, partial-pointer
BARE_PROGRAM(spills_pointer) {  // ACCEPTED
  ASM("*(u64 *)(r10 - 8) = r10");
  ASM("r2 = *(u64 *)(r10 - 8)");
  ASM("*(u64 *)(r2 - 16) = 1");
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(spills_half_pointer) {
  ASM("*(u32 *)(r10 - 8) = r10");  // REFUSED: invalid size of register spill
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(fills_half_pointer) {
  ASM("*(u64 *)(r10 - 8) = r10");
  ASM("r0 = *(u32 *)(r10 - 8)");  // REFUSED: invalid size of register fill
  ASM("exit");
}

BARE_PROGRAM(pointer_corrupted) {
  ASM("*(u64 *)(r10 - 8) = r10");
  ASM("*(u8 *)(r10 - 8) = 1");
  ASM("r2 = *(u64 *)(r10 - 8)");
  ASM("r0 = *(u64 *)(r2 - 16)");  // REFUSED: R2 invalid mem access 'scalar'
  ASM("exit");
}

// RULE: variable-stack
BARE_PROGRAM(variable_stack_write) {  // ACCEPTED
  ASM("call 7");
  ASM("r0 &= 7");
  ASM("r2 = r10");
  ASM("r2 += -8");
  ASM("r2 += r0");  // STRICT: R2 variable stack access prohibited for !root, var_off=(0x0; 0x7) off=-8
  ASM("*(u8 *)(r2 + 0) = 1");
  ASM("r0 = *(u64 *)(r10 - 8)");
  ASM("exit");
}

// RULE: variable-stack
BARE_PROGRAM(variable_stack_write_outside) {
  ASM("call 7");
  ASM("r0 &= 15");
  ASM("r2 = r10");
  ASM("r2 += -8");
  ASM("r2 += r0");
  ASM("*(u8 *)(r2 + 0) = 1");  // REFUSED: invalid variable-offset write to stack R2
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: variable-stack
BARE_PROGRAM(variable_write_forgets) {
  ASM("*(u64 *)(r10 - 8) = r10");
  ASM("call 7");
  ASM("r0 &= 7");
  ASM("r2 = r10");
  ASM("r2 += -8");
  ASM("r2 += r0");
  ASM("*(u8 *)(r2 + 0) = 1");
  ASM("r3 = *(u64 *)(r10 - 8)");
  ASM("r0 = *(u64 *)(r3 - 8)");  // REFUSED: R3 invalid mem access 'scalar'
  ASM("exit");
}

BARE_PROGRAM(number_as_pointer) {
  ASM("r2 = 0");
  ASM("r0 = *(u64 *)(r2 + 0)");  // REFUSED: R2 invalid mem access 'scalar'
  ASM("exit");
}

// RULE: maybe-null
BARE_PROGRAM(array_element_known) {  // ACCEPTED
  ASM("*(u32 *)(r10 - 4) = 0");
  ASM("r2 = r10");
  ASM("r2 += -4");
  ASM("r1 = numbers ll");
  ASM("call 1");
  ASM("r0 = *(u64 *)(r0 + 0)");
  ASM("exit");
}

BARE_PROGRAM(array_element_unknown) {
  ASM("call 7");
  ASM("*(u32 *)(r10 - 4) = r0");
  ASM("r2 = r10");
  ASM("r2 += -4");
  ASM("r1 = numbers ll");
  ASM("call 1");
  ASM("r0 = *(u64 *)(r0 + 0)");  // REFUSED: R0 invalid mem access 'map_value_or_null'
  ASM("exit");
}

BARE_PROGRAM(array_element_that_is_not_there) {
  ASM("*(u64 *)(r10 - 8) = 4");
  ASM("r2 = r10");
  ASM("r2 += -8");
  ASM("r1 = numbers ll");
  ASM("call 1");
  ASM("r0 = *(u64 *)(r0 + 0)");  // REFUSED: R0 invalid mem access 'map_value_or_null'
  ASM("exit");
}

BARE_PROGRAM(array_key_that_matters) {
  ASM("*(u64 *)(r10 - 8) = 1");
  ASM("call 7");
  ASM("if r0 == 0 goto 1f");
  ASM("*(u64 *)(r10 - 8) = 9");
  ASM("1: r2 = r10");
  ASM("r2 += -8");
  ASM("r1 = numbers ll");
  ASM("call 1");
  ASM("r0 = *(u64 *)(r0 + 0)");  // REFUSED: R0 invalid mem access 'map_value_or_null'
  ASM("exit");
}

BARE_PROGRAM(map_value_unchecked) {
  ASM("*(u64 *)(r10 - 8) = 0");
  ASM("r2 = r10");
  ASM("r2 += -8");
  ASM("r1 = entries ll");
  ASM("call 1");
  ASM("r0 = *(u64 *)(r0 + 0)");  // REFUSED: R0 invalid mem access 'map_value_or_null'
  ASM("exit");
}

// RULE: maybe-null
BARE_PROGRAM(map_value_checked) {  // ACCEPTED
  ASM("*(u64 *)(r10 - 8) = 0");
  ASM("r2 = r10");
  ASM("r2 += -8");
  ASM("r1 = entries ll");
  ASM("call 1");
  ASM("if r0 != 0 goto 1f");
  ASM("exit");
  ASM("1: r0 = *(u64 *)(r0 + 0)");
  ASM("exit");
}

BARE_PROGRAM(map_value_checked_copy) {  // ACCEPTED
  ASM("*(u64 *)(r10 - 8) = 0");
  ASM("r2 = r10");
  ASM("r2 += -8");
  ASM("r1 = entries ll");
  ASM("call 1");
  ASM("r6 = r0");
  ASM("if r0 == 0 goto 1f");
  ASM("r0 = *(u64 *)(r6 + 40)");
  ASM("exit");
  ASM("1: r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(map_value_wrong_branch) {
  ASM("*(u64 *)(r10 - 8) = 0");
  ASM("r2 = r10");
  ASM("r2 += -8");
  ASM("r1 = entries ll");
  ASM("call 1");
  ASM("if r0 != 0 goto 1f");
  ASM("r0 = *(u64 *)(r0 + 0)");  // REFUSED: R0 invalid mem access 'scalar'
  ASM("exit");
  ASM("1: r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(map_value_beyond) {
  ASM("*(u32 *)(r10 - 4) = 0");
  ASM("r2 = r10");
  ASM("r2 += -4");
  ASM("r1 = numbers ll");
  ASM("call 1");
  ASM("if r0 != 0 goto 1f");
  ASM("exit");
  ASM("1: r0 = *(u32 *)(r0 + 8)");  // REFUSED: invalid access to map value, value_size=8 off=8 size=4
  ASM("exit");
}

BARE_PROGRAM(map_value_before) {
  ASM("*(u32 *)(r10 - 4) = 0");
  ASM("r2 = r10");
  ASM("r2 += -4");
  ASM("r1 = numbers ll");
  ASM("call 1");
  ASM("if r0 != 0 goto 1f");
  ASM("exit");
  ASM("1: r0 = *(u32 *)(r0 - 4)");  // REFUSED: invalid access to map value, value_size=8 off=-4 size=4
  ASM("exit");
}

BARE_PROGRAM(map_value_arithmetic_before_check) {
  ASM("*(u64 *)(r10 - 8) = 0");
  ASM("r2 = r10");
  ASM("r2 += -8");
  ASM("r1 = entries ll");
  ASM("call 1");
  ASM("r0 += 8");  // REFUSED: R0 pointer arithmetic on map_value_or_null prohibited, null-check it first
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: out-of-bounds
BARE_PROGRAM(map_value_variable) {  // ACCEPTED
  ASM("*(u64 *)(r10 - 8) = 0");
  ASM("r2 = r10");
  ASM("r2 += -8");
  ASM("r1 = entries ll");
  ASM("call 1");
  ASM("if r0 != 0 goto 1f");
  ASM("exit");
  ASM("1: r6 = r0");
  ASM("call 7");
  ASM("r0 &= 31");
  ASM("r6 += r0");
  ASM("r0 = *(u64 *)(r6 + 0)");
  ASM("exit");
}

BARE_PROGRAM(map_value_variable_beyond) {
  ASM("*(u64 *)(r10 - 8) = 0");
  ASM("r2 = r10");
  ASM("r2 += -8");
  ASM("r1 = entries ll");
  ASM("call 1");
  ASM("if r0 != 0 goto 1f");
  ASM("exit");
  ASM("1: r6 = r0");
  ASM("call 7");
  ASM("r0 &= 63");
  ASM("r6 += r0");
  ASM("r0 = *(u64 *)(r6 + 0)");  // REFUSED: R6 max value is outside of the allowed memory range
  ASM("exit");
}

// RULE: out-of-bounds
BARE_PROGRAM(map_value_bounds_checked) {  // ACCEPTED
  ASM("*(u64 *)(r10 - 8) = 0");
  ASM("r2 = r10");
  ASM("r2 += -8");
  ASM("r1 = entries ll");
  ASM("call 1");
  ASM("if r0 != 0 goto 1f");
  ASM("exit");
  ASM("1: r6 = r0");
  ASM("call 5");
  ASM("if r0 > 40 goto 2f");
  ASM("r6 += r0");
  ASM("r0 = *(u64 *)(r6 + 0)");
  ASM("2: r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(map_value_bounds_off_by_one) {
  ASM("*(u64 *)(r10 - 8) = 0");
  ASM("r2 = r10");
  ASM("r2 += -8");
  ASM("r1 = entries ll");
  ASM("call 1");
  ASM("if r0 != 0 goto 1f");
  ASM("exit");
  ASM("1: r6 = r0");
  ASM("call 5");
  ASM("if r0 > 41 goto 2f");
  ASM("r6 += r0");
  ASM("r0 = *(u64 *)(r6 + 0)");  // REFUSED: invalid access to map value, value_size=48 off=41 size=8
  ASM("2: r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(map_value_negative_index) {
  ASM("*(u64 *)(r10 - 8) = 0");
  ASM("r2 = r10");
  ASM("r2 += -8");
  ASM("r1 = entries ll");
  ASM("call 1");
  ASM("if r0 != 0 goto 1f");
  ASM("exit");
  ASM("1: r6 = r0");
  ASM("call 5");
  ASM("if r0 s> 40 goto 2f");
  ASM("if r0 s< -8 goto 2f");
  ASM("r6 += r0");
  ASM("r0 = *(u64 *)(r6 + 0)");  // REFUSED: R6 min value is negative, either use unsigned index or do a if (index >=0) check.
  ASM("goto 2f");
  ASM("2: r0 = 0");
  ASM("exit");
}

// RULE: linked-numbers
BARE_PROGRAM(linked_copy_is_refined) {  // ACCEPTED
  ASM("*(u64 *)(r10 - 8) = 0");
  ASM("r2 = r10");
  ASM("r2 += -8");
  ASM("r1 = entries ll");
  ASM("call 1");
  ASM("if r0 != 0 goto 1f");
  ASM("exit");
  ASM("1: r6 = r0");
  ASM("call 5");
  ASM("r7 = r0");
  ASM("if r0 > 40 goto 2f");
  ASM("r6 += r7");
  ASM("r0 = *(u64 *)(r6 + 0)");
  ASM("2: r0 = 0");
  ASM("exit");
}

// RULE: linked-numbers
BARE_PROGRAM(linked_spill_is_refined) {  // ACCEPTED
  ASM("*(u64 *)(r10 - 8) = 0");
  ASM("r2 = r10");
  ASM("r2 += -8");
  ASM("r1 = entries ll");
  ASM("call 1");
  ASM("if r0 != 0 goto 1f");
  ASM("exit");
  ASM("1: r6 = r0");
  ASM("call 5");
  ASM("*(u64 *)(r10 - 16) = r0");
  ASM("if r0 > 40 goto 2f");
  ASM("r7 = *(u64 *)(r10 - 16)");
  ASM("r6 += r7");
  ASM("r0 = *(u64 *)(r6 + 0)");
  ASM("2: r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(writes_constants) {
  ASM("r2 = constants ll");
  ASM("*(u32 *)(r2 + 0) = 1");  // REFUSED: write into map forbidden, value_size=64 off=0 size=4
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: frozen-constants
BARE_PROGRAM(frozen_is_constant) {  // ACCEPTED
  ASM("r2 = constants ll");
  ASM("r3 = *(u8 *)(r2 + 3)");
  ASM("if r3 == 5 goto 1f");
  ASM("r0 = *(u64 *)(r9 + 0)");
  ASM("1: r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(direct_value) {  // ACCEPTED
  ASM("r2 = bytes ll");
  ASM("*(u64 *)(r2 + 56) = 1");
  ASM("r0 = *(u8 *)(r2 + 63)");
  ASM("exit");
}

BARE_PROGRAM(direct_value_beyond) {
  ASM("r2 = bytes ll");
  ASM("*(u64 *)(r2 + 57) = 1");  // REFUSED: invalid access to map value, value_size=64 off=57 size=8
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: atomic-target
BARE_PROGRAM(atomics) {  // ACCEPTED
  ASM("r2 = bytes ll");
  ASM("r3 = 1");
  ASM("r3 = atomic_fetch_add((u64 *)(r2 + 8), r3)");
  ASM("r0 = 1");
  ASM("r0 = cmpxchg_64(r2 + 8, r0, r3)");
  ASM("lock *(u32 *)(r2 + 4) ^= w3");
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(atomic_misaligned) {
  ASM("r2 = bytes ll");
  ASM("r3 = 1");
  ASM("lock *(u64 *)(r2 + 4) += r3");  // REFUSED: misaligned value access off
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(atomic_on_constants) {
  ASM("r2 = constants ll");
  ASM("r3 = 1");
  ASM("lock *(u64 *)(r2 + 8) += r3");  // REFUSED: write into map forbidden, value_size=64 off=8 size=8
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(loads_from_map_itself) {
  ASM("r2 = entries ll");
  ASM("*(u64 *)(r2 + 0) = 1");  // REFUSED: only read from bpf_htab is supported
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: leak, release-argument
BARE_PROGRAM(record_reserved) {  // ACCEPTED
  ASM("r1 = records ll");
  ASM("r2 = 16");
  ASM("r3 = 0");
  ASM("call 131");
  ASM("if r0 != 0 goto 1f");
  ASM("exit");
  ASM("1: *(u64 *)(r0 + 8) = 1");
  ASM("r1 = r0");
  ASM("r2 = 0");
  ASM("call 132");
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(record_leaked) {
  ASM("r1 = records ll");
  ASM("r2 = 16");
  ASM("r3 = 0");
  ASM("call 131");
  ASM("if r0 != 0 goto 1f");
  ASM("exit");
  ASM("1: r0 = 0");
  ASM("exit");  // REFUSED: Unreleased reference id=
}

BARE_PROGRAM(record_used_after_submit) {
  ASM("r1 = records ll");
  ASM("r2 = 16");
  ASM("r3 = 0");
  ASM("call 131");
  ASM("if r0 != 0 goto 1f");
  ASM("exit");
  ASM("1: r6 = r0");
  ASM("r1 = r0");
  ASM("r2 = 0");
  ASM("call 132");
  ASM("*(u64 *)(r6 + 0) = 1");  // REFUSED: R6 invalid mem access 'scalar'
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(record_submitted_twice) {
  ASM("r1 = records ll");
  ASM("r2 = 16");
  ASM("r3 = 0");
  ASM("call 131");
  ASM("if r0 != 0 goto 1f");
  ASM("exit");
  ASM("1: r6 = r0");
  ASM("r1 = r0");
  ASM("r2 = 0");
  ASM("call 132");
  ASM("r1 = r6");
  ASM("r2 = 0");
  ASM("call 133");  // REFUSED: R1 type=scalar expected=ringbuf_mem
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(record_beyond) {
  ASM("r1 = records ll");
  ASM("r2 = 16");
  ASM("r3 = 0");
  ASM("call 131");
  ASM("if r0 != 0 goto 1f");
  ASM("exit");
  ASM("1: *(u64 *)(r0 + 16) = 1");  // REFUSED: invalid access to memory, mem_size=16 off=16 size=8
  ASM("r1 = r0");
  ASM("r2 = 0");
  ASM("call 132");
  ASM("r0 = 0");
  ASM("exit");
}
