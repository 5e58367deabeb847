/* Arithmetic on pointers, and where pointers may not go. */
#include "cases.h"

PROGRAM(multiplied) {
  struct value* value = array_value();
  if (!value) return 0;
  asm volatile("%[v] *= 8" : [v] "+r"(value));  // REFUSED: R0 pointer arithmetic with *= operator prohibited
  return value->bytes[0];
}

PROGRAM(masked) {
  struct value* value = array_value();
  if (!value) return 0;
  asm volatile("%[v] &= -8" : [v] "+r"(value));  // REFUSED: R0 bitwise operator &= on pointer prohibited
  return value->bytes[0];
}

PROGRAM(half_width) {
  struct value* value = array_value();
  if (!value) return 0;
  asm volatile("w0 += 1" ::: "r0");  // REFUSED: R0 32-bit pointer arithmetic prohibited
  asm volatile("r0 = *(u8 *)(r0 + 0)" ::: "r0");
  return 0;
}

PROGRAM(negated_stack) {
  asm volatile("r1 = r10\n" "r1 = -r1\n" ::: "r1");
  asm volatile("r0 = *(u8 *)(r1 + 0)\n" ::: "r0", "r1");  // REFUSED: R1 invalid mem access 'scalar'
  return 0;
}

PROGRAM(number_as_pointer) {
  return *(volatile int*)bpf_ktime_get_ns();  // REFUSED: R0 invalid mem access 'scalar'
}

PROGRAM(number_minus_pointer) {
  struct value* value = array_value();
  if (!value) return 0;
  asm volatile("r1 = 8\n" "r1 -= %[v]\n" "r0 = *(u8 *)(r1 + 0)\n" : : [v] "r"(value) : "r0", "r1");  // REFUSED: R1 tried to subtract pointer from scalar
  return 0;
}

PROGRAM(sum_of_pointers) {
  asm volatile("r1 = r10\n" "r1 += r10\n" ::: "r1");  // REFUSED: R1 pointer += pointer prohibited
  return 0;
}

PROGRAM(unbounded_offset) {
  struct value* value = array_value();
  if (!value) return 0;
  __u64 time = bpf_ktime_get_ns();
  asm volatile("%[v] += %[t]" : [v] "+r"(value) : [t] "r"(time));  // REFUSED: math between map_value pointer and register with unbounded min value is not allowed
  return value->bytes[0];
}

PROGRAM(map_itself) {
  asm volatile("r1 = %[map] ll\n" "r1 += 8\n" : : [map] "i"(&array) : "r1");  // REFUSED: R1 pointer arithmetic on map_ptr prohibited
  return 0;
}

PROGRAM(write_through_map) {
  asm volatile("r1 = %[map] ll\n" "r2 = 0\n *(u64 *)(r1 + 0) = r2\n" : : [map] "i"(&array) : "r1", "r2");  // REFUSED: only read from bpf_array is supported
  return 0;
}

PROGRAM(pointers_compared) {  // ACCEPTED
  struct value* value = array_value();
  if (!value) return 0;
  char* end = value->bytes + sizeof(value->bytes);
  __u32 sum = 0;
  for (char* at = value->bytes; at != end; at += 8) sum += *at;
  return sum;
}

/* The programs here are privileged, as Linux calls it: an address is no secret. */
PROGRAM(address_as_a_number) {  // ACCEPTED
  struct value* value = array_value();
  if (!value) return 0;
  value->words[0] = (__u64)value;  // STRICT: R0 leaks addr into map
  return 0;
}

// RULE: pointer-range
PROGRAM(offset_within) {  // ACCEPTED
  struct value* value = array_value();
  if (!value) return 0;
  __u64 a = NUMBER() & 15, b = NUMBER() & 31;
  char* at = value->bytes + a;
  barrier_var(at);
  at += b;
  return *at;
}

PROGRAM(offset_back_and_forth) {  // ACCEPTED
  struct value* value = array_value();
  if (!value) return 0;
  char* at = value->bytes + 100;  // STRICT: pointer arithmetic of map value goes out of range, prohibited for !root
  barrier_var(at);
  at -= 90;
  return *at;
}
