// The application's side of a ring: SQEs to write, CQEs to read, in the memory that both share.
//
//   Queues queues = TRY(Queues::open(ring, params));
//   io_uring_sqe* sqe = queues.next_sqe();
//   …                       // fill it in, by hand or with liburing's io_uring_prep_…()
//   queues.submit(1);       // submits, and waits until a CQE is there
//   while (const io_uring_cqe* cqe = queues.cqe()) { …; queues.seen(); }
#pragma once

#include <cstdint>

#include "ring3/error.hpp"
#include "ring3/ring.hpp"

struct io_uring_sqe;
struct io_uring_cqe;

namespace ring3 {

// A view, to be copied at will; the ring must outlive it, but may be moved. Used by one thread at a time.
class Queues {
 public:
  // Of a ring as set up with `params`, as Ring::setup() returned them; sets up its SQ index array. EINVAL: a
  // ring with SQE128, CQE32, mixed sizes or SQ_REWIND.
  static Result<Queues> open(Ring& ring, const io_uring_params& params);

  // A zeroed SQE, submitted by the next submit(). nullptr: the SQ is full, submit first.
  io_uring_sqe* next_sqe();
  // Submits all of them, and with `wait` sleeps until so many CQEs can be read. As io_uring_enter(2): the
  // number taken, or a negative errno. What was not taken stays in the SQ.
  int submit(unsigned wait = 0);

  // The oldest unread CQE, or nullptr; valid until seen(), which gives its slot back.
  const io_uring_cqe* cqe() const;
  void seen();

 private:
  Queues() = default;
  ring::Ring* ring_ = nullptr;
  io_uring_sqe* sqes_ = nullptr;
  const io_uring_cqe* cqes_ = nullptr;
  uint32_t *sq_head_ = nullptr, *sq_tail_ = nullptr, *cq_head_ = nullptr, *cq_tail_ = nullptr;
  uint32_t sq_entries_ = 0, cq_entries_ = 0;
  uint32_t tail_ = 0;  // of the SQEs handed out
};

}  // namespace ring3
