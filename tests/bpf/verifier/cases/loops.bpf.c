/* Loops: those that end, and those that don't. */
#include "cases.h"

PROGRAM(endless) {
  for (;;) asm volatile("" ::: "memory");  // REFUSED: infinite loop detected
  return 0;
}

PROGRAM(endless_with_condition) {
  volatile __u64 zero = 0;
  while (bpf_ktime_get_ns()) zero = 0;  // REFUSED: infinite loop detected
  return 0;
}

PROGRAM(endless_counter) {
  __u64 i = 0;
  do { i++; barrier_var(i); } while (i != 0);  // REFUSED: BPF program is too large. Processed 1000001 insn
  return 0;
}


PROGRAM(two_million_steps) {  // ACCEPTED
  __u32 i, sum = 0;
  bpf_for(i, 0, 2000000) sum += i;
  return sum;
}

// RULE: bounded-loops
PROGRAM(counted) {  // ACCEPTED
  volatile __u32 sum = 0;
  for (int i = 0; i < 1000; i++) sum += i;
  return sum;
}

PROGRAM(counted_by_an_unknown) {  // ACCEPTED
  volatile __u32 sum = 0;
  __u32 n = NUMBER() & 255;
  for (__u32 i = 0; i < n; i++) sum += i;
  return sum;
}

PROGRAM(nested) {  // ACCEPTED
  __u32 i, j, sum = 0;
  bpf_for(i, 0, 1000) {
    bpf_for(j, 0, i) {
      if (j == 77) continue;
      sum += j;
    }
    if (sum > 100000) break;
  }
  return sum;
}

static int add(__u32 i, __u32* sum) {
  *sum += i;
  return *sum > 1000;
}

// RULE: callback-loops
PROGRAM(callback_loop) {  // ACCEPTED
  __u32 sum = 0;
  bpf_loop(1 << 20, add, &sum, 0);
  return sum;
}

PROGRAM(walk_of_a_value) {  // ACCEPTED
  struct value* value = array_value();
  if (!value) return 0;
  __u32 sum = 0, i;
  bpf_for(i, 0, sizeof(value->bytes)) {
    if (i >= sizeof(value->bytes)) break;
    sum += value->bytes[i];
  }
  return sum;
}

static int visit(void* map, __u64* key, struct value* value, __u64* sum) {
  *sum += *key + value->words[0];
  return 0;
}

// RULE: callback-loops
PROGRAM(walk_of_a_map) {  // ACCEPTED
  __u64 sum = 0;
  bpf_for_each_map_elem(&hash, visit, &sum, 0);
  return sum;
}
