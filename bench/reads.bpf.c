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

__u64 submitted, completed;
__s32 error; /* an errno number; 0: none */

static __u64 offset;

static __always_inline int queue(struct ring3_queues* queues, __u64 slot) {
  struct io_uring_sqe* sqe = ring3_next_sqe(queues);
  if (!sqe) return -EBUSY;
  sqe->opcode = IORING_OP_READ;
  sqe->fd = file;
  sqe->addr = buffers + slot * block;
  sqe->len = block;
  sqe->off = offset;
  sqe->user_data = slot;
  offset = offset + block < file_size ? offset + block : 0;
  submitted++;
  return 0;
}

static __always_inline int take(struct ring3_queues* queues, const struct io_uring_cqe* cqe) {
  if (cqe->res != (__s32)block) return cqe->res < 0 ? cqe->res : -EIO;
  completed++;
  return submitted < count ? queue(queues, cqe->user_data) : 0;
}

SEC("struct_ops.s/reads")
int BPF_PROG(reads, struct iou_ctx* ctx, struct iou_loop_params* params) {
  struct ring3_queues queues;
  __u32 i;
  int result = ring3_begin(&queues, ctx, &ring);
  if (!result && !submitted) {
    bpf_for(i, 0, depth) {
      if (submitted < count) result = queue(&queues, i);
    }
  }
  bpf_for(i, 0, ring.cq_entries) {
    if (result) break;
    struct io_uring_cqe* cqe = ring3_next_cqe(&queues);
    if (!cqe) break;
    result = take(&queues, cqe);
  }
  if (!result) {
    const int taken = ring3_submit(&queues, ctx);
    if (taken < 0) result = taken;
  }
  if (result) error = -result;
  if (result || completed >= count) return IOU_LOOP_STOP;
  ring3_wait(&queues, params, 1);
  return IOU_LOOP_CONTINUE;
}

SEC(".struct_ops.link")
struct io_uring_bpf_ops reads_ops = {.loop_step = (void*)reads};

char LICENSE[] SEC("license") = "Dual MIT/GPL";
