// What programs do with an arena; the application looks at the same memory.
#include <ring3/bpf/ring3.h>

struct {
  __uint(type, BPF_MAP_TYPE_ARENA);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 64);
} arena SEC(".maps");

struct node {
  struct node __arena* next;
  __u64 value;
};

// Variables that live in the arena, on its first page.
int __arena answer = 42;
__u64 __arena sum;
struct node __arena* __arena head;
struct node __arena* __arena from_application;

// What the last request saw.
__u64 results[16];

SEC("struct_ops/prep")
int BPF_PROG(prep, struct uring_bpf_data* data, const struct io_uring_sqe* sqe) {
  *(__u64*)data->pdu = sqe->addr;
  return 0;
}

// A list of so many nodes, in pages of its own.
SEC("struct_ops/build")
int BPF_PROG(build, struct uring_bpf_data* data) {
  struct node __arena* nodes = bpf_arena_alloc_pages(&arena, NULL, 2, -1, 0);
  if (!nodes) return -12;
  head = NULL;
  for (int i = 0; i < 500; i++) {
    nodes[i].value = i;
    nodes[i].next = head;
    head = &nodes[i];
  }
  answer++;
  results[0] = (__u64)nodes;
  results[1] = (__u64)head;
  return 0;
}

// Adds up the application's list.
SEC("struct_ops/walk")
int BPF_PROG(walk, struct uring_bpf_data* data) {
  __u64 total = 0;
  struct node __arena* node = from_application;
  int i;
  bpf_for(i, 0, 10000) {
    if (!node) break;
    total += node->value;
    node = node->next;
  }
  sum = total;
  return 0;
}

// Accesses at the address that the request gives, whatever it is.
SEC("struct_ops/wild")
int BPF_PROG(wild, struct uring_bpf_data* data) {
  asm volatile("" : : "r"(&arena));  // makes it the program's
  volatile __u64 __arena* at = (void __arena*)*(__u64*)data->pdu;
  results[0] = at[0];
  at[0] = 0x1122334455667788;
  results[1] = at[0];
  results[2] = *(volatile __u8 __arena*)at;
  results[3] = *(volatile signed char __arena*)at;
  results[4] = __sync_fetch_and_add(at, 1);
  results[5] = at[0];
  __sync_fetch_and_or((__u32 __arena*)at, 0xf);
  results[6] = __sync_val_compare_and_swap((__u32 __arena*)at, 0x5566778f, 7);
  results[7] = at[0];
  results[8] = *((volatile __u32 __arena*)((char __arena*)at + 32760));
  results[9] = *((volatile __u32 __arena*)((char __arena*)at - 32768));
  return 0;
}

// Pages at the address, and away with them.
SEC("struct_ops/allocate")
int BPF_PROG(allocate, struct uring_bpf_data* data) {
  results[0] = (__u64)bpf_arena_alloc_pages(&arena, (void __arena*)*(__u64*)data->pdu, data->opf & 255, -1, 0);
  return 0;
}
SEC("struct_ops/away")
int BPF_PROG(away, struct uring_bpf_data* data) {
  bpf_arena_free_pages(&arena, (void __arena*)*(__u64*)data->pdu, data->opf & 255);
  return 0;
}

#define OPERATION(number, name) \
  SEC(".struct_ops.link")       \
  struct uring_bpf_ops name##_ops = {.id = number, .prep_fn = (void*)prep, .issue_fn = (void*)name}
OPERATION(1, build);
OPERATION(2, walk);
OPERATION(3, wild);
OPERATION(4, allocate);
OPERATION(5, away);

char LICENSE[] SEC("license") = "Dual MIT/GPL";
