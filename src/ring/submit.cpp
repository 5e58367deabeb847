// SQ → chains. The rules are those that io_uring_enter(2) shows: an SQE that can't be prepared ends the batch
// and is counted in it (SUBMIT_ALL goes on); a chain ends at the first SQE without a link flag or with the
// batch; an SQE that fails inside a chain takes the chain with it.
#include <cerrno>

#include "ring/engine.hpp"

namespace ring3::ring {

namespace {
constexpr uint8_t kLinkFlags = abi::IOSQE_IO_LINK | abi::IOSQE_IO_HARDLINK;

// Requests that must be translated, or counted, before they start (translate.cpp), and those that only follow
// one.
bool names_others(uint8_t opcode) {
  return opcode == abi::IORING_OP_ASYNC_CANCEL || opcode == abi::IORING_OP_POLL_REMOVE ||
         opcode == abi::IORING_OP_TIMEOUT_REMOVE || opcode == abi::IORING_OP_TIMEOUT ||
         opcode == abi::IORING_OP_LINK_TIMEOUT;
}
}  // namespace

Engine::Engine(const Layout& layout_of_ring, Memory ring_memory, std::unique_ptr<backend::Backend> performer)
    : layout(layout_of_ring), memory(std::move(ring_memory)), backend(std::move(performer)) {
  sq.create(layout, memory.rings().data(), memory.sqes().data());
  cq.create(layout, memory.rings().data());
  if (layout.has(abi::IORING_SETUP_SQPOLL)) sq.set_flags(abi::IORING_SQ_NEED_WAKEUP, abi::IORING_SQ_NEED_WAKEUP);
}

[[gnu::hot]] int Engine::submit(uint32_t count) {
  const uint32_t available = sq.begin(count);
  if (available == 0) return 0;
  uint32_t taken = 0;
  while (taken < available) {
    if (nothing_to_wait_for()) [[likely]]
      taken += submit_simple(available - taken);
    if (taken == available) [[likely]]
      break;
    abi::Sqe sqe;
    if (!sq.take(sqe)) [[unlikely]]
      break;
    ++taken;
    if (nothing_to_wait_for() && nop_at_once(sqe)) continue;  // the back-end had no place
    bool two_entries = false;
    const bool goes_on = take_any(sqe, taken == available, two_entries);
    taken += two_entries;
    if (!goes_on) break;
  }
  if (chain_head_ != kNone) [[unlikely]]
    close_chain();
  sq.publish();
  sqes_submitted_ += taken;
  publish();
  return taken == 0 ? -EAGAIN : static_cast<int>(taken);
}

// An SQE that stands alone may start as it is read.
inline bool Engine::nothing_to_wait_for() const { return chain_head_ == kNone && deferred_.empty() && !barrier_; }

// Gives a slot to a request that stands alone and goes to the back-end at once, and makes its SQE the one that the back-end
// is to have. kNone: there is none, and the SQE is as it was.
inline uint32_t Engine::open(abi::Sqe& sqe) {
  const uint32_t index = requests_.allocate();
  if (index == kNone) [[unlikely]]
    return kNone;
  Request& request = requests_.at(index);
  request.start(sqe);
  if (sqe.flags & abi::IOSQE_CQE_SKIP_SUCCESS) [[unlikely]] {  // else there is no chain to break
    request.full = full_transfer(sqe);
    sqe.flags &= ~abi::IOSQE_CQE_SKIP_SUCCESS;
  }
  sqe.user_data = RequestTable::token(index, request);
  if (sqe.opcode == abi::IORING_OP_READ_FIXED || sqe.opcode == abi::IORING_OP_WRITE_FIXED) [[unlikely]]
    redirect(index, sqe);
  return index;
}

// What needs no more than a slot, up to the first SQE that needs more: how many. Each is copied once, to where the back-end
// will have it, and checked there.
inline uint32_t Engine::submit_simple(uint32_t count) {
  backend::Places& places = backend->places;
  uint32_t taken = 0, forwarded = 0;
  for (; taken < count && !places.empty(); ++taken) {
    abi::Sqe& sqe = *places.next;
    if (!sq.peek(sqe)) [[unlikely]]
      break;
    if (is_simple_transfer(sqe)) [[likely]] {
      if (open(sqe) == kNone) [[unlikely]]
        break;
      ++places.next;
      ++forwarded;
    } else if (!nop_at_once(sqe)) {
      break;
    }
    sq.skip();
  }
  handed_over(forwarded);
  return taken;
}

// The path that a benchmark of NOPs takes: nothing to remember, nobody to wait for.
inline bool Engine::nop_at_once(const abi::Sqe& sqe) {
  if (sqe.opcode != abi::IORING_OP_NOP || sqe.flags != 0 || sqe.op_flags != 0 || sqe.ioprio != 0 ||
      sqe.personality != 0 || layout.has(abi::IORING_SETUP_IOPOLL))
    return false;
  cq.post(sqe.user_data, 0, 0);
  if (!counted_.empty()) [[unlikely]]
    check_counted_timeouts();
  return true;
}

// Hands a request that stands alone, names no other and was checked to the back-end. False if there is no slot for it.
inline bool Engine::forward(abi::Sqe& sqe, bool urgent) {
  const uint32_t index = open(sqe);
  if (index == kNone) [[unlikely]]
    return false;
  const int result = backend->queue({&sqe, 1});
  if (result < 0) [[unlikely]] {
    finish(index, result, 0);
    return true;
  }
  handed_over(1);
  urgent_ |= urgent;
  return true;
}

// An SQE of any kind. False: it ends the batch.
bool Engine::take_any(abi::Sqe& sqe, bool is_last, bool& two_entries) {
  const bool known = sqe.opcode < operations().size();
  const Operation& operation = operations()[known ? sqe.opcode : 0];
  const bool alone = !(sqe.flags & (kLinkFlags | abi::IOSQE_IO_DRAIN)) && nothing_to_wait_for();
  if (known && alone && operation.support == Support::Forwarded && !operation.has(kTwoHalves) &&
      !names_others(sqe.opcode) && check(sqe) == 0 && forward(sqe, operation.has(kReadsMemory)))
    return true;
  if (operation.has(kTwoHalves) && layout.has(abi::IORING_SETUP_SQE_MIXED)) {
    two_entries = true;
    if (is_last || !sq.take_second_half()) sqe.opcode = 0xff;  // no operation: refused below
  }
  return take(sqe) == 0 || layout.has(abi::IORING_SETUP_SUBMIT_ALL);
}

// The same of a request that the handler performs: it lives no longer than this call, and takes no slot.
bool Engine::handled_at_once(const abi::Sqe& sqe) const {
  return is_handled(sqe.opcode) && !(sqe.flags & (kLinkFlags | abi::IOSQE_IO_DRAIN)) && nothing_to_wait_for();
}

int Engine::handle_at_once(const abi::Sqe& sqe) {
  Handler* const performer = handler.load(std::memory_order_acquire);
  Handler::Memory own;
  int error = check(sqe);
  if (error == 0) error = performer ? performer->prepare(own, sqe) : -EOPNOTSUPP;
  if (error != 0) {
    cq.post(sqe.user_data, error, 0);
    return error;
  }
  const Outcome outcome = performer->issue(own);
  if (outcome.failed || !(sqe.flags & abi::IOSQE_CQE_SKIP_SUCCESS)) cq.post(sqe.user_data, outcome.res, 0);
  performer->cleanup(own);
  if (!counted_.empty()) [[unlikely]]
    check_counted_timeouts();
  return 0;
}

// What is wrong with an SQE, here and now.
int Engine::check(const abi::Sqe& sqe) {
  if (const int error = check_sqe(sqe, {.setup_flags = layout.flags}); error != 0) return error;
  if (sqe.personality != 0 && !resources.has_personality(sqe.personality)) return -EINVAL;
  // A timer limits the request before it, and no other timer.
  if (sqe.opcode == abi::IORING_OP_LINK_TIMEOUT &&
      (chain_head_ == kNone || requests_.at(chain_last_).opcode == abi::IORING_OP_LINK_TIMEOUT))
    return -EINVAL;
  return 0;
}

// 0, or what ends the batch: an error, or a handler's refusal.
int Engine::take(const abi::Sqe& sqe) {
  if (handled_at_once(sqe)) return handle_at_once(sqe);
  int error = check(sqe);
  const bool linked = sqe.flags & kLinkFlags;
  if (error != 0 && chain_head_ == kNone && !linked) {
    cq.post(sqe.user_data, error, 0);
    return error;
  }
  const uint32_t index = hold(sqe, error);
  if (index == kNone) return -EAGAIN;
  if (error == 0 && is_handled(sqe.opcode)) error = prepare(index, sqe);
  if (chain_head_ == kNone) {
    chain_head_ = index;
  } else {
    requests_.at(chain_last_).next = index;
  }
  chain_last_ = index;
  chain_failed_ |= error != 0;
  if (linked) return 0;  // a chain is read to its end, even if nothing of it will run
  close_chain();
  return error;
}

// 0, or the result that the request fails with.
int Engine::prepare(uint32_t index, const abi::Sqe& sqe) {
  Handler* const performer = handler.load(std::memory_order_acquire);
  const int error = performer ? performer->prepare(requests_.memory(index), sqe) : -EOPNOTSUPP;
  Request& request = requests_.at(index);
  request.marks |= error ? Request::Failed : Request::Prepared;
  request.res = error;
  if (error) request.full = kAlwaysShort;
  return error;
}

uint32_t Engine::hold(const abi::Sqe& sqe, int error) {
  const uint32_t index = requests_.allocate();
  if (index == kNone) return kNone;
  Request& request = requests_.at(index);
  request.user_data = sqe.user_data;
  request.next = kNone;
  request.res = error;
  request.opcode = sqe.opcode;
  request.flags = sqe.flags;
  request.state = RequestState::Held;
  request.marks = error ? Request::Failed : 0;
  request.full = error ? 0 : full_transfer(sqe);
  requests_.sqe(index) = sqe;
  if (error == 0 && operations()[sqe.opcode].has(kReadsMemory)) urgent_ = true;
  return index;
}

// The chain that was read is complete: it starts, or fails as a whole.
void Engine::close_chain() {
  const uint32_t head = chain_head_;
  const bool failed = chain_failed_;
  requests_.at(chain_last_).flags &= ~kLinkFlags;
  chain_head_ = chain_last_ = kNone;
  chain_failed_ = false;
  if (!failed) return dispatch(head);
  // Each answers with its own error, the others with -ECANCELED; the head at once, the rest after the
  // submission.
  Request& first = requests_.at(head);
  const uint32_t rest = first.next;
  first.next = kNone;
  for (uint32_t index = rest; index != kNone;) {
    Request& request = requests_.at(index);
    const uint32_t next = request.next;
    request.next = kNone;
    if (!request.is(Request::Failed)) request.res = -ECANCELED;
    // The head decides whether the others are heard of.
    request.marks |= first.flags & abi::IOSQE_CQE_SKIP_SUCCESS ? Request::NoCqe : Request::ForceCqe;
    request.state = RequestState::Finished;
    tasks_.push(requests_, index);
    index = next;
  }
  first.marks |= Request::ForceCqe;
  finish(head, first.is(Request::Failed) ? first.res : -ECANCELED, 0);
}

}  // namespace ring3::ring
