/* Pointers that may be NULL. */
#include "cases.h"

PROGRAM(lookup_unchecked) {
  return hash_value()->bytes[0];  // REFUSED: R0 invalid mem access 'map_value_or_null'
}

PROGRAM(lookup_checked_too_late) {
  struct value* value = hash_value();
  char first = *(volatile char*)value->bytes;  // REFUSED: R0 invalid mem access 'map_value_or_null'
  if (!value) return 0;
  return first;
}

PROGRAM(other_lookup_checked) {
  __u64 key = 1;
  struct value* one = bpf_map_lookup_elem(&hash, &key);
  struct value* other = bpf_map_lookup_elem(&hash, &key);
  if (!one) return 0;
  return *(volatile char*)other->bytes;  // REFUSED: invalid mem access 'map_value_or_null'
}

PROGRAM(used_where_null) {
  struct value* value = hash_value();
  asm volatile("if %[v] != 0 goto +2\n" "r1 = %[v]\n" "r0 = *(u8 *)(r1 + 0)\n" : : [v] "r"(value) : "r0", "r1");  // REFUSED: R1 invalid mem access 'scalar'
  return 0;
}

PROGRAM(arithmetic_before_check) {
  struct value* value = hash_value();
  asm volatile("%[v] += 8" : [v] "+r"(value));  // REFUSED: R1 pointer arithmetic on map_value_or_null prohibited, null-check it first
  if (!value) return 0;
  return value->bytes[0];
}

PROGRAM(record_unchecked) {
  __u64* record = bpf_ringbuf_reserve(&records, 8, 0);
  *record = 1;  // REFUSED: R0 invalid mem access 'ringbuf_mem_or_null'
  bpf_ringbuf_submit(record, 0);
  return 0;
}

PROGRAM(stored_unchecked) {
  __u64 key = 0;
  struct value* value = hash_value();
  return bpf_map_update_elem(&hash, &key, value, 0);  // REFUSED: R3 type=map_value_or_null expected=
}

// RULE: maybe-null
PROGRAM(copy_of_pointer_checked) {  // ACCEPTED
  struct value* value = hash_value();
  struct value* copy = value;
  barrier_var(copy);
  if (!value) return 0;
  return copy->bytes[1];
}

PROGRAM(null_test_either_way) {  // ACCEPTED
  __u64 key = 7;
  struct value* value = bpf_map_lookup_elem(&hash, &key);
  if (value) {
    value->words[0]++;
    return value->words[1];
  }
  return 0;
}

/* An array has all of its elements: no NULL if the key is known. */
// RULE: maybe-null
PROGRAM(array_with_known_key) {  // ACCEPTED
  __u32 key = 0;
  struct value* value = bpf_map_lookup_elem(&array, &key);
  return value->bytes[0];
}

PROGRAM(array_with_key_too_large) {
  __u32 key = 4;
  struct value* value = bpf_map_lookup_elem(&array, &key);
  return value->bytes[0];  // REFUSED: R0 invalid mem access 'map_value_or_null'
}

PROGRAM(array_with_unknown_key) {
  __u32 key = NUMBER() & 3;
  struct value* value = bpf_map_lookup_elem(&array, &key);
  return value->bytes[0];  // REFUSED: R0 invalid mem access 'map_value_or_null'
}
