/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* lookup: follows a chain of dependent reads through a file, as a walk down an on-disk tree does: the offset
 * of each read is in the block that was read before, and the application hears of the last one only.
 *
 * A block starts with two little-endian 64-bit words: the offset of the next block (all ones: the end of the
 * chain) and a value. The program counts the blocks, adds up the values and remembers the last.
 *
 *   ring3 run lookup.bpf.o --fd file=PATH:r --region 4096 --set buffer=@region.addr --set
 * region_size=@region.size
 *         --set block=4096 --set first=0 --show hops --show sum --show value --show error
 *
 * The blocks are read into the registered memory region, the one memory that application, ring and program
 * share. It has at least `block` bytes. A chain without an end stops after hops_max blocks, with ELOOP in
 * `error`. */
#include <ring3/bpf/ring3.h>

#define END (~0ull)
#define ELOOP 40

struct block_head {
  __u64 next;
  __u64 value;
};

const volatile struct ring3_layout ring = {};
const volatile int file = -1;
const volatile __u64 buffer = 0;
const volatile __u64 region_size = 4096;
const volatile __u32 block = 4096;
const volatile __u64 first = 0;
const volatile __u64 hops_max = 1 << 20;

__u64 hops;  /* blocks read */
__u64 sum;   /* of their values */
__u64 value; /* of the last block */
__s32 error; /* an errno number; 0: none */

static bool started;

static __always_inline int read_block(struct ring3_queues* queues, __u64 offset) {
  struct io_uring_sqe* sqe = ring3_next_sqe(queues);
  if (!sqe) return -EBUSY;
  sqe->opcode = IORING_OP_READ;
  sqe->fd = file;
  sqe->off = offset;
  sqe->addr = buffer;
  sqe->len = block;
  return 0;
}

/* Takes in the block that arrived and asks for the next: 1 at the end of the chain, or a negative errno. */
static __always_inline int follow(struct ring3_queues* queues, struct iou_ctx* ctx, __s32 res) {
  if (res < 0) return res;
  if ((__u32)res < sizeof(struct block_head)) return -EIO;
  const struct block_head* head = (void*)bpf_io_uring_get_region(ctx, IOU_REGION_MEM, region_size);
  if (!head || region_size < sizeof(struct block_head)) return -EINVAL;
  hops++;
  sum += head->value;
  value = head->value;
  const __u64 next = head->next;
  if (next == END) return 1;
  if (hops >= hops_max) return -ELOOP;
  return read_block(queues, next);
}

SEC("struct_ops.s/lookup")
int BPF_PROG(lookup, struct iou_ctx* ctx, struct iou_loop_params* params) {
  struct ring3_queues queues;
  int result = ring3_begin(&queues, ctx, &ring);
  if (!result) {
    if (!started) {
      started = true;
      result = region_size < block ? -EINVAL : read_block(&queues, first);
    } else {
      const struct io_uring_cqe* cqe = ring3_next_cqe(&queues);
      if (cqe) result = follow(&queues, ctx, cqe->res);
    }
    const int taken = ring3_submit(&queues, ctx);
    if (taken < 0) result = taken;
    ring3_wait(&queues, params, 1);
  }
  if (result < 0) error = -result;
  return result ? IOU_LOOP_STOP : IOU_LOOP_CONTINUE;
}

SEC(".struct_ops.link")
struct io_uring_bpf_ops lookup_ops = {.loop_step = (void*)lookup};

char LICENSE[] SEC("license") = "Dual MIT/GPL";
