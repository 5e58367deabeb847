/* What strict verification refuses, and the kernel of someone without CAP_PERFMON: addresses that become numbers, stack
 * that was never written, pointers that leave what they point to, helpers that look elsewhere. */
#include "cases.h"

RING3_HELPER(16, long, bpf_get_current_comm, void* out, __u32 size);
#define CLOBBERS "r0", "r1", "r2", "r3", "r4", "r5", "memory"
#define LOOKUP "*(u32 *)(r10 - 4) = 0\n r2 = r10\n r2 += -4\n r1 = %[map] ll\n call 1\n"
#define MAP [map] "i"(&array)

PROGRAM(returns_its_stack) {  // ACCEPTED
  long n;
  asm volatile("%[n] = r10" : [n] "=r"(n));
  return n;  // STRICT: R0 leaks addr as return value
}

PROGRAM(stores_a_map_in_a_map) {  // ACCEPTED
  struct value* value = array_value();
  if (!value) return 0;
  value->words[0] = (__u64)&hash;  // STRICT: leaks addr into map
  return 0;
}

PROGRAM(stores_an_element_in_a_record) {  // ACCEPTED
  struct value* value = array_value();
  if (!value) return 0;
  __u64* record = bpf_ringbuf_reserve(&records, 8, 0);
  if (!record) return 0;
  *record = (__u64)value;  // STRICT: leaks addr into mem
  bpf_ringbuf_submit(record, 0);
  return 0;
}

// RULE: shown-address
PROGRAM(stores_numbers_in_a_record) {  // ACCEPTED
  __u64* record = bpf_ringbuf_reserve(&records, 8, 0);
  if (!record) return 0;
  *record = bpf_ktime_get_ns();
  bpf_ringbuf_submit(record, 0);
  return 0;
}

PROGRAM(adds_a_pointer_atomically) {  // ACCEPTED
  struct value* value = array_value();
  if (!value) return 0;
  asm volatile("lock *(u64 *)(%[v] + 48) += %[v]" : : [v] "r"(value) : "memory");  // STRICT: leaks addr into mem
  return 0;
}

PROGRAM(compares_a_pointer_atomically) {  // ACCEPTED
  struct value* value = array_value();
  if (!value) return 0;
  asm volatile("r0 = r10\n r1 = 1\n r0 = cmpxchg_64(%[v] + 48, r0, r1)" : : [v] "r"(value) : "r0", "r1", "memory");  // STRICT: R0 leaks addr into mem
  return 0;
}

PROGRAM(exchanges_a_spilled_pointer) {  // ACCEPTED
  asm volatile("*(u64 *)(r10 - 8) = r10\n r1 = 1");
  asm volatile("r1 = 1\n r1 = atomic_fetch_add((u64 *)(r10 - 8), r1)" : : : "r1", "memory");  // STRICT: leaking pointer from stack off -8
  return 0;
}

PROGRAM(gives_a_pointer_as_a_flag) {  // ACCEPTED
  struct value* value = array_value();
  if (!value) return 0;
  __u64 key = 1;
  return bpf_map_update_elem(&hash, &key, value, (__u64)value);  // STRICT: R4 leaks addr into helper function
}

PROGRAM(copies_half_of_a_pointer) {  // ACCEPTED
  asm volatile("w2 = w10" ::: "r2");  // STRICT: R10 partial copy of pointer
  return 0;
}

PROGRAM(extends_part_of_a_pointer) {  // ACCEPTED
  asm volatile("r2 = (s32)r10" ::: "r2");  // STRICT: R10 sign-extension part of pointer
  return 0;
}

PROGRAM(negates_a_pointer) {  // ACCEPTED
  asm volatile("r2 = r10");
  asm volatile("r2 = -r2" ::: "r2");  // STRICT: R2 pointer arithmetic prohibited
  return 0;
}

PROGRAM(swaps_the_bytes_of_a_pointer) {  // ACCEPTED
  asm volatile("r2 = r10");
  asm volatile("r2 = bswap64 r2" ::: "r2");  // STRICT: R2 pointer arithmetic prohibited
  return 0;
}

PROGRAM(takes_a_difference) {  // ACCEPTED
  asm volatile("r2 = r10\n r3 = r10\n r3 += -8");
  asm volatile("r2 -= r3" ::: "r2", "r3");  // STRICT: R2 pointer -= pointer prohibited
  return 0;
}

PROGRAM(takes_a_short_difference) {  // ACCEPTED
  asm volatile("r2 = r10\n r3 = 5");
  asm volatile("w2 -= w3" ::: "r2", "r3");  // STRICT: R2 32-bit pointer arithmetic prohibited
  return 0;
}

PROGRAM(compares_two_pointers) {  // ACCEPTED
  asm volatile("r2 = r10\n r3 = r10");
  asm volatile("if r2 == r3 goto +0" ::: "r2", "r3");  // STRICT: R3 pointer comparison prohibited
  return 0;
}

PROGRAM(compares_with_a_number) {  // ACCEPTED
  asm volatile("r2 = r10");
  asm volatile("if r2 > 4096 goto +0" ::: "r2");  // STRICT: R2 pointer comparison prohibited
  return 0;
}

PROGRAM(compares_half_with_nothing) {  // ACCEPTED
  asm volatile("r2 = r10");
  asm volatile("if w2 == 0 goto +0" ::: "r2");  // STRICT: R2 pointer comparison prohibited
  return 0;
}

