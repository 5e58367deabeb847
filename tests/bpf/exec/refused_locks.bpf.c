// Maps that can't have a struct bpf_spin_lock, or not this many.
#include <ring3/bpf/ring3.h>

#define MAP(name, kind, ...)              \
  struct {                                \
    __uint(type, BPF_MAP_TYPE_##kind);    \
    __uint(max_entries, 4);               \
    __type(key, __u32);                   \
    __type(value, struct { __VA_ARGS__ }); \
  } name SEC(".maps")

MAP(two_locks, ARRAY, struct bpf_spin_lock a; struct bpf_spin_lock b;);
MAP(many_locks, ARRAY, struct bpf_spin_lock locks[2];);
MAP(lru, LRU_HASH, struct bpf_spin_lock a;);
MAP(percpu, PERCPU_ARRAY, struct bpf_spin_lock a;);

char LICENSE[] SEC("license") = "Dual MIT/GPL";
