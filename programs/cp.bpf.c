/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* cp: copies a file of any size, `depth` chunks at a time, each read and then written by the program alone.
 *
 *   ring3 run cp.bpf.o --fd in=SOURCE:r --fd out=TARGET:w,create,trunc
 *         --buffer buffers=2097152 --set depth=16 --set chunk=131072 --show copied --show error
 *
 * buffers holds depth * chunk bytes; depth is at most 64, and at most the number of SQ entries.
 *
 * O_DIRECT: open either file with `,direct`, and say --set block=4096 (what the file systems want offsets and
 * lengths to be a multiple of; chunk must be one). The unaligned tail is written as a whole block, and the
 * target is cut to its size at the end (IORING_OP_FTRUNCATE). */
#include <ring3/bpf/ring3.h>

#define DEPTH_MAX 64
#define TRUNCATE DEPTH_MAX /* user_data of the last request; those of a chunk carry its slot */

const volatile struct ring3_layout ring = {};
const volatile int in = -1;
const volatile int out = -1;
const volatile __u64 buffers = 0;
const volatile __u32 chunk = 131072;
const volatile __u32 depth = 16;
const volatile __u32 block = 1; /* a power of two */

__u64 copied; /* bytes */
__u64 size;   /* of the input, once its end was seen */
__u64 reads, writes;
__s32 error; /* an errno number; 0: none */

struct slot {
  __u64 offset;  /* of the chunk in both files */
  __u32 filled;  /* bytes read so far */
  __u32 written; /* bytes written so far, padding included */
  bool writing;
};

static struct slot slots[DEPTH_MAX];
static __u64 next_offset;
static __u32 in_flight;
static bool started, at_end, truncating;

static __always_inline __u32 to_write(const struct slot* slot) {
  return (slot->filled + block - 1) & ~(block - 1);
}

/* Starts what the slot needs next: the rest of its read or of its write. */
static __always_inline int issue(struct ring3_queues* queues, __u32 index) {
  struct slot* slot = &slots[index & (DEPTH_MAX - 1)];
  struct io_uring_sqe* sqe = ring3_next_sqe(queues);
  if (!sqe) return -EBUSY;
  const __u32 done = slot->writing ? slot->written : slot->filled;
  sqe->opcode = slot->writing ? IORING_OP_WRITE : IORING_OP_READ;
  sqe->fd = slot->writing ? out : in;
  sqe->off = slot->offset + done;
  sqe->addr = buffers + (__u64)index * chunk + done;
  sqe->len = (slot->writing ? to_write(slot) : chunk) - done;
  sqe->user_data = index;
  in_flight++;
  return 0;
}

/* Gives the slot the next chunk of the file, if there is one. */
static __always_inline int start(struct ring3_queues* queues, __u32 index) {
  if (at_end) return 0;
  struct slot* slot = &slots[index & (DEPTH_MAX - 1)];
  slot->offset = next_offset;
  slot->filled = 0;
  slot->written = 0;
  slot->writing = false;
  next_offset += chunk;
  return issue(queues, index);
}

static __always_inline void read_done(struct slot* slot, __u32 bytes) {
  reads++;
  slot->filled += bytes;
  /* Nothing more, or a tail that is no whole block, which O_DIRECT has at the end only. */
  if (bytes == 0 || bytes % block) {
    at_end = true;
    if (slot->filled && slot->offset + slot->filled > size) size = slot->offset + slot->filled;
    slot->writing = true;
  } else if (slot->filled >= chunk) {
    slot->writing = true;
  }
}

static __always_inline int complete(struct ring3_queues* queues, __u64 index, __s32 res) {
  in_flight--;
  if (index >= DEPTH_MAX) return res; /* TRUNCATE */
  if (error) return 0;
  if (res == -EAGAIN || res == -EINTR) return issue(queues, index);
  if (res < 0) return res;

  struct slot* slot = &slots[index & (DEPTH_MAX - 1)];
  if (slot->writing) {
    if (res == 0) return -EIO;
    writes++;
    slot->written += res;
    if (slot->written < to_write(slot)) return issue(queues, index);
    copied += slot->filled;
    return start(queues, index);
  }
  read_done(slot, res);
  if (slot->writing && !slot->filled) return 0; /* the file ended before this chunk */
  return issue(queues, index);
}

/* Cuts off the padding of the last block. */
static __always_inline int truncate(struct ring3_queues* queues) {
  struct io_uring_sqe* sqe = ring3_next_sqe(queues);
  if (!sqe) return -EBUSY;
  sqe->opcode = IORING_OP_FTRUNCATE;
  sqe->fd = out;
  sqe->off = size;
  sqe->user_data = TRUNCATE;
  in_flight++;
  truncating = true;
  return 0;
}

static __always_inline void note(int result) {
  if (result < 0 && !error) error = -result;
}

SEC("struct_ops.s/cp")
int BPF_PROG(cp, struct iou_ctx* ctx, struct iou_loop_params* params) {
  struct ring3_queues queues;
  if (ring3_begin(&queues, ctx, &ring)) {
    error = EINVAL;
    return IOU_LOOP_STOP;
  }

  __u32 i;
  if (!started) {
    started = true;
    if (depth == 0 || depth > DEPTH_MAX || chunk == 0 || block == 0 || chunk % block) {
      error = EINVAL;
      return IOU_LOOP_STOP;
    }
    bpf_for(i, 0, depth) note(start(&queues, i));
  }
  bpf_for(i, 0, ring.cq_entries) {
    struct io_uring_cqe* cqe = ring3_next_cqe(&queues);
    if (!cqe) break;
    note(complete(&queues, cqe->user_data, cqe->res));
  }
  if (!in_flight && !error && !truncating && size % block) note(truncate(&queues));

  note(ring3_submit(&queues, ctx));
  /* Buffers that a request still uses are not given back: after an error, what is in flight is waited for. */
  if (!in_flight) return IOU_LOOP_STOP;
  ring3_wait(&queues, params, 1);
  return IOU_LOOP_CONTINUE;
}

SEC(".struct_ops.link")
struct io_uring_bpf_ops cp_ops = {.loop_step = (void*)cp};

char LICENSE[] SEC("license") = "Dual MIT/GPL";
