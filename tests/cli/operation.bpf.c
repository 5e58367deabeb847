/* A loop that submits one request of the object's own operation, at once or behind a timer, and waits for its CQE. */
#include <ring3/bpf/ring3.h>

const volatile struct ring3_layout ring = {};
const volatile __u32 seconds = 0;

__u64 region; /* its address, where the timer's time lies */
__u32 started, cleaned;
__s32 answer;

SEC("struct_ops/prep")
int BPF_PROG(prep, struct uring_bpf_data* data, const struct io_uring_sqe* sqe) { return 0; }

SEC("struct_ops/issue")
int BPF_PROG(issue, struct uring_bpf_data* data) {
  uring_bpf_set_result(data, 42);
  return 0;
}

SEC("struct_ops/cleanup")
int BPF_PROG(cleanup, struct uring_bpf_data* data) {
  cleaned++;
  return 0;
}

SEC("struct_ops.s/step")
int BPF_PROG(step, struct iou_ctx* ctx, struct iou_loop_params* params) {
  struct ring3_queues queues;
  if (ring3_begin(&queues, ctx, &ring)) return IOU_LOOP_STOP;
  struct io_uring_cqe* cqe = ring3_next_cqe(&queues);
  if (cqe) {
    answer = cqe->res;
    ring3_commit(&queues);
    return IOU_LOOP_STOP;
  }
  if (!started++) {
    if (seconds) {
      struct io_uring_sqe* sqe = ring3_next_sqe(&queues);
      struct __kernel_timespec* timer = (void*)bpf_io_uring_get_region(ctx, IOU_REGION_MEM, sizeof(*timer));
      if (!sqe || !timer) return IOU_LOOP_STOP;
      timer->tv_sec = seconds;
      sqe->opcode = IORING_OP_TIMEOUT;
      sqe->flags = IOSQE_IO_HARDLINK | IOSQE_CQE_SKIP_SUCCESS;
      sqe->addr = region;
      sqe->len = 1;
    }
    struct io_uring_sqe* sqe = ring3_next_sqe(&queues);
    if (!sqe) return IOU_LOOP_STOP;
    sqe->opcode = IORING_OP_BPF;
    sqe->bpf_op_flags = 200u << IORING_BPF_OP_SHIFT;
    ring3_submit(&queues, ctx);
  }
  ring3_wait(&queues, params, 1);
  return IOU_LOOP_CONTINUE;
}

SEC(".struct_ops.link")
struct io_uring_bpf_ops loop = {.loop_step = (void*)step};
SEC(".struct_ops.link")
struct uring_bpf_ops answers = {
    .id = 200, .prep_fn = (void*)prep, .issue_fn = (void*)issue, .cleanup_fn = (void*)cleanup};

char LICENSE[] SEC("license") = "Dual MIT/GPL";
