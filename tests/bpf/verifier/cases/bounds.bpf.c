/* Memory out of bounds: map values, at constant and variable offsets. */
#include "cases.h"

PROGRAM(value_past_end) {
  struct value* value = array_value();
  if (!value) return 0;
  return ((volatile char*)value)[64];  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
}

PROGRAM(value_before_start) {
  struct value* value = array_value();
  if (!value) return 0;
  return ((volatile char*)value)[-1];  // REFUSED: invalid access to map value, value_size=64 off=-1 size=1
}

PROGRAM(value_across_end) {
  struct value* value = array_value();
  if (!value) return 0;
  *(volatile __u64*)((char*)value + 60) = 1;  // REFUSED: invalid access to map value, value_size=64 off=60 size=8
  return 0;
}

PROGRAM(value_far_away) {
  struct value* value = array_value();
  if (!value) return 0;
  asm volatile("%[v] += 0x20000000" : [v] "+r"(value));  // REFUSED: math between map_value pointer and 536870912 is not allowed
  return *(volatile char*)value;
}

PROGRAM(index_without_upper_check) {
  struct value* value = array_value();
  if (!value) return 0;
  return value->bytes[NUMBER()];  // REFUSED: R7 unbounded memory access, make sure to bounds check any such access
}

PROGRAM(index_without_lower_check) {
  struct value* value = array_value();
  if (!value) return 0;
  long index = (int)NUMBER();
  barrier_var(index);
  if (index >= 48) return 0;
  return value->bytes[index];  // REFUSED: value -2147483648 makes map_value pointer be out of bounds
}

PROGRAM(index_off_by_one) {
  struct value* value = array_value();
  if (!value) return 0;
  __u64 index = NUMBER();
  if (index > 64) return 0;
  return ((volatile char*)value)[index];  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
}

PROGRAM(mask_too_wide) {
  struct value* value = array_value();
  if (!value) return 0;
  return ((volatile char*)value)[NUMBER() & 127];  // REFUSED: invalid access to map value, value_size=64 off=127 size=1
}

PROGRAM(check_of_another_register) {
  struct value* value = array_value();
  if (!value) return 0;
  __u64 index = NUMBER(), other = NUMBER();
  if (other > 40) return 0;
  return value->bytes[index];  // REFUSED: unbounded memory access
}


const volatile char frozen[16] = {1, 2, 3};

PROGRAM(write_to_rodata) {
  *(volatile char*)&frozen[3] = 1;  // REFUSED: write into map forbidden, value_size=16 off=3 size=1
  return 0;
}

char global[16];

PROGRAM(global_past_end) {
  __u64 index = NUMBER() & 31;
  barrier_var(index);
  return global[index];  // REFUSED: invalid access to map value, value_size=16 off=31 size=1
}

// RULE: frozen-constants, out-of-bounds
PROGRAM(table_lookup) {  // ACCEPTED
  __u64 index = NUMBER() & 15;
  return frozen[index];
}

// RULE: out-of-bounds
PROGRAM(index_checked) {  // ACCEPTED
  struct value* value = array_value();
  if (!value) return 0;
  __u64 index = NUMBER();
  if (index >= sizeof(value->bytes)) return 0;
  value->bytes[index]++;
  return value->bytes[index];
}

// RULE: refinement-32
PROGRAM(signed_index_checked) {  // ACCEPTED
  struct value* value = array_value();
  if (!value) return 0;
  int index = NUMBER();
  if (index < 0 || index >= 48) return 0;
  return value->bytes[index];
}

/* What is known of the length bounds the offset. */
// RULE: out-of-bounds, iterator-loops
PROGRAM(offset_and_length) {  // ACCEPTED
  struct value* value = array_value();
  if (!value) return 0;
  __u32 offset = NUMBER() & 31;
  __u32 length = NUMBER() & 15;
  __u32 i, sum = 0;
  bpf_for(i, 0, 16) {
    if (i >= length) break;
    sum += value->bytes[offset + (i & 15)];
  }
  return sum;
}
