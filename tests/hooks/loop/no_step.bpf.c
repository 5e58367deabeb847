/* An ops variable without its one callback. */
#include <ring3/bpf/ring3.h>

SEC(".struct_ops.link")
struct io_uring_bpf_ops empty_ops = {};

/* Something must be there to load. */
SEC("struct_ops.s/unused")
int BPF_PROG(unused, struct iou_ctx* ctx, struct iou_loop_params* params) { return IOU_LOOP_STOP; }

char LICENSE[] SEC("license") = "Dual MIT/GPL";
