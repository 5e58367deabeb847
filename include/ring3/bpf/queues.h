/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Reading CQEs and writing SQEs in the shared memory of the ring, which is all that a loop does between two
 * waits.
 *
 *   const volatile struct ring3_layout ring = {};     // the application sets it before load
 *   …
 *   struct ring3_queues queues;
 *   if (ring3_begin(&queues, ctx, &ring)) return IOU_LOOP_STOP;
 *   while-like:  cqe = ring3_next_cqe(&queues)        // NULL: no more
 *   sqe = ring3_next_sqe(&queues);                    // NULL: the SQ is full
 *   ring3_submit(&queues, ctx);
 *
 * For rings with 64-byte SQEs and 16-byte CQEs, whose SQ index array, if any, maps slot i to SQE i (as
 * liburing and `ring3 run` set it up), without IORING_SETUP_SQ_REWIND. */
#ifndef RING3_BPF_QUEUES_H
#define RING3_BPF_QUEUES_H

#include "ring3/bpf/io_uring.h"
#include "ring3/bpf/loop.h"
#include "ring3/bpf/types.h"

/* Where in IOU_REGION_CQ the words of the ring are, in bytes, and how many entries the queues have, both as
 * in struct io_uring_params. `ring3 run` fills in a global of this type named `ring`, and so does
 * Module::set_ring(). */
struct ring3_layout {
  __u32 sq_head, sq_tail, sq_entries;
  __u32 cq_head, cq_tail, cq_entries, cqes;
};

/* The queues as one step sees them. */
struct ring3_queues {
  __u8* rings; /* IOU_REGION_CQ */
  struct io_uring_sqe* sqes;
  const volatile struct ring3_layout* layout;
  __u32 sq_head, sq_tail; /* entries from head to tail wait for submission */
  __u32 cq_head, cq_tail; /* CQEs from head to tail are unread */
};

static __always_inline __u32* ring3_word(__u8* rings, __u32 offset) { return (__u32*)(rings + offset); }

/* 0, or -EINVAL if the layout is not that of this ring. */
static __always_inline int ring3_begin(struct ring3_queues* queues, struct iou_ctx* ctx,
                                       const volatile struct ring3_layout* layout) {
  queues->layout = layout;
  queues->rings = bpf_io_uring_get_region(ctx, IOU_REGION_CQ,
                                          layout->cqes + layout->cq_entries * sizeof(struct io_uring_cqe));
  if (!queues->rings) return -EINVAL;
  queues->sqes = (struct io_uring_sqe*)bpf_io_uring_get_region(
      ctx, IOU_REGION_SQ, layout->sq_entries * sizeof(struct io_uring_sqe));
  if (!queues->sqes) return -EINVAL;
  queues->sq_head = READ_ONCE(*ring3_word(queues->rings, layout->sq_head));
  queues->sq_tail = READ_ONCE(*ring3_word(queues->rings, layout->sq_tail));
  queues->cq_head = READ_ONCE(*ring3_word(queues->rings, layout->cq_head));
  queues->cq_tail = smp_load_acquire(ring3_word(queues->rings, layout->cq_tail));
  return 0;
}

/* The oldest unread CQE, or NULL. Its slot is given back by ring3_commit(). */
static __always_inline struct io_uring_cqe* ring3_next_cqe(struct ring3_queues* queues) {
  if (queues->cq_head == queues->cq_tail) return NULL;
  __u32 slot = queues->cq_head++ & (queues->layout->cq_entries - 1);
  return (struct io_uring_cqe*)(queues->rings + queues->layout->cqes) + slot;
}

/* A zeroed SQE, or NULL if the SQ is full. */
static __always_inline struct io_uring_sqe* ring3_next_sqe(struct ring3_queues* queues) {
  if (queues->sq_tail - queues->sq_head >= queues->layout->sq_entries) return NULL;
  struct io_uring_sqe* sqe = &queues->sqes[queues->sq_tail++ & (queues->layout->sq_entries - 1)];
  *sqe = (struct io_uring_sqe){};
  return sqe;
}

/* Makes the CQEs that were read and the SQEs that were written known to the ring. */
static __always_inline void ring3_commit(struct ring3_queues* queues) {
  smp_store_release(ring3_word(queues->rings, queues->layout->cq_head), queues->cq_head);
  smp_store_release(ring3_word(queues->rings, queues->layout->sq_tail), queues->sq_tail);
}

/* ring3_commit(), and submits whatever the SQ holds: the number taken, or a negative errno. */
static __always_inline int ring3_submit(struct ring3_queues* queues, struct iou_ctx* ctx) {
  ring3_commit(queues);
  __u32 ready = queues->sq_tail - queues->sq_head;
  return ready ? bpf_io_uring_submit_sqes(ctx, ready) : 0;
}

/* Sleeps after this step until `completions` CQEs are there beyond those read. */
static __always_inline void ring3_wait(struct ring3_queues* queues, struct iou_loop_params* params,
                                       __u32 completions) {
  params->cq_wait_idx = queues->cq_head + completions;
}

#endif
