/* An object that nobody here wrote: no header of ours, its own idea of what the kernel's structures look like, all of
 * it corrected by CO-RE. One NOP, whose result it injects, and whose CQE it reads. */
typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct iou_ctx {};
struct iou_loop_params {
  u32 cq_wait_idx;
};
struct io_uring_sqe { /* the order is wrong on purpose */
  u64 user_data;
  u32 nop_flags;
  u32 len;
  u8 opcode;
};
struct io_uring_cqe {
  u32 flags;
  int res;
  u64 user_data;
};
#pragma clang attribute pop

struct io_uring_bpf_ops {
  int (*loop_step)(struct iou_ctx*, struct iou_loop_params*);
  u32 ring_fd;
  void* priv;
};

extern int bpf_io_uring_submit_sqes(struct iou_ctx* ctx, u32 nr) __attribute__((section(".ksyms")));
extern u8* bpf_io_uring_get_region(struct iou_ctx* ctx, u32 region_id, const unsigned long rdwr_buf_size)
    __attribute__((section(".ksyms")));

const volatile u32 sq_tail = 4, cq_tail = 12, cq_head = 8, cqes = 64;
int result, seen;
u64 user_data;
static int submitted;

__attribute__((section("struct_ops.s/foreign"), used)) int foreign(u64* arguments) {
  struct iou_ctx* ctx = (void*)arguments[0];
  struct iou_loop_params* params = (void*)arguments[1];
  u8* rings = bpf_io_uring_get_region(ctx, 1, 4096);
  u8* sqes = bpf_io_uring_get_region(ctx, 2, 64);
  if (!rings || !sqes) return 1;
  if (!submitted) {
    struct io_uring_sqe* sqe = (void*)sqes;
    sqe->opcode = 0;
    sqe->nop_flags = 1;
    sqe->len = 42;
    sqe->user_data = 7777;
    *(volatile u32*)(rings + (sq_tail & 63)) += 1;
    submitted = bpf_io_uring_submit_sqes(ctx, 1);
    params->cq_wait_idx = 1;
    return 0;
  }
  if (*(volatile u32*)(rings + (cq_tail & 63)) != 1) return 1;
  struct io_uring_cqe* cqe = (void*)(rings + (cqes & 127));
  result = cqe->res;
  user_data = cqe->user_data;
  *(volatile u32*)(rings + (cq_head & 63)) = 1;
  seen = 1;
  return 1;
}

__attribute__((section(".struct_ops.link"), used)) struct io_uring_bpf_ops ops = {.loop_step = (void*)foreign};
char LICENSE[] __attribute__((section("license"), used)) = "GPL";
