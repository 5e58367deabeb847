/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Requests of IORING_OP_BPF, for applications in C and C++, in liburing's style, and for BPF programs that
 * submit them. Takes liburing's SQE, the kernel's or the one of <ring3/bpf/io_uring.h>: include that header
 * first.
 *
 *   struct io_bpf_buf_desc descs[] = {io_bpf_buf_user(target, 4096), io_bpf_buf_fixed(0, page, 4096)};
 *   io_uring_prep_bpf(sqe, memcpy_id, 0, descs, 2);
 *   sqe->flags |= IOSQE_IO_LINK;
 */
#ifndef RING3_OPERATION_H
#define RING3_OPERATION_H

#ifdef __bpf__
#include "ring3/bpf/io_uring.h"
#else
#ifndef LINUX_IO_URING_H
#include <linux/io_uring.h>
#endif

/* Posted for Linux, and in no header of it. */
#define IORING_OP_BPF 65
#define IORING_SETUP_BPF_EXT (1u << 21)
#define IORING_FEAT_BPF (1u << 18)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* sqe->bpf_op_flags: the upper bits are the id of the operation, the lower ones the program's own. */
enum { IORING_BPF_OP_BITS = 8, IORING_BPF_OP_SHIFT = 24 };
#define IORING_BPF_OP_FLAGS(bpf_op_flags) ((bpf_op_flags) & ((1u << IORING_BPF_OP_SHIFT) - 1))

/* A buffer of a request. Where descriptors come from is up to the program: the ones that ship read them from
 * the application's memory, where io_uring_prep_bpf() says. */
enum io_bpf_buf_type {
  IO_BPF_BUF_USER = 0,    /* addr, len bytes */
  IO_BPF_BUF_FIXED = 1,   /* addr inside registered buffer buf_index, len bytes */
  IO_BPF_BUF_VEC = 2,     /* addr of len iovecs */
  IO_BPF_BUF_KFIXED = 3,  /* addr bytes from the start of registered buffer buf_index, len bytes */
  IO_BPF_BUF_REG_VEC = 4, /* addr of len iovecs, whose bases lie in registered buffer buf_index */
};
struct io_bpf_buf_desc {
  __u8 type;
  __u8 reserved;
  __u16 buf_index;
  __u32 len;
  __u64 addr;
};

#ifndef __bpf__
struct iovec;

static inline struct io_bpf_buf_desc io_bpf_buf(enum io_bpf_buf_type type, unsigned buf_index, __u64 addr,
                                                __u32 len) {
  struct io_bpf_buf_desc desc;
  desc.type = (__u8)type;
  desc.reserved = 0;
  desc.buf_index = (__u16)buf_index;
  desc.len = len;
  desc.addr = addr;
  return desc;
}
static inline struct io_bpf_buf_desc io_bpf_buf_user(const void* data, __u32 bytes) {
  return io_bpf_buf(IO_BPF_BUF_USER, 0, (__u64)(unsigned long)data, bytes);
}
static inline struct io_bpf_buf_desc io_bpf_buf_fixed(unsigned buf_index, const void* data, __u32 bytes) {
  return io_bpf_buf(IO_BPF_BUF_FIXED, buf_index, (__u64)(unsigned long)data, bytes);
}
static inline struct io_bpf_buf_desc io_bpf_buf_vec(const struct iovec* vectors, __u32 count) {
  return io_bpf_buf(IO_BPF_BUF_VEC, 0, (__u64)(unsigned long)vectors, count);
}
static inline struct io_bpf_buf_desc io_bpf_buf_kfixed(unsigned buf_index, __u64 offset, __u32 bytes) {
  return io_bpf_buf(IO_BPF_BUF_KFIXED, buf_index, offset, bytes);
}
static inline struct io_bpf_buf_desc io_bpf_buf_reg_vec(unsigned buf_index, const struct iovec* vectors,
                                                        __u32 count) {
  return io_bpf_buf(IO_BPF_BUF_REG_VEC, buf_index, (__u64)(unsigned long)vectors, count);
}
#endif

/* A request for the operation with that id; `flags` are the program's own, at most 24 bits. The `n`
 * descriptors stay the application's: how long a program looks at them is up to it, for those that ship until
 * the request completes. n may be 0. Sets the whole SQE but its user_data, as liburing's functions do. */
static inline void io_uring_prep_bpf(struct io_uring_sqe* sqe, unsigned op, __u32 flags,
                                     const struct io_bpf_buf_desc* descs, unsigned n) {
  const __u64 user_data = sqe->user_data;
  __builtin_memset(sqe, 0, sizeof(*sqe));
  sqe->opcode = IORING_OP_BPF;
  sqe->fd = -1;
  sqe->addr = (__u64)(unsigned long)descs;
  sqe->len = n;
  /* The field is called bpf_op_flags; headers that don't know it have it by its older names. */
  sqe->rw_flags = (int)((__u32)op << IORING_BPF_OP_SHIFT | IORING_BPF_OP_FLAGS(flags));
  sqe->user_data = user_data;
}

#ifdef __cplusplus
}
#endif

#endif