// RULE: shown-address
PROGRAM(compares_with_null) {  // ACCEPTED
  struct value *value = hash_value(), *other = array_value();
  return value && other ? value->bytes[1] : 0;
}

PROGRAM(pointer_over_a_byte) {  // ACCEPTED
  asm volatile("*(u64 *)(r10 - 8) = r10");
  asm volatile("*(u8 *)(r10 - 5) = 0");  // STRICT: attempt to corrupt spilled pointer on stack
  return 0;
}

PROGRAM(pointer_overwritten) {  // ACCEPTED
  asm volatile("*(u64 *)(r10 - 8) = r10\n *(u64 *)(r10 - 8) = 7\n r0 = *(u32 *)(r10 - 8)" ::: "r0");
  return 0;
}

PROGRAM(key_is_a_pointer) {  // ACCEPTED
  __u64 key = (__u64)&array;
  return bpf_map_lookup_elem(&hash, &key) != 0;  // STRICT: invalid read from stack
}

PROGRAM(unwritten_byte) {  // ACCEPTED
  asm volatile("*(u32 *)(r10 - 8) = 0");
  asm volatile("r0 = *(u8 *)(r10 - 3)" ::: "r0");  // STRICT: invalid read from stack
  return 0;
}

// RULE: unwritten-stack
PROGRAM(written_bytes) {  // ACCEPTED
  asm volatile("*(u32 *)(r10 - 8) = 0\n r1 = 5\n *(u32 *)(r10 - 4) = r1\n r0 = *(u64 *)(r10 - 8)" ::: "r0", "r1");
  return 0;
}

/* The way on which it was written must not stand for the one on which it wasn't. */
PROGRAM(unwritten_on_one_way) {  // ACCEPTED
  asm volatile("call 7\n if r0 == 0 goto 1f\n *(u64 *)(r10 - 8) = r0\n 1:\n r1 = 1\n r1 = 2\n r1 = 3\n call 5\n if r0 == 0 goto +0" ::: CLOBBERS);
  asm volatile("r0 = *(u64 *)(r10 - 8)" ::: "r0");  // STRICT: invalid read from stack
  return 0;
}

PROGRAM(written_by_a_helper) {  // ACCEPTED LINUX: refused, programs of this type have the helper with CAP_PERFMON only
  char name[16];
  bpf_get_current_comm(name, sizeof(name));
  return name[15];
}

PROGRAM(stack_index) {  // ACCEPTED
  asm volatile("*(u64 *)(r10 - 8) = 0\n call 7\n r0 &= 7\n r2 = r10\n r2 += -8" ::: CLOBBERS);
  asm volatile("r2 += r0" ::: "r2");  // STRICT: R2 variable stack access prohibited for !root
  return 0;
}

PROGRAM(stack_pointer_below) {  // ACCEPTED
  asm volatile("r2 = r10");
  asm volatile("r2 += -520" ::: "r2");  // STRICT: R2 stack pointer arithmetic goes out of range, prohibited for !root
  return 0;
}

// RULE: strict-range
PROGRAM(element_index_checked_before) {  // ACCEPTED
  struct value* value = array_value();
  __u64 index = NUMBER();
  if (!value || index > 47) return 0;
  return value->bytes[index];
}

PROGRAM(element_index_checked_afterwards) {  // ACCEPTED
  asm volatile("call 7\n r6 = r0\n r6 &= 255\n" LOOKUP "if r0 == 0 goto 1f" : : MAP : CLOBBERS, "r6");
  asm volatile("r0 += r6");  // STRICT: R0 pointer arithmetic of map value goes out of range, prohibited for !root
  asm volatile("1: r0 = 0" ::: "r0");
  return 0;
}

PROGRAM(element_index_of_either_sign) {  // ACCEPTED
  asm volatile("call 7\n r6 = r0\n r6 &= 7\n r6 -= 4\n" LOOKUP "if r0 == 0 goto 1f\n r0 += 8" : : MAP : CLOBBERS, "r6");
  asm volatile("r0 += r6");  // STRICT: R6 has unknown scalar with mixed signed bounds, pointer arithmetic with it prohibited for !root
  asm volatile("1: r0 = 0" ::: "r0");
  return 0;
}

PROGRAM(dead_slice) {  // ACCEPTED
  struct value* value = array_value();
  struct bpf_dynptr ptr;
  if (!value) return 0;
  bpf_dynptr_from_mem(value, sizeof(*value), 0, &ptr);
  __u64* data = bpf_dynptr_data(&ptr, 0, 8);
  if (!data) return 0;
  bpf_dynptr_from_mem(value, 8, 0, &ptr);  // STRICT: !read_ok
  return (__u64)data;
}

/* What honest programs do all the time. */
static int sum(__u32 i, __u64* total) {
  struct value* value = array_value();
  if (value && i < sizeof(value->bytes)) *total += value->bytes[i];
  return 0;
}

// RULE: trusted-helper
PROGRAM(honest) {  // ACCEPTED
  __u64 total = 0, key = NUMBER();
  bpf_loop(48, sum, &total, 0);
  struct value fresh = {.words = {total, 2}}, *found = bpf_map_lookup_elem(&hash, &key);
  if (found)
    __sync_fetch_and_add(&found->words[1], total);
  else
    bpf_map_update_elem(&hash, &key, &fresh, BPF_NOEXIST);
  bpf_ringbuf_output(&records, &fresh, sizeof(fresh), 0);
  return 0;
}
