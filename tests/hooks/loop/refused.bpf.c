/* Programs that the verifier refuses, each for one reason; the test knows the messages. */
#include <ring3/bpf/ring3.h>

__u64 not_constant = 64; /* .data */

#define OPS(name) SEC(".struct_ops.link") struct io_uring_bpf_ops name##_ops = {.loop_step = (void*)name}

SEC("struct_ops.s/size_not_constant")
int BPF_PROG(size_not_constant, struct iou_ctx* ctx, struct iou_loop_params* params) {
  return bpf_io_uring_get_region(ctx, IOU_REGION_CQ, not_constant) != NULL;
}
OPS(size_not_constant);

SEC("struct_ops.s/size_above_4g")
int BPF_PROG(size_above_4g, struct iou_ctx* ctx, struct iou_loop_params* params) {
  return bpf_io_uring_get_region(ctx, IOU_REGION_CQ, 1ull << 32) != NULL;
}
OPS(size_above_4g);

SEC("struct_ops.s/params_at_4")
int BPF_PROG(params_at_4, struct iou_ctx* ctx, struct iou_loop_params* params) {
  WRITE_ONCE(*(&params->cq_wait_idx + 1), 0);
  return IOU_LOOP_STOP;
}
OPS(params_at_4);

SEC("struct_ops.s/params_8_wide")
int BPF_PROG(params_8_wide, struct iou_ctx* ctx, struct iou_loop_params* params) {
  WRITE_ONCE(*(__u64*)params, 0);
  return IOU_LOOP_STOP;
}
OPS(params_8_wide);

SEC("struct_ops.s/no_null_check")
int BPF_PROG(no_null_check, struct iou_ctx* ctx, struct iou_loop_params* params) {
  __u8* bytes = bpf_io_uring_get_region(ctx, IOU_REGION_CQ, 64);
  return READ_ONCE(*bytes) & 1;
}
OPS(no_null_check);

SEC("struct_ops.s/out_of_bounds")
int BPF_PROG(out_of_bounds, struct iou_ctx* ctx, struct iou_loop_params* params) {
  __u8* bytes = bpf_io_uring_get_region(ctx, IOU_REGION_CQ, 64);
  if (!bytes) return IOU_LOOP_STOP;
  return READ_ONCE(bytes[64]) & 1;
}
OPS(out_of_bounds);

SEC("struct_ops/submit_without_sleep")
int BPF_PROG(submit_without_sleep, struct iou_ctx* ctx, struct iou_loop_params* params) {
  return bpf_io_uring_submit_sqes(ctx, 1) & 1;
}
OPS(submit_without_sleep);

SEC("struct_ops.s/context_write")
int BPF_PROG(context_write, struct iou_ctx* ctx, struct iou_loop_params* params) {
  WRITE_ONCE(*(__u32*)ctx, 0);
  return IOU_LOOP_STOP;
}
OPS(context_write);

static long (*const bpf_probe_write_user)(void* destination, const void* source, __u32 size) = (void*)36;

SEC("struct_ops.s/write_user")
int BPF_PROG(write_user, struct iou_ctx* ctx, struct iou_loop_params* params) {
  const __u32 value = 1;
  bpf_probe_write_user(NULL, &value, sizeof(value));
  return IOU_LOOP_STOP;
}
OPS(write_user);

SEC("struct_ops.s/endless")
int BPF_PROG(endless, struct iou_ctx* ctx, struct iou_loop_params* params) {
  for (;;) barrier();
  return IOU_LOOP_STOP;
}
OPS(endless);

char LICENSE[] SEC("license") = "Dual MIT/GPL";
