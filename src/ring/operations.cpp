#include "ring/operations.hpp"

#include <array>
#include <cerrno>

#include "base/user_copy.hpp"

namespace ring3::ring {
namespace {

using namespace abi;

constexpr Support kIn = Support::Inline, kOurs = Support::Handled, kOut = Support::Forwarded,
                  kNo = Support::Refused;
constexpr Shortness kLength = Shortness::Length, kVector = Shortness::Vector, kWaitAll = Shortness::WaitAll;
constexpr uint16_t kBufFile = kBufIndex | kFileIndex;
constexpr uint8_t kPath = kReadsMemory | kFdIsPlain;

}  // namespace

// The fields were found by trying each on Linux 6.18: those whose misuse ends a batch.
constexpr Operation kOperations[] = {
    {IORING_OP_NOP, "NOP", kIn, kIoprio, kPolled},
    {IORING_OP_READV, "READV", kOut, 0, kReadsMemory | kBufferSelect | kPolled, kVector},
    {IORING_OP_WRITEV, "WRITEV", kOut, 0, kReadsMemory | kPolled, kVector},
    {IORING_OP_FSYNC, "FSYNC", kOut, kIoprio | kAddr | kBufFile, 0},
    {IORING_OP_READ_FIXED, "READ_FIXED", kOut, 0, kPolled, kLength},
    {IORING_OP_WRITE_FIXED, "WRITE_FIXED", kOut, 0, kPolled, kLength},
    {IORING_OP_POLL_ADD, "POLL_ADD", kOut, kIoprio | kOff | kAddr | kBufIndex, 0},
    {IORING_OP_POLL_REMOVE, "POLL_REMOVE", kOut, kIoprio | kBufFile, 0},
    {IORING_OP_SYNC_FILE_RANGE, "SYNC_FILE_RANGE", kOut, kIoprio | kAddr | kBufFile, 0},
    {IORING_OP_SENDMSG, "SENDMSG", kOut, kOff | kFileIndex, kReadsMemory},
    {IORING_OP_RECVMSG, "RECVMSG", kOut, kOff | kFileIndex, kReadsMemory | kBufferSelect},
    {IORING_OP_TIMEOUT, "TIMEOUT", kOut, kIoprio | kBufFile, kReadsMemory},
    {IORING_OP_TIMEOUT_REMOVE, "TIMEOUT_REMOVE", kOut, kIoprio | kLen | kBufFile,
     kReadsMemory | kNoFixedFile},
    {IORING_OP_ACCEPT, "ACCEPT", kOut, kLen | kBufIndex, 0},
    {IORING_OP_ASYNC_CANCEL, "ASYNC_CANCEL", kOut, kIoprio | kOff | kFileIndex, 0},
    {IORING_OP_LINK_TIMEOUT, "LINK_TIMEOUT", kOut, kIoprio | kOff | kBufFile, kReadsMemory},
    {IORING_OP_CONNECT, "CONNECT", kOut, kIoprio | kLen | kOpFlags | kBufFile, kReadsMemory},
    {IORING_OP_FALLOCATE, "FALLOCATE", kOut, kIoprio | kOpFlags | kBufFile, 0},
    {IORING_OP_OPENAT, "OPENAT", kOut, kIoprio | kBufIndex, kPath},
    {IORING_OP_CLOSE, "CLOSE", kOut, kIoprio | kOff | kAddr | kLen | kOpFlags | kBufIndex, kFdIsPlain},
    {IORING_OP_FILES_UPDATE, "FILES_UPDATE", kOut, kIoprio | kOpFlags | kFileIndex, kPolled | kNoFixedFile},
    {IORING_OP_STATX, "STATX", kOut, kIoprio | kBufFile, kPath},
    {IORING_OP_READ, "READ", kOut, 0, kBufferSelect | kPolled, kLength},
    {IORING_OP_WRITE, "WRITE", kOut, 0, kPolled, kLength},
    {IORING_OP_FADVISE, "FADVISE", kOut, kIoprio | kBufFile, 0},
    {IORING_OP_MADVISE, "MADVISE", kOut, kIoprio | kBufFile, 0},
    {IORING_OP_SEND, "SEND", kOut, 0, kBufferSelect | kReadsMemory, kWaitAll},
    {IORING_OP_RECV, "RECV", kOut, kOff | kFileIndex, kBufferSelect, kWaitAll},
    {IORING_OP_OPENAT2, "OPENAT2", kOut, kIoprio | kBufIndex, kPath},
    {IORING_OP_EPOLL_CTL, "EPOLL_CTL", kOut, kIoprio | kBufFile, kReadsMemory},
    {IORING_OP_SPLICE, "SPLICE", kOut, kIoprio, 0, kLength},
    {IORING_OP_PROVIDE_BUFFERS, "PROVIDE_BUFFERS", kOut, kIoprio | kOpFlags | kFileIndex, kPolled},
    {IORING_OP_REMOVE_BUFFERS, "REMOVE_BUFFERS", kOut, kIoprio | kOff | kAddr | kLen | kOpFlags | kFileIndex,
     kPolled},
    {IORING_OP_TEE, "TEE", kOut, kIoprio | kOff | kAddr, 0, kLength},
    {IORING_OP_SHUTDOWN, "SHUTDOWN", kOut, kIoprio | kOff | kAddr | kOpFlags | kBufFile, 0},
    {IORING_OP_RENAMEAT, "RENAMEAT", kOut, kIoprio | kBufFile, kPath},
    {IORING_OP_UNLINKAT, "UNLINKAT", kOut, kIoprio | kOff | kLen | kBufFile, kPath},
    {IORING_OP_MKDIRAT, "MKDIRAT", kOut, kIoprio | kOff | kOpFlags | kBufFile, kPath},
    {IORING_OP_SYMLINKAT, "SYMLINKAT", kOut, kIoprio | kLen | kOpFlags | kBufFile, kPath},
    {IORING_OP_LINKAT, "LINKAT", kOut, kIoprio | kBufFile, kPath},
    {IORING_OP_MSG_RING, "MSG_RING", kOut, kIoprio | kBufIndex, kPolled},
    {IORING_OP_FSETXATTR, "FSETXATTR", kOut, kIoprio, kReadsMemory},
    {IORING_OP_SETXATTR, "SETXATTR", kOut, kIoprio, kPath},
    {IORING_OP_FGETXATTR, "FGETXATTR", kOut, kIoprio | kOpFlags, kReadsMemory},
    {IORING_OP_GETXATTR, "GETXATTR", kOut, kIoprio | kOpFlags, kPath},
    {IORING_OP_SOCKET, "SOCKET", kOut, kIoprio | kAddr | kOpFlags | kBufIndex, 0},
    {IORING_OP_URING_CMD, "URING_CMD", kOut, kIoprio, kBufferSelect | kPolled | kReadsMemory},
    {IORING_OP_SEND_ZC, "SEND_ZC", kOut, kAddr3 | kPad, kNoSkip | kReadsMemory, kWaitAll},
    {IORING_OP_SENDMSG_ZC, "SENDMSG_ZC", kOut, kAddr3 | kPad, kNoSkip | kReadsMemory},
    {IORING_OP_READ_MULTISHOT, "READ_MULTISHOT", kOut, 0, kBufferSelect},
    {IORING_OP_WAITID, "WAITID", kOut, kIoprio | kAddr | kOpFlags | kBufIndex | kAddr3, 0},
    {IORING_OP_FUTEX_WAIT, "FUTEX_WAIT", kOut, kIoprio | kLen | kOpFlags | kBufFile, 0},
    {IORING_OP_FUTEX_WAKE, "FUTEX_WAKE", kOut, kIoprio | kLen | kOpFlags | kBufFile, 0},
    {IORING_OP_FUTEX_WAITV, "FUTEX_WAITV", kOut, kIoprio | kOpFlags | kBufFile | kAddr3, kReadsMemory},
    {IORING_OP_FIXED_FD_INSTALL, "FIXED_FD_INSTALL", kOut, kIoprio | kOff | kAddr | kLen | kBufFile | kAddr3,
     0},
    {IORING_OP_FTRUNCATE, "FTRUNCATE", kOut, kIoprio | kAddr | kLen | kOpFlags | kBufFile | kAddr3, 0},
    {IORING_OP_BIND, "BIND", kOut, kIoprio | kLen | kOpFlags | kBufFile, kReadsMemory},
    {IORING_OP_LISTEN, "LISTEN", kOut, kIoprio | kOff | kAddr | kOpFlags | kBufFile, 0},
    {IORING_OP_RECV_ZC, "RECV_ZC", kNo},
    {IORING_OP_EPOLL_WAIT, "EPOLL_WAIT", kOut, kIoprio | kOff | kOpFlags | kBufFile, 0},
    {IORING_OP_READV_FIXED, "READV_FIXED", kOut, 0, kReadsMemory | kPolled, kVector},
    {IORING_OP_WRITEV_FIXED, "WRITEV_FIXED", kOut, 0, kReadsMemory | kPolled, kVector},
    {IORING_OP_PIPE, "PIPE", kOut, kIoprio | kOff | kLen | kBufIndex | kAddr3, 0},
    {IORING_OP_NOP128, "NOP128", kIn, kIoprio, kPolled | kTwoHalves},
    {IORING_OP_URING_CMD128, "URING_CMD128", kNo, 0, kTwoHalves},
    {IORING_OP_BPF, "BPF", kOurs, kIoprio},
};

namespace {

constexpr bool in_order() {
  for (size_t i = 0; i < std::size(kOperations); ++i)
    if (kOperations[i].opcode != i) return false;
  return true;
}
static_assert(in_order(), "a row's place is its opcode");

constexpr uint8_t transfer_flags(const Operation& operation) {
  const bool transfer = operation.support == Support::Forwarded && operation.zero_fields == 0 &&
                        operation.shortness == Shortness::Length && !operation.has(kReadsMemory);
  if (!transfer) return 0;
  return kIsTransfer | IOSQE_FIXED_FILE | IOSQE_ASYNC | (operation.has(kBufferSelect) ? IOSQE_BUFFER_SELECT : 0);
}

constexpr uint8_t kKnownSqeFlags = IOSQE_FIXED_FILE | IOSQE_IO_DRAIN | IOSQE_IO_LINK | IOSQE_IO_HARDLINK |
                                   IOSQE_ASYNC | IOSQE_BUFFER_SELECT | IOSQE_CQE_SKIP_SUCCESS;

uint16_t fields_in_use(const Sqe& sqe) {
  return static_cast<uint16_t>((sqe.ioprio ? kIoprio : 0) | (sqe.off ? kOff : 0) | (sqe.addr ? kAddr : 0) |
                               (sqe.len ? kLen : 0) | (sqe.op_flags ? kOpFlags : 0) |
                               (sqe.buf_index ? kBufIndex : 0) | (sqe.file_index ? kFileIndex : 0) |
                               (sqe.addr3 ? kAddr3 : 0) | (sqe.pad ? kPad : 0));
}

constexpr uint32_t kMsgWaitall = 0x100, kTimeoutEtimeSuccess = 1u << 5;

uint32_t vector_bytes(const Sqe& sqe) {
  struct {
    uint64_t base, size;
  } part;
  uint64_t total = 0;
  for (uint32_t i = 0; i < sqe.len && i < 1024; ++i) {
    if (copy_from_user(&part, sqe.addr + i * sizeof part, sizeof part) != 0) return 0;
    total += part.size;
  }
  return total > 0x7ffff000 ? 0x7ffff000 : static_cast<uint32_t>(total);
}

}  // namespace

constexpr std::array<uint8_t, 256> kTransferFlags = [] {
  std::array<uint8_t, 256> table{};
  for (const Operation& operation : kOperations) table[operation.opcode] = transfer_flags(operation);
  return table;
}();

int check_sqe(const Sqe& sqe, const SqeRules& rules) {
  if (sqe.opcode >= std::size(kOperations)) return -EINVAL;
  const Operation& operation = kOperations[sqe.opcode];
  if (operation.support == Support::Refused || (sqe.flags & ~kKnownSqeFlags)) return -EINVAL;
  if (operation.has(kTwoHalves) && !(rules.setup_flags & (IORING_SETUP_SQE128 | IORING_SETUP_SQE_MIXED)))
    return -EINVAL;
  if ((sqe.flags & IOSQE_BUFFER_SELECT) && !operation.has(kBufferSelect)) return -EOPNOTSUPP;
  // Reads and writes use all fields, and what the ring completes itself all but one.
  const uint16_t used = operation.zero_fields & ~kIoprio ? fields_in_use(sqe) : static_cast<uint16_t>(sqe.ioprio ? kIoprio : 0);
  if (used & operation.zero_fields & kIoprio) return -EINVAL;
  if ((rules.setup_flags & IORING_SETUP_IOPOLL) && !operation.has(kPolled)) return -EINVAL;
  if (used & operation.zero_fields) return -EINVAL;
  if (operation.support == Support::Inline && (sqe.op_flags & ~IORING_NOP_INJECT_RESULT)) return -EINVAL;
  if ((sqe.flags & IOSQE_CQE_SKIP_SUCCESS) && operation.has(kNoSkip)) return -EINVAL;
  if (sqe.flags & IOSQE_FIXED_FILE) {
    if (operation.has(kNoFixedFile)) return -EINVAL;
    if (operation.has(kFdIsPlain)) return -EBADF;
  }
  return 0;
}

uint32_t full_transfer(const Sqe& sqe) {
  switch (kOperations[sqe.opcode].shortness) {
    case Shortness::Never:
      return sqe.opcode == IORING_OP_TIMEOUT && (sqe.op_flags & kTimeoutEtimeSuccess) ? 1 : 0;
    case Shortness::Length:
      return sqe.len > 0x7ffff000 ? 0x7ffff000 : sqe.len;
    case Shortness::Vector:
      return vector_bytes(sqe);
    case Shortness::WaitAll:
      return sqe.op_flags & kMsgWaitall ? sqe.len : 0;
  }
  return 0;
}

bool is_failure(uint8_t opcode, int32_t res, uint32_t full) {
  if (res < 0) return !(opcode == IORING_OP_TIMEOUT && res == -ETIME && full != 0);
  return opcode != IORING_OP_TIMEOUT && static_cast<uint32_t>(res) < full;
}

}  // namespace ring3::ring
