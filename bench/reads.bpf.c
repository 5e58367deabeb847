/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* reads: `count` reads of `block` bytes at consecutive offsets of a file, `depth` in flight. What the loop costs when a
 * request costs a little: the counterpart of liburing_reads() in baselines.cpp. */
#include <ring3/bpf/ring3.h>

const volatile struct ring3_layout ring = {};
const volatile int file = -1;
const volatile __u64 file_size = 0;
const volatile __u64 buffers = 0; /* depth * block bytes */
const volatile __u32 block = 4096;
const volatile __u32 depth = 1;
const volatile __u64 count = 1;

struct state {
  __u64 submitted, completed, offset;
} state;
__s32 error; /* an errno number; 0: none */

#define BATCH 64 /* CQEs that one step takes; those left over are there for the next */

/* What stays the same is written once: slot after slot is submitted again and again. */
static int write_sqes(struct io_uring_sqe* sqes) {
  __u32 i;
  bpf_for(i, 0, ring.sq_entries) {
    struct io_uring_sqe* sqe = &sqes[i & (ring.sq_entries - 1)];
    *sqe = (struct io_uring_sqe){.opcode = IORING_OP_READ, .fd = file, .len = block};
  }
  return 0;
}

struct step {
  struct state* state; /* in a register: fewer instructions than a global's address each time */
  struct io_uring_sqe* sqes;
  const struct io_uring_cqe* cqes;
  __u32 tail; /* of the SQ */
};

static __always_inline void queue(struct step* step, __u64 slot) {
  struct io_uring_sqe* sqe = &step->sqes[step->tail++ & (ring.sq_entries - 1)];
  const __u64 offset = step->state->offset;
  sqe->addr = buffers + slot * block;
  sqe->off = offset;
  sqe->user_data = slot;
  step->state->offset = offset + block < file_size ? offset + block : 0;
  step->state->submitted++;
}

static __always_inline int fail(int code) {
  error = code;
  return IOU_LOOP_STOP;
}

/* Takes a CQE in, and queues the next read into the buffer that it leaves. */
static __always_inline void take(struct step* step, __u32 head) {
  const struct io_uring_cqe* cqe = &step->cqes[head & (ring.cq_entries - 1)];
  if (cqe->res != (__s32)block) error = cqe->res < 0 ? -cqe->res : EIO;
  step->state->completed++;
  if (step->state->submitted < count) queue(step, cqe->user_data);
}

SEC("struct_ops.s/reads")
int BPF_PROG(reads, struct iou_ctx* ctx, struct iou_loop_params* params) {
  __u8* rings =
      bpf_io_uring_get_region(ctx, IOU_REGION_CQ, ring.cqes + ring.cq_entries * sizeof(struct io_uring_cqe));
  struct io_uring_sqe* sqes =
      (void*)bpf_io_uring_get_region(ctx, IOU_REGION_SQ, ring.sq_entries * sizeof(struct io_uring_sqe));
  if (!rings || !sqes) return fail(EINVAL);
  struct step step = {.state = &state,
                      .sqes = sqes,
                      .cqes = (void*)(rings + ring.cqes),
                      .tail = READ_ONCE(*ring3_word(rings, ring.sq_tail))};
  __u32 i;
  asm volatile("" : "+r"(step.state));
  if (step.state->submitted == 0) {
    write_sqes(sqes);
    bpf_for(i, 0, depth) queue(&step, i);
  }
  __u32 head = READ_ONCE(*ring3_word(rings, ring.cq_head));
  const __u32 end = smp_load_acquire(ring3_word(rings, ring.cq_tail));
  for (i = 0; i < BATCH && head != end; i++) take(&step, head++);
  smp_store_release(ring3_word(rings, ring.cq_head), head);
  if (error) return IOU_LOOP_STOP;
  const __u32 ready = step.tail - READ_ONCE(*ring3_word(rings, ring.sq_head));
  smp_store_release(ring3_word(rings, ring.sq_tail), step.tail);
  if (ready && bpf_io_uring_submit_sqes(ctx, ready) != (int)ready) return fail(EIO);
  if (step.state->completed >= count) return IOU_LOOP_STOP;
  params->cq_wait_idx = head + 1;
  return IOU_LOOP_CONTINUE;
}

SEC(".struct_ops.link")
struct io_uring_bpf_ops reads_ops = {.loop_step = (void*)reads};

char LICENSE[] SEC("license") = "Dual MIT/GPL";
