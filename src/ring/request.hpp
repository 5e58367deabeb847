// The requests that live: one slot each, from submission to the last completion. What the back-end knows of a request
// is its token (slot and generation), so a completion that comes twice, or for nobody, is noticed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "abi/io_uring.hpp"
#include "ring/handler.hpp"

namespace ring3::ring {

inline constexpr uint32_t kNone = ~0u;  // no slot

enum class RequestState : uint8_t {
  Free,
  Held,       // the ring keeps the SQE: its chain is being read, waits for a drain, or has not come to it
  Ready,      // in the task queue, to be started
  Finished,   // in the task queue, to be completed with `res`
  InBackend,  // the back-end has it
};

struct Request {
  enum Mark : uint8_t {
    Failed = 1,          // `res` was decided before the request could start
    BackendWalked = 2,   // its chain went to the back-end whole
    NoCqe = 4,           // completes silently, whatever the result
    ForceCqe = 8,        // completes visibly, whatever its flags say
    Internal = 16,       // the ring's own, nobody asked for it
    ChainDone = 32,      // its successor was already released (zero-copy sends complete twice)
    TimerSatisfied = 64, // a TIMEOUT whose count was reached
    Prepared = 128,      // its handler has to be told of its end
  };

  uint64_t user_data = 0;
  uint32_t generation = 1;
  uint32_t next = kNone;       // in its chain, or in the free list
  uint32_t task_next = kNone;  // in the task queue or the drain queue
  int32_t res = 0;
  uint32_t full = 0;  // the result below which a transfer is short, and breaks its chain
  uint8_t opcode = 0;
  uint8_t flags = 0;  // IOSQE_*
  RequestState state = RequestState::Free;
  uint8_t marks = 0;

  // Stands alone and goes to the back-end at once.
  void start(const abi::Sqe& sqe) {
    user_data = sqe.user_data;
    next = kNone;
    full = 0;
    opcode = sqe.opcode;
    flags = sqe.flags;
    state = RequestState::InBackend;
    marks = 0;
  }

  bool is(Mark mark) const { return marks & mark; }
  // Its result is posted, and that is all.
  bool is_plain() const {
    return marks == 0 && next == kNone && !(flags & abi::IOSQE_CQE_SKIP_SUCCESS) && opcode != abi::IORING_OP_TIMEOUT;
  }
};
static_assert(sizeof(Request) == 32);

// Grows by chunks that never move.
class RequestTable {
 public:
  // A slot, or kNone if there is no memory.
  uint32_t allocate() {
    if (free_ == kNone) [[unlikely]] {
      if (!grow()) return kNone;
    }
    const uint32_t index = free_;
    free_ = at(index).next;
    ++live_;
    return index;
  }

  void release(uint32_t index) { release(index, at(index)); }
  // The same, of a slot that is at hand.
  void release(uint32_t index, Request& request) {
    ++request.generation;
    request.state = RequestState::Free;
    request.next = free_;
    free_ = index;
    --live_;
  }

  Request& at(uint32_t index) { return chunks_[index / kChunk]->requests[index % kChunk]; }
  // Where the SQE of a Held or Ready request is kept, unless its handler prepared it.
  abi::Sqe& sqe(uint32_t index) { return place(index).sqe; }
  // Of a request that its handler prepares, or has prepared.
  Handler::Memory& memory(uint32_t index) { return place(index).memory; }

  uint64_t token(uint32_t index) { return token(index, at(index)); }
  static uint64_t token(uint32_t index, const Request& request) { return uint64_t{request.generation} << 32 | index; }
  // The slot that a token names, or nullptr if it is not with the back-end.
  Request* find(uint64_t token) {
    const auto index = static_cast<uint32_t>(token);
    if (index >= capacity_) return nullptr;
    Request& request = at(index);
    return request.generation == token >> 32 && request.state == RequestState::InBackend ? &request : nullptr;
  }

  uint32_t live() const { return live_; }
  uint32_t capacity() const { return capacity_; }

 private:
  static constexpr uint32_t kChunk = 256;
  // Once prepared, an SQE is not needed any more.
  union Place {
    abi::Sqe sqe;
    Handler::Memory memory;
  };
  struct Chunk {
    Request requests[kChunk];
    Place places[kChunk];
  };
  Place& place(uint32_t index) { return chunks_[index / kChunk]->places[index % kChunk]; }
  bool grow();

  std::vector<std::unique_ptr<Chunk>> chunks_;
  uint32_t free_ = kNone, capacity_ = 0, live_ = 0;
};

// A queue of requests, threaded through task_next.
class RequestQueue {
 public:
  bool empty() const { return first_ == kNone; }
  uint32_t front() const { return first_; }
  void push(RequestTable& table, uint32_t index) {
    table.at(index).task_next = kNone;
    if (first_ == kNone)
      first_ = index;
    else
      table.at(last_).task_next = index;
    last_ = index;
  }
  uint32_t pop(RequestTable& table) {
    const uint32_t index = first_;
    first_ = table.at(index).task_next;
    return index;
  }

 private:
  uint32_t first_ = kNone, last_ = kNone;
};

}  // namespace ring3::ring
