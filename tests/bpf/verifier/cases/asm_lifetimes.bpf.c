/* What lives on the stack: iterators and dynptrs; and loops. */
#include "asm.h"

// RULE: several-iterators, iterator
BARE_PROGRAM(two_iterators) {  // ACCEPTED
  ASM("r1 = r10");
  ASM("r1 += -8");
  ASM("r2 = 0");
  ASM("r3 = 3");
  CALL(bpf_iter_num_new);
  ASM("r1 = r10");
  ASM("r1 += -16");
  ASM("r2 = 0");
  ASM("r3 = 3");
  CALL(bpf_iter_num_new);
  ASM("r1 = r10");
  ASM("r1 += -8");
  CALL(bpf_iter_num_next);
  ASM("r1 = r10");
  ASM("r1 += -16");
  CALL(bpf_iter_num_next);
  ASM("r1 = r10");
  ASM("r1 += -16");
  CALL(bpf_iter_num_destroy);
  ASM("r1 = r10");
  ASM("r1 += -8");
  CALL(bpf_iter_num_destroy);
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: several-iterators
BARE_PROGRAM(two_iterators_one_destroyed) {
  ASM("r1 = r10");
  ASM("r1 += -8");
  ASM("r2 = 0");
  ASM("r3 = 3");
  CALL(bpf_iter_num_new);
  ASM("r1 = r10");
  ASM("r1 += -16");
  ASM("r2 = 0");
  ASM("r3 = 3");
  CALL(bpf_iter_num_new);
  ASM("r1 = r10");
  ASM("r1 += -16");
  CALL(bpf_iter_num_destroy);
  ASM("r0 = 0");
  ASM("exit");  // REFUSED: Unreleased reference
}

// RULE: several-iterators, iterator-loops
BARE_PROGRAM(iterator_within_an_iterator) {  // ACCEPTED  LINUX: refused if strict, for what a processor may do in advance
  ASM("r1 = r10");
  ASM("r1 += -8");
  ASM("r2 = 0");
  ASM("r3 = 3");
  CALL(bpf_iter_num_new);
  ASM("1: r1 = r10");
  ASM("r1 += -8");
  CALL(bpf_iter_num_next);
  ASM("if r0 == 0 goto 3f");
  ASM("r1 = r10");
  ASM("r1 += -16");
  ASM("r2 = 0");
  ASM("r3 = 3");
  CALL(bpf_iter_num_new);
  ASM("2: r1 = r10");
  ASM("r1 += -16");
  CALL(bpf_iter_num_next);
  ASM("if r0 != 0 goto 2b");
  ASM("r1 = r10");
  ASM("r1 += -16");
  CALL(bpf_iter_num_destroy);
  ASM("goto 1b");
  ASM("3: r1 = r10");
  ASM("r1 += -8");
  CALL(bpf_iter_num_destroy);
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: several-iterators, iterator-loops
BARE_PROGRAM(inner_iterator_not_destroyed) {
  ASM("r1 = r10");
  ASM("r1 += -8");
  ASM("r2 = 0");
  ASM("r3 = 3");
  CALL(bpf_iter_num_new);
  ASM("1: r1 = r10");
  ASM("r1 += -8");
  CALL(bpf_iter_num_next);
  ASM("if r0 == 0 goto 3f");
  ASM("r1 = r10");
  ASM("r1 += -16");
  ASM("r2 = 0");
  ASM("r3 = 3");
  CALL(bpf_iter_num_new);
  ASM("r1 = r10");
  ASM("r1 += -16");
  CALL(bpf_iter_num_next);
  ASM("goto 1b");
  ASM("3: r1 = r10");
  ASM("r1 += -8");
  CALL(bpf_iter_num_destroy);
  ASM("r0 = 0");
  ASM("exit");  // REFUSED: Unreleased reference
}

// RULE: iterator-loops
BARE_PROGRAM(iterator_counts_past_the_array) {
  ASM("r1 = r10");
  ASM("r1 += -8");
  ASM("r2 = 0");
  ASM("r3 = 100");
  CALL(bpf_iter_num_new);
  ASM("r6 = 0");
  ASM("1: r1 = r10");
  ASM("r1 += -8");
  CALL(bpf_iter_num_next);
  ASM("if r0 == 0 goto 2f");
  ASM("r1 = bytes ll");
  ASM("r1 += r6");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("r6 += 1");
  ASM("goto 1b");
  ASM("2: r1 = r10");
  ASM("r1 += -8");
  CALL(bpf_iter_num_destroy);
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: iterator-loops
BARE_PROGRAM(iterator_counts_within_the_array) {  // ACCEPTED
  ASM("r1 = r10");
  ASM("r1 += -8");
  ASM("r2 = 0");
  ASM("r3 = 100");
  CALL(bpf_iter_num_new);
  ASM("r6 = 0");
  ASM("1: r1 = r10");
  ASM("r1 += -8");
  CALL(bpf_iter_num_next);
  ASM("if r0 == 0 goto 2f");
  ASM("if r6 > 63 goto 2f");
  ASM("r1 = bytes ll");
  ASM("r1 += r6");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("r6 += 1");
  ASM("goto 1b");
  ASM("2: r1 = r10");
  ASM("r1 += -8");
  CALL(bpf_iter_num_destroy);
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(iterator_destroyed_on_one_way) {
  ASM("r1 = r10");
  ASM("r1 += -8");
  ASM("r2 = 0");
  ASM("r3 = 3");
  CALL(bpf_iter_num_new);
  ASM("call 7");
  ASM("if r0 == 0 goto 1f");
  ASM("r1 = r10");
  ASM("r1 += -8");
  CALL(bpf_iter_num_destroy);
  ASM("1: r0 = 0");
  ASM("exit");  // REFUSED: Unreleased reference
}

BARE_PROGRAM(iterator_misplaced) {
  ASM("r1 = r10");
  ASM("r1 += -12");
  ASM("r2 = 0");
  ASM("r3 = 3");
  CALL(bpf_iter_num_new);  // REFUSED: cannot pass in iter at an offset=-12
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(iterator_in_a_value) {
  ASM("r1 = bytes ll");
  ASM("r2 = 0");
  ASM("r3 = 3");
  CALL(bpf_iter_num_new);  // REFUSED: arg#0 expected pointer to an iterator on stack
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(iterator_read) {
  ASM("r1 = r10");
  ASM("r1 += -8");
  ASM("r2 = 0");
  ASM("r3 = 3");
  CALL(bpf_iter_num_new);
  ASM("r6 = *(u64 *)(r10 - 8)");  // REFUSED: invalid read from stack off -8+0 size 8
  ASM("r1 = r10");
  ASM("r1 += -8");
  CALL(bpf_iter_num_destroy);
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: opaque-stack, iterator
BARE_PROGRAM(element_read_twice) {  // ACCEPTED
  ASM("r1 = r10");
  ASM("r1 += -8");
  ASM("r2 = 0");
  ASM("r3 = 3");
  CALL(bpf_iter_num_new);
  ASM("r1 = r10");
  ASM("r1 += -8");
  CALL(bpf_iter_num_next);
  ASM("if r0 == 0 goto 1f");
  ASM("r6 = *(u32 *)(r0 + 0)");
  ASM("r6 = *(u32 *)(r0 + 0)");
  ASM("1: r1 = r10");
  ASM("r1 += -8");
  CALL(bpf_iter_num_destroy);
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: may-goto
BARE_PROGRAM(may_goto_counts_past_the_array) {
  ASM("r6 = 0");
  ASM("1: may_goto 2f");
  ASM("r1 = bytes ll");
  ASM("r1 += r6");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("r6 += 1");
  ASM("goto 1b");
  ASM("2: r0 = 0");
  ASM("exit");
}

// RULE: may-goto
BARE_PROGRAM(may_goto_counts_within_the_array) {  // ACCEPTED
  ASM("r6 = 0");
  ASM("1: may_goto 2f");
  ASM("if r6 > 63 goto 2f");
  ASM("r1 = bytes ll");
  ASM("r1 += r6");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("r6 += 1");
  ASM("goto 1b");
  ASM("2: r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(loop_without_progress) {
  ASM("1: r0 = 0");
  ASM("goto 1b");
  ASM("exit");  // REFUSED: unreachable insn 2
}

BARE_PROGRAM(loop_that_forgets) {
  ASM("r6 = 0");
  ASM("1: r6 = 1");  // REFUSED: infinite loop detected at insn 1
  ASM("if r6 != 2 goto 1b");
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: bounded-loops, endless-loop
BARE_PROGRAM(loop_of_ten) {  // ACCEPTED  LINUX: refused if strict, for what a processor may do in advance
  ASM("r6 = 0");
  ASM("1: r6 += 1");
  ASM("if r6 != 10 goto 1b");
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: bounded-loops
BARE_PROGRAM(loop_down) {  // ACCEPTED  LINUX: refused if strict, for what a processor may do in advance
  ASM("r6 = 10");
  ASM("1: r6 -= 1");
  ASM("if r6 s> 0 goto 1b");
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: unreachable, unset-register
BARE_PROGRAM(both_ways_meet) {  // ACCEPTED
  ASM("call 7");
  ASM("if r0 == 0 goto 1f");
  ASM("r0 = 1");
  ASM("goto 2f");
  ASM("1: r0 = 2");
  ASM("2: exit");
}

BARE_PROGRAM(code_after_a_jump) {
  ASM("r0 = 0");
  ASM("goto 1f");
  ASM("r0 = 1");  // REFUSED: unreachable insn 2
  ASM("1: exit");
}

BARE_PROGRAM(result_on_one_way_only) {
  ASM("call 7");
  ASM("r6 = r0");
  ASM("r1 = bytes ll");
  ASM("r2 = 1");
  ASM("r3 = 2");
  ASM("call 5");
  ASM("if r6 == 0 goto 1f");
  ASM("r0 = r2");  // REFUSED: R2 !read_ok
  ASM("1: exit");
}

// RULE: dynptr, slices, dynptr-source, constant-argument, constant-sizes
BARE_PROGRAM(dynptr_data_within) {  // ACCEPTED
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

// RULE: constant-sizes
BARE_PROGRAM(dynptr_data_of_unknown_size) {
  ASM("r1 = bytes ll");
  ASM("r2 = 64");
  ASM("r3 = 0");
  ASM("r4 = r10");
  ASM("r4 += -16");
  ASM("call 197");
  ASM("call 7");
  ASM("r3 = r0");
  ASM("r1 = r10");
  ASM("r1 += -16");
  ASM("r2 = 0");
  ASM("call 203");  // REFUSED: R3 is not a known constant'
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: slices
BARE_PROGRAM(slice_after_the_dynptr_is_gone) {
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

// RULE: slices
BARE_PROGRAM(slice_of_another_dynptr_stays) {  // ACCEPTED
  ASM("r1 = bytes ll");
  ASM("r2 = 64");
  ASM("r3 = 0");
  ASM("r4 = r10");
  ASM("r4 += -16");
  ASM("call 197");
  ASM("r1 = bytes ll");
  ASM("r2 = 64");
  ASM("r3 = 0");
  ASM("r4 = r10");
  ASM("r4 += -32");
  ASM("call 197");
  ASM("r1 = r10");
  ASM("r1 += -16");
  ASM("r2 = 0");
  ASM("r3 = 8");
  ASM("call 203");
  ASM("if r0 == 0 goto 1f");
  ASM("*(u64 *)(r10 - 32) = 0");
  ASM("*(u64 *)(r0 + 0) = 1");
  ASM("1: r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(half_a_dynptr) {
  ASM("r1 = bytes ll");
  ASM("r2 = 64");
  ASM("r3 = 0");
  ASM("r4 = r10");
  ASM("r4 += -16");
  ASM("call 197");
  ASM("r1 = r10");
  ASM("r1 += -8");
  ASM("r2 = 0");
  ASM("r3 = 8");
  ASM("call 203");  // REFUSED: Expected an initialized dynptr as arg #0
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(dynptr_read_as_bytes) {
  ASM("r1 = bytes ll");
  ASM("r2 = 64");
  ASM("r3 = 0");
  ASM("r4 = r10");
  ASM("r4 += -16");
  ASM("call 197");
  ASM("r0 = *(u8 *)(r10 - 9)");  // REFUSED: invalid read from stack off -9+0 size 1
  ASM("exit");
}

BARE_PROGRAM(dynptr_of_a_local) {
  ASM("*(u64 *)(r10 - 24) = 0");
  ASM("r1 = r10");
  ASM("r1 += -24");
  ASM("r2 = 8");
  ASM("r3 = 0");
  ASM("r4 = r10");
  ASM("r4 += -16");
  ASM("call 197");  // REFUSED: Unsupported reg type fp for bpf_dynptr_from_mem data
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(dynptr_over_an_iterator) {
  ASM("r1 = r10");
  ASM("r1 += -16");
  ASM("r2 = 0");
  ASM("r3 = 3");
  CALL(bpf_iter_num_new);
  ASM("r1 = bytes ll");
  ASM("r2 = 64");
  ASM("r3 = 0");
  ASM("r4 = r10");
  ASM("r4 += -24");
  ASM("call 197");  // REFUSED: Dynptr has to be an uninitialized dynptr  LINUX: refused at the end, where the iterator is not destroyed
  ASM("r0 = 0");
  ASM("exit");
}
