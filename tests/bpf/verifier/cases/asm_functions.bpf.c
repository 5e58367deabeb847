/* Functions of the program, callbacks, and what helpers are given. */
#include "asm.h"

FUNCTION(answers) {
  ASM("r0 = 63");
  ASM("exit");
}

FUNCTION(gives_back) {
  ASM("r0 = r1");
  ASM("exit");
}

FUNCTION(masks) {
  ASM("r0 = r1");
  ASM("r0 &= 63");
  ASM("exit");
}

FUNCTION(zeroes) {
  ASM("*(u64 *)(r1 + 0) = 0");
  ASM("r0 = 0");
  ASM("exit");
}

FUNCTION(uses_272_bytes) {
  ASM("*(u64 *)(r10 - 272) = 0");
  ASM("r0 = 0");
  ASM("exit");
}

FUNCTION(uses_256_bytes) {
  ASM("*(u64 *)(r10 - 256) = 0");
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: static-functions, recursion
BARE_PROGRAM(index_of_a_function) {  // ACCEPTED
  ASM("call answers");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("exit");
}

// RULE: static-functions
BARE_PROGRAM(index_through_a_function) {  // ACCEPTED
  ASM("r1 = 63");
  ASM("call gives_back");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("exit");
}

// RULE: static-functions
BARE_PROGRAM(index_through_a_function_too_far) {
  ASM("r1 = 64");
  ASM("call gives_back");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("exit");
}

// RULE: static-functions
BARE_PROGRAM(index_masked_by_a_function) {  // ACCEPTED
  ASM("call 7");
  ASM("r1 = r0");
  ASM("call masks");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("exit");
}

// RULE: static-functions
BARE_PROGRAM(index_not_masked_by_a_function) {
  ASM("call 7");
  ASM("r1 = r0");
  ASM("call gives_back");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");  // REFUSED: math between map_value pointer and register with unbounded min value is not allowed
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("exit");
}

// RULE: static-functions
BARE_PROGRAM(same_function_twice) {  // ACCEPTED
  ASM("r1 = 64");
  ASM("call gives_back");
  ASM("r1 = 1");
  ASM("call gives_back");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("exit");
}

// RULE: static-functions, spills, stack-escape
BARE_PROGRAM(written_by_a_function) {  // ACCEPTED
  ASM("r1 = r10");
  ASM("r1 += -8");
  ASM("call zeroes");
  ASM("r0 = *(u64 *)(r10 - 8)");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("exit");
}

// RULE: static-functions, unset-register
BARE_PROGRAM(saved_over_a_call) {  // ACCEPTED
  ASM("r6 = 63");
  ASM("call answers");
  ASM("r0 = r6");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("exit");
}

BARE_PROGRAM(argument_gone_after_a_call) {
  ASM("r1 = 63");
  ASM("call answers");
  ASM("r0 = r1");  // REFUSED: R1 !read_ok
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("exit");
}

// RULE: stack-depth
BARE_PROGRAM(deep_enough) {  // ACCEPTED
  ASM("*(u64 *)(r10 - 256) = 0");
  ASM("call uses_256_bytes");
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(too_deep_by_16_bytes) {
  ASM("*(u64 *)(r10 - 256) = 0");
  ASM("call uses_272_bytes");  // REFUSED: combined stack size of 2 calls is 528. Too large
  ASM("r0 = 0");
  ASM("exit");
}

FUNCTION(level_8) {
  ASM("r0 = 0");
  ASM("exit");
}

FUNCTION(level_7) {
  ASM("call level_8");  // REFUSED(nine_frames): the call stack of 9 frames is too deep
  ASM("exit");
}

FUNCTION(level_6) {
  ASM("call level_7");
  ASM("exit");
}

FUNCTION(level_5) {
  ASM("call level_6");
  ASM("exit");
}

FUNCTION(level_4) {
  ASM("call level_5");
  ASM("exit");
}

FUNCTION(level_3) {
  ASM("call level_4");
  ASM("exit");
}

FUNCTION(level_2) {
  ASM("call level_3");
  ASM("exit");
}

FUNCTION(level_1) {
  ASM("call level_2");
  ASM("exit");
}

// RULE: call-depth
BARE_PROGRAM(eight_frames) {  // ACCEPTED
  ASM("call level_2");
  ASM("exit");
}

BARE_PROGRAM(nine_frames) {
  ASM("call level_1");
  ASM("exit");
}

FUNCTION(stops) {
  ASM("r0 = 1");
  ASM("exit");
}

FUNCTION(returns_its_context) {
  ASM("r0 = r2");
  ASM("exit");  // REFUSED(loop_returns_a_pointer): cannot return stack pointer to the caller
}

FUNCTION(counts) {
  ASM("r3 = *(u64 *)(r2 + 0)");  // REFUSED(loop_without_context_uses_it): R2 invalid mem access 'scalar'
  ASM("r3 += 1");
  ASM("*(u64 *)(r2 + 0) = r3");
  ASM("r0 = 0");
  ASM("exit");
}

FUNCTION(indexes_by_its_turn) {
  ASM("r2 = bytes ll");
  ASM("if r1 > 63 goto 1f");
  ASM("r2 += r1");
  ASM("r0 = *(u8 *)(r2 + 0)");
  ASM("1: r0 = 0");
  ASM("exit");
}

FUNCTION(forgets_a_record) {
  ASM("r1 = records ll");
  ASM("r2 = 8");
  ASM("r3 = 0");
  ASM("call 131");
  ASM("r0 = 0");
  ASM("exit");  // REFUSED(loop_leaks_in_each_turn): Unreleased reference  LINUX: refused, back in the caller
}

// RULE: callback-loops, callback-result, callback-number
BARE_PROGRAM(loop_stops) {  // ACCEPTED
  ASM("*(u64 *)(r10 - 8) = 0");
  ASM("r1 = 10");
  ASM("r2 = stops ll");
  ASM("r3 = r10");
  ASM("r3 += -8");
  ASM("r4 = 0");
  ASM("call 181");
  ASM("exit");
}

BARE_PROGRAM(loop_returns_a_pointer) {
  ASM("*(u64 *)(r10 - 8) = 0");
  ASM("r1 = 10");
  ASM("r2 = returns_its_context ll");
  ASM("r3 = r10");
  ASM("r3 += -8");
  ASM("r4 = 0");
  ASM("call 181");
  ASM("exit");
}

// RULE: callback-loops
BARE_PROGRAM(loop_counts_past_the_array) {
  ASM("*(u64 *)(r10 - 8) = 0");
  ASM("r1 = 100");
  ASM("r2 = counts ll");
  ASM("r3 = r10");
  ASM("r3 += -8");
  ASM("r4 = 0");
  ASM("call 181");
  ASM("r0 = *(u64 *)(r10 - 8)");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("exit");
}

FUNCTION(returns_a_map) {
  ASM("r0 = entries ll");
  ASM("exit");  // REFUSED(loop_returns_a_map): R0 not a scalar value
}

BARE_PROGRAM(loop_returns_a_map) {
  ASM("r1 = 10");
  ASM("r2 = returns_a_map ll");
  ASM("r3 = 0");
  ASM("r4 = 0");
  ASM("call 181");
  ASM("exit");
}

// RULE: callback-loops
BARE_PROGRAM(loop_counts_and_is_checked) {  // ACCEPTED
  ASM("*(u64 *)(r10 - 8) = 0");
  ASM("r1 = 10");
  ASM("r2 = counts ll");
  ASM("r3 = r10");
  ASM("r3 += -8");
  ASM("r4 = 0");
  ASM("call 181");
  ASM("r0 = *(u64 *)(r10 - 8)");
  ASM("if r0 > 63 goto 1f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("1: exit");
}

BARE_PROGRAM(loop_without_context_uses_it) {
  ASM("*(u64 *)(r10 - 8) = 0");
  ASM("r1 = 10");
  ASM("r2 = counts ll");
  ASM("r3 = 0");
  ASM("r4 = 0");
  ASM("call 181");
  ASM("exit");
}

// RULE: callback-loops
BARE_PROGRAM(loop_indexes_by_its_turn) {  // ACCEPTED
  ASM("*(u64 *)(r10 - 8) = 0");
  ASM("r1 = 10");
  ASM("r2 = indexes_by_its_turn ll");
  ASM("r3 = r10");
  ASM("r3 += -8");
  ASM("r4 = 0");
  ASM("call 181");
  ASM("exit");
}

BARE_PROGRAM(loop_leaks_in_each_turn) {
  ASM("*(u64 *)(r10 - 8) = 0");
  ASM("r1 = 10");
  ASM("r2 = forgets_a_record ll");
  ASM("r3 = r10");
  ASM("r3 += -8");
  ASM("r4 = 0");
  ASM("call 181");
  ASM("exit");
}

BARE_PROGRAM(loop_over_a_number) {
  ASM("r1 = 10");
  ASM("r2 = 0");
  ASM("r3 = 0");
  ASM("r4 = 0");
  ASM("call 181");  // REFUSED: R2 type=scalar expected=func
  ASM("exit");
}

// RULE: helper-argument, stack-overrun, map-argument
BARE_PROGRAM(key_on_the_stack) {  // ACCEPTED
  ASM("*(u64 *)(r10 - 8) = 1");
  ASM("r2 = r10");
  ASM("r2 += -8");
  ASM("r1 = entries ll");
  ASM("call 1");
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(key_below_the_stack) {
  ASM("r2 = r10");
  ASM("r2 += -520");
  ASM("r1 = entries ll");
  ASM("call 1");  // REFUSED: invalid read from stack R2 off=-520 size=8
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(key_over_the_top) {
  ASM("*(u64 *)(r10 - 8) = 1");
  ASM("r2 = r10");
  ASM("r2 += -4");
  ASM("r1 = entries ll");
  ASM("call 1");  // REFUSED: invalid read from stack R2 off=-4 size=8
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(key_is_a_map) {
  ASM("r1 = entries ll");
  ASM("r2 = r1");
  ASM("call 1");  // REFUSED: R2 type=map_ptr expected=fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(key_may_be_null) {
  ASM("*(u64 *)(r10 - 8) = 1");
  ASM("r2 = r10");
  ASM("r2 += -8");
  ASM("r1 = entries ll");
  ASM("call 1");
  ASM("r2 = r0");
  ASM("r1 = entries ll");
  ASM("call 1");  // REFUSED: R2 type=map_value_or_null expected=fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: helper-argument
BARE_PROGRAM(key_in_a_value) {  // ACCEPTED
  ASM("r2 = bytes ll");
  ASM("r1 = entries ll");
  ASM("call 1");
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(key_at_the_end_of_a_value) {
  ASM("r2 = bytes ll");
  ASM("r2 += 57");
  ASM("r1 = entries ll");
  ASM("call 1");  // REFUSED: invalid access to map value, value_size=64 off=57 size=8
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(ring_buffer_looked_up) {
  ASM("*(u64 *)(r10 - 8) = 1");
  ASM("r2 = r10");
  ASM("r2 += -8");
  ASM("r1 = records ll");
  ASM("call 1");  // REFUSED: cannot pass map_type 27 into func bpf_map_lookup_elem#1  LINUX: refused, because its keys have no bytes
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(hash_reserved_from) {
  ASM("r1 = entries ll");
  ASM("r2 = 8");
  ASM("r3 = 0");
  ASM("call 131");  // REFUSED: cannot pass map_type 1 into func bpf_ringbuf_reserve#131
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: constant-argument, constant-sizes
BARE_PROGRAM(record_of_constant_size) {  // ACCEPTED
  ASM("r1 = records ll");
  ASM("r2 = 8");
  ASM("r3 = 0");
  ASM("call 131");
  ASM("if r0 == 0 goto 1f");
  ASM("r1 = r0");
  ASM("r2 = 0");
  ASM("call 133");
  ASM("1: r0 = 0");
  ASM("exit");
}

// RULE: constant-sizes
BARE_PROGRAM(record_of_masked_size) {
  ASM("call 7");
  ASM("r0 &= 8");
  ASM("r2 = r0");
  ASM("r1 = records ll");
  ASM("r3 = 0");
  ASM("call 131");  // REFUSED: R2 is not a known constant'
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: size-argument
BARE_PROGRAM(output_of_checked_size) {  // ACCEPTED
  ASM("call 7");
  ASM("r3 = r0");
  ASM("r3 &= 63");
  ASM("r1 = records ll");
  ASM("r2 = bytes ll");
  ASM("r4 = 0");
  ASM("call 130");
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(output_beyond_the_value) {
  ASM("call 7");
  ASM("r3 = r0");
  ASM("r3 &= 127");
  ASM("r1 = records ll");
  ASM("r2 = bytes ll");
  ASM("r4 = 0");
  ASM("call 130");  // REFUSED: invalid access to map value, value_size=64 off=0 size=127
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(output_of_a_negative_size) {
  ASM("r3 = -1");
  ASM("r1 = records ll");
  ASM("r2 = bytes ll");
  ASM("r4 = 0");
  ASM("call 130");  // REFUSED: R3 min value is negative, either use unsigned or 'var &= const'
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(output_of_unknown_size) {
  ASM("call 5");
  ASM("r3 = r0");
  ASM("r3 >>= 1");
  ASM("r1 = records ll");
  ASM("r2 = bytes ll");
  ASM("r4 = 0");
  ASM("call 130");  // REFUSED: R3 unbounded memory access, use 'var &= const' or 'if (var < const)'
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(output_of_a_pointer_as_size) {
  ASM("r3 = r10");
  ASM("r1 = records ll");
  ASM("r2 = bytes ll");
  ASM("r4 = 0");
  ASM("call 130");  // REFUSED: R3 type=fp expected=scalar
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(comm_of_zero_bytes) {
  ASM("r1 = bytes ll");
  ASM("r2 = 0");
  ASM("call 16");  // REFUSED: R2 invalid zero-sized read: u64=[0,0]
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: size-argument, unwritten-stack
BARE_PROGRAM(comm_into_the_stack) {  // ACCEPTED  LINUX: refused if strict, because programs of type syscall have it with CAP_PERFMON only
  ASM("r1 = r10");
  ASM("r1 += -16");
  ASM("r2 = 16");
  ASM("call 16");
  ASM("r0 = *(u64 *)(r10 - 8)");
  ASM("exit");
}

BARE_PROGRAM(helper_of_number_zero) {
  ASM("call 0");  // REFUSED: invalid func unknown#0  LINUX: refused, in other words
  ASM("exit");
}

// RULE: program-result, malformed, unknown-function
BARE_PROGRAM(result_is_a_number) {  // ACCEPTED
  ASM("r0 = 7");
  ASM("exit");
}
