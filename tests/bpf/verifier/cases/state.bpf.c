/* Values over branches: what joins, what is linked, what a check is worth later. */
#include "cases.h"

// RULE: linked-numbers
PROGRAM(linked_registers) {  // ACCEPTED
  struct value* value = array_value();
  if (!value) return 0;
  __u64 index = NUMBER();
  __u64 copy = index;
  asm volatile("" : "+r"(copy));
  asm volatile("%[c] = %[i]\n if %[i] > 40 goto +2\n %[v] += %[c]\n %[c] = *(u8 *)(%[v] + 0)" : [c] "+r"(copy), [v] "+r"(value) : [i] "r"(index));
  return copy;
}

PROGRAM(pointer_of_two_kinds) {
  struct value* value = array_value();
  char local[64] = {};
  char* at = local;
  if (!value) return 0;
  if (NUMBER() & 1) at = (char*)value;
  barrier_var(at);
  return at[63];  // ACCEPTED
}

PROGRAM(number_or_pointer) {
  struct value* value = array_value();
  char* at = (char*)8;
  if (!value) return 0;
  if (NUMBER() & 1) at = (char*)value;
  barrier_var(at);
  return *(volatile char*)at;  // REFUSED: invalid mem access 'scalar'
}

PROGRAM(flags_remembered) {  // ACCEPTED
  struct value* value = hash_value();
  bool found = value != 0;
  __u64 time = bpf_ktime_get_ns();
  if (!value) return time;
  return value->bytes[time & 31] + found;
}

// RULE: ranges-64
PROGRAM(unsigned_and_signed) {  // ACCEPTED
  struct value* value = array_value();
  if (!value) return 0;
  __s64 n = bpf_ktime_get_ns();
  barrier_var(n);
  if (n < 0) return 0;
  if (n > 47) return 0;
  return value->bytes[n];
}

// RULE: known-bits
PROGRAM(shifted_and_masked) {  // ACCEPTED
  struct value* value = array_value();
  if (!value) return 0;
  __u64 n = bpf_ktime_get_ns();
  return value->bytes[(n >> 60) + ((n & 3) << 3)];
}

PROGRAM(divided_by_a_constant) {  // ACCEPTED LINUX: refused, before 7.0 it knew nothing of a remainder
  struct value* value = array_value();
  if (!value) return 0;
  __u32 n = NUMBER();
  n %= 48;
  if (n >= 48) return 0;
  return value->bytes[n];
}

// RULE: ranges-64
PROGRAM(sums_of_ranges) {  // ACCEPTED
  struct value* value = array_value();
  if (!value) return 0;
  __u32 a = NUMBER(), b = NUMBER();
  if (a > 20 || b > 20) return 0;
  return value->bytes[a + b] + value->bytes[40 - a] + value->bytes[a * 2];
}

PROGRAM(difference_may_be_negative) {
  struct value* value = array_value();
  if (!value) return 0;
  __u64 a = NUMBER() & 15, b = NUMBER() & 15;
  __u64 at = a - b;
  barrier_var(at);
  return ((volatile char*)value)[at];  // REFUSED: R6 min value is negative
}
