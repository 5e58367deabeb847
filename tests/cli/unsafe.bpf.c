/* Reads beyond the region that it asked for. */
#include <ring3/bpf/ring3.h>

int value;

SEC("struct_ops.s/unsafe")
int BPF_PROG(unsafe, struct iou_ctx* ctx, struct iou_loop_params* params) {
  __u8* memory = bpf_io_uring_get_region(ctx, IOU_REGION_CQ, 64);
  if (!memory) return IOU_LOOP_STOP;
  value = memory[64]; /* one too far */
  return IOU_LOOP_STOP;
}

SEC(".struct_ops.link")
struct io_uring_bpf_ops unsafe_ops = {.loop_step = (void*)unsafe};

char LICENSE[] SEC("license") = "Dual MIT/GPL";
