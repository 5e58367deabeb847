/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* rate_limiter: the application queues as many SQEs as it likes, and the program lets `depth` of them be in
 * flight at a time. The CQEs are the application's: the program counts them and leaves them where they are.
 * It stops when all that was queued is complete, or when the CQ is full; the application reads its CQEs,
 * queues more, and enters again.
 *
 *   ring3 run rate_limiter.bpf.o --set depth=4 --set fill=100 --show completed --show in_flight_max
 *
 * fill stands in for an application where there is none: the first step queues so many NOPs (at most the SQ's
 * entries). A submission that fails leaves its errno in `error`. */
#include <ring3/bpf/ring3.h>

const volatile struct ring3_layout ring = {};
const volatile __u32 depth = 1;
const volatile __u32 fill = 0;

__u64 submitted, completed;
__u32 in_flight_max;
__s32 error; /* an errno number; 0: none */

static __u32 seen; /* CQEs up to here are counted */
static bool started;

static __always_inline void begin(struct ring3_queues* queues) {
  started = true;
  seen = queues->cq_tail;
  __u32 i;
  bpf_for(i, 0, fill) {
    struct io_uring_sqe* sqe = ring3_next_sqe(queues);
    if (!sqe) break;
    sqe->opcode = IORING_OP_NOP;
    sqe->user_data = i;
  }
  ring3_commit(queues);
}

/* Counts the requests that ended since the last step; those of a multishot request that goes on are no end.
 */
static __always_inline void count(struct ring3_queues* queues) {
  __u32 i;
  bpf_for(i, 0, ring.cq_entries) {
    if (seen == queues->cq_tail) break;
    const struct io_uring_cqe* cqes = (void*)(queues->rings + ring.cqes);
    if (!(cqes[seen & (ring.cq_entries - 1)].flags & IORING_CQE_F_MORE)) completed++;
    seen++;
  }
}

SEC("struct_ops.s/rate_limiter")
int BPF_PROG(rate_limiter, struct iou_ctx* ctx, struct iou_loop_params* params) {
  struct ring3_queues queues;
  if (ring3_begin(&queues, ctx, &ring)) {
    error = EINVAL;
    return IOU_LOOP_STOP;
  }
  if (!started) begin(&queues);
  count(&queues);

  const __u32 queued = queues.sq_tail - queues.sq_head;
  __u64 in_flight = submitted - completed;
  if (queued && in_flight < depth) {
    __u64 more = depth - in_flight;
    if (more > queued) more = queued;
    const int taken = bpf_io_uring_submit_sqes(ctx, more);
    if (taken < 0) {
      error = -taken;
      return IOU_LOOP_STOP;
    }
    submitted += taken;
    in_flight += taken;
    if (in_flight > in_flight_max) in_flight_max = in_flight;
  }
  if (!in_flight) return IOU_LOOP_STOP; /* and nothing is queued, or depth is 0 */
  if (queues.cq_tail - queues.cq_head >= ring.cq_entries) return IOU_LOOP_STOP;
  params->cq_wait_idx = queues.cq_tail + 1;
  return IOU_LOOP_CONTINUE;
}

SEC(".struct_ops.link")
struct io_uring_bpf_ops rate_limiter_ops = {.loop_step = (void*)rate_limiter};

char LICENSE[] SEC("license") = "Dual MIT/GPL";
