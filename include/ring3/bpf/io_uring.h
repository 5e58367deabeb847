/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* io_uring as the kernel lays it out and numbers it: what programs read and write in the memory of a ring. */
#ifndef RING3_BPF_IO_URING_H
#define RING3_BPF_IO_URING_H

#include "ring3/bpf/types.h"

struct io_uring_sqe {
  __u8 opcode;
  __u8 flags;
  __u16 ioprio;
  __s32 fd;
  union {
    __u64 off;
    __u64 addr2;
    struct {
      __u32 cmd_op;
      __u32 __pad1;
    };
  };
  union {
    __u64 addr;
    __u64 splice_off_in;
    struct {
      __u32 level;
      __u32 optname;
    };
  };
  __u32 len;
  union {
    __u32 rw_flags;
    __u32 fsync_flags;
    __u16 poll_events;
    __u32 poll32_events;
    __u32 sync_range_flags;
    __u32 msg_flags;
    __u32 timeout_flags;
    __u32 accept_flags;
    __u32 cancel_flags;
    __u32 open_flags;
    __u32 statx_flags;
    __u32 fadvise_advice;
    __u32 splice_flags;
    __u32 rename_flags;
    __u32 unlink_flags;
    __u32 hardlink_flags;
    __u32 xattr_flags;
    __u32 msg_ring_flags;
    __u32 uring_cmd_flags;
    __u32 waitid_flags;
    __u32 futex_flags;
    __u32 install_fd_flags;
    __u32 nop_flags;
    __u32 pipe_flags;
    __u32 bpf_op_flags;
  };
  __u64 user_data;
  union {
    __u16 buf_index;
    __u16 buf_group;
  };
  __u16 personality;
  union {
    __s32 splice_fd_in;
    __u32 file_index;
    __u32 zcrx_ifq_idx;
    __u32 optlen;
    struct {
      __u16 addr_len;
      __u16 __pad3[1];
    };
  };
  __u64 addr3;
  __u64 __pad2[1];
};
_Static_assert(sizeof(struct io_uring_sqe) == 64, "an SQE has 64 bytes");

struct io_uring_cqe {
  __u64 user_data;
  __s32 res;
  __u32 flags;
};

struct __kernel_timespec {
  __s64 tv_sec;
  __s64 tv_nsec;
};

