/* Dynptrs: memory whose bounds are checked when it is used. */
#include "cases.h"


PROGRAM(dynptr_uninitialised) {
  struct bpf_dynptr ptr = {};
  __u64 out;
  return bpf_dynptr_read(&out, 8, &ptr, 0, 0);  // REFUSED: Expected an initialized dynptr as arg #2
}

PROGRAM(dynptr_overwritten) {
  struct value* value = array_value();
  struct bpf_dynptr ptr;
  __u64 out;
  if (!value) return 0;
  bpf_dynptr_from_mem(value, sizeof(*value), 0, &ptr);
  ((volatile struct bpf_dynptr*)&ptr)->opaque[0] = 0;
  return bpf_dynptr_read(&out, 8, &ptr, 0, 0);  // REFUSED: Expected an initialized dynptr as arg #2
}

PROGRAM(dynptr_read_directly) {
  struct value* value = array_value();
  struct bpf_dynptr ptr;
  if (!value) return 0;
  bpf_dynptr_from_mem(value, sizeof(*value), 0, &ptr);
  return ((volatile struct bpf_dynptr*)&ptr)->opaque[1];  // REFUSED: invalid read from stack
}

PROGRAM(dynptr_over_the_stack) {
  char bytes[16] = {};
  struct bpf_dynptr ptr;
  asm volatile("" : : "r"(bytes) : "memory");
  return bpf_dynptr_from_mem(bytes, 16, 0, &ptr);  // REFUSED: Unsupported reg type fp for bpf_dynptr_from_mem data
}

PROGRAM(data_unchecked) {
  struct value* value = array_value();
  struct bpf_dynptr ptr;
  if (!value) return 0;
  bpf_dynptr_from_mem(value, sizeof(*value), 0, &ptr);
  __u64* data = bpf_dynptr_data(&ptr, 0, 8);
  return *data;  // REFUSED: R0 invalid mem access 'mem_or_null'
}

PROGRAM(data_past_end) {
  struct value* value = array_value();
  struct bpf_dynptr ptr;
  if (!value) return 0;
  bpf_dynptr_from_mem(value, sizeof(*value), 0, &ptr);
  volatile __u64* data = bpf_dynptr_data(&ptr, 0, 8);
  if (!data) return 0;
  return data[1];  // REFUSED: invalid access to memory, mem_size=8 off=8 size=8
}

PROGRAM(data_of_unknown_size) {
  struct value* value = array_value();
  struct bpf_dynptr ptr;
  if (!value) return 0;
  bpf_dynptr_from_mem(value, sizeof(*value), 0, &ptr);
  return bpf_dynptr_data(&ptr, 0, NUMBER()) != 0;  // REFUSED: R3 is not a known constant
}

PROGRAM(slice_outlives_dynptr) {
  struct value* value = array_value();
  struct bpf_dynptr ptr;
  if (!value) return 0;
  bpf_dynptr_from_mem(value, sizeof(*value), 0, &ptr);
  volatile __u64* data = bpf_dynptr_data(&ptr, 0, 8);
  if (!data) return 0;
  bpf_dynptr_from_mem(value, 8, 0, &ptr);
  return *data;  // REFUSED: invalid mem access 'scalar'
}

PROGRAM(slice_written) {
  struct value* value = array_value();
  struct bpf_dynptr ptr;
  char buffer[8];
  if (!value) return 0;
  bpf_dynptr_from_mem(value, sizeof(*value), 0, &ptr);
  volatile char* slice = bpf_dynptr_slice(&ptr, 0, buffer, 8);
  if (!slice) return 0;
  *slice = 1;  // REFUSED: cannot write into rdonly_mem
  return 0;
}

// RULE: dynptr
PROGRAM(read_and_write) {  // ACCEPTED
  struct value* value = array_value();
  struct bpf_dynptr ptr;
  __u64 word = 5;
  if (!value) return 0;
  bpf_dynptr_from_mem(value, sizeof(*value), 0, &ptr);
  bpf_dynptr_write(&ptr, NUMBER(), &word, 8, 0);
  bpf_dynptr_read(&word, 8, &ptr, NUMBER(), 0);
  return word;
}

// RULE: slices, constant-sizes
PROGRAM(data_and_slices) {  // ACCEPTED LINUX: refused, there slice_rdwr is for programs on packets
  struct value* value = array_value();
  struct bpf_dynptr ptr, clone;
  char buffer[8];
  if (!value) return 0;
  bpf_dynptr_from_mem(value, sizeof(*value), 0, &ptr);
  bpf_dynptr_adjust(&ptr, 4, 40);
  bpf_dynptr_clone(&ptr, &clone);
  __u64* data = bpf_dynptr_data(&ptr, 0, 8);
  char* slice = bpf_dynptr_slice_rdwr(&clone, 0, buffer, 8);  // STRICT: invalid read from stack LINUX: refused, there slice_rdwr is for programs on packets
  if (!data || !slice) return 0;
  slice[7] = 1;
  return *data + slice[0] + bpf_dynptr_size(&clone);
}
