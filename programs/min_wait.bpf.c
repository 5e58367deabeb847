/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* min_wait: submits what the application queued and waits for `batch` completions; once `wait_us` have
 * passed, `fewer` will do. Few wake-ups under load, a bounded delay without. The CQEs are the application's;
 * each enter is one wait.
 *
 *   ring3 run min_wait.bpf.o --set batch=8 --set wait_us=20000 --set fewer=1 --show completions --show
 * timed_out
 *         --region 4096 --set region_addr=@region.addr --set region_size=@region.size
 *         --set arrivals=8 --set arrival_us=1000
 *
 * The time is kept by a TIMEOUT request of the program's own, and ended by a TIMEOUT_REMOVE; both CQEs have
 * user_data `tag`, are seen before the loop stops, and are to be skipped by the application. The time itself
 * must lie in memory that the ring can read: the first 16 bytes of the registered region.
 *
 * arrivals stands in for an application where there is none: so many requests that complete arrival_us apart
 * (their times follow in the region, 16 bytes each). */
#include <ring3/bpf/ring3.h>

const volatile struct ring3_layout ring = {};
const volatile __u64 region_addr = 0;
const volatile __u64 region_size = 4096;
const volatile __u32 batch = 1;
const volatile __u64 wait_us = 1000;
const volatile __u32 fewer = 1;
const volatile __u64 tag = ~0ull;
const volatile __u32 arrivals = 0;
const volatile __u64 arrival_us = 0;

__u32 completions; /* seen by this wait, the timer's not among them */
bool timed_out;
__s32 error; /* an errno number; 0: none */

enum timer { IDLE, RUNNING, REMOVING };
static enum timer timer;
static __u32 timer_cqes; /* still to come */
static __u32 seen;       /* CQEs up to here are counted */

/* A request that ends `us` from now; its time is kept in place `index` of the region. */
static __always_inline int after(struct ring3_queues* queues, struct iou_ctx* ctx, __u32 index, __u64 us,
                                 __u64 user_data) {
  struct __kernel_timespec* times = (void*)bpf_io_uring_get_region(ctx, IOU_REGION_MEM, region_size);
  if (!times || index >= region_size / sizeof(*times)) return -EINVAL;
  times[index].tv_sec = us / 1000000;
  times[index].tv_nsec = us % 1000000 * 1000;
  struct io_uring_sqe* sqe = ring3_next_sqe(queues);
  if (!sqe) return -EBUSY;
  sqe->opcode = IORING_OP_TIMEOUT;
  sqe->addr = region_addr + index * sizeof(*times);
  sqe->len = 1;
  sqe->user_data = user_data;
  return 0;
}

static __always_inline int begin(struct ring3_queues* queues, struct iou_ctx* ctx) {
  completions = 0;
  timed_out = false;
  seen = queues->cq_head; /* what is there already counts */
  timer = RUNNING;
  timer_cqes = 1;
  __u32 i;
  bpf_for(i, 1, arrivals + 1) {
    const int result = after(queues, ctx, i, i * arrival_us, i);
    if (result) return result;
  }
  return after(queues, ctx, 0, wait_us, tag);
}

static __always_inline void count(struct ring3_queues* queues) {
  __u32 i;
  bpf_for(i, 0, ring.cq_entries) {
    if (seen == queues->cq_tail) break;
    const struct io_uring_cqe* cqes = (void*)(queues->rings + ring.cqes);
    if (cqes[seen & (ring.cq_entries - 1)].user_data == tag) {
      if (timer_cqes) timer_cqes--;
      if (timer == RUNNING) timed_out = true;
    } else {
      completions++;
    }
    seen++;
  }
}

static __always_inline int remove_timer(struct ring3_queues* queues) {
  struct io_uring_sqe* sqe = ring3_next_sqe(queues);
  if (!sqe) return -EBUSY;
  sqe->opcode = IORING_OP_TIMEOUT_REMOVE;
  sqe->addr = tag;
  sqe->user_data = tag;
  timer = REMOVING;
  timer_cqes++;
  return 0;
}

static __always_inline int stop(int code) {
  error = code;
  timer = IDLE; /* the next enter is a new wait */
  return IOU_LOOP_STOP;
}

SEC("struct_ops.s/min_wait")
int BPF_PROG(min_wait, struct iou_ctx* ctx, struct iou_loop_params* params) {
  struct ring3_queues queues;
  int result = ring3_begin(&queues, ctx, &ring);
  if (!result && timer == IDLE) result = begin(&queues, ctx);
  if (result < 0) return stop(-result);

  count(&queues);
  const __u32 wanted = timed_out ? fewer : batch;
  const bool enough = completions >= wanted;
  if (enough && timer == RUNNING && timer_cqes) {
    result = remove_timer(&queues);
    if (result < 0) return stop(-result);
  }
  result = ring3_submit(&queues, ctx);
  if (result < 0) return stop(-result);
  if (enough && !timer_cqes) return stop(0);

  /* A TIMEOUT that ends also ends the wait, whatever the index says. */
  params->cq_wait_idx = seen + (enough ? timer_cqes : wanted - completions);
  return IOU_LOOP_CONTINUE;
}

SEC(".struct_ops.link")
struct io_uring_bpf_ops min_wait_ops = {.loop_step = (void*)min_wait};

char LICENSE[] SEC("license") = "Dual MIT/GPL";
