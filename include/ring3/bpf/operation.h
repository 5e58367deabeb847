/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Operations of one's own: what a program does when a request with opcode IORING_OP_BPF names its id, and
 * what it may do with the buffers of the request.
 *
 *   SEC("struct_ops/answer")
 *   int BPF_PROG(answer, struct uring_bpf_data* data) {
 *     uring_bpf_set_result(data, 42);
 *     return 0;
 *   }
 *
 *   SEC(".struct_ops.link")
 *   struct uring_bpf_ops answers = {.id = 7, .prep_fn = (void*)accept, .issue_fn = (void*)answer};
 */
#ifndef RING3_BPF_OPERATION_H
#define RING3_BPF_OPERATION_H

#include "ring3/bpf/helpers.h"
#include "ring3/bpf/io_uring.h"
#include "ring3/bpf/types.h"
#include "ring3/operation.h" /* bpf_op_flags, struct io_bpf_buf_desc */

struct uring_bpf_ops;

/* One for each request, from prep_fn to cleanup_fn. */
struct uring_bpf_data {
  void* req_data; /* not for programs */
  const struct uring_bpf_ops* ops;
  __u32 opf; /* sqe->bpf_op_flags */
  __u32 issue_flags;
  unsigned int lock_depth; /* not for programs */
  __u8 pdu[36];            /* the program's: zero at first, and the only bytes that it may write */
};
_Static_assert(sizeof(struct uring_bpf_data) == 64 && offsetof(struct uring_bpf_data, pdu) == 28,
               "the kernel's layout");

/* None of the programs may sleep: SEC("struct_ops/NAME"), without `.s`. */
struct uring_bpf_ops {
  unsigned short id; /* 0 to 255: one to a ring */
  int ring_fd;       /* set by the application before load */
  /* When the request is submitted, also if its turn in a chain comes much later. The SQE is there only now.
   * 0: go on; anything else: the request fails with it, and none of the others run. A request without prep_fn
   * fails with -EOPNOTSUPP. */
  int (*prep_fn)(struct uring_bpf_data* data, const struct io_uring_sqe* sqe);
  /* When its turn has come. 0: the result is what uring_bpf_set_result() left; a negative errno: the request
   * fails with it. Anything else is -EINVAL. */
  int (*issue_fn)(struct uring_bpf_data* data);
  /* After an issue_fn that failed. May set another result. */
  void (*fail_fn)(struct uring_bpf_data* data);
  /* Once for each request that prep_fn returned 0 for, also if it never came to issue_fn. */
  void (*cleanup_fn)(struct uring_bpf_data* data);
};

/* Sets cqe->res, 0 by default. A negative one marks the request failed: its chain breaks. */
extern void uring_bpf_set_result(struct uring_bpf_data* data, int res) __weak __ksym;

_Static_assert(sizeof(struct io_bpf_buf_desc) == 16, "the kernel's layout");

/* What an iterator is for. */
enum { ITER_DEST = 0, ITER_SOURCE = 1 };

/* Goes through one buffer, a chunk of at most a page at a time; several may be open at once. Every path from
 * new() has to lead to destroy(), also if new() failed. */
struct bpf_iter_uring_buf {
  __u64 __opaque[12];
} __aligned(8);

/* 0; -EINVAL: no such type or direction; -EFAULT: no such registered buffer, or not such a range of it. */
extern int bpf_iter_uring_buf_new(struct bpf_iter_uring_buf* it, struct uring_bpf_data* data,
                                  struct io_bpf_buf_desc* desc, int direction) __weak __ksym;
/* Moves on to the next chunk: its size in bytes, or NULL at the end, also if the memory can't be had. */
extern int* bpf_iter_uring_buf_next(struct bpf_iter_uring_buf* it) __weak __ksym;
extern void bpf_iter_uring_buf_destroy(struct bpf_iter_uring_buf* it) __weak __ksym;
/* The current chunk, to be read, or (ITER_DEST only, else -EPERM) to be written too. -EINVAL without one. */
extern int bpf_uring_buf_dynptr(struct bpf_iter_uring_buf* it__iter,
                                struct bpf_dynptr* ptr__uninit) __weak __ksym;
extern int bpf_uring_buf_dynptr_rdwr(struct bpf_iter_uring_buf* it__iter,
                                     struct bpf_dynptr* ptr__uninit) __weak __ksym;

/* Copies as many bytes as both buffers have: the number, or a negative errno if none were copied. */
extern ssize_t uring_bpf_memcpy(const struct uring_bpf_data* data, struct io_bpf_buf_desc* dst,
                                struct io_bpf_buf_desc* src) __weak __ksym;

#endif
