// Results → CQEs, and what they set off: successors in a chain, cancellations, timeouts that count completions.
#include <algorithm>
#include <cerrno>

#include "base/clock.hpp"
#include "ring/engine.hpp"

namespace ring3::ring {

namespace {

bool is_zero_copy(uint8_t opcode) {
  return opcode == abi::IORING_OP_SEND_ZC || opcode == abi::IORING_OP_SENDMSG_ZC;
}

}  // namespace

inline void Engine::complete(const backend::Completion& completion) {
  Request* const request = requests_.find(completion.token);
  if (!request) [[unlikely]]
    return;  // not one of ours, or twice: nobody waits for it
  const auto index = static_cast<uint32_t>(completion.token);
  backend_posted_ = true;
  const bool more = completion.flags & abi::IORING_CQE_F_MORE;
  if (!more) --in_backend_;
  if (more || !request->is_plain()) [[unlikely]]
    return finish(index, completion.res, completion.flags);
  // What most are: nothing to be done but to post it.
  cq.post(request->user_data, completion.res, completion.flags);
  requests_.release(index, *request);
  if (!counted_.empty()) [[unlikely]]
    check_counted_timeouts();
  if (!transfers_.empty()) [[unlikely]]
    end_transfer(index);
}

[[gnu::hot]] void Engine::collect() {
  backend::Completion batch[16];
  size_t count;
  do {
    count = backend->reap(batch);
    for (size_t i = 0; i < count; ++i) complete(batch[i]);
  } while (count == std::size(batch));
}

// Posts the CQE of a request, and unless more are to come, frees its slot and turns to its successor.
void Engine::finish(uint32_t index, int32_t res, uint32_t flags) {
  Request& request = requests_.at(index);
  const bool more = flags & abi::IORING_CQE_F_MORE;
  if (request.is(Request::TimerSatisfied) && res == -ECANCELED) res = 0;
  const bool failed = is_failure(request.opcode, res, request.full);
  const bool skip = (request.flags & abi::IOSQE_CQE_SKIP_SUCCESS) && !failed && !more;
  const bool silent = request.is(Request::NoCqe) || request.is(Request::Internal) ||
                      (skip && !request.is(Request::ForceCqe));
  if (!silent) {
    if (request.opcode == abi::IORING_OP_TIMEOUT) ++timeouts_ended_;
    cq.post(request.user_data, res, flags);
    if (!counted_.empty()) [[unlikely]]
      check_counted_timeouts();
  }
  // A zero-copy send says twice that it is done; its chain goes on after the first time.
  const bool chain_goes_on = more ? is_zero_copy(request.opcode) : !request.is(Request::ChainDone);
  if (more) {
    if (chain_goes_on && !request.is(Request::ChainDone)) {
      request.marks |= Request::ChainDone;
      const Request copy = request;
      request.next = kNone;
      release_successor(copy, res);
    }
    return;
  }
  if (request.is(Request::Prepared)) handler.load(std::memory_order_relaxed)->cleanup(requests_.memory(index));
  const Request copy = request;
  requests_.release(index);
  if (!transfers_.empty()) [[unlikely]]
    end_transfer(index);
  if (chain_goes_on && copy.next != kNone) release_successor(copy, res);
  if (copy.is(Request::Internal) && copy.user_data != kNone)
    cancel_child_done(static_cast<uint32_t>(copy.user_data), res);
}

// What the result of `request`, whose slot may be gone, means for the rest of its chain.
void Engine::release_successor(const Request& request, int32_t res) {
  if (request.next == kNone) return;
  const bool breaks =
      is_failure(request.opcode, res, request.full) && !(request.flags & abi::IOSQE_IO_HARDLINK);
  // The request whose failure broke the chain decides whether the others are heard of.
  const bool silently = request.flags & abi::IOSQE_CQE_SKIP_SUCCESS;
  if (request.is(Request::BackendWalked)) {
    if (!breaks || request.is(Request::NoCqe) || request.is(Request::ForceCqe)) return;
    for (uint32_t index = request.next; index != kNone; index = requests_.at(index).next)
      requests_.at(index).marks |= silently ? Request::NoCqe : Request::ForceCqe;
    return;
  }
  if (breaks) return cancel_rest(request.next, silently);
  requests_.at(request.next).state = RequestState::Ready;
  tasks_.push(requests_, request.next);
}

// Timeouts that have seen as many completions as they were told to wait for.
void Engine::check_counted_timeouts() {
  for (size_t i = 0; i < counted_.size();) {
    const Counted counted = counted_[i];
    Request& request = requests_.at(counted.index);
    const bool there = request.generation == counted.generation && request.state == RequestState::InBackend;
    if (there && cq.total() < counted.total) {
      ++i;
      continue;
    }
    counted_.erase(counted_.begin() + static_cast<ptrdiff_t>(i));
    if (!there) continue;
    request.marks |= Request::TimerSatisfied;
    abi::Sqe remove{};
    remove.opcode = abi::IORING_OP_TIMEOUT_REMOVE;
    remove.addr = requests_.token(counted.index);
    send_internal(remove, kNone);
  }
}

[[gnu::hot]] bool Engine::completes_at_once(uint32_t completions) {
  constexpr uint32_t kTrialsApartMax = 1023;
  // Nothing is waited for while CQEs are kept back: whoever drives the ring has to make room first.
  if (cq.has_backlog()) [[unlikely]]
    return false;
  const uint64_t target = cq.total() + completions;
  run_tasks();
  if (cq.total() < target) [[likely]] {
    if (queued_ == 0 || (trial_in_ > 0 && trial_in_-- > 0)) [[unlikely]]
      return false;
    if (queued_ == in_backend_) [[likely]] {
      flush();
    } else {  // what else is under way may have ended, too: then this is one system call for both
      all_started();
      backend->wait(0, {});
    }
    collect();
    run_tasks();
    if (cq.total() >= target) [[likely]]
      trials_apart_ = 0;
    else
      trial_in_ = trials_apart_ = std::min(2 * trials_apart_ + 1, kTrialsApartMax);
  }
  if (queued_ != 0) [[unlikely]]
    flush();
  publish();
  return cq.total() >= target;
}

int Engine::wait(uint32_t completions, const backend::WaitLimits& limits) {
  const uint64_t target = cq.total() + (cq.has_backlog() ? 0 : completions);
  run_tasks();
  const int result = cq.total() >= target ? 0 : sleep(target, limits);
  if (queued_ != 0) flush();
  publish();
  return result;
}

int Engine::sleep(uint64_t target, const backend::WaitLimits& limits) {
  int result = 0;
  while (cq.total() < target) {
    auto missing = static_cast<uint32_t>(target - cq.total());
    // Requests that wait for others of this ring start only when we look.
    if (requests_.live() > in_backend_) missing = 1;
    publish();
    all_started();
    const uint64_t before = cq.total(), timeouts_before = timeouts_ended_;
    const bool watched = presence.get() == Presence::Awake;
    if (watched) presence.set(Presence::Asleep);
    result = backend->wait(missing, limits);
    if (watched) presence.set(Presence::Awake);
    collect();
    run_tasks();
    if (result < 0 || woken_.load(std::memory_order_relaxed)) break;
    if (timeouts_ended_ != timeouts_before) break;
    if (cq.total() == before && queued_ == 0) break;  // woken for nothing: whoever waits may look
  }
  if (woken_.load(std::memory_order_relaxed)) woken_ = false;
  return result;
}

void Engine::poll_backend() {
  run_tasks();
  if (in_backend_ != 0) {
    all_started();
    backend->wait(0, {});
    collect();
    run_tasks();
    if (queued_ != 0) flush();
  }
  publish();
}

[[gnu::hot]] int Engine::flush() {
  const bool is_due = queued_ != 0;
  all_started();
  return is_due ? backend->flush() : 0;
}

[[gnu::hot]] void Engine::flush_overflow() {
  if (!cq.has_backlog()) [[likely]]
    return;
  cq.flush_backlog();
  publish();
}

void Engine::cancel_all() {
  closing_ = true;
  while (!deferred_.empty()) cancel_rest(deferred_.pop(requests_), true);
  deferred_requests_ = 0;
  run_tasks();
  while (in_backend_ != 0) {
    abi::Sqe cancel{};
    cancel.opcode = abi::IORING_OP_ASYNC_CANCEL;
    cancel.fd = -1;
    cancel.op_flags = 1u << 0 | 1u << 2;  // ALL, ANY
    send_internal(cancel, kNone);
    const uint64_t deadline_ns = monotonic_ns() + 10'000'000;
    backend->wait(in_backend_, {.deadline_ns = deadline_ns});
    collect();
    run_tasks();
  }
}

}  // namespace ring3::ring
