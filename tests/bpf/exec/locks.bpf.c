// What runs under a struct bpf_spin_lock.
#include <ring3/bpf/ring3.h>

struct account {
  __u32 before;
  struct bpf_spin_lock lock;
  __u64 from, to;
};
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 4);
  __type(key, __u32);
  __type(value, struct account);
} array SEC(".maps");
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 4);
  __type(key, __u32);
  __type(value, struct account);
} hash SEC(".maps");

// Moves one; the two never differ for whoever holds the lock. Returns whether they did.
static int move(void* map) {
  __u32 key = 1;
  struct account* a = bpf_map_lookup_elem(map, &key);
  int wrong;
  if (!a) return -1;
  bpf_spin_lock(&a->lock);
  wrong = a->from + a->to != 1000000;
  a->from--;
  a->to++;
  bpf_spin_unlock(&a->lock);
  return wrong;
}

SEC("syscall") int move_in_array(void* context) { return move(&array); }
SEC("syscall") int move_in_hash(void* context) { return move(&hash); }

// Reads its argument, an address, with the lock held.
SEC("syscall") int faults(__u64 address) {
  __u32 key = 1;
  struct account* a = bpf_map_lookup_elem(&array, &key);
  if (!a) return -1;
  bpf_spin_lock(&a->lock);
  a->from = *(volatile __u64*)address;
  bpf_spin_unlock(&a->lock);
  return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
