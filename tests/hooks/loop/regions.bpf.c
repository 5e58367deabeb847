/* Asks for one region and reports what it got; writes one byte of it, and reads another. */
#include <ring3/bpf/ring3.h>

const volatile __u32 region = 0;
const volatile __u64 size = 64;

bool present;
__u8 first, last; /* as found */
__u8 write_first; /* if not 0 */

SEC("struct_ops.s/regions")
int BPF_PROG(regions, struct iou_ctx* ctx, struct iou_loop_params* params) {
  __u8* bytes = bpf_io_uring_get_region(ctx, region, size);
  present = bytes != NULL;
  if (bytes && size) {
    first = bytes[0];
    last = bytes[size - 1];
    if (write_first) bytes[0] = write_first;
  }
  return IOU_LOOP_STOP;
}

SEC(".struct_ops.link")
struct io_uring_bpf_ops regions_ops = {.loop_step = (void*)regions};

char LICENSE[] SEC("license") = "Dual MIT/GPL";