enum io_uring_op {
  IORING_OP_NOP = 0,
  IORING_OP_READV = 1,
  IORING_OP_WRITEV = 2,
  IORING_OP_FSYNC = 3,
  IORING_OP_READ_FIXED = 4,
  IORING_OP_WRITE_FIXED = 5,
  IORING_OP_POLL_ADD = 6,
  IORING_OP_POLL_REMOVE = 7,
  IORING_OP_SYNC_FILE_RANGE = 8,
  IORING_OP_SENDMSG = 9,
  IORING_OP_RECVMSG = 10,
  IORING_OP_TIMEOUT = 11,
  IORING_OP_TIMEOUT_REMOVE = 12,
  IORING_OP_ACCEPT = 13,
  IORING_OP_ASYNC_CANCEL = 14,
  IORING_OP_LINK_TIMEOUT = 15,
  IORING_OP_CONNECT = 16,
  IORING_OP_FALLOCATE = 17,
  IORING_OP_OPENAT = 18,
  IORING_OP_CLOSE = 19,
  IORING_OP_FILES_UPDATE = 20,
  IORING_OP_STATX = 21,
  IORING_OP_READ = 22,
  IORING_OP_WRITE = 23,
  IORING_OP_FADVISE = 24,
  IORING_OP_MADVISE = 25,
  IORING_OP_SEND = 26,
  IORING_OP_RECV = 27,
  IORING_OP_OPENAT2 = 28,
  IORING_OP_EPOLL_CTL = 29,
  IORING_OP_SPLICE = 30,
  IORING_OP_PROVIDE_BUFFERS = 31,
  IORING_OP_REMOVE_BUFFERS = 32,
  IORING_OP_TEE = 33,
  IORING_OP_SHUTDOWN = 34,
  IORING_OP_RENAMEAT = 35,
  IORING_OP_UNLINKAT = 36,
  IORING_OP_MKDIRAT = 37,
  IORING_OP_SYMLINKAT = 38,
  IORING_OP_LINKAT = 39,
  IORING_OP_MSG_RING = 40,
  IORING_OP_FSETXATTR = 41,
  IORING_OP_SETXATTR = 42,
  IORING_OP_FGETXATTR = 43,
  IORING_OP_GETXATTR = 44,
  IORING_OP_SOCKET = 45,
  IORING_OP_URING_CMD = 46,
  IORING_OP_SEND_ZC = 47,
  IORING_OP_SENDMSG_ZC = 48,
  IORING_OP_READ_MULTISHOT = 49,
  IORING_OP_WAITID = 50,
  IORING_OP_FUTEX_WAIT = 51,
  IORING_OP_FUTEX_WAKE = 52,
  IORING_OP_FUTEX_WAITV = 53,
  IORING_OP_FIXED_FD_INSTALL = 54,
  IORING_OP_FTRUNCATE = 55,
  IORING_OP_BIND = 56,
  IORING_OP_LISTEN = 57,
  IORING_OP_RECV_ZC = 58,
  IORING_OP_EPOLL_WAIT = 59,
  IORING_OP_READV_FIXED = 60,
  IORING_OP_WRITEV_FIXED = 61,
  IORING_OP_PIPE = 62,
  IORING_OP_NOP128 = 63,
  IORING_OP_URING_CMD128 = 64,
  IORING_OP_BPF = 65,
};

/* sqe->flags */
enum {
  IOSQE_FIXED_FILE = 1u << 0,
  IOSQE_IO_DRAIN = 1u << 1,
  IOSQE_IO_LINK = 1u << 2,
  IOSQE_IO_HARDLINK = 1u << 3,
  IOSQE_ASYNC = 1u << 4,
  IOSQE_BUFFER_SELECT = 1u << 5,
  IOSQE_CQE_SKIP_SUCCESS = 1u << 6,
};

/* cqe->flags */
enum {
  IORING_CQE_F_BUFFER = 1u << 0,
  IORING_CQE_F_MORE = 1u << 1,
  IORING_CQE_F_SOCK_NONEMPTY = 1u << 2,
  IORING_CQE_F_NOTIF = 1u << 3,
  IORING_CQE_F_BUF_MORE = 1u << 4,
  IORING_CQE_F_SKIP = 1u << 5,
};

/* sqe->nop_flags: the result is sqe->len. */
enum { IORING_NOP_INJECT_RESULT = 1u << 0 };
/* sqe->timeout_flags */
enum {
  IORING_TIMEOUT_ABS = 1u << 0,
  IORING_TIMEOUT_UPDATE = 1u << 1,
  IORING_TIMEOUT_BOOTTIME = 1u << 2,
  IORING_TIMEOUT_REALTIME = 1u << 3,
  IORING_LINK_TIMEOUT_UPDATE = 1u << 4,
  IORING_TIMEOUT_ETIME_SUCCESS = 1u << 5,
  IORING_TIMEOUT_MULTISHOT = 1u << 6,
};
/* sqe->fsync_flags */
enum { IORING_FSYNC_DATASYNC = 1u << 0 };
/* sqe->cancel_flags */
enum {
  IORING_ASYNC_CANCEL_ALL = 1u << 0,
  IORING_ASYNC_CANCEL_FD = 1u << 1,
  IORING_ASYNC_CANCEL_ANY = 1u << 2,
};
/* The SQ ring's flags word. */
enum { IORING_SQ_NEED_WAKEUP = 1u << 0, IORING_SQ_CQ_OVERFLOW = 1u << 1, IORING_SQ_TASKRUN = 1u << 2 };

#endif
