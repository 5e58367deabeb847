/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* handoff: what a read brought decides what is read next, without the application: an operation looks into
 * the registered buffer that the read filled, which a loop can't, and leaves what it found in a map; the loop
 * takes the arguments of the next request from there. Up to 16 walks at a time through a file of linked
 * blocks, as lookup.bpf.c does one.
 *
 * A block starts with two little-endian 64-bit words: the offset of the next block (all ones: the end) and a
 * value.
 *
 *   module.set_ring(params), and: file; depth; block; buffers (the address of depth * block bytes, all of
 * them registered buffer 0; block is a multiple of 16, and so is the address); first[0] … first[depth - 1]
 *   Operation::attach(module, ring); Loop::attach(module, ring); ring.enter(0, 0, 0);
 *
 * One enter is all walks; afterwards there are walks[i] and error. The ring has IORING_SETUP_BPF_EXT and what
 * a loop needs. Each step is a chain of two requests: read, then look. A walk without an end stops after
 * hops_max blocks, with ELOOP in `error`. */
#include <ring3/bpf/ring3.h>

#define WALKS_MAX 16
#define OPERATION 7 /* its id */
#define END (~0ull)
#define ELOOP 40
#define READ_FAILED (1ull << 32) /* user_data of a read, whose CQE is seen only then */

const volatile struct ring3_layout ring = {};
const volatile int file = -1;
const volatile __u64 buffers = 0;
const volatile __u32 block = 4096;
const volatile __u32 depth = 1;
const volatile __u64 hops_max = 1 << 20;

__u64 first[WALKS_MAX];
struct walk {
  __u64 hops; /* blocks read */
  __u64 sum;  /* of their values */
} walks[WALKS_MAX];
__s32 error; /* an errno number; 0: none */

struct block_head {
  __u64 next;
  __u64 value;
};

/* What the operation hands to the loop: the head of the block that a walk has come to. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, WALKS_MAX);
  __type(key, __u32);
  __type(value, struct block_head);
} heads SEC(".maps");

/* ---- the operation: its own flags are the number of the walk */

SEC("struct_ops/handoff_prep")
int BPF_PROG(handoff_prep, struct uring_bpf_data* data, const struct io_uring_sqe* sqe) {
  return IORING_BPF_OP_FLAGS(data->opf) < depth ? 0 : -EINVAL;
}

SEC("struct_ops/handoff_issue")
int BPF_PROG(handoff_issue, struct uring_bpf_data* data) {
  const __u32 walk = IORING_BPF_OP_FLAGS(data->opf);
  struct io_bpf_buf_desc desc = {
      .type = IO_BPF_BUF_FIXED, .len = sizeof(struct block_head), .addr = buffers + (__u64)walk * block};
  struct block_head* head = bpf_map_lookup_elem(&heads, &walk);
  struct bpf_iter_uring_buf it;
  struct bpf_dynptr chunk;
  int result = bpf_iter_uring_buf_new(&it, data, &desc, ITER_SOURCE);
  if (!result && head && bpf_iter_uring_buf_next(&it)) {
    bpf_uring_buf_dynptr(&it, &chunk);
    result = bpf_dynptr_read(head, sizeof(*head), &chunk, 0, 0);
  } else if (!result) {
    result = -EFAULT;
  }
  bpf_iter_uring_buf_destroy(&it);
  return result;
}

SEC(".struct_ops.link")
struct uring_bpf_ops handoff_ops = {
    .id = OPERATION, .prep_fn = (void*)handoff_prep, .issue_fn = (void*)handoff_issue};

/* ---- the loop */

static __u32 in_flight; /* walks */
static bool started;

static __always_inline int read_block(struct ring3_queues* queues, __u32 walk, __u64 offset) {
  struct io_uring_sqe* read = ring3_next_sqe(queues);
  struct io_uring_sqe* look = ring3_next_sqe(queues);
  if (!read || !look) return -EBUSY;
  read->opcode = IORING_OP_READ_FIXED;
  read->flags = IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
  read->fd = file;
  read->off = offset;
  read->addr = buffers + (__u64)walk * block;
  read->len = block;
  read->user_data = READ_FAILED | walk;
  io_uring_prep_bpf(look, OPERATION, walk, NULL, 0);
  look->user_data = walk;
  in_flight++;
  return 0;
}

static __always_inline int follow(struct ring3_queues* queues, __u64 user_data, __s32 res) {
  in_flight--;
  if (res < 0) return res;
  if (user_data & READ_FAILED) return -EIO; /* it fell short */
  const __u32 index = user_data;
  const struct block_head* head = bpf_map_lookup_elem(&heads, &index);
  if (!head || index >= WALKS_MAX) return -EINVAL;
  struct walk* walk = &walks[index];
  walk->hops++;
  walk->sum += head->value;
  if (head->next == END) return 0;
  if (walk->hops >= hops_max) return -ELOOP;
  return error ? 0 : read_block(queues, index, head->next);
}

static __always_inline void note(int result) {
  if (result < 0 && !error) error = -result;
}

SEC("struct_ops.s/handoff")
int BPF_PROG(handoff, struct iou_ctx* ctx, struct iou_loop_params* params) {
  struct ring3_queues queues;
  if (ring3_begin(&queues, ctx, &ring) || depth > WALKS_MAX) {
    error = EINVAL;
    return IOU_LOOP_STOP;
  }
  __u32 i;
  if (!started) {
    started = true;
    bpf_for(i, 0, depth) note(read_block(&queues, i, first[i & (WALKS_MAX - 1)]));
  }
  bpf_for(i, 0, ring.cq_entries) {
    const struct io_uring_cqe* cqe = ring3_next_cqe(&queues);
    if (!cqe) break;
    note(follow(&queues, cqe->user_data, cqe->res));
  }
  note(ring3_submit(&queues, ctx));
  if (!in_flight) return IOU_LOOP_STOP;
  ring3_wait(&queues, params, 1);
  return IOU_LOOP_CONTINUE;
}

SEC(".struct_ops.link")
struct io_uring_bpf_ops handoff_loop = {.loop_step = (void*)handoff};

char LICENSE[] SEC("license") = "Dual MIT/GPL";
