// Chains → whoever performs them. A chain that holds an operation of ours is walked by the ring, one request after the
// other; any other goes to the back-end whole, so that the kernel walks it without us. Drains are ours: everything
// submitted behind one waits in a queue until all that came before is complete.
#include <cerrno>

#include "ring/engine.hpp"

namespace ring3::ring {

namespace {

constexpr uint8_t kLinkFlags = abi::IOSQE_IO_LINK | abi::IOSQE_IO_HARDLINK;
// What the ring does itself, and the back-end must not see.
constexpr uint8_t kOurFlags = abi::IOSQE_IO_DRAIN | abi::IOSQE_CQE_SKIP_SUCCESS;

bool is_ours(uint8_t opcode) {
  const Support support = operations()[opcode].support;
  return support == Support::Inline || support == Support::Handled;
}

int32_t nop_result(const abi::Sqe& sqe) {
  return sqe.op_flags & abi::IORING_NOP_INJECT_RESULT ? static_cast<int32_t>(sqe.len) : 0;
}

}  // namespace

void Engine::dispatch(uint32_t head) {
  bool drain = false;
  uint32_t count = 0;
  for (uint32_t index = head; index != kNone; index = requests_.at(index).next) {
    drain |= requests_.at(index).flags & abi::IOSQE_IO_DRAIN;
    ++count;
  }
  if (!drain && deferred_.empty() && !barrier_) [[likely]]
    return start_chain(head);
  if (drain) requests_.at(head).flags |= abi::IOSQE_IO_DRAIN;
  deferred_.push(requests_, head);
  deferred_requests_ += count;
  start_deferred();
}

// Starts what waits for a drain as far as it may: a drained chain alone, others up to the next drained one.
void Engine::start_deferred() {
  while (!deferred_.empty()) {
    const uint32_t head = deferred_.front();
    const bool busy = requests_.live() > deferred_requests_;
    if (!busy) barrier_ = false;
    const bool drain = requests_.at(head).flags & abi::IOSQE_IO_DRAIN;
    if (busy && (drain || barrier_)) return;
    deferred_.pop(requests_);
    for (uint32_t index = head; index != kNone; index = requests_.at(index).next) --deferred_requests_;
    barrier_ = drain;
    start_chain(head);
  }
  if (requests_.live() == 0) barrier_ = false;
}

// True if no request of the chain is ours, and what the back-end would do with the chain is what the ring would.
bool Engine::walked_by_backend(uint32_t head) {
  if (requests_.at(head).next == kNone) return false;
  for (uint32_t index = head; index != kNone; index = requests_.at(index).next) {
    const Request& request = requests_.at(index);
    if (is_ours(request.opcode)) return false;
    // Those that name others must be translated when they start, not before; and a timeout of a link may complete
    // before the request that it limits, so the ring keeps the pair apart from the rest of its chain.
    if (request.opcode == abi::IORING_OP_LINK_TIMEOUT || request.opcode == abi::IORING_OP_ASYNC_CANCEL || request.opcode == abi::IORING_OP_POLL_REMOVE ||
        request.opcode == abi::IORING_OP_TIMEOUT_REMOVE ||
        (request.opcode == abi::IORING_OP_TIMEOUT && requests_.sqe(index).off != 0))
      return false;
  }
  return true;
}

void Engine::start_chain(uint32_t head) {
  if (!walked_by_backend(head)) return start(head);
  members_.clear();
  for (uint32_t index = head; index != kNone; index = requests_.at(index).next) {
    requests_.at(index).marks |= Request::BackendWalked;
    members_.push_back(index);
  }
  hand_over(members_);
}

// Starts one request of a chain that the ring walks.
void Engine::start(uint32_t index) {
  Request& request = requests_.at(index);
  if (closing_) return finish(index, -ECANCELED, 0);
  if (request.opcode == abi::IORING_OP_NOP || request.opcode == abi::IORING_OP_NOP128) {
    const abi::Sqe& sqe = requests_.sqe(index);
    if (sqe.op_flags & ~abi::IORING_NOP_INJECT_RESULT) return finish(index, -EINVAL, 0);
    return finish(index, nop_result(sqe), 0);
  }
  if (is_handled(request.opcode)) return issue(index);
  if (request.opcode == abi::IORING_OP_LINK_TIMEOUT) {
    // Its predecessor was ours, and is complete: nothing is left to limit.
    request.res = -ECANCELED;
    const uint32_t next = request.next;
    request.next = kNone;
    finish(index, -ECANCELED, 0);
    if (next != kNone) {
      requests_.at(next).state = RequestState::Ready;
      tasks_.push(requests_, next);
    }
    return;
  }
  const uint32_t successor = request.next;
  if (successor != kNone && requests_.at(successor).opcode == abi::IORING_OP_LINK_TIMEOUT) {
    // The pair goes together; the chain goes on behind the timeout.
    Request& timeout = requests_.at(successor);
    request.next = timeout.next;
    timeout.next = kNone;
    const uint32_t pair[] = {index, successor};
    return hand_over(pair);
  }
  hand_over({&index, 1});
}

void Engine::issue(uint32_t index) {
  const Outcome outcome = handler.load(std::memory_order_relaxed)->issue(requests_.memory(index));
  if (outcome.failed) requests_.at(index).full = kAlwaysShort;
  finish(index, outcome.res, 0);
}

void Engine::hand_over(std::span<const uint32_t> chain) {
  handover_.clear();
  for (size_t i = 0; i < chain.size(); ++i) {
    abi::Sqe sqe = requests_.sqe(chain[i]);
    sqe.user_data = requests_.token(chain[i]);
    sqe.flags &= ~kOurFlags;
    // The pair of a request and its timeout is a chain of its own; a chain that goes whole keeps its links.
    const bool last = i + 1 == chain.size();
    if (last)
      sqe.flags &= ~kLinkFlags;
    else if (!requests_.at(chain[i]).is(Request::BackendWalked))
      sqe.flags = (sqe.flags & ~kLinkFlags) | abi::IOSQE_IO_LINK;
    if (chain.size() == 1 && !translate(chain[i], sqe)) return;
    redirect(chain[i], sqe);
    handover_.push_back(sqe);
  }
  const int result = backend->queue(handover_);
  if (result < 0) {
    // Nothing of it was taken: the first answers with the reason, the rest is cancelled.
    for (uint32_t index : chain) requests_.at(index).marks &= ~Request::BackendWalked;
    if (chain.size() == 2 && requests_.at(chain[0]).next != chain[1]) {  // a request and its timeout
      requests_.at(chain[1]).next = requests_.at(chain[0]).next;
      requests_.at(chain[0]).next = chain[1];
    }
    requests_.at(chain[0]).flags = (requests_.at(chain[0]).flags & ~kLinkFlags) | abi::IOSQE_IO_LINK;
    return finish(chain[0], result, 0);
  }
  for (uint32_t index : chain) requests_.at(index).state = RequestState::InBackend;
  handed_over(static_cast<uint32_t>(chain.size()));
}

// -ECANCELED for the rest of a chain that broke.
void Engine::cancel_rest(uint32_t first, bool silently) {
  for (uint32_t index = first; index != kNone;) {
    Request& request = requests_.at(index);
    const uint32_t next = request.next;
    request.next = kNone;
    request.res = -ECANCELED;
    request.marks |= silently ? Request::NoCqe : Request::ForceCqe;
    request.state = RequestState::Finished;
    tasks_.push(requests_, index);
    index = next;
  }
}

// What became possible since: successors, cancelled requests, and what waited for a drain.
void Engine::run_all_tasks() {
  for (;;) {
    if (!tasks_.empty()) {
      const uint32_t index = tasks_.pop(requests_);
      const Request& request = requests_.at(index);
      if (request.state == RequestState::Ready)
        start(index);
      else
        finish(index, request.res, 0);
    } else if (!deferred_.empty()) {
      const uint32_t before = deferred_requests_;
      start_deferred();
      if (tasks_.empty() && deferred_requests_ == before) return;
    } else {
      if (barrier_ && requests_.live() == 0) barrier_ = false;
      return;
    }
  }
}

}  // namespace ring3::ring
