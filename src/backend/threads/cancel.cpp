// ASYNC_CANCEL and POLL_REMOVE: finding requests that have not finished, and ending them.
#include "backend/threads/cancel.hpp"

#include <algorithm>
#include <cerrno>

#include "backend/threads/engine.hpp"

namespace ring3::backend::threads {

// 0 if it was ended; -EALREADY if it is being performed right now: then it ends by itself, at the latest when
// it would have to wait again.
int Engine::cancel_one_locked(Run& run, Request* request) {
  switch (request->state) {
    case State::kQueued:
      std::erase(work_queue_, request);
      break;
    case State::kPolling:
      stop_waiting_locked(request);
      break;
    case State::kTimer:
      break;
    case State::kRunning:
    case State::kLinked:
      request->cancel_requested = true;
      return -EALREADY;
  }
  finish_locked(run, request, request->done ? static_cast<int>(request->done) : -ECANCELED);
  return 0;
}

bool Engine::matches_locked(const Request& request, const abi::Sqe& cancel, const File* file) const {
  uint32_t flags = cancel.op_flags;
  if (request.sqe.opcode == abi::IORING_OP_LINK_TIMEOUT) return false;
  if (flags & kCancelAny) return true;
  if (flags & kCancelFd && request.file.get() != file) return false;
  if (flags & kCancelOp && request.sqe.opcode != cancel.len) return false;
  bool by_token = !(flags & (kCancelFd | kCancelOp)) || flags & kCancelUserData;
  return !by_token || request.sqe.user_data == cancel.addr;
}

int Engine::cancel(Run& run, const Request& cancel) {
  const abi::Sqe& sqe = cancel.sqe;
  bool all = sqe.op_flags & (kCancelAll | kCancelAny);
  std::lock_guard lock(mutex_);
  std::shared_ptr<File> file;
  if (sqe.op_flags & kCancelFd) {
    int error = -EBADF;
    bool is_fixed = sqe.op_flags & kCancelFdFixed || sqe.flags & abi::IOSQE_FIXED_FILE;
    file = is_fixed ? resources_.file(sqe.fd) : cache_.acquire(sqe.fd, error);
    if (!file) return error;
  }
  // The tokens first: to end one request may end others.
  std::vector<uint64_t> matching;
  bool by_token = !(sqe.op_flags & (kCancelAny | kCancelFd | kCancelOp));
  if (auto found = by_token ? table_.find(sqe.addr) : table_.end(); found != table_.end()) {
    if (matches_locked(*found->second, sqe, nullptr)) matching.push_back(sqe.addr);
  } else if (!by_token) {
    for (const auto& [token, request] : table_)
      if (matches_locked(*request, sqe, file.get())) matching.push_back(token);
  }
  int result = -ENOENT, count = 0;
  for (uint64_t token : matching) {
    auto found = table_.find(token);
    if (found == table_.end()) continue;
    result = cancel_one_locked(run, found->second);
    ++count;
    if (!all) break;
  }
  return all ? count : result;
}

int Engine::remove_poll(Run& run, const Request& remove) {
  std::lock_guard lock(mutex_);
  auto found = table_.find(remove.sqe.addr);
  if (found == table_.end() || found->second->sqe.opcode != abi::IORING_OP_POLL_ADD) return -ENOENT;
  return cancel_one_locked(run, found->second);
}

}  // namespace ring3::backend::threads
