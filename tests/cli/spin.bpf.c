/* A loop that never waits and never stops. */
#include <ring3/bpf/ring3.h>

__u64 turns;

SEC("struct_ops.s/spin")
int BPF_PROG(spin, struct iou_ctx* ctx, struct iou_loop_params* params) {
  turns++;
  return IOU_LOOP_CONTINUE;
}

SEC(".struct_ops.link")
struct io_uring_bpf_ops spin_ops = {.loop_step = (void*)spin};

char LICENSE[] SEC("license") = "Dual MIT/GPL";
