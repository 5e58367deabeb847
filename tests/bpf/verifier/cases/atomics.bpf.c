/* Atomic operations. */
#include "cases.h"

const volatile __u64 frozen = 5;
__u64 counter, place;
__u32 word;

PROGRAM(atomic_on_rodata) {
  __sync_fetch_and_add((__u64*)&frozen, 1);  // REFUSED: write into map forbidden
  return 0;
}

PROGRAM(atomic_out_of_bounds) {
  struct value* value = array_value();
  if (!value) return 0;
  __sync_fetch_and_add((__u64*)((char*)value + 64), 1);  // REFUSED: invalid access to map value, value_size=64 off=64 size=8
  return 0;
}

PROGRAM(atomic_on_stack_uninitialised) {  // ACCEPTED
  __u64 local;
  asm volatile("lock *(u64 *)(%[p] + 0) += %[n]" : : [p] "r"(&local), [n] "r"(1ull) : "memory");  // STRICT: invalid read from stack
  return local;
}

PROGRAM(atomic_misaligned) {
  struct value* value = array_value();
  if (!value) return 0;
  asm volatile("lock *(u64 *)(%[v] + 4) += %[n]" : : [v] "r"(value), [n] "r"(1ull) : "memory");  // REFUSED: misaligned value access
  return 0;
}

PROGRAM(atomics) {  // ACCEPTED
  __u64 before = __sync_fetch_and_add(&counter, 2);
  __sync_fetch_and_or(&counter, 4);
  __sync_fetch_and_and(&counter, ~1ull);
  __sync_fetch_and_xor(&counter, before);
  before += __sync_lock_test_and_set(&place, 7);
  before += __sync_val_compare_and_swap(&place, 7, 8);
  before += __sync_fetch_and_add(&word, 1);
  __sync_fetch_and_add(&word, 1);
  return before;
}

// RULE: atomic-target
PROGRAM(atomic_on_stack) {  // ACCEPTED
  __u64 local = 1;
  asm volatile("lock *(u64 *)(%[p] + 0) += %[n]" : : [p] "r"(&local), [n] "r"(1ull) : "memory");
  return local;
}
