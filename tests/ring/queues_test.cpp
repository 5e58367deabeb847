// The application's view of a ring: ring3::Queues.
#include "ring3/queues.hpp"

#include <gtest/gtest.h>
#include <linux/io_uring.h>

namespace ring3::test {
namespace {

constexpr uint32_t kNoSqArray = 1u << 16;  // newer than some <linux/io_uring.h>

Result<Ring> make_ring(io_uring_params& params) { return Ring::setup(4, params, BackendKind::Threads); }

TEST(Queues, RequestsComeBackInOrderRoundAndRound) {
  for (const uint32_t flags : {0u, kNoSqArray}) {
    io_uring_params params{};
    params.flags = flags;
    auto ring = make_ring(params);
    ASSERT_TRUE(ring.has_value());
    auto queues = Queues::open(*ring, params);
    ASSERT_TRUE(queues.has_value());
    uint64_t submitted = 0, seen = 0;
    for (int round = 0; round < 10; round++) {
      for (int i = 0; i < 3; i++) {
        io_uring_sqe* sqe = queues->next_sqe();
        ASSERT_NE(sqe, nullptr);
        EXPECT_EQ(sqe->user_data, 0u) << "zeroed";
        sqe->user_data = ++submitted;
      }
      ASSERT_EQ(queues->submit(3), 3);
      while (const io_uring_cqe* cqe = queues->cqe()) {
        EXPECT_EQ(cqe->user_data, ++seen);
        queues->seen();
      }
    }
    EXPECT_EQ(seen, submitted);
  }
}

TEST(Queues, AFullQueueSaysSo) {
  io_uring_params params{};
  auto ring = make_ring(params);
  ASSERT_TRUE(ring.has_value());
  auto queues = Queues::open(*ring, params);
  ASSERT_TRUE(queues.has_value());
  for (int i = 0; i < 4; i++) EXPECT_NE(queues->next_sqe(), nullptr);
  EXPECT_EQ(queues->next_sqe(), nullptr);
  EXPECT_EQ(queues->submit(), 4);
  EXPECT_NE(queues->next_sqe(), nullptr);
}

TEST(Queues, WhatAnErrorLeftInTheQueueIsSubmittedNext) {
  io_uring_params params{};
  auto ring = make_ring(params);
  ASSERT_TRUE(ring.has_value());
  auto queues = Queues::open(*ring, params);
  ASSERT_TRUE(queues.has_value());
  queues->next_sqe()->opcode = 200;  // ends the batch
  queues->next_sqe()->user_data = 2;
  EXPECT_EQ(queues->submit(), 1);
  EXPECT_EQ(queues->submit(), 1);
  ASSERT_NE(queues->cqe(), nullptr);
  EXPECT_EQ(queues->cqe()->res, -EINVAL);
  queues->seen();
  ASSERT_NE(queues->cqe(), nullptr);
  EXPECT_EQ(queues->cqe()->user_data, 2u);
}

TEST(Queues, EntriesOfOtherSizesAreRefused) {
  for (const uint32_t flags : {uint32_t{IORING_SETUP_SQE128}, uint32_t{IORING_SETUP_CQE32}}) {
    io_uring_params params{};
    params.flags = flags;
    auto ring = make_ring(params);
    ASSERT_TRUE(ring.has_value());
    auto queues = Queues::open(*ring, params);
    ASSERT_FALSE(queues.has_value());
    EXPECT_EQ(queues.error().code, EINVAL);
  }
}

}  // namespace
}  // namespace ring3::test
