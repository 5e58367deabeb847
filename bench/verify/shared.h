/* What the programs of this folder work on. They are verified and loaded, never run: honest work of a middle size, for
 * verify.vs_linux. */
#include <ring3/bpf/ring3.h>

#define PROGRAM(name) SEC("syscall") int name(void* context)

struct block {
  __u8 bytes[4096];
};
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 16);
  __type(key, __u32);
  __type(value, struct block);
} blocks SEC(".maps");

struct flow {
  __u32 source, target;
  __u16 source_port, target_port;
  __u8 protocol, flags[3];
};
struct counters {
  __u64 packets, bytes, last_ns, buckets[16];
};
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 1024);
  __type(key, struct flow);
  __type(value, struct counters);
} flows SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 65536);
} events SEC(".maps");

static __always_inline struct block* block_at(__u32 i) { return bpf_map_lookup_elem(&blocks, &i); }

char LICENSE[] SEC("license") = "Dual MIT/GPL";
