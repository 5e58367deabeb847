// Requests that name others by user_data. The back-end knows tokens only, so the name is looked up here, when the
// request starts.
#include <cerrno>

#include "base/user_copy.hpp"
#include "ring/engine.hpp"

namespace ring3::ring {

namespace {

enum CancelFlag : uint32_t { kAll = 1 << 0, kFd = 1 << 1, kAny = 1 << 2, kUserData = 1 << 4, kOp = 1 << 5 };
enum PollFlag : uint32_t { kUpdateEvents = 1 << 1, kUpdateUserData = 1 << 2 };
enum TimeoutFlag : uint32_t { kLinkTimeoutUpdate = 1 << 4 };

bool by_user_data(uint32_t flags) { return (flags & kUserData) || !(flags & (kFd | kAny | kOp)); }

// struct io_uring_sync_cancel_reg
struct SyncCancel {
  uint64_t addr;
  int32_t fd;
  uint32_t flags;
  abi::Timespec timeout;
  uint8_t opcode, pad[7];
  uint64_t pad2[3];
};
static_assert(sizeof(SyncCancel) == 64);

}  // namespace

// The first request of ours with that user_data, from slot `from`, that the back-end has.
uint32_t Engine::find_in_backend(uint64_t user_data, uint32_t from, int opcode) {
  for (uint32_t index = from; index < requests_.capacity(); ++index) {
    const Request& request = requests_.at(index);
    if (request.state == RequestState::InBackend && request.user_data == user_data && !request.is(Request::Internal) &&
        (opcode < 0 || request.opcode == opcode))
      return index;
  }
  return kNone;
}

bool Engine::translate(uint32_t index, abi::Sqe& sqe) {
  switch (sqe.opcode) {
    case abi::IORING_OP_ASYNC_CANCEL:
      return translate_cancel(index, sqe);
    case abi::IORING_OP_POLL_REMOVE:
      return translate_poll_update(index, sqe);
    case abi::IORING_OP_TIMEOUT_REMOVE: {
      const int opcode = sqe.op_flags & kLinkTimeoutUpdate ? abi::IORING_OP_LINK_TIMEOUT : abi::IORING_OP_TIMEOUT;
      const uint32_t target = find_in_backend(sqe.addr, 0, opcode);
      if (target == kNone) return finish(index, -ENOENT, 0), false;
      sqe.addr = requests_.token(target);
      return true;
    }
    case abi::IORING_OP_TIMEOUT:
      if (sqe.off != 0) count_timeout(index, sqe);
      return true;
    default:
      return true;
  }
}

// A timeout that also ends after so many completions: only the ring sees all of them, so it does the counting.
void Engine::count_timeout(uint32_t index, abi::Sqe& sqe) {
  counted_.push_back({index, requests_.at(index).generation, cq.total() + sqe.off});
  sqe.off = 0;
}

bool Engine::translate_poll_update(uint32_t index, abi::Sqe& sqe) {
  const uint32_t target = find_in_backend(sqe.addr, 0, abi::IORING_OP_POLL_ADD);
  if (target == kNone) return finish(index, -ENOENT, 0), false;
  sqe.addr = requests_.token(target);
  if (!(sqe.len & kUpdateUserData)) return true;
  requests_.at(target).user_data = sqe.off;
  sqe.len &= ~uint32_t{kUpdateUserData};
  sqe.off = 0;
  if (sqe.len & kUpdateEvents) return true;
  finish(index, 0, 0);
  return false;
}

bool Engine::translate_cancel(uint32_t index, abi::Sqe& sqe) {
  if (!by_user_data(sqe.op_flags)) return true;
  uint32_t target = find_in_backend(sqe.addr);
  if (target == kNone) return finish(index, sqe.op_flags & kAll ? 0 : -ENOENT, 0), false;
  if (!(sqe.op_flags & kAll)) {
    sqe.addr = requests_.token(target);
    return true;
  }
  // One cancellation for each, and one answer.
  const uint64_t user_data = sqe.addr;
  cancellations_.push_back({index, 1, 0});
  for (; target != kNone; target = find_in_backend(user_data, target + 1)) {
    abi::Sqe one = sqe;
    one.addr = requests_.token(target);
    one.op_flags &= ~uint32_t{kAll};
    ++cancellations_.back().pending;
    if (!send_internal(one, index)) --cancellations_.back().pending;
  }
  cancel_child_done(index, -ENOENT);
  return false;
}

void Engine::cancel_child_done(uint32_t parent, int32_t res) {
  for (size_t i = 0; i < cancellations_.size(); ++i) {
    Cancellation& cancellation = cancellations_[i];
    if (cancellation.parent != parent) continue;
    if (res != -ENOENT) ++cancellation.found;
    if (--cancellation.pending != 0) return;
    const int32_t found = cancellation.found;
    cancellations_.erase(cancellations_.begin() + static_cast<ptrdiff_t>(i));
    return finish(parent, found, 0);
  }
}

// Sends a request of the ring's own. Its completion counts for `parent`, if there is one.
bool Engine::send_internal(const abi::Sqe& sqe, uint32_t parent) {
  const uint32_t index = requests_.allocate();
  if (index == kNone) return false;
  Request& request = requests_.at(index);
  request.user_data = parent;
  request.next = kNone;
  request.opcode = sqe.opcode;
  request.flags = 0;
  request.full = 0;
  request.marks = Request::Internal;
  abi::Sqe own = sqe;
  own.flags = 0;
  own.user_data = requests_.token(index);
  if (backend->queue({&own, 1}) < 0) {
    requests_.release(index);
    return false;
  }
  request.state = RequestState::InBackend;
  handed_over(1);
  return true;
}

int Engine::cancel_sync(uint64_t argument) {
  SyncCancel cancel;
  if (copy_from_user(&cancel, argument, sizeof cancel)) return -EFAULT;
  flush();
  int result;
  if (!by_user_data(cancel.flags)) {
    result = backend->register_op(abi::IORING_REGISTER_SYNC_CANCEL, reinterpret_cast<uint64_t>(&cancel), 1);
  } else {
    const uint64_t user_data = cancel.addr;
    uint32_t target = find_in_backend(user_data);
    result = -ENOENT;
    for (; target != kNone; target = find_in_backend(user_data, target + 1)) {
      cancel.addr = requests_.token(target);
      result = backend->register_op(abi::IORING_REGISTER_SYNC_CANCEL, reinterpret_cast<uint64_t>(&cancel), 1);
      if (!(cancel.flags & kAll)) break;
    }
  }
  poll();
  return result;
}

}  // namespace ring3::ring
