// inject: what the application sees of a chain whose requests it fails or shortens.
#include <algorithm>
#include <map>

#include "harness.hpp"

namespace ring3::test {
namespace {

constexpr int kLength = 1000;

class InjectTest : public ProgramTest {
 protected:
  void SetUp() override {
    ProgramTest::SetUp();
    if (IsSkipped()) return;
    ASSERT_EQ(pipe(pipe_), 0);
  }
  void TearDown() override {
    close(pipe_[0]);
    close(pipe_[1]);
  }

  // A write (user_data 1) with inject behind it, and a NOP (2) linked behind both.
  void push(ProgramRing& ring, int fd) {
    io_uring_sqe* sqe = ring.queues().next_sqe();
    io_uring_prep_write(sqe, fd, data_, kLength, 0);
    sqe->flags = IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = 1;
    sqe = ring.queues().next_sqe();
    io_uring_prep_bpf(sqe, ring.id(), 0, nullptr, 0);
    sqe->off = kLength;
    sqe->flags = IOSQE_IO_LINK;
    sqe->user_data = 1;
    sqe = ring.queues().next_sqe();
    io_uring_prep_nop(sqe);
    sqe->user_data = 2;
  }
  std::map<uint64_t, int> run(ProgramRing& ring, int fd, unsigned wait) {
    push(ring, fd);
    EXPECT_EQ(ring.queues().submit(wait), 3);
    std::map<uint64_t, int> results;
    while (const io_uring_cqe* cqe = ring.queues().cqe()) {
      EXPECT_FALSE(results.contains(cqe->user_data)) << "two CQEs for one request";
      results[cqe->user_data] = cqe->res;
      ring.queues().seen();
    }
    return results;
  }
  void set(Module& module, uint32_t fail_ppm, uint32_t short_ppm, uint64_t seed = 0) {
    *must(module.as<uint32_t>("fail_ppm")) = fail_ppm;
    *must(module.as<uint32_t>("short_ppm")) = short_ppm;
    *must(module.as<uint64_t>("seed")) = seed;
  }
  int null() {
    static const int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    return fd;
  }

  int pipe_[2];
  char data_[kLength] = {};
};

using Results = std::map<uint64_t, int>;

TEST_P(InjectTest, NothingInjectedNothingSeen) {
  ProgramRing ring(GetParam());
  set(ring.attach("inject", true), 0, 0);
  EXPECT_EQ(run(ring, null(), 2), (Results{{1, kLength}, {2, 0}}));
}

TEST_P(InjectTest, AFailureBreaksTheChain) {
  ProgramRing ring(GetParam());
  Module& module = ring.attach("inject");
  set(module, 1'000'000, 0);
  EXPECT_EQ(run(ring, null(), 2), (Results{{1, -EIO}, {2, -ECANCELED}}));
  *must(module.as<int32_t>("error")) = ENOSPC;
  EXPECT_EQ(run(ring, null(), 2), (Results{{1, -ENOSPC}, {2, -ECANCELED}}));
  EXPECT_EQ(*must(module.as<uint64_t>("failures")), 2u);
  EXPECT_EQ(*must(module.as<uint64_t>("shortages")), 0u);
}

TEST_P(InjectTest, AShortResultBreaksTheChain) {
  ProgramRing ring(GetParam());
  Module& module = ring.attach("inject");
  set(module, 0, 1'000'000);
  for (int i = 0; i < 50; i++) {
    const Results results = run(ring, null(), 2);
    ASSERT_EQ(results.size(), 2u);
    EXPECT_GT(results.at(1), 0);
    EXPECT_LT(results.at(1), kLength);
    EXPECT_EQ(results.at(2), -ECANCELED);
  }
  EXPECT_EQ(*must(module.as<uint64_t>("shortages")), 50u);
}

// The request itself failed: its own CQE, and nothing of what is behind it.
TEST_P(InjectTest, ARealFailureIsSeenAsItIs) {
  ProgramRing ring(GetParam());
  set(ring.attach("inject"), 0, 0);
  EXPECT_EQ(run(ring, pipe_[0], 1), (Results{{1, -EBADF}})) << "not open for writing";
}

TEST_P(InjectTest, TheSeedDecides) {
  auto play = [&](uint64_t seed) {
    ProgramRing ring(GetParam());
    Module& module = ring.attach("inject");
    set(module, 200'000, 200'000, seed);
    std::vector<int> results;
    for (int i = 0; i < 2000; i++) results.push_back(run(ring, null(), 2).at(1));
    const auto failures = *must(module.as<uint64_t>("failures")),
               shortages = *must(module.as<uint64_t>("shortages"));
    // A fifth of 2000, give or take six standard deviations (18 each).
    EXPECT_NEAR(static_cast<double>(failures), 400, 108) << "seed " << seed;
    EXPECT_NEAR(static_cast<double>(shortages), 400, 108) << "seed " << seed;
    EXPECT_EQ(std::ranges::count(results, -EIO), static_cast<long>(failures));
    return results;
  };
  const auto first = play(1);
  EXPECT_EQ(first, play(1));
  EXPECT_NE(first, play(2));
}

RING3_PROGRAM_TESTS(InjectTest);

}  // namespace
}  // namespace ring3::test
