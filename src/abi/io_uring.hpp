// io_uring as the kernel numbers it: structures, opcodes and flags up to Linux 7.2, and those of the posted
// IORING_OP_BPF. Ours, because the headers of a distribution are older than the kernels that programs are
// written for. Data only. Source: io_uring(7) and its siblings, and the io-uring mailing list.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ring3::abi {

struct Sqe {
  uint8_t opcode;
  uint8_t flags;
  uint16_t ioprio;
  int32_t fd;
  uint64_t off;  // also addr2
  uint64_t addr;
  uint32_t len;
  uint32_t op_flags;  // rw_flags, nop_flags, timeout_flags, …
  uint64_t user_data;
  uint16_t buf_index;  // also buf_group
  uint16_t personality;
  int32_t file_index;  // also splice_fd_in
  uint64_t addr3;
  uint64_t pad;
};
static_assert(sizeof(Sqe) == 64 && offsetof(Sqe, op_flags) == 28 && offsetof(Sqe, user_data) == 32 &&
              offsetof(Sqe, addr3) == 48);

struct Cqe {
  uint64_t user_data;
  int32_t res;
  uint32_t flags;
};
static_assert(sizeof(Cqe) == 16);

struct SqOffsets {
  uint32_t head, tail, ring_mask, ring_entries, flags, dropped, array, resv1;
  uint64_t user_addr;
};
struct CqOffsets {
  uint32_t head, tail, ring_mask, ring_entries, overflow, cqes, flags, resv1;
  uint64_t user_addr;
};
struct Params {
  uint32_t sq_entries, cq_entries, flags, sq_thread_cpu, sq_thread_idle, features, wq_fd;
  uint32_t resv[3];
  SqOffsets sq_off;
  CqOffsets cq_off;
};
static_assert(sizeof(Params) == 120 && offsetof(Params, sq_off) == 40 && offsetof(Params, cq_off) == 80);

// The argument of io_uring_enter with EXT_ARG.
struct GeteventsArg {
  uint64_t sigmask;
  uint32_t sigmask_sz;
  uint32_t min_wait_usec;
  uint64_t ts;
};
static_assert(sizeof(GeteventsArg) == 24);

struct Timespec {
  int64_t tv_sec;
  int64_t tv_nsec;
};

struct RegionDesc {
  uint64_t user_addr, size;
  uint32_t flags, id;
  uint64_t mmap_offset;
  uint64_t resv[4];
};
static_assert(sizeof(RegionDesc) == 64);
struct MemRegionReg {
  uint64_t region_uptr, flags, resv[2];
};
static_assert(sizeof(MemRegionReg) == 32);
inline constexpr uint32_t IORING_MEM_REGION_TYPE_USER = 1;
inline constexpr uint64_t IORING_MEM_REGION_REG_WAIT_ARG = 1;

inline constexpr uint64_t IORING_OFF_SQ_RING = 0, IORING_OFF_CQ_RING = 0x8000000,
                          IORING_OFF_SQES = 0x10000000, IORING_MAP_OFF_PARAM_REGION = 0x20000000,
                          IORING_OFF_PBUF_RING = 0x80000000;
inline constexpr unsigned IORING_OFF_PBUF_SHIFT = 16;
inline constexpr uint32_t IORING_MAX_ENTRIES = 32768, IORING_MAX_CQ_ENTRIES = 2 * IORING_MAX_ENTRIES;

