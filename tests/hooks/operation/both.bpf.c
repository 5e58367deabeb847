/* A loop that submits requests of an operation which lives in the same object, and sees their CQEs. */
#include <ring3/bpf/ring3.h>

const volatile struct ring3_layout ring = {};
const volatile __u32 rounds = 100;

__u32 submitted, seen, issued, cleaned;
__s64 sum;
__s32 error;

SEC("struct_ops/prep")
int BPF_PROG(prep, struct uring_bpf_data* data, const struct io_uring_sqe* sqe) {
  *(__u32*)data->pdu = sqe->len;
  return 0;
}

SEC("struct_ops/square")
int BPF_PROG(square, struct uring_bpf_data* data) {
  __u32 number = *(__u32*)data->pdu;
  uring_bpf_set_result(data, (number * number) & 0x7fffffff);
  issued++;
  return 0;
}

SEC("struct_ops/cleanup")
int BPF_PROG(cleanup, struct uring_bpf_data* data) {
  cleaned++;
  return 0;
}

/* In turn alone, and linked behind a NOP. */
SEC("struct_ops.s/step")
int BPF_PROG(step, struct iou_ctx* ctx, struct iou_loop_params* params) {
  struct ring3_queues queues;
  if (ring3_begin(&queues, ctx, &ring)) return IOU_LOOP_STOP;
  for (int i = 0; i < 4; i++) {
    struct io_uring_cqe* cqe = ring3_next_cqe(&queues);
    if (!cqe) break;
    seen++;
    if (cqe->res < 0) error = cqe->res;
    if (cqe->user_data) sum += cqe->res;
  }
  if (error || (submitted == rounds && seen >= rounds + rounds / 2)) {
    ring3_commit(&queues);
    return IOU_LOOP_STOP;
  }
  if (submitted < rounds) {
    if (submitted & 1) {
      struct io_uring_sqe* nop = ring3_next_sqe(&queues);
      if (!nop) return IOU_LOOP_STOP;
      nop->flags = IOSQE_IO_LINK;
    }
    struct io_uring_sqe* sqe = ring3_next_sqe(&queues);
    if (!sqe) return IOU_LOOP_STOP;
    sqe->opcode = IORING_OP_BPF;
    sqe->bpf_op_flags = 3u << IORING_BPF_OP_SHIFT;
    sqe->len = ++submitted;
    sqe->user_data = submitted;
  }
  ring3_submit(&queues, ctx);
  ring3_wait(&queues, params, 1);
  return IOU_LOOP_CONTINUE;
}

SEC(".struct_ops.link")
struct io_uring_bpf_ops loop = {.loop_step = (void*)step};
SEC(".struct_ops.link")
struct uring_bpf_ops squares = {
    .id = 3, .prep_fn = (void*)prep, .issue_fn = (void*)square, .cleanup_fn = (void*)cleanup};

char LICENSE[] SEC("license") = "Dual MIT/GPL";
