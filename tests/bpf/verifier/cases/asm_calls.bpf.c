#include "asm.h"

BARE_PROGRAM(number_as_map) {
  ASM("r1 = 0");
  ASM("r2 = r10");
  ASM("r2 += -8");
  ASM("call 1");  // REFUSED: R1 type=scalar expected=map_ptr
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(number_as_key) {
  ASM("r1 = entries ll");
  ASM("r2 = 0");
  ASM("call 1");  // REFUSED: R2 type=scalar expected=fp
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(missing_argument) {
  ASM("r1 = entries ll");
  ASM("call 1");  // REFUSED: R2 !read_ok
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(key_beyond_stack) {
  ASM("r1 = entries ll");
  ASM("r2 = r10");
  ASM("r2 += -4");
  ASM("call 1");  // REFUSED: R2 off=-4 size=8
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(wrong_map) {
  ASM("r1 = entries ll");
  ASM("r2 = 8");
  ASM("r3 = 0");
  ASM("call 131");  // REFUSED: cannot pass map_type 1 into func bpf_ringbuf_reserve#131
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(reserve_unknown_size) {
  ASM("call 7");
  ASM("r1 = records ll");
  ASM("r2 = r0");
  ASM("r3 = 0");
  ASM("call 131");  // REFUSED: R2 is not a known constant'
  ASM("r0 = 0");
  ASM("exit");
}

FUNCTION(function_returns_callee) {
  ASM("r0 = r1");
  ASM("exit");
}

// RULE: static-functions
BARE_PROGRAM(function_returns) {  // ACCEPTED
  ASM("r1 = 3");
  ASM("call function_returns_callee");
  ASM("exit");
}

FUNCTION(function_keeps_saved_callee) {
  ASM("r0 = 0");
  ASM("r6 = 0");
  ASM("exit");
}

// RULE: static-functions
BARE_PROGRAM(function_keeps_saved) {  // ACCEPTED
  ASM("r6 = 3");
  ASM("r1 = 3");
  ASM("call function_keeps_saved_callee");
  ASM("r0 = r6");
  ASM("exit");
}

FUNCTION(function_clobbers_callee) {
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(function_clobbers) {
  ASM("r3 = 3");
  ASM("call function_clobbers_callee");
  ASM("r0 = r3");  // REFUSED: R3 !read_ok
  ASM("exit");
}

FUNCTION(function_does_not_see_saved_callee) {
  ASM("r0 = r6");  // REFUSED(function_does_not_see_saved): R6 !read_ok
  ASM("exit");
}

BARE_PROGRAM(function_does_not_see_saved) {
  ASM("r6 = 3");
  ASM("call function_does_not_see_saved_callee");
  ASM("exit");
}

FUNCTION(function_writes_callers_stack_callee) {
  ASM("*(u64 *)(r1 + 0) = 5");
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: static-functions, stack-escape
BARE_PROGRAM(function_writes_callers_stack) {  // ACCEPTED
  ASM("r1 = r10");
  ASM("r1 += -8");
  ASM("call function_writes_callers_stack_callee");
  ASM("r0 = *(u64 *)(r10 - 8)");
  ASM("exit");
}

FUNCTION(function_returns_its_stack_callee) {
  ASM("r0 = r10");
  ASM("exit");  // REFUSED(function_returns_its_stack): cannot return stack pointer to the caller
}

BARE_PROGRAM(function_returns_its_stack) {
  ASM("call function_returns_its_stack_callee");
  ASM("r0 = 0");
  ASM("exit");
}

FUNCTION(function_leaks_its_stack_callee) {
  ASM("*(u64 *)(r1 + 0) = r10");  // REFUSED(function_leaks_its_stack): cannot spill pointers to stack into stack frame of the caller
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(function_leaks_its_stack) {
  ASM("r1 = r10");
  ASM("r1 += -8");
  ASM("call function_leaks_its_stack_callee");
  ASM("r0 = 0");
  ASM("exit");
}

FUNCTION(stack_too_large_callee) {
  ASM("*(u64 *)(r10 - 400) = 0");
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(stack_too_large) {
  ASM("*(u64 *)(r10 - 400) = 0");
  ASM("call stack_too_large_callee");  // REFUSED: combined stack size of 2 calls is 800. Too large
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(probe_read_unbounded_size) {
  ASM("call 5");
  ASM("r2 = r0");
  ASM("r1 = r10");
  ASM("r1 += -8");
  ASM("r3 = 0");
  ASM("call 112");  // REFUSED: R2 min value is negative, either use unsigned or 'var &= const'
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(probe_read_too_large) {
  ASM("r1 = r10");
  ASM("r1 += -8");
  ASM("r2 = 16");
  ASM("r3 = 0");
  ASM("call 112");  // REFUSED: invalid write to stack R1 off=-8 size=16
  ASM("r0 = 0");
  ASM("exit");
}

FUNCTION(loop_callback_callee) {
  ASM("r3 = *(u64 *)(r2 + 0)");
  ASM("r3 += 1");
  ASM("*(u64 *)(r2 + 0) = r3");
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: callback-loops
BARE_PROGRAM(loop_callback) {  // ACCEPTED
  ASM("r1 = 1000000");
  ASM("r2 = loop_callback_callee ll");
  ASM("r3 = r10");
  ASM("r3 += -8");
  ASM("*(u64 *)(r10 - 8) = 0");
  ASM("r4 = 0");
  ASM("call 181");
  ASM("r0 = *(u64 *)(r10 - 8)");
  ASM("exit");
}

FUNCTION(loop_callback_returns_two_callee) {
  ASM("r0 = 2");
  ASM("exit");  // REFUSED(loop_callback_returns_two): At callback return the register R0 has smin=2 smax=2 should have been in [0, 1]
}

BARE_PROGRAM(loop_callback_returns_two) {
  ASM("r1 = 10");
  ASM("r2 = loop_callback_returns_two_callee ll");
  ASM("r3 = 0");
  ASM("r4 = 0");
  ASM("call 181");
  ASM("r0 = 0");
  ASM("exit");
}

FUNCTION(loop_callback_index_unchecked_callee) {
  ASM("r2 = bytes ll");
  ASM("r2 += r1");  // REFUSED(loop_callback_index_unchecked): math between map_value pointer and register with unbounded min value is not allowed
  ASM("r0 = *(u8 *)(r2 + 0)");
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: callback-loops
BARE_PROGRAM(loop_callback_index_unchecked) {
  ASM("r1 = 8");
  ASM("r2 = loop_callback_index_unchecked_callee ll");
  ASM("r3 = 0");
  ASM("r4 = 0");
  ASM("call 181");
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: iterator-loops, iterator
BARE_PROGRAM(iterator_loop) {  // ACCEPTED
  ASM("r1 = r10");
  ASM("r1 += -8");
  ASM("r2 = 0");
  ASM("r3 = 100");
  CALL(bpf_iter_num_new);
  ASM("1: r1 = r10");
  ASM("r1 += -8");
  CALL(bpf_iter_num_next);
  ASM("if r0 == 0 goto 2f");
  ASM("r6 = *(u32 *)(r0 + 0)");
  ASM("goto 1b");
  ASM("2: r1 = r10");
  ASM("r1 += -8");
  CALL(bpf_iter_num_destroy);
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(iterator_element_unchecked) {
  ASM("r1 = r10");
  ASM("r1 += -8");
  ASM("r2 = 0");
  ASM("r3 = 100");
  CALL(bpf_iter_num_new);
  ASM("r1 = r10");
  ASM("r1 += -8");
  CALL(bpf_iter_num_next);
  ASM("r6 = *(u32 *)(r0 + 0)");  // REFUSED: R0 invalid mem access 'scalar'
  ASM("r1 = r10");
  ASM("r1 += -8");
  CALL(bpf_iter_num_destroy);
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(iterator_element_is_read_only) {
  ASM("r1 = r10");
  ASM("r1 += -8");
  ASM("r2 = 0");
  ASM("r3 = 100");
  CALL(bpf_iter_num_new);
  ASM("r1 = r10");
  ASM("r1 += -8");
  CALL(bpf_iter_num_next);
  ASM("if r0 == 0 goto 1f");
  ASM("*(u32 *)(r0 + 0) = 1");  // REFUSED: R0 cannot write into rdonly_mem
  ASM("1: r1 = r10");
  ASM("r1 += -8");
  CALL(bpf_iter_num_destroy);
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(iterator_leaked) {
  ASM("r1 = r10");
  ASM("r1 += -8");
  ASM("r2 = 0");
  ASM("r3 = 100");
  CALL(bpf_iter_num_new);
  ASM("r0 = 0");
  ASM("exit");  // REFUSED: Unreleased reference
}

BARE_PROGRAM(iterator_not_made) {
  ASM("r1 = r10");
  ASM("r1 += -8");
  CALL(bpf_iter_num_next);  // REFUSED: expected an initialized iter_num as arg #0
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(iterator_made_twice) {
  ASM("r1 = r10");
  ASM("r1 += -8");
  ASM("r2 = 0");
  ASM("r3 = 100");
  CALL(bpf_iter_num_new);
  ASM("r1 = r10");
  ASM("r1 += -8");
  ASM("r2 = 0");
  ASM("r3 = 100");
  CALL(bpf_iter_num_new);  // REFUSED: expected uninitialized iter_num as arg #0
  ASM("r1 = r10");
  ASM("r1 += -8");
  CALL(bpf_iter_num_destroy);
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(iterator_destroyed_twice) {
  ASM("r1 = r10");
  ASM("r1 += -8");
  ASM("r2 = 0");
  ASM("r3 = 100");
  CALL(bpf_iter_num_new);
  ASM("r1 = r10");
  ASM("r1 += -8");
  CALL(bpf_iter_num_destroy);
  ASM("r1 = r10");
  ASM("r1 += -8");
  CALL(bpf_iter_num_destroy);  // REFUSED: expected an initialized iter_num as arg #0
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(iterator_overwritten) {
  ASM("r1 = r10");
  ASM("r1 += -8");
  ASM("r2 = 0");
  ASM("r3 = 100");
  CALL(bpf_iter_num_new);
  ASM("*(u64 *)(r10 - 8) = 0");
  ASM("r0 = 0");
  ASM("exit");  // REFUSED: Unreleased reference
}

BARE_PROGRAM(iterator_element_after_destroy) {
  ASM("r1 = r10");
  ASM("r1 += -8");
  ASM("r2 = 0");
  ASM("r3 = 100");
  CALL(bpf_iter_num_new);
  ASM("r1 = r10");
  ASM("r1 += -8");
  CALL(bpf_iter_num_next);
  ASM("r7 = r0");
  ASM("if r0 == 0 goto 1f");
  ASM("r1 = r10");
  ASM("r1 += -8");
  CALL(bpf_iter_num_destroy);
  ASM("r0 = *(u32 *)(r7 + 0)");  // REFUSED: R7 invalid mem access 'scalar'
  ASM("exit");
  ASM("1: r1 = r10");
  ASM("r1 += -8");
  CALL(bpf_iter_num_destroy);
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(iterator_index_unchecked) {
  ASM("r1 = r10");
  ASM("r1 += -8");
  ASM("r2 = 0");
  ASM("r3 = 100");
  CALL(bpf_iter_num_new);
  ASM("1: r1 = r10");
  ASM("r1 += -8");
  CALL(bpf_iter_num_next);
  ASM("if r0 == 0 goto 2f");
  ASM("r6 = *(u32 *)(r0 + 0)");
  ASM("r7 = bytes ll");
  ASM("r7 += r6");
  ASM("r0 = *(u8 *)(r7 + 0)");  // REFUSED: R7 unbounded memory access, make sure to bounds check any such access
  ASM("goto 1b");
  ASM("2: r1 = r10");
  ASM("r1 += -8");
  CALL(bpf_iter_num_destroy);
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: dynptr, slices
BARE_PROGRAM(dynptr_data) {  // ACCEPTED
  ASM("r1 = bytes ll");
  ASM("r2 = 64");
  ASM("r3 = 0");
  ASM("r4 = r10");
  ASM("r4 += -16");
  ASM("call 197");
  ASM("r1 = r10");
  ASM("r1 += -16");
  ASM("r2 = 0");
  ASM("r3 = 8");
  ASM("call 203");
  ASM("if r0 == 0 goto 1f");
  ASM("*(u64 *)(r0 + 0) = 1");
  ASM("1: r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(dynptr_data_beyond) {
  ASM("r1 = bytes ll");
  ASM("r2 = 64");
  ASM("r3 = 0");
  ASM("r4 = r10");
  ASM("r4 += -16");
  ASM("call 197");
  ASM("r1 = r10");
  ASM("r1 += -16");
  ASM("r2 = 0");
  ASM("r3 = 8");
  ASM("call 203");
  ASM("if r0 == 0 goto 1f");
  ASM("*(u64 *)(r0 + 8) = 1");  // REFUSED: invalid access to memory, mem_size=8 off=8 size=8
  ASM("1: r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(dynptr_data_unchecked) {
  ASM("r1 = bytes ll");
  ASM("r2 = 64");
  ASM("r3 = 0");
  ASM("r4 = r10");
  ASM("r4 += -16");
  ASM("call 197");
  ASM("r1 = r10");
  ASM("r1 += -16");
  ASM("r2 = 0");
  ASM("r3 = 8");
  ASM("call 203");
  ASM("*(u64 *)(r0 + 0) = 1");  // REFUSED: R0 invalid mem access 'mem_or_null'
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(dynptr_data_after_overwrite) {
  ASM("r1 = bytes ll");
  ASM("r2 = 64");
  ASM("r3 = 0");
  ASM("r4 = r10");
  ASM("r4 += -16");
  ASM("call 197");
  ASM("r1 = r10");
  ASM("r1 += -16");
  ASM("r2 = 0");
  ASM("r3 = 8");
  ASM("call 203");
  ASM("if r0 == 0 goto 1f");
  ASM("*(u64 *)(r10 - 16) = 0");
  ASM("*(u64 *)(r0 + 0) = 1");  // REFUSED: R0 invalid mem access 'scalar'
  ASM("1: r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(dynptr_not_made) {
  ASM("r1 = r10");
  ASM("r1 += -16");
  ASM("r2 = 0");
  ASM("r3 = 8");
  ASM("call 203");  // REFUSED: Expected an initialized dynptr as arg #0
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(dynptr_read_directly) {
  ASM("r1 = bytes ll");
  ASM("r2 = 64");
  ASM("r3 = 0");
  ASM("r4 = r10");
  ASM("r4 += -16");
  ASM("call 197");
  ASM("r0 = *(u64 *)(r10 - 16)");  // REFUSED: invalid read from stack off -16+0 size 8
  ASM("exit");
}

BARE_PROGRAM(dynptr_over_stack) {
  ASM("*(u64 *)(r10 - 32) = 0");
  ASM("r1 = r10");
  ASM("r1 += -32");
  ASM("r2 = 8");
  ASM("r3 = 0");
  ASM("r4 = r10");
  ASM("r4 += -16");
  ASM("call 197");  // REFUSED: Unsupported reg type fp for bpf_dynptr_from_mem data
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: slices
BARE_PROGRAM(slice_with_buffer) {  // ACCEPTED
  ASM("r1 = bytes ll");
  ASM("r2 = 64");
  ASM("r3 = 0");
  ASM("r4 = r10");
  ASM("r4 += -16");
  ASM("call 197");
  ASM("r1 = r10");
  ASM("r1 += -16");
  ASM("r2 = 0");
  ASM("r3 = r10");
  ASM("r3 += -32");
  ASM("r4 = 8");
  CALL(bpf_dynptr_slice);  // STRICT: invalid read from stack R3
  ASM("if r0 == 0 goto 1f");
  ASM("r0 = *(u64 *)(r0 + 0)");
  ASM("1: r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(slice_is_read_only) {
  ASM("r1 = bytes ll");
  ASM("r2 = 64");
  ASM("r3 = 0");
  ASM("r4 = r10");
  ASM("r4 += -16");
  ASM("call 197");
  ASM("r1 = r10");
  ASM("r1 += -16");
  ASM("r2 = 0");
  ASM("r3 = 0");
  ASM("r4 = 8");
  CALL(bpf_dynptr_slice);
  ASM("if r0 == 0 goto 1f");
  ASM("*(u64 *)(r0 + 0) = 1");  // REFUSED: R0 cannot write into rdonly_mem
  ASM("1: r0 = 0");
  ASM("exit");
}
