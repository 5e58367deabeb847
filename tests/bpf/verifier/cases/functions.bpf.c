/* Functions and callbacks as clang makes them: what they may take, return, and use of the stack. */
#include "cases.h"

static __attribute__((noinline)) int odd(unsigned number);
static __attribute__((noinline)) int even(unsigned number) { return number ? odd(number - 1) : 1; }
static __attribute__((noinline)) int odd(unsigned number) { return number ? even(number - 1) : 0; }  // REFUSED(calls_each_other): recursive call from odd() to even()  LINUX: refused, because the ninth frame is one too many

PROGRAM(calls_each_other) {
  return even(NUMBER());
}

static __attribute__((noinline)) int third(unsigned number) { return number * 3; }
static __attribute__((noinline)) int second(unsigned number) { return third(number) + third(number + 1); }
static __attribute__((noinline)) int first(unsigned number) { return second(number) ^ third(number); }

// RULE: recursion, call-depth, static-functions
PROGRAM(calls_one_after_the_other) {  // ACCEPTED
  return first(NUMBER());
}

static __attribute__((noinline)) int large_frame(unsigned at) {
  volatile char bytes[240] = {};
  return bytes[at & 127];  // STRICT(large_frames_in_turn): R2 variable stack access prohibited for !root, var_off=(0x0; 0x7f) off=-240
}
static __attribute__((noinline)) int larger_frame(unsigned at) {
  volatile char bytes[240] = {};
  bytes[at & 127] = 1;
  return bytes[0] + large_frame(at);
}

// RULE: stack-depth
PROGRAM(large_frames_in_turn) {  // ACCEPTED
  return large_frame(NUMBER()) + large_frame(NUMBER());
}

PROGRAM(large_frames_at_once) {
  volatile char bytes[64] = {};
  return bytes[1] + larger_frame(NUMBER());  // REFUSED: combined stack size of 3 calls is 544. Too large
}

static int with_a_large_frame(__u32 index, void* context) {
  volatile char bytes[400] = {};
  return bytes[index & 63] & 1;
}

PROGRAM(large_frame_in_a_callback) {
  volatile char bytes[128] = {};
  bpf_loop(3, with_a_large_frame, 0, 0);  // REFUSED: combined stack size of 2 calls is 528. Too large
  return bytes[1];
}

__weak __attribute__((noinline)) int first_character(const char* text) { return text ? text[0] : 0; }
__weak __attribute__((noinline)) int second_character(const char* text) {
  return text ? text[1] : 0;  // REFUSED(global_reads_beyond_its_type): invalid access to memory, mem_size=1 off=1 size=1
}
__weak __attribute__((noinline)) int of_unknown_size(void* memory) { return memory != 0; }
__weak __attribute__((noinline)) int calls_a_global(int number) { return number > 3 ? first_character(0) : number; }
__weak __attribute__((noinline)) void returns_nothing(int number) { barrier_var(number); }

// RULE: global-function, global-call
PROGRAM(globals_of_globals) {  // ACCEPTED  LINUX: refused, where global functions must return a number
  char text[8] = "text";
  returns_nothing(1);
  return calls_a_global(NUMBER()) + first_character(text) + first_character(0);
}

PROGRAM(global_reads_beyond_its_type) {
  char text[8] = "text";
  return second_character(text);
}

PROGRAM(global_takes_void) {
  char text[8] = "text";
  return of_unknown_size(text);  // REFUSED: size cannot be determined
}

PROGRAM(global_given_an_unchecked_value) {  // ACCEPTED
  return first_character((void*)array_value());
}

PROGRAM(global_given_a_number) {
  return first_character((void*)bpf_ktime_get_ns());  // REFUSED: R1 type=scalar expected=fp
}

PROGRAM(result_of_a_global_is_any_number) {
  struct value* value = array_value();
  return value ? value->bytes[calls_a_global(3)] : 0;  // REFUSED: value -2147483648 makes map_value pointer be out of bounds
}

static int stops_at_odd(__u32 index, void* context) { return index & 1; }
static int returns_its_index(__u32 index, void* context) { return index; }  // REFUSED(callback_returns_its_index): At callback return the register R0 has smin=0 smax=4294967295 should have been in [0, 1]
static int returns_an_error(__u32 index, void* context) { return -1; }  // REFUSED(callback_returns_an_error): At callback return the register R0 has smin=4294967295 smax=4294967295 should have been in [0, 1]

// RULE: callback-result, callback-loops
PROGRAM(callback_returns_a_bit) {  // ACCEPTED
  return bpf_loop(100, stops_at_odd, 0, 0);
}

PROGRAM(callback_returns_its_index) {
  return bpf_loop(100, returns_its_index, 0, 0);
}

PROGRAM(callback_returns_an_error) {
  return bpf_loop(100, returns_an_error, 0, 0);
}

static long clears(void* map, const void* key, void* value, void* context) {
  ((struct value*)value)->words[0] = *(const __u64*)key;
  return 0;
}
static long writes_the_key(void* map, void* key, void* value, void* context) {
  *(__u64*)key = 1;  // REFUSED(walk_writes_keys): R2 cannot write into rdonly_mem  LINUX: refused, in other words
  return 0;
}
static long reads_beyond_the_value(void* map, void* key, void* value, void* context) {
  return ((volatile char*)value)[64] & 1;  // REFUSED(walk_reads_beyond): invalid access to map value, value_size=64 off=64 size=1
}
static long counts(void* map, void* key, void* value, void* context) {
  ++*(int*)context;
  return 0;
}

// RULE: callback-loops, permission
PROGRAM(walk_writes_values) {  // ACCEPTED
  return bpf_for_each_map_elem(&hash, clears, 0, 0);
}

PROGRAM(walk_writes_keys) {
  return bpf_for_each_map_elem(&hash, writes_the_key, 0, 0);
}

PROGRAM(walk_reads_beyond) {
  return bpf_for_each_map_elem(&hash, reads_beyond_the_value, 0, 0);
}

// RULE: callback-loops
PROGRAM(walk_counts) {  // ACCEPTED
  int count = 0;
  bpf_for_each_map_elem(&hash, counts, &count, 0);
  struct value* value = array_value();
  return value && count >= 0 && count < 48 ? value->bytes[count] : 0;
}

// RULE: callback-loops
PROGRAM(walk_counts_unchecked) {
  int count = 0;
  bpf_for_each_map_elem(&hash, counts, &count, 0);
  struct value* value = array_value();
  return value ? value->bytes[count] : 0;  // REFUSED: value -2147483648 makes map_value pointer be out of bounds
}

PROGRAM(walk_of_a_ring_buffer) {
  return bpf_for_each_map_elem(&records, counts, 0, 0);  // REFUSED: cannot pass map_type 27 into func bpf_for_each_map_elem#164  LINUX: refused, in other words
}
