// Fine for those who trust it: it leaves an address in a global for the application to see.
#include <ring3/bpf/ring3.h>

__u64 where;

SEC("struct_ops.s/leak")
int BPF_PROG(leak, struct iou_ctx* ctx, struct iou_loop_params* params) {
  where = (__u64)&where;
  return IOU_LOOP_STOP;
}

SEC(".struct_ops.link")
struct io_uring_bpf_ops leak_ops = {.loop_step = (void*)leak};

char LICENSE[] SEC("license") = "Dual MIT/GPL";
