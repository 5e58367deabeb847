// The types and kfunc prototypes of the BPF-controlled loop, as Linux 7.1 declares them. Only the BTF of this
// file is used; bodies are there because clang describes nothing but definitions.

#include "ring3/bpf/io_uring.h"

// A handle: programs can't look into it. Linux 7.2 calls it iou_ctx (an alias of the world).
struct io_ring_ctx {};

struct iou_loop_params {
  __u32 cq_wait_idx;
};

enum { IOU_LOOP_CONTINUE = 0, IOU_LOOP_STOP = 1 };
enum iou_region { IOU_REGION_MEM = 0, IOU_REGION_CQ = 1, IOU_REGION_SQ = 2 };

struct io_uring_bpf_ops {
  int (*loop_step)(struct io_ring_ctx* ctx, struct iou_loop_params* lp);
  __u32 ring_fd;
  void* priv;
};

// Keeps what no prototype refers to in the BTF.
struct io_uring_bpf_ops ring3_ops;
int ring3_result = IOU_LOOP_STOP;
enum iou_region ring3_region;
// What objects built with a vmlinux.h reach into by CO-RE.
struct io_uring_sqe ring3_sqe;
struct io_uring_cqe ring3_cqe;
struct __kernel_timespec ring3_timespec;

int bpf_io_uring_submit_sqes(struct io_ring_ctx* ctx, __u32 nr) { return 0; }
// The last parameter's name says what the pointer returned may be used for.
__u8* bpf_io_uring_get_region(struct io_ring_ctx* ctx, __u32 region_id, const size_t rdwr_buf_size) { return 0; }
