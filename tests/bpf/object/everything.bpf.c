/* One of everything that a loader must understand. The test finds the marked lines again. */
#include "everything.h"

typedef unsigned int __u32;
typedef unsigned long long __u64;
#define SEC(name) __attribute__((section(name), used))
#define __uint(name, number) int(*name)[number]
#define __type(name, ctype) __typeof__(ctype)* name
#define __ksym __attribute__((section(".ksyms")))
#define __noinline __attribute__((noinline))

struct {
  __uint(type, 2);
  __uint(max_entries, 16);
  __type(key, __u32);
  __type(value, struct params);
} counts SEC(".maps");
static struct {
  __uint(type, 1);
  __uint(max_entries, 5);
  __uint(key_size, 12);
  __uint(value_size, 40);
  __uint(map_flags, 1);
} hidden_map SEC(".maps");
struct {
  __uint(type, 27);
  __uint(max_entries, 8192);
} events SEC(".maps");

static void* (*bpf_map_lookup_elem)(void*, const void*) = (void*)1;
static long (*bpf_loop)(__u32, void*, void*, __u64) = (void*)181;

struct io_ring_ctx;
struct iou_loop_params {
  __u32 cq_wait_idx;
};
struct io_uring_bpf_ops {
  int (*loop_step)(struct io_ring_ctx*, struct iou_loop_params*);
  __u32 ring_fd;
  void* priv;
};

extern int strong_kfunc(struct io_ring_ctx* ctx, __u32 nr) __ksym;
extern int weak_kfunc(struct io_ring_ctx* ctx) __ksym __attribute__((weak));

const volatile __u32 limit = 7;
static const volatile int table[4] = {1, 2, 3, 4};
volatile int shared = 5;
volatile __u64 zeroes[4];
struct params volatile params;
static volatile int secret = 42;
volatile int custom SEC(".data.custom") = 9;

static __noinline int add_secret(int a) {
  secret += a; /* MARK secret */
  return secret * 3;
}

__noinline int global_function(int a) { return add_secret(a) + shared; }

static int callback(__u32 i, void* context) {
  params.depth++;
  return 0;
}

SEC("struct_ops.s/step")
int step(unsigned long long* ctx) {
  struct iou_loop_params* loop = (void*)ctx[1];
  __u32 key = limit;
  struct params* found = bpf_map_lookup_elem(&counts, &key);
  if (found) found->depth += table[key & 3]; /* MARK table */
  bpf_map_lookup_elem(&hidden_map, &key);
  bpf_loop(3, callback, 0, 0);
  if (weak_kfunc) weak_kfunc((void*)ctx[0]);
  zeroes[1]++;
  custom++;
  loop->cq_wait_idx += global_function(3);
  return strong_kfunc((void*)ctx[0], key);
}

SEC("struct_ops/step_awake")
int step_awake(unsigned long long* ctx) {
  return add_secret(4);
}

SEC("test") int alone(void) { return global_function(1); }

SEC(".struct_ops.link")
struct io_uring_bpf_ops ops = {.loop_step = (void*)step, .ring_fd = 3};
SEC(".struct_ops.link")
struct io_uring_bpf_ops second = {.loop_step = (void*)step_awake};
SEC(".struct_ops")
struct io_uring_bpf_ops third = {.loop_step = (void*)step_awake, .ring_fd = 77};
char LICENSE[] SEC("license") = "Dual BSD/GPL";
