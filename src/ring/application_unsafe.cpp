// ring3::Queues: lays <linux/io_uring.h>'s structures over the ring's memory, as liburing does.
#include <cerrno>
#include <cstring>

#include "abi/io_uring.hpp"
#include "base/error.hpp"
#include "ring/ring.hpp"
#include "ring3/queues.hpp"

namespace ring3 {

Result<Queues> Queues::open(Ring& ring, const io_uring_params& params) {
  constexpr uint32_t kOthers = abi::IORING_SETUP_SQE128 | abi::IORING_SETUP_CQE32 |
                               abi::IORING_SETUP_SQE_MIXED | abi::IORING_SETUP_CQE_MIXED |
                               abi::IORING_SETUP_SQ_REWIND;
  const auto& layout = reinterpret_cast<const abi::Params&>(params);
  if (layout.flags & kOthers)
    return fail(EINVAL, "queues", "a ring with entries of other sizes, or with SQ_REWIND (flags {:#x})",
                layout.flags);
  std::byte* const rings = ring.sq_ring();
  const auto word = [&](uint32_t offset) { return reinterpret_cast<uint32_t*>(rings + offset); };
  Queues queues;
  queues.ring_ = &ring.engine();
  queues.sqes_ = reinterpret_cast<io_uring_sqe*>(ring.sqes());
  queues.cqes_ = reinterpret_cast<const io_uring_cqe*>(rings + layout.cq_off.cqes);
  queues.sq_head_ = word(layout.sq_off.head);
  queues.sq_tail_ = word(layout.sq_off.tail);
  queues.cq_head_ = word(layout.cq_off.head);
  queues.cq_tail_ = word(layout.cq_off.tail);
  queues.sq_entries_ = layout.sq_entries;
  queues.cq_entries_ = layout.cq_entries;
  queues.tail_ = *queues.sq_tail_;
  if (!(layout.flags & abi::IORING_SETUP_NO_SQARRAY))
    for (uint32_t slot = 0; slot < layout.sq_entries; ++slot) word(layout.sq_off.array)[slot] = slot;
  return queues;
}

io_uring_sqe* Queues::next_sqe() {
  if (tail_ - __atomic_load_n(sq_head_, __ATOMIC_ACQUIRE) >= sq_entries_) return nullptr;
  auto* const sqe = reinterpret_cast<abi::Sqe*>(sqes_) + (tail_++ & (sq_entries_ - 1));
  std::memset(sqe, 0, sizeof *sqe);
  return reinterpret_cast<io_uring_sqe*>(sqe);
}

int Queues::submit(unsigned wait) {
  __atomic_store_n(sq_tail_, tail_, __ATOMIC_RELEASE);
  const uint32_t count = tail_ - __atomic_load_n(sq_head_, __ATOMIC_RELAXED);
  return ring_->enter(count, wait, wait ? uint32_t{abi::IORING_ENTER_GETEVENTS} : 0u, nullptr, 0);
}

const io_uring_cqe* Queues::cqe() const {
  const uint32_t head = *cq_head_;
  if (head == __atomic_load_n(cq_tail_, __ATOMIC_ACQUIRE)) return nullptr;
  const auto* const cqes = reinterpret_cast<const abi::Cqe*>(cqes_);
  return reinterpret_cast<const io_uring_cqe*>(cqes + (head & (cq_entries_ - 1)));
}

void Queues::seen() { __atomic_store_n(cq_head_, *cq_head_ + 1, __ATOMIC_RELEASE); }

}  // namespace ring3
