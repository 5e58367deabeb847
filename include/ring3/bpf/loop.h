/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The BPF-controlled loop of io_uring, as Linux 7.2 names it: the structure that a program fills in, and the
 * kernel functions that it calls. */
#ifndef RING3_BPF_LOOP_H
#define RING3_BPF_LOOP_H

#include "ring3/bpf/types.h"

/* The ring that runs the program: a handle to pass on, nothing that a program could look into. Linux 7.1
 * calls it struct io_ring_ctx; objects with either name load on later kernels and here. */
struct iou_ctx {}; /* complete, if empty: libbpf matches kfunc prototypes by kind, and Linux's is a struct */

struct iou_loop_params {
  /* Sleep until the CQ's tail has come this far; a step may run earlier. 0 at the start of each enter. The
   * only thing here that a program may write. */
  __u32 cq_wait_idx;
};

/* What loop_step returns; anything else ends io_uring_enter(2) with -EINVAL. */
enum { IOU_LOOP_CONTINUE = 0, IOU_LOOP_STOP = 1 };

/* The memory of a ring: what the application registered (IORING_REGISTER_MEM_REGION); the ring headers, CQEs
 * and SQ index array; the SQEs. */
enum iou_region { IOU_REGION_MEM = 0, IOU_REGION_CQ = 1, IOU_REGION_SQ = 2 };

struct io_uring_bpf_ops {
  int (*loop_step)(struct iou_ctx* ctx, struct iou_loop_params* params);
  __u32 ring_fd; /* set by the application before load */
  void* priv;
};

/* Takes up to nr entries from the SQ, as io_uring_enter(2) does: the number taken, or a negative errno.
 * Sleepable programs only. */
extern int bpf_io_uring_submit_sqes(struct iou_ctx* ctx, __u32 nr) __weak __ksym;
/* A region's first bytes, or NULL if there is no such region or it is smaller. The size must be a constant
 * when the program is loaded: a literal, or computed from const volatile globals. */
extern __u8* bpf_io_uring_get_region(struct iou_ctx* ctx, __u32 region,
                                     const size_t rdwr_buf_size) __weak __ksym;

#endif
