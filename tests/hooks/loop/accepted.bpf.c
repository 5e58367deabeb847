/* Programs that the verifier accepts, each using one thing; they run once and leave what they found in a
 * global. */
#include <ring3/bpf/ring3.h>

#define OPS(name) SEC(".struct_ops.link") struct io_uring_bpf_ops name##_ops = {.loop_step = (void*)name}

const volatile __u64 user_good = 0, user_bad = 0; /* addresses; the good one holds 8 bytes */
__u64 found[4];

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 8);
  __type(key, __u32);
  __type(value, __u64);
} hash SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4096);
} records SEC(".maps");

SEC("struct_ops/get_region_without_sleep")
int BPF_PROG(get_region_without_sleep, struct iou_ctx* ctx, struct iou_loop_params* params) {
  found[0] = bpf_io_uring_get_region(ctx, IOU_REGION_SQ, 64) != NULL;
  return IOU_LOOP_STOP;
}
OPS(get_region_without_sleep);

SEC("struct_ops.s/params_narrow")
int BPF_PROG(params_narrow, struct iou_ctx* ctx, struct iou_loop_params* params) {
  WRITE_ONCE(*((__u8*)params + 3), 0x12);
  WRITE_ONCE(*((__u16*)params), 0x3456);
  found[0] = params->cq_wait_idx;
  return IOU_LOOP_STOP;
}
OPS(params_narrow);

SEC("struct_ops.s/printk")
int BPF_PROG(printk, struct iou_ctx* ctx, struct iou_loop_params* params) {
  found[0] = bpf_printk("a line of test output: %d\n", 7) > 0;
  return IOU_LOOP_STOP;
}
OPS(printk);

SEC("struct_ops.s/ktime")
int BPF_PROG(ktime, struct iou_ctx* ctx, struct iou_loop_params* params) {
  found[0] = bpf_ktime_get_ns();
  found[1] = bpf_ktime_get_ns();
  return IOU_LOOP_STOP;
}
OPS(ktime);

SEC("struct_ops.s/hash_map")
int BPF_PROG(hash_map, struct iou_ctx* ctx, struct iou_loop_params* params) {
  __u32 key = 5;
  __u64 value = 77;
  bpf_map_update_elem(&hash, &key, &value, BPF_ANY);
  __u64* stored = bpf_map_lookup_elem(&hash, &key);
  if (stored) found[0] = *stored;
  found[1] = bpf_map_delete_elem(&hash, &key);
  found[2] = bpf_map_delete_elem(&hash, &key);
  return IOU_LOOP_STOP;
}
OPS(hash_map);

SEC("struct_ops.s/ring_buffer")
int BPF_PROG(ring_buffer, struct iou_ctx* ctx, struct iou_loop_params* params) {
  __u64* record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);
  if (!record) return IOU_LOOP_STOP;
  *record = 42;
  bpf_ringbuf_submit(record, 0);
  found[0] = bpf_ringbuf_query(&records, 0);
  return IOU_LOOP_STOP;
}
OPS(ring_buffer);

static long add_index(__u32 index, void* context) {
  *(__u64*)context += index;
  return 0;
}

SEC("struct_ops.s/callback_loop")
int BPF_PROG(callback_loop, struct iou_ctx* ctx, struct iou_loop_params* params) {
  __u64 sum = 0;
  found[1] = bpf_loop(1000, add_index, &sum, 0);
  found[0] = sum;
  return IOU_LOOP_STOP;
}
OPS(callback_loop);

SEC("struct_ops.s/number_iterator")
int BPF_PROG(number_iterator, struct iou_ctx* ctx, struct iou_loop_params* params) {
  __u64 sum = 0;
  int i;
  bpf_for(i, 10, 20) sum += i;
  found[0] = sum;
  return IOU_LOOP_STOP;
}
OPS(number_iterator);

SEC("struct_ops.s/two_million")
int BPF_PROG(two_million, struct iou_ctx* ctx, struct iou_loop_params* params) {
  int i;
  bpf_for(i, 0, 2000000) found[0]++;
  return IOU_LOOP_STOP;
}
OPS(two_million);

SEC("struct_ops.s/pid_tgid")
int BPF_PROG(pid_tgid, struct iou_ctx* ctx, struct iou_loop_params* params) {
  found[0] = bpf_get_current_pid_tgid();
  return IOU_LOOP_STOP;
}
OPS(pid_tgid);

SEC("struct_ops.s/copy_user")
int BPF_PROG(copy_user, struct iou_ctx* ctx, struct iou_loop_params* params) {
  __u64 value = 0;
  found[0] = bpf_copy_from_user(&value, sizeof(value), (void*)user_good);
  found[1] = value;
  found[2] = bpf_copy_from_user(&value, sizeof(value), (void*)user_bad);
  return IOU_LOOP_STOP;
}
OPS(copy_user);

SEC("struct_ops.s/probe_user")
int BPF_PROG(probe_user, struct iou_ctx* ctx, struct iou_loop_params* params) {
  __u64 value = 0;
  found[0] = bpf_probe_read_user(&value, sizeof(value), (void*)user_good);
  found[1] = value;
  found[2] = bpf_probe_read_user(&value, sizeof(value), (void*)user_bad);
  return IOU_LOOP_STOP;
}
OPS(probe_user);

SEC("struct_ops.s/atomics")
int BPF_PROG(atomics, struct iou_ctx* ctx, struct iou_loop_params* params) {
  found[0] = 5;
  found[1] = __sync_fetch_and_add(&found[0], 2);
  found[2] = __sync_val_compare_and_swap(&found[0], 7, 9);
  return IOU_LOOP_STOP;
}
OPS(atomics);

char LICENSE[] SEC("license") = "Dual MIT/GPL";
