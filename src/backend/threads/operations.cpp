// The table of operations, and those that concern other requests.
#include "backend/threads/operations.hpp"

#include <array>
#include <cerrno>

#include "backend/threads/cancel.hpp"
#include "base/user_copy.hpp"

namespace ring3::backend::threads {

namespace {

int prepare_nop(Request& request) {
  return request.sqe.op_flags & ~abi::IORING_NOP_INJECT_RESULT ? -EINVAL : 0;
}
int perform_nop(Run&, Request& request) {
  return request.sqe.op_flags & abi::IORING_NOP_INJECT_RESULT ? static_cast<int>(request.sqe.len) : 0;
}

int copy_time(Request& request, uint64_t address) {
  if (int result = copy_from_user(&request.time, address, sizeof(request.time)); result < 0) return result;
  return request.time.tv_sec < 0 || request.time.tv_nsec < 0 ? -EINVAL : 0;
}

int prepare_any_timeout(Request& request, uint32_t allowed) {
  const abi::Sqe& sqe = request.sqe;
  constexpr uint32_t kClockFlags = kTimeoutBoottime | kTimeoutRealtime;
  if (sqe.buf_index || sqe.len != 1 || sqe.file_index || sqe.op_flags & ~allowed) return -EINVAL;
  if ((sqe.op_flags & kClockFlags) == kClockFlags) return -EINVAL;
  return copy_time(request, sqe.addr);
}

int prepare_timeout(Request& request) {
  constexpr uint32_t kAllowed =
      kTimeoutAbs | kTimeoutBoottime | kTimeoutRealtime | kTimeoutEtimeSuccess | kTimeoutMultishot;
  constexpr uint32_t kContradiction = kTimeoutMultishot | kTimeoutAbs;
  if ((request.sqe.op_flags & kContradiction) == kContradiction) return -EINVAL;
  request.sqe.off = static_cast<uint32_t>(request.sqe.off);
  return prepare_any_timeout(request, kAllowed);
}
int prepare_link_timeout(Request& request) {
  if (request.sqe.off) return -EINVAL;
  return prepare_any_timeout(request,
                             kTimeoutAbs | kTimeoutBoottime | kTimeoutRealtime | kTimeoutEtimeSuccess);
}
int perform_timeout(Run&, Request&) { return kPending; }
// Never performed: it hangs on the request that it limits.
int perform_link_timeout(Run&, Request&) { return -EINVAL; }

int prepare_timeout_remove(Request& request) {
  const abi::Sqe& sqe = request.sqe;
  constexpr uint32_t kUpdate = kTimeoutUpdate | kLinkTimeoutUpdate;
  if (sqe.flags & abi::IOSQE_FIXED_FILE || sqe.buf_index || sqe.len || sqe.file_index) return -EINVAL;
  if (!(sqe.op_flags & kUpdate)) return sqe.op_flags ? -EINVAL : 0;
  if (sqe.op_flags & ~(kUpdate | kTimeoutAbs)) return -EINVAL;
  return copy_time(request, sqe.off);
}
int perform_timeout_remove(Run& run, Request& request) { return run.engine.remove_timeout(run, request); }

int prepare_cancel(Request& request) {
  const abi::Sqe& sqe = request.sqe;
  if (sqe.off || sqe.file_index || sqe.op_flags & ~kCancelFlags) return -EINVAL;
  if (sqe.op_flags & (kCancelFd | kCancelOp) && sqe.op_flags & kCancelAny) return -EINVAL;
  return 0;
}
int perform_cancel(Run& run, Request& request) { return run.engine.cancel(run, request); }

// The update forms are not offered here.
int prepare_poll_remove(Request& request) {
  const abi::Sqe& sqe = request.sqe;
  return sqe.buf_index || sqe.file_index || sqe.len || sqe.op_flags || sqe.off ? -EINVAL : 0;
}
int perform_poll_remove(Run& run, Request& request) { return run.engine.remove_poll(run, request); }

constexpr std::array kOperations = {
    // opcode, takes a file, takes an ioprio, prepare, perform
    Operation{abi::IORING_OP_NOP, false, false, prepare_nop, perform_nop},
    Operation{abi::IORING_OP_READV, true, true, prepare_transfer_vector, perform_read},
    Operation{abi::IORING_OP_WRITEV, true, true, prepare_transfer_vector, perform_write},
    Operation{abi::IORING_OP_FSYNC, true, false, prepare_fsync, perform_fsync},
    Operation{abi::IORING_OP_READ_FIXED, true, true, prepare_transfer_fixed, perform_read},
    Operation{abi::IORING_OP_WRITE_FIXED, true, true, prepare_transfer_fixed, perform_write},
    Operation{abi::IORING_OP_POLL_ADD, true, false, prepare_poll, perform_poll},
    Operation{abi::IORING_OP_POLL_REMOVE, false, false, prepare_poll_remove, perform_poll_remove},
    Operation{abi::IORING_OP_SENDMSG, true, true, prepare_sendmsg, perform_send},
    Operation{abi::IORING_OP_RECVMSG, true, true, prepare_receivemsg, perform_receive},
    Operation{abi::IORING_OP_TIMEOUT, false, false, prepare_timeout, perform_timeout},
    Operation{abi::IORING_OP_TIMEOUT_REMOVE, false, false, prepare_timeout_remove, perform_timeout_remove},
    Operation{abi::IORING_OP_ACCEPT, true, true, prepare_accept, perform_accept},
    Operation{abi::IORING_OP_ASYNC_CANCEL, false, false, prepare_cancel, perform_cancel},
    Operation{abi::IORING_OP_LINK_TIMEOUT, false, false, prepare_link_timeout, perform_link_timeout},
    Operation{abi::IORING_OP_CONNECT, true, false, prepare_connect, perform_connect},
    Operation{abi::IORING_OP_FALLOCATE, true, false, prepare_fallocate, perform_fallocate},
    Operation{abi::IORING_OP_OPENAT, false, false, prepare_openat, perform_openat},
    Operation{abi::IORING_OP_CLOSE, false, false, prepare_close, perform_close},
    Operation{abi::IORING_OP_STATX, false, false, prepare_statx, perform_statx},
    Operation{abi::IORING_OP_READ, true, true, prepare_transfer, perform_read},
    Operation{abi::IORING_OP_WRITE, true, true, prepare_transfer, perform_write},
    Operation{abi::IORING_OP_SEND, true, true, prepare_send, perform_send},
    Operation{abi::IORING_OP_RECV, true, true, prepare_receive, perform_receive},
    Operation{abi::IORING_OP_SHUTDOWN, true, false, prepare_shutdown, perform_shutdown},
    Operation{abi::IORING_OP_SOCKET, false, false, prepare_socket, perform_socket},
    Operation{abi::IORING_OP_FTRUNCATE, true, false, prepare_ftruncate, perform_ftruncate},
};

constexpr auto kByOpcode = [] {
  std::array<const Operation*, 256> by_opcode{};
  for (const Operation& operation : kOperations) by_opcode[operation.opcode] = &operation;
  return by_opcode;
}();

}  // namespace

const Operation* find_operation(uint8_t opcode) { return kByOpcode[opcode]; }

}  // namespace ring3::backend::threads
