// The ring's side of IORING_OP_BPF, with a handler that knows nothing of BPF: who is called when, with whose
// memory.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "ring/ring.hpp"
#include "seed.hpp"
#include "subject.hpp"

namespace ring3::test {
namespace {

using namespace abi;

// Keeps a number in each request's memory, and finds it again. The SQE's `len` says how issue ends: odd
// fails.
class Counting final : public ring::Handler {
 public:
  int prepare(Memory& memory, const Sqe& sqe) override {
    if (sqe.addr3 == 1) return -EPERM;
    const Content content{++prepared, sqe.user_data, sqe.len, &memory};
    std::memcpy(memory.bytes, &content, sizeof content);
    alive++;
    return 0;
  }
  ring::Outcome issue(Memory& memory) override {
    const Content content = look(memory);
    issued++;
    return {.res = static_cast<int32_t>(content.len & 0xff), .failed = (content.len & 1) != 0};
  }
  void cleanup(Memory& memory) override {
    look(memory);
    std::memset(memory.bytes, 0xaa, sizeof memory.bytes);
    alive--;
    cleaned++;
  }
  void ring_gone() override { gone++; }

  uint64_t prepared = 0, issued = 0, cleaned = 0, alive = 0, wrong = 0;
  int gone = 0;

 private:
  struct Content {
    uint64_t number, user_data;
    uint32_t len;
    Memory* where;
  };
  Content look(Memory& memory) {
    Content content;
    std::memcpy(&content, memory.bytes, sizeof content);
    if (content.where != &memory || content.number == 0 || content.number > prepared) wrong++;
    return content;
  }
};

std::unique_ptr<ring::Ring> make_ring(uint32_t flags, BackendKind kind = BackendKind::Threads) {
  Params params{.flags = flags};
  auto ring = ring::Ring::create(32, params, kind);
  return ring ? std::move(*ring) : nullptr;
}

void push(ring::Ring& ring, const Sqe& sqe) {
  auto* const tail = reinterpret_cast<uint32_t*>(ring.sq_ring() + 4);
  reinterpret_cast<Sqe*>(ring.sqes())[*tail & 31] = sqe;
  __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
}

void make_room(ring::Ring& ring) {
  auto* const words = reinterpret_cast<uint32_t*>(ring.sq_ring());
  __atomic_store_n(words + 2, words[3], __ATOMIC_RELEASE);
}

TEST(RingHandler, OneForARingThatWasSetUpForIt) {
  const auto plain = make_ring(0), extended = make_ring(IORING_SETUP_BPF_EXT);
  const auto handler = std::make_shared<Counting>();
  EXPECT_EQ(plain->set_handler(handler), -EINVAL);
  EXPECT_EQ(plain->handler(), nullptr);
  EXPECT_EQ(extended->set_handler(handler), 0);
  EXPECT_EQ(extended->set_handler(std::make_shared<Counting>()), -EBUSY);
  EXPECT_EQ(extended->handler(), handler);
}

TEST(RingHandler, HearsOfTheRingsEnd) {
  const auto handler = std::make_shared<Counting>();
  auto ring = make_ring(IORING_SETUP_BPF_EXT);
  ASSERT_EQ(ring->set_handler(handler), 0);
  ring.reset();
  EXPECT_EQ(handler->gone, 1);
}

// Whatever chains are made of, whatever is full and however the ring ends: what was prepared is cleaned up
// once, and has its own memory until then.
TEST(RingHandler, WhatIsPreparedIsCleanedUpOnce) {
  const unsigned seed = seed_of_run();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  static char buffer[64];
  static const Timespec soon{0, 100'000};
  constexpr uint8_t kOpcodes[] = {
      IORING_OP_NOP,          IORING_OP_BPF,     IORING_OP_BPF, IORING_OP_BPF,          IORING_OP_READ,
      IORING_OP_ASYNC_CANCEL, IORING_OP_TIMEOUT, 255,           IORING_OP_LINK_TIMEOUT, IORING_OP_BPF};
  constexpr uint32_t kFlags = IOSQE_IO_LINK | IOSQE_IO_HARDLINK | IOSQE_ASYNC | IOSQE_CQE_SKIP_SUCCESS;
  uint64_t issued = 0;
  for (const BackendKind kind : {BackendKind::Host, BackendKind::Threads})
    for (int round = 0; round < 100; round++) {
      const uint32_t flags = IORING_SETUP_BPF_EXT | IORING_SETUP_NO_SQARRAY | (random() % 2 ? kDefer : 0) |
                             (random() % 2 ? uint32_t{IORING_SETUP_SUBMIT_ALL} : 0);
      auto ring = make_ring(flags, kind);
      if (!ring) break;  // no io_uring on this machine
      const auto handler = std::make_shared<Counting>();
      ASSERT_EQ(ring->set_handler(handler), 0);
      for (int turn = 0; turn < 10; turn++) {
        const unsigned count = random() % 24;
        for (unsigned i = 0; i < count; i++) {
          Sqe sqe{.opcode = kOpcodes[random() % std::size(kOpcodes)],
                  .flags = static_cast<uint8_t>(random() & random() & kFlags),
                  .fd = -1,
                  .addr = random() % 16,
                  .len = static_cast<uint32_t>(random()),
                  .user_data = random() % 16,
                  .addr3 = random() % 8 == 0 ? 1u : 0u};
          if (random() % 40 == 0) sqe.flags |= IOSQE_IO_DRAIN;
          if (sqe.opcode != IORING_OP_BPF) sqe.len = 0, sqe.addr3 = 0;
          if (sqe.opcode == IORING_OP_READ) sqe.addr = reinterpret_cast<uint64_t>(buffer);
          if (sqe.opcode == IORING_OP_TIMEOUT || sqe.opcode == IORING_OP_LINK_TIMEOUT)
            sqe.addr = reinterpret_cast<uint64_t>(&soon), sqe.len = 1;
          push(*ring, sqe);
        }
        ring->enter(32, 0, random() % 2 ? uint32_t{IORING_ENTER_GETEVENTS} : 0u, nullptr, 0);
        if (random() % 2) make_room(*ring);
      }
      ring.reset();
      issued += handler->issued;
      EXPECT_EQ(handler->alive, 0u);
      EXPECT_EQ(handler->prepared, handler->cleaned);
      EXPECT_LE(handler->issued, handler->prepared);
      EXPECT_EQ(handler->wrong, 0u);
      EXPECT_EQ(handler->gone, 1);
    }
  EXPECT_GT(issued, 500u) << "little was tried";
}

}  // namespace
}  // namespace ring3::test
