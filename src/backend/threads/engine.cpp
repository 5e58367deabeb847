// The way of a request: taken, started, performed or kept, finished; and the rules of links.
#include "backend/threads/engine.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace ring3::backend::threads {

namespace {

constexpr uint8_t kLinks = abi::IOSQE_IO_LINK | abi::IOSQE_IO_HARDLINK;

int prepare(Request& request) {
  const abi::Sqe& sqe = request.sqe;
  request.operation = find_operation(sqe.opcode);
  if (!request.operation) return -EINVAL;
  if (sqe.flags & (abi::IOSQE_BUFFER_SELECT | abi::IOSQE_IO_DRAIN | 0x80) || sqe.personality) return -EINVAL;
  if (sqe.ioprio && !request.operation->takes_ioprio) return -EINVAL;
  return request.operation->prepare(request);
}

// Whether a request's end breaks the links behind it.
bool has_failed(const Request& request, int result) {
  if (result == -ETIME && request.sqe.opcode == abi::IORING_OP_TIMEOUT)
    return !(request.sqe.op_flags & kTimeoutEtimeSuccess);
  return result < 0 || (request.wants_all && static_cast<size_t>(result) < request.wanted);
}

}  // namespace

Result<std::unique_ptr<Backend>> Engine::create(const Config&) {
  FileDescriptor event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event) return fail(errno, "eventfd", "{}", std::strerror(errno));
  return std::unique_ptr<Backend>(new Engine(std::move(event)));
}

Engine::~Engine() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
    work_.notify_all();
    uint64_t one = 1;
    if (poller_event_) [[maybe_unused]]
      ssize_t written = ::write(poller_event_.get(), &one, sizeof(one));
  }
  for (std::thread& thread : workers_) thread.join();
  if (poller_thread_.joinable()) poller_thread_.join();
  for (Request* request : queued_) delete request;
  for (auto& [token, request] : table_) delete request;
}

int Engine::queue(std::span<const abi::Sqe> chain) {
  if (chain.empty()) return 0;
  std::vector<std::unique_ptr<Request>> requests;
  std::vector<int> errors;
  bool failed = false;
  for (size_t i = 0; i < chain.size(); ++i) {
    auto request = std::make_unique<Request>();
    request->sqe = chain[i];
    if (i + 1 == chain.size()) request->sqe.flags &= ~kLinks;
    int error = prepare(*request);
    bool is_limit = chain[i].opcode == abi::IORING_OP_LINK_TIMEOUT;
    if (is_limit && (i == 0 || chain[i - 1].opcode == abi::IORING_OP_LINK_TIMEOUT)) error = -EINVAL;
    errors.push_back(error);
    failed |= error < 0;
    requests.push_back(std::move(request));
  }
  counters_.requests += chain.size();

  if (failed) {
    std::lock_guard lock(mutex_);
    for (size_t i = 0; i < requests.size(); ++i)
      post_locked(*requests[i], errors[i] ? errors[i] : -ECANCELED);
    return 0;
  }
  // Back to front: a LINK_TIMEOUT hangs on its predecessor, and what follows it follows that one.
  for (size_t i = requests.size() - 1; i > 0; --i) {
    if (requests[i]->sqe.opcode == abi::IORING_OP_LINK_TIMEOUT) {
      requests[i - 1]->next = std::move(requests[i]->next);
      requests[i - 1]->limit = std::move(requests[i]);
    } else {
      requests[i - 1]->next = std::move(requests[i]);
    }
  }
  queued_.push_back(requests[0].release());
  return 0;
}

int Engine::flush() {
  if (queued_.empty()) return 0;
  Run run{.engine = *this, .on_submitter = true};
  run.ready.assign(queued_.begin(), queued_.end());
  queued_.clear();
  run_all(run);
  return 0;
}

void Engine::run_all(Run& run) {
  while (!run.ready.empty()) {
    Request* request = run.ready.front();
    run.ready.pop_front();
    step(run, request);
  }
}

// Looks up what the request names and performs it.
int Engine::start(Run& run, Request& request) {
  const abi::Sqe& sqe = request.sqe;
  if (!request.in_table) request.state = State::kRunning;  // else whoever took it out of its queue has said so, locked
  if (request.operation->takes_file && !request.file) {
    request.fd = sqe.fd;
    if (sqe.flags & abi::IOSQE_FIXED_FILE) {
      std::lock_guard lock(mutex_);
      request.file = resources_.file(sqe.fd);
      if (!request.file) return -EBADF;
      request.fd = request.file->fd.get();
    }
  }
  if (run.on_submitter) ++counters_.system_calls;
  return request.operation->perform(run, request);
}

