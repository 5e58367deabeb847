/* Globals of every kind that --set, --fd, --buffer and --show take; two struct_ops variables. */
#include <ring3/bpf/ring3.h>

struct inner {
  __u16 values[3];
};

struct settings {
  __s8 small;
  char name[16];
  struct inner inner[2];
};

const volatile __u32 head = 0;
const volatile __u64 region = 0;
const volatile __u64 region_bytes = 0;
struct settings settings;
__s64 negative = 1;
__u64 buffer;
int file = -1;
int result;

SEC("struct_ops.s/first")
int BPF_PROG(first, struct iou_ctx* ctx, struct iou_loop_params* params) {
  result = 1;
  return IOU_LOOP_STOP;
}

SEC("struct_ops.s/second")
int BPF_PROG(second, struct iou_ctx* ctx, struct iou_loop_params* params) {
  return 77; /* neither CONTINUE nor STOP */
}

SEC(".struct_ops.link")
struct io_uring_bpf_ops first_ops = {.loop_step = (void*)first};

SEC(".struct_ops.link")
struct io_uring_bpf_ops second_ops = {.loop_step = (void*)second};

char LICENSE[] SEC("license") = "Dual MIT/GPL";
