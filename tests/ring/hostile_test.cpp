// The memory of a ring is the application's to overwrite, at any time and with anything.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <random>
#include <thread>

#include "subject.hpp"
#include "seed.hpp"

namespace ring3::test {
namespace {

using namespace abi;

// SQEs that can do no harm, whatever is in their other fields: no memory is named that is not the test's.
Sqe random_sqe(std::mt19937& random) {
  static char buffer[64];
  constexpr uint8_t kOpcodes[] = {IORING_OP_NOP,         IORING_OP_NOP,          IORING_OP_READ,
                                  IORING_OP_POLL_REMOVE, IORING_OP_ASYNC_CANCEL, IORING_OP_TIMEOUT_REMOVE,
                                  IORING_OP_FSYNC,       IORING_OP_LINK_TIMEOUT, IORING_OP_BPF,
                                  IORING_OP_NOP128,      IORING_OP_URING_CMD128, 255};
  static const Timespec soon{0, 1000};
  Sqe sqe{.opcode = kOpcodes[random() % std::size(kOpcodes)],
          .flags = static_cast<uint8_t>(random() & random()),
          .ioprio = static_cast<uint16_t>(random() % 8 ? 0 : random()),
          .fd = -1,
          .off = random() % 4 ? 0 : random(),
          .addr = random() % 16,
          .len = random() % 4 ? 0 : static_cast<uint32_t>(random()),
          .op_flags = random() % 2 ? 0 : static_cast<uint32_t>(random() % 64),
          .user_data = random() % 16,
          .personality = static_cast<uint16_t>(random() % 8 ? 0 : random())};
  if (sqe.opcode == IORING_OP_READ) sqe.addr = reinterpret_cast<uint64_t>(buffer), sqe.len = sizeof buffer;
  if (sqe.opcode == IORING_OP_LINK_TIMEOUT) sqe.addr = reinterpret_cast<uint64_t>(&soon), sqe.len = 1;
  return sqe;
}

void store(uint32_t& word, uint32_t value) { __atomic_store_n(&word, value, __ATOMIC_RELAXED); }

void make_room(Subject& subject) {
  const Params& p = subject.params();
  store(subject.word(p.cq_off.head), __atomic_load_n(&subject.word(p.cq_off.tail), __ATOMIC_RELAXED));
}

void scribble(Subject& subject, std::mt19937& random, unsigned times) {
  const Params& p = subject.params();
  const uint32_t words[] = {p.sq_off.head,         p.sq_off.tail,         p.cq_off.head,
                            p.cq_off.tail,         p.sq_off.ring_mask,    p.cq_off.ring_mask,
                            p.sq_off.ring_entries, p.cq_off.ring_entries, p.sq_off.flags,
                            p.sq_off.dropped,      p.cq_off.flags,        p.cq_off.overflow};
  for (unsigned i = 0; i < times; ++i) {
    const uint32_t offset =
        random() % 3 ? words[random() % std::size(words)] : p.sq_off.array + 4 * (random() % p.sq_entries);
    const uint32_t value =
        random() % 2 ? static_cast<uint32_t>(random()) : static_cast<uint32_t>(random() % 32);
    store(subject.word(offset), value);
  }
}

TEST(RingHostile, WordsAndEntriesOverwrittenBetweenTurns) {
  const unsigned seed = ring3::test::seed_of_run();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  for (const Who who : {Who::Host, Who::Threads}) {
    for (const uint32_t flags :
         {0u, kDefer, kDefer | IORING_SETUP_NO_SQARRAY | IORING_SETUP_SQ_REWIND,
          kDefer | IORING_SETUP_SQE_MIXED | IORING_SETUP_CQE_MIXED,
          kDefer | IORING_SETUP_SQE128 | IORING_SETUP_CQE32 | IORING_SETUP_SUBMIT_ALL}) {
      int error = 0;
      const auto subject = Subject::create(who, 8, {.flags = flags}, &error);
      ASSERT_TRUE(subject) << error;
      for (int turn = 0; turn < 400; ++turn) {
        if (turn % 8 == 0) make_room(*subject);
        for (uint32_t i = 0; i < 8; ++i) subject->slot(i) = random_sqe(random);
        scribble(*subject, random, 6);
        const Timespec none{0, 0};
        const GeteventsArg argument{.ts = reinterpret_cast<uint64_t>(&none)};
        const unsigned to_submit = random() % 12;
        const int result =
            subject->enter(to_submit, random() % 4, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &argument,
                           sizeof argument);
        ASSERT_TRUE((result >= 0 && result <= 8) || result == -EAGAIN || result == -ETIME) << result;
      }
    }
  }
}

// Another thread overwrites while the ring reads. (Races with the ring are the application's own: the writes
// are atomic here only to keep the thread sanitizer to what is ours.)
TEST(RingHostile, OverwrittenDuringTurns) {
  const unsigned seed = ring3::test::seed_of_run();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  for (const Who who : {Who::Host, Who::Threads}) {
    const auto subject = Subject::create(who, 8, {.flags = kDefer});
    ASSERT_TRUE(subject);
    for (uint32_t i = 0; i < 8; ++i) subject->slot(i) = nop(i);
    std::atomic<bool> stop = false;
    std::thread other([&] {
      std::mt19937 random(seed);
      while (!stop) scribble(*subject, random, 16);
    });
    uint64_t taken = 0;
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(150);
    while (std::chrono::steady_clock::now() < end) {
      store(subject->word(subject->params().sq_off.array), 0);
      const int result = subject->enter(8, 0, IORING_ENTER_GETEVENTS);
      if ((result < 0 || result > 8) && result != -EAGAIN) ADD_FAILURE() << result;
      taken += result > 0 ? static_cast<uint64_t>(result) : 0;
      make_room(*subject);
    }
    EXPECT_GT(taken, 0u);
    stop = true;
    other.join();
  }
}

}  // namespace
}  // namespace ring3::test