void Engine::step(Run& run, Request* request) {
  int result = start(run, *request);
  std::lock_guard lock(mutex_);
  switch (result) {
    case kBlocked:
    case kNeedsWorker:
    case kPending:
    case kRetryLater:
      return keep_locked(run, request, static_cast<Verdict>(result));
    default:
      return finish_locked(run, request, result);
  }
}

// From here on the application may close the descriptor without harm.
bool Engine::hold_file_locked(Request& request, int& error) {
  if (!request.operation->takes_file || request.file) return true;
  request.file = cache_.acquire(request.sqe.fd, error);
  if (!request.file) return false;
  request.fd = request.file->fd.get();
  return true;
}

void Engine::keep_locked(Run& run, Request* request, Verdict verdict) {
  constexpr uint64_t kRetryNs = 1'000'000;
  int error = 0;
  if (request->cancel_requested)
    return finish_locked(run, request, request->done ? request->done : -ECANCELED);
  if (!hold_file_locked(*request, error)) return finish_locked(run, request, error);
  if (!request->in_table) {
    if (!table_.emplace(request->sqe.user_data, request).second) return finish_locked(run, request, -EEXIST);
    request->in_table = true;
  }
  if ((verdict != kNeedsWorker || request->limit) && !ensure_poller_locked())
    return finish_locked(run, request, -ENOMEM);
  arm_limit_locked(*request);
  switch (verdict) {
    case kNeedsWorker:
      return give_to_worker_locked(request);
    case kBlocked:
      if (!wait_for_file_locked(request)) finish_locked(run, request, -EOPNOTSUPP);
      return;
    case kRetryLater:
      request->timer.clock = 0;
      request->timer.deadline_ns = now_ns(CLOCK_MONOTONIC) + kRetryNs;
      return arm_timer_locked(*request);
    case kPending:
      return arm_timer_locked(*request);
  }
}

// Posts a request's end and that of its LINK_TIMEOUT, and starts or cancels what is linked behind it. The
// request is gone afterwards.
void Engine::finish_locked(Run& run, Request* request, int result) {
  disarm_timer_locked(*request);
  post_locked(*request, result);
  if (Request* limiter = request->limiter) {
    disarm_timer_locked(*limiter);
    post_locked(*limiter, -ECANCELED);
    forget_locked(limiter);
  }
  if (request->limited) request->limited->limiter = nullptr;
  if (request->limit) post_locked(*request->limit, -ECANCELED);
  if (request->next) {
    bool broken = has_failed(*request, result) && !(request->sqe.flags & abi::IOSQE_IO_HARDLINK);
    if (broken)
      cancel_chain_locked(std::move(request->next));
    else
      run.ready.push_back(request->next.release());
  }
  forget_locked(request);
  finish_counted_locked(run);
}

void Engine::finish_counted_locked(Run& run) {
  while (!counted_.empty() && counted_.begin()->first <= sequence_)
    finish_locked(run, counted_.begin()->second, 0);
}

void Engine::cancel_chain_locked(std::unique_ptr<Request> chain) {
  while (chain) {
    post_locked(*chain, -ECANCELED);
    if (chain->limit) post_locked(*chain->limit, -ECANCELED);
    chain = std::move(chain->next);
  }
}

void Engine::post_locked(const Request& request, int result, uint32_t flags) {
  done_.push_back({request.sqe.user_data, result, flags});
  if (eventfd_) ::eventfd_write(eventfd_.get(), 1);
  if (request.sqe.opcode == abi::IORING_OP_TIMEOUT)
    timeout_finished_ = true;
  else
    ++sequence_;
  if (wanted_ == 0 || (done_.size() < wanted_ && !timeout_finished_)) return;
  wanted_ = 0;
  uint64_t one = 1;
  [[maybe_unused]] ssize_t written = ::write(event_.get(), &one, sizeof(one));
}

void Engine::forget_locked(Request* request) {
  if (request->in_table) table_.erase(request->sqe.user_data);
  delete request;
}

int Engine::install_file(FileDescriptor fd, uint32_t file_index) {
  std::lock_guard lock(mutex_);
  return resources_.install(std::move(fd), file_index);
}
int Engine::remove_file(uint32_t slot) {
  std::lock_guard lock(mutex_);
  return resources_.remove(slot);
}
std::shared_ptr<Buffer> Engine::buffer(uint32_t slot) {
  std::lock_guard lock(mutex_);
  return resources_.buffer(slot);
}

}  // namespace ring3::backend::threads

namespace ring3::backend {

Result<std::unique_ptr<Backend>> create_threads(const Config& config) {
  return threads::Engine::create(config);
}

}  // namespace ring3::backend
