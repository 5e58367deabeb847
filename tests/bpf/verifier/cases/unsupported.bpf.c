/* What the verifier does not model, and so refuses. */
#include "cases.h"

struct bpf_timer {
  __u64 opaque[2];
} __attribute__((aligned(8)));
struct timed {
  struct bpf_timer timer;
  __u64 number;
};
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct timed);
} timers SEC(".maps");

PROGRAM(timer_in_a_value) {  // REFUSED: map value with special fields is not supported  LINUX: accepted, because timers are known there
  __u32 key = 0;
  struct timed* value = bpf_map_lookup_elem(&timers, &key);
  return value ? value->number : 0;
}

// RULE: unsupported
PROGRAM(plain_value) {  // ACCEPTED
  struct value* value = array_value();
  return value ? value->bytes[0] : 0;
}
