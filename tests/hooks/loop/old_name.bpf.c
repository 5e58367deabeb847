/* The context by the name that Linux 7.1 gives it, declared as its programs do. Stops at once. */
typedef unsigned int __u32;
struct io_ring_ctx {};
struct iou_loop_params {
  __u32 cq_wait_idx;
};
struct io_uring_bpf_ops {
  int (*loop_step)(struct io_ring_ctx* ctx, struct iou_loop_params* lp);
  __u32 ring_fd;
  void* priv;
};
extern int bpf_io_uring_submit_sqes(struct io_ring_ctx* ctx, __u32 nr) __attribute__((section(".ksyms")));

int submitted = -1;

__attribute__((section("struct_ops.s/old"), used)) int old(unsigned long long* arguments) {
  submitted = bpf_io_uring_submit_sqes((struct io_ring_ctx*)arguments[0], 1);
  return 1;
}

__attribute__((section(".struct_ops.link"), used)) struct io_uring_bpf_ops old_ops = {.loop_step =
                                                                                          (void*)old};

char LICENSE[] __attribute__((section("license"), used)) = "Dual MIT/GPL";
