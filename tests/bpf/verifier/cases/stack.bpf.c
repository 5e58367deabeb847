/* The stack and registers: bounds, what was never written, spilled pointers that were tampered with. */
#include "cases.h"

PROGRAM(above_frame) {
  asm volatile("r0 = *(u64 *)(r10 + 0)" ::: "r0");  // REFUSED: invalid read from stack R10 off=0 size=8
  return 0;
}

PROGRAM(below_frame) {
  asm volatile("*(u64 *)(r10 - 520) = 0");  // REFUSED: invalid write to stack R10 off=-520 size=8
  return 0;
}

PROGRAM(across_frame_top) {
  asm volatile("*(u32 *)(r10 - 2) = 0");  // REFUSED: misaligned stack access
  return 0;
}

PROGRAM(frame_too_large) {
  char a[300];
  volatile char b[300];
  for (int i = 0; i < 300; i++) b[i] = i;
  asm volatile("r1 = r10\n r1 += -600\n r2 = 0\n *(u64 *)(r1 + 0) = r2" ::: "r1", "r2");  // REFUSED: invalid write to stack
  return b[NUMBER() & 7];
}

PROGRAM(uninitialised_register) {
  asm volatile("r0 = r7\n" ::: "r0");  // REFUSED: R7 !read_ok
  return 0;
}

PROGRAM(argument_after_call) {
  NUMBER();
  asm volatile("r0 = r1\n" ::: "r0");  // REFUSED: R1 !read_ok
  return 0;
}

BARE_PROGRAM(no_return_value) {
  asm volatile("exit");  // REFUSED: R0 !read_ok
}

PROGRAM(frame_pointer_written) {
  asm volatile("r10 += -8");  // REFUSED: frame pointer is read only
  return 0;
}

/* Bytes of the stack that were never written may be read, and hold anything: as Linux has it for privileged programs. */
PROGRAM(uninitialised_key) {  // ACCEPTED
  __u32 key;
  asm volatile("" : : "r"(&key));
  return bpf_map_lookup_elem(&array, &key) != 0;  // STRICT: invalid read from stack
}

PROGRAM(half_initialised_key) {  // ACCEPTED
  __u64 key;
  asm volatile("*(u32 *)(%[key] + 0) = 1" : : [key] "r"(&key));
  return bpf_map_lookup_elem(&hash, &key) != 0;  // STRICT: invalid read from stack LINUX: accepted, to it a slot is written when a part of it is
}

PROGRAM(variable_index_unbounded) {
  char bytes[16] = {};
  asm volatile("" : : "r"(bytes) : "memory");
  bytes[NUMBER()] = 1;  // REFUSED: invalid unbounded variable-offset write to stack
  asm volatile("" : : "r"(bytes) : "memory");
  return 0;
}

PROGRAM(variable_index_too_large) {
  char bytes[16] = {};
  asm volatile("" : : "r"(bytes) : "memory");
  bytes[NUMBER() & 31] = 1;  // REFUSED: invalid variable-offset write to stack
  asm volatile("" : : "r"(bytes) : "memory");
  return 0;
}

PROGRAM(variable_read_of_nothing) {  // ACCEPTED
  asm volatile("r2 = r10\n r2 += -16\n r0 &= 7\n r2 += r0\n" "r0 = *(u8 *)(r2 + 0)" : : "r"((__u64)NUMBER()) : "r0", "r1", "r2");  // STRICT: variable stack access prohibited for !root
  return 0;
}

/* A spilled pointer of which a byte was overwritten is a number. */
PROGRAM(spill_overwritten) {
  struct value* value = array_value();
  if (!value) return 0;
  asm volatile("*(u64 *)(r10 - 64) = %[v]" : : [v] "r"(value));
  asm volatile("*(u8 *)(r10 - 60) = 0");
  asm volatile("r1 = *(u64 *)(r10 - 64)" ::: "r1");
  asm volatile("r0 = *(u64 *)(r1 + 0)" ::: "r0", "r1");  // REFUSED: R1 invalid mem access 'scalar'
  return 0;
}

/* Half of a pointer can't be read back. */
PROGRAM(half_of_a_spill) {
  struct value* value = array_value();
  if (!value) return 0;
  asm volatile("*(u64 *)(r10 - 64) = %[v]" : : [v] "r"(value));
  asm volatile("r1 = *(u32 *)(r10 - 64)" ::: "r1");  // REFUSED: invalid size of register fill
  return 0;
}

/* A write at a variable offset may have hit the pointer. */
PROGRAM(spill_under_variable_write) {
  struct value* value = array_value();
  if (!value) return 0;
  asm volatile("*(u64 *)(r10 - 64) = %[v]" : : [v] "r"(value));
  asm volatile("*(u64 *)(r10 - 56) = 0");
  __u64 index = NUMBER() & 15;
  asm volatile("r1 = r10\n r1 += -64\n r1 += %[i]\n" "*(u8 *)(r1 + 0) = 1" : : [i] "r"(index) : "r1");
  asm volatile("r1 = *(u64 *)(r10 - 64)" ::: "r1");
  asm volatile("r0 = *(u64 *)(r1 + 0)" ::: "r0", "r1");  // REFUSED: R1 invalid mem access 'scalar'
  return 0;
}

PROGRAM(misaligned) {
  asm volatile("*(u64 *)(r10 - 12) = 0");  // REFUSED: misaligned stack access
  return 0;
}

// RULE: spills
PROGRAM(spill_and_fill) {  // ACCEPTED
  struct value* value = array_value();
  if (!value) return 0;
  asm volatile("*(u64 *)(r10 - 64) = %[v]" : : [v] "r"(value));
  asm volatile("%[v] = *(u64 *)(r10 - 64)" : [v] "=r"(value));
  return value->bytes[0];
}

/* Bounds survive on the stack, also in four bytes. */
// RULE: spills
PROGRAM(bounds_on_the_stack) {  // ACCEPTED
  struct value* value = array_value();
  if (!value) return 0;
  __u32 index = NUMBER();
  if (index >= 48) return 0;
  asm volatile("*(u32 *)(r10 - 64) = %[i]" : : [i] "r"(index));
  __u64 again;
  asm volatile("%[i] = *(u32 *)(r10 - 64)" : [i] "=r"(again));
  return value->bytes[again];
}

// RULE: variable-stack
PROGRAM(array_on_the_stack) {  // ACCEPTED
  volatile char bytes[32];
  for (int i = 0; i < 32; i++) bytes[i] = i;
  return bytes[NUMBER() & 31];  // STRICT: variable stack access prohibited for !root
}
