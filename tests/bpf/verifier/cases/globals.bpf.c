/* Functions that are not static: verified by their prototypes, called by them. */
#include "cases.h"

__noinline __weak int sums(struct value* value) {
  return value ? value->bytes[0] + value->bytes[47] : 0;
}

// RULE: global-arguments, global-function
PROGRAM(pointer_or_null) {  // ACCEPTED
  return sums(hash_value()) + sums(0);
}

__noinline __weak int sums_nonnull(struct value* value __arg_nonnull) {
  return value->bytes[0] + value->bytes[47];
}

// RULE: global-arguments
PROGRAM(pointer_that_is_not_null) {  // ACCEPTED
  struct value *value = hash_value(), local = {};
  return value ? sums_nonnull(value) + sums_nonnull(&local) : 0;
}

// RULE: global-arguments
PROGRAM(pointer_that_may_be_null) {
  return sums_nonnull(hash_value());  // REFUSED: arg#0 is expected to be non-NULL
}

PROGRAM(null_where_none_may_be) {
  return sums_nonnull(0);  // REFUSED: arg#0 is expected to be non-NULL LINUX: accepted, to it a constant is no pointer
}

__noinline __weak int past_the_end(struct value* value __arg_nonnull) {
  return ((volatile char*)value)[sizeof(*value)];  // REFUSED(beyond_the_type): invalid access to memory, mem_size=64 off=64 size=1
}

PROGRAM(beyond_the_type) {
  struct value* value = array_value();
  return value ? past_the_end(value) : 0;
}

__noinline __weak int writes(__u32* number __arg_nonnull, int n) {
  *number = n;
  return 0;
}

PROGRAM(writes_to_the_callers_stack) {  // ACCEPTED
  __u32 number = 3;
  writes(&number, NUMBER());
  return number;
}

/* What a function wrote through a pointer is not known to the caller. */
PROGRAM(forgets_what_was_written) {
  struct value* value = array_value();
  __u32 number = 3;
  if (!value) return 0;
  asm volatile("" : : "r"(&number) : "memory");
  writes(&number, 7);
  return value->bytes[number];  // REFUSED: unbounded memory access
}

const volatile __u32 constant = 5;

// RULE: global-arguments
PROGRAM(writes_to_a_constant) {
  __u32* at = (__u32*)&constant;
  barrier_var(at);
  return writes(at, 7);  // REFUSED: write into map forbidden
}

PROGRAM(too_little_memory) {
  __u32 number = 3;
  asm volatile("r1 = r10\n r1 += -2\n r2 = 0\n *(u16 *)(r10 - 2) = 0\n call writes" ::: "r0", "r1", "r2", "r3", "r4", "r5");  // REFUSED: invalid read from stack R1 off=-2 size=4
  return number;
}

__noinline __weak int twice(long n) { return 2 * n; }

PROGRAM(number_for_a_number) {  // ACCEPTED
  return twice(NUMBER()) + twice(-1);
}

PROGRAM(pointer_for_a_number) {
  return twice((long)array_value());  // REFUSED: R1 is not a scalar
}

/* The caller knows nothing of the result but that it is a number. */
PROGRAM(result_is_any_number) {
  struct value* value = array_value();
  if (!value) return 0;
  return value->bytes[(__u32)twice(1)];  // REFUSED: unbounded memory access
}

__noinline __weak void returns_nothing(int n) { barrier_var(n); }

PROGRAM(result_of_nothing) {
  asm volatile("r1 = 1\n call returns_nothing\n r0 += 1" ::: "r0", "r1", "r2", "r3", "r4", "r5");  // REFUSED: R0 !read_ok LINUX: refused, and so are all functions without a result
  return 0;
}

__noinline __weak char* returns_a_pointer(struct value* value) { return value ? value->bytes : 0; }

PROGRAM(result_is_a_pointer) {
  return returns_a_pointer(array_value()) != 0;  // REFUSED: Global function returns_a_pointer() doesn't return scalar. Only those are supported.
}

struct unknown;
__noinline __weak int takes_unknown(struct unknown* what) {
  barrier_var(what);
  return 0;
}

PROGRAM(pointer_to_something_unknown) {
  return takes_unknown((void*)array_value());  // REFUSED: size cannot be determined
}

__noinline __weak int odd_tag(int n __arg_nonnull) {
  return n;
}

PROGRAM(tag_on_a_number) {
  return odd_tag(5);  // REFUSED: arg#0 has pointer tag, but is not a pointer type
}

__noinline __weak int calls_another(struct value* value __arg_nonnull, int n) {
  return n > 3 ? sums_nonnull(value) : twice(n);
}

// RULE: global-call, call-depth
PROGRAM(function_of_functions) {  // ACCEPTED
  struct value* value = array_value();
  return value ? calls_another(value, NUMBER()) : 0;
}

static __noinline int static_of_global(struct value* value, __u64 n) {
  return n < 48 ? value->bytes[n] + twice(n) : 0;
}

__noinline __weak int global_of_static(struct value* value __arg_nonnull, __u64 n) { return static_of_global(value, n); }

// RULE: static-functions
PROGRAM(static_and_global) {  // ACCEPTED
  struct value* value = array_value();
  return value ? global_of_static(value, NUMBER()) : 0;
}

__noinline __weak int leaves_a_record(int n) {
  __u64* record = bpf_ringbuf_reserve(&records, 8, 0);
  if (!record) return 0;
  if (n == 3) return 0;
  bpf_ringbuf_submit(record, 0);
  return 1;
}  // REFUSED(record_left_in_a_function): Unreleased reference

PROGRAM(record_left_in_a_function) { return leaves_a_record(NUMBER()); }

__noinline __weak int uses_its_loop(int n) {
  int sum = 0;
  for (int i = 0; i < 100; i++) {
    barrier_var(i);
    sum += n;
  }
  return sum;
}

PROGRAM(loop_in_a_function) {  // ACCEPTED
  return uses_its_loop(1) + uses_its_loop(2) + uses_its_loop(3);
}
