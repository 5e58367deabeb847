/* Constant strings, memory that calls size, numbers that must be constants. */
#include "cases.h"

const char word[8] = "word";
const char unterminated[8] = {'n', 'o', ' ', 'e', 'n', 'd', '!', '!'};
char changeable[8] = "change";

// RULE: constant-string, unterminated-string
PROGRAM(string_is_constant) {  // ACCEPTED
  char name[16] = {};
  return bpf_strncmp(name, sizeof(name), word);
}

PROGRAM(string_may_change) {
  char name[16] = {};
  return bpf_strncmp(name, sizeof(name), changeable);  // REFUSED: R3 does not point to a readonly map'
}

PROGRAM(string_on_the_stack) {
  char name[16] = {};
  return bpf_strncmp(name, sizeof(name), name);  // REFUSED: R3 type=fp expected=map_value
}

PROGRAM(string_without_end) {
  char name[16] = {};
  return bpf_strncmp(name, sizeof(name), unterminated);  // REFUSED: string is not zero-terminated
}

PROGRAM(string_at_an_unknown_place) {
  char name[16] = {};
  return bpf_strncmp(name, sizeof(name), &word[NUMBER() & 3]);  // REFUSED: R3 is not a constant address'
}

static int plain_callback(__u32 index, void* context) { return 0; }
__attribute__((noinline)) int global_callback(__u32 index, void* context) { return 0; }

// RULE: static-callback
PROGRAM(callback_is_static) {  // ACCEPTED
  return bpf_loop(10, plain_callback, 0, 0);
}

PROGRAM(callback_is_global) {
  return bpf_loop(10, global_callback, 0, 0);  // REFUSED: callback function not static
}

__attribute__((noinline)) int takes_a_number(int number) { return number & 63; }
__attribute__((noinline)) int takes_memory(struct value* value) { return value ? value->bytes[0] : 0; }
__attribute__((noinline)) int trusts_memory(struct value* value) { return value->bytes[0]; }  // REFUSED(global_function_trusts): R1 invalid mem access 'mem_or_null'
__weak __attribute__((noinline)) void* returns_memory(struct value* value) {
  return value ? value->bytes : 0;
}
__attribute__((noinline)) int indexes(long index) {
  struct value* value = array_value();
  return value ? value->bytes[index] : 0;  // REFUSED(global_function_indexes): math between map_value pointer and register with unbounded min value is not allowed
}

// RULE: global-function, global-call
PROGRAM(global_functions_called) {  // ACCEPTED
  struct value value = {};
  return takes_a_number(NUMBER()) + takes_memory(&value) + takes_memory(0);
}

PROGRAM(global_function_trusts) {
  struct value value = {};
  return trusts_memory(&value);
}

PROGRAM(global_function_returns_a_pointer) {
  struct value value = {};
  return (long)returns_memory(&value) & 63;  // REFUSED: Global function returns_memory() doesn't return scalar. Only those are supported.
}

PROGRAM(global_function_indexes) {
  return indexes(3);
}

PROGRAM(pointer_for_a_number) {
  return takes_a_number((int)(long)&word);  // REFUSED: R1 is not a scalar
}

PROGRAM(too_little_memory) {
  long small = 0;
  return takes_memory((void*)&small);  // REFUSED: invalid read from stack R1 off=-8 size=64
}
