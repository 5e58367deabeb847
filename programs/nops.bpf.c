/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* nops: `count` NOPs, `depth` of them in flight at a time. What a ring costs when the requests cost nothing.
 *
 *   ring3 run nops.bpf.o --set count=1000000 --set depth=1 --show done
 *
 * A step is kept to the bone: the SQEs are written once and submitted again and again, and since a NOP can't
 * fail the CQEs are counted, not read. depth is at most the number of SQ entries. */
#include <ring3/bpf/ring3.h>

const volatile struct ring3_layout ring = {};
const volatile __u64 count = 1000;
const volatile __u32 depth = 1;

__u64 done;
__u64 submitted;
__s32 error; /* an errno number; 0: none */

static __always_inline int fail(int code) {
  error = code;
  return IOU_LOOP_STOP;
}

static int write_sqes(struct iou_ctx* ctx) {
  const __u32 entries = ring.sq_entries;
  struct io_uring_sqe* sqes =
      (void*)bpf_io_uring_get_region(ctx, IOU_REGION_SQ, entries * sizeof(struct io_uring_sqe));
  if (!sqes) return -EINVAL;
  __u32 i;
  bpf_for(i, 0, entries) sqes[i & (entries - 1)] = (struct io_uring_sqe){.opcode = IORING_OP_NOP};
  return 0;
}

SEC("struct_ops.s/nops")
int BPF_PROG(nops, struct iou_ctx* ctx, struct iou_loop_params* params) {
  __u8* rings =
      bpf_io_uring_get_region(ctx, IOU_REGION_CQ, ring.cqes + ring.cq_entries * sizeof(struct io_uring_cqe));
  if (!rings) return fail(EINVAL);
  const __u64 total = count, before = submitted;
  if (!before && write_sqes(ctx)) return fail(EINVAL);

  __u32* head = ring3_word(rings, ring.cq_head);
  const __u32 tail = smp_load_acquire(ring3_word(rings, ring.cq_tail));
  const __u64 finished = done + (tail - READ_ONCE(*head));
  WRITE_ONCE(*head, tail);
  done = finished;
  if (finished >= total) return IOU_LOOP_STOP;

  __u64 more = finished + depth - before;
  if (more > total - before) more = total - before;
  if (more) {
    *ring3_word(rings, ring.sq_tail) += more;
    const int taken = bpf_io_uring_submit_sqes(ctx, more);
    if (taken <= 0) return fail(taken ? -taken : EBUSY); /* 0: depth is beyond the SQ */
    submitted = before + taken;
  }
  params->cq_wait_idx = tail + 1;
  return IOU_LOOP_CONTINUE;
}

SEC(".struct_ops.link")
struct io_uring_bpf_ops nops_ops = {.loop_step = (void*)nops};

char LICENSE[] SEC("license") = "Dual MIT/GPL";