enum Opcode : uint8_t {
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

enum RegisterOp : uint32_t {
  IORING_REGISTER_BUFFERS = 0,
  IORING_UNREGISTER_BUFFERS = 1,
  IORING_REGISTER_FILES = 2,
  IORING_UNREGISTER_FILES = 3,
  IORING_REGISTER_EVENTFD = 4,
  IORING_UNREGISTER_EVENTFD = 5,
  IORING_REGISTER_FILES_UPDATE = 6,
  IORING_REGISTER_EVENTFD_ASYNC = 7,
  IORING_REGISTER_PROBE = 8,
  IORING_REGISTER_PERSONALITY = 9,
  IORING_UNREGISTER_PERSONALITY = 10,
  IORING_REGISTER_RESTRICTIONS = 11,
  IORING_REGISTER_ENABLE_RINGS = 12,
  IORING_REGISTER_FILES2 = 13,
  IORING_REGISTER_FILES_UPDATE2 = 14,
  IORING_REGISTER_BUFFERS2 = 15,
  IORING_REGISTER_BUFFERS_UPDATE = 16,
  IORING_REGISTER_IOWQ_AFF = 17,
  IORING_UNREGISTER_IOWQ_AFF = 18,
  IORING_REGISTER_IOWQ_MAX_WORKERS = 19,
  IORING_REGISTER_RING_FDS = 20,
  IORING_UNREGISTER_RING_FDS = 21,
  IORING_REGISTER_PBUF_RING = 22,
  IORING_UNREGISTER_PBUF_RING = 23,
  IORING_REGISTER_SYNC_CANCEL = 24,
  IORING_REGISTER_FILE_ALLOC_RANGE = 25,
  IORING_REGISTER_PBUF_STATUS = 26,
  IORING_REGISTER_NAPI = 27,
  IORING_UNREGISTER_NAPI = 28,
  IORING_REGISTER_CLOCK = 29,
  IORING_REGISTER_CLONE_BUFFERS = 30,
  IORING_REGISTER_SEND_MSG_RING = 31,
  IORING_REGISTER_ZCRX_IFQ = 32,
  IORING_REGISTER_RESIZE_RINGS = 33,
  IORING_REGISTER_MEM_REGION = 34,
  IORING_REGISTER_QUERY = 35,
  IORING_REGISTER_ZCRX_CTRL = 36,
  IORING_REGISTER_BPF_FILTER = 37,
  IORING_REGISTER_USE_REGISTERED_RING = 1u << 31,
};

enum SqeFlag : uint8_t {
  IOSQE_FIXED_FILE = 1u << 0,
  IOSQE_IO_DRAIN = 1u << 1,
  IOSQE_IO_LINK = 1u << 2,
  IOSQE_IO_HARDLINK = 1u << 3,
  IOSQE_ASYNC = 1u << 4,
  IOSQE_BUFFER_SELECT = 1u << 5,
  IOSQE_CQE_SKIP_SUCCESS = 1u << 6,
};

enum CqeFlag : uint32_t {
  IORING_CQE_F_BUFFER = 1u << 0,
  IORING_CQE_F_MORE = 1u << 1,
  IORING_CQE_F_SOCK_NONEMPTY = 1u << 2,
  IORING_CQE_F_NOTIF = 1u << 3,
  IORING_CQE_F_BUF_MORE = 1u << 4,
  IORING_CQE_F_SKIP = 1u << 5,
};

inline constexpr unsigned IORING_CQE_BUFFER_SHIFT = 16;

enum SetupFlag : uint32_t {
  IORING_SETUP_IOPOLL = 1u << 0,
  IORING_SETUP_SQPOLL = 1u << 1,
  IORING_SETUP_SQ_AFF = 1u << 2,
  IORING_SETUP_CQSIZE = 1u << 3,
  IORING_SETUP_CLAMP = 1u << 4,
  IORING_SETUP_ATTACH_WQ = 1u << 5,
  IORING_SETUP_R_DISABLED = 1u << 6,
  IORING_SETUP_SUBMIT_ALL = 1u << 7,
  IORING_SETUP_COOP_TASKRUN = 1u << 8,
  IORING_SETUP_TASKRUN_FLAG = 1u << 9,
  IORING_SETUP_SQE128 = 1u << 10,
  IORING_SETUP_CQE32 = 1u << 11,
  IORING_SETUP_SINGLE_ISSUER = 1u << 12,
  IORING_SETUP_DEFER_TASKRUN = 1u << 13,
  IORING_SETUP_NO_MMAP = 1u << 14,
  IORING_SETUP_REGISTERED_FD_ONLY = 1u << 15,
  IORING_SETUP_NO_SQARRAY = 1u << 16,
  IORING_SETUP_HYBRID_IOPOLL = 1u << 17,
  IORING_SETUP_CQE_MIXED = 1u << 18,
  IORING_SETUP_SQE_MIXED = 1u << 19,
  IORING_SETUP_SQ_REWIND = 1u << 20,
  IORING_SETUP_BPF_EXT = 1u << 21,
};

enum EnterFlag : uint32_t {
  IORING_ENTER_GETEVENTS = 1u << 0,
  IORING_ENTER_SQ_WAKEUP = 1u << 1,
  IORING_ENTER_SQ_WAIT = 1u << 2,
  IORING_ENTER_EXT_ARG = 1u << 3,
  IORING_ENTER_REGISTERED_RING = 1u << 4,
  IORING_ENTER_ABS_TIMER = 1u << 5,
  IORING_ENTER_EXT_ARG_REG = 1u << 6,
  IORING_ENTER_NO_IOWAIT = 1u << 7,
};

enum SqRingFlag : uint32_t {
  IORING_SQ_NEED_WAKEUP = 1u << 0,
  IORING_SQ_CQ_OVERFLOW = 1u << 1,
  IORING_SQ_TASKRUN = 1u << 2,
};

enum Feature : uint32_t {
  IORING_FEAT_SINGLE_MMAP = 1u << 0,
  IORING_FEAT_NODROP = 1u << 1,
  IORING_FEAT_SUBMIT_STABLE = 1u << 2,
  IORING_FEAT_RW_CUR_POS = 1u << 3,
  IORING_FEAT_CUR_PERSONALITY = 1u << 4,
  IORING_FEAT_FAST_POLL = 1u << 5,
  IORING_FEAT_POLL_32BITS = 1u << 6,
  IORING_FEAT_SQPOLL_NONFIXED = 1u << 7,
  IORING_FEAT_EXT_ARG = 1u << 8,
  IORING_FEAT_NATIVE_WORKERS = 1u << 9,
  IORING_FEAT_RSRC_TAGS = 1u << 10,
  IORING_FEAT_CQE_SKIP = 1u << 11,
  IORING_FEAT_LINKED_FILE = 1u << 12,
  IORING_FEAT_REG_REG_RING = 1u << 13,
  IORING_FEAT_RECVSEND_BUNDLE = 1u << 14,
  IORING_FEAT_MIN_TIMEOUT = 1u << 15,
  IORING_FEAT_RW_ATTR = 1u << 16,
  IORING_FEAT_NO_IOWAIT = 1u << 17,
  IORING_FEAT_BPF = 1u << 18,
};

inline constexpr uint32_t IORING_NOP_INJECT_RESULT = 1;

// enum iou_region of the BPF loop.
enum RegionId : uint32_t { IOU_REGION_MEM, IOU_REGION_CQ, IOU_REGION_SQ };
// What loop_step returns.
enum LoopResult : int { IOU_LOOP_CONTINUE, IOU_LOOP_STOP };

}  // namespace ring3::abi
