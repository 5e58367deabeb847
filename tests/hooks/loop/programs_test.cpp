// The programs that ship, end to end on both back-ends, each against a model of what it must do.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "harness.hpp"

namespace ring3::test {
namespace {

// A file in a folder of the build, gone with the scope.
class File {
 public:
  explicit File(const std::string& bytes = {}) : path_(RING3_TEST_OBJECTS "/file.XXXXXX") {
    const int fd = mkstemp(path_.data());
    EXPECT_GE(fd, 0);
    EXPECT_EQ(write(fd, bytes.data(), bytes.size()), ssize_t(bytes.size()));
    close(fd);
  }
  ~File() { unlink(path_.c_str()); }
  int open(int flags) const { return ::open(path_.c_str(), flags | O_CLOEXEC, 0600); }
  std::string bytes() const {
    const int fd = open(O_RDONLY);
    std::string result(lseek(fd, 0, SEEK_END), '\0');
    EXPECT_EQ(pread(fd, result.data(), result.size(), 0), ssize_t(result.size()));
    close(fd);
    return result;
  }

 private:
  std::string path_;
};

// Page-aligned memory of a scope.
class Buffer {
 public:
  explicit Buffer(size_t size) : size_(size) {
    memory_ = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    EXPECT_NE(memory_, MAP_FAILED);
  }
  ~Buffer() { munmap(memory_, size_); }
  uint64_t address() const { return reinterpret_cast<uint64_t>(memory_); }
  size_t size() const { return size_; }

 private:
  void* memory_;
  size_t size_;
};

std::string random_bytes(size_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::string result(size, '\0');
  for (char& byte : result) byte = char(random());
  return result;
}

class ProgramsTest : public LoopTest {
 protected:
  // Loads, attaches and enters once.
  int run(TestRing& ring, Module& module) {
    must(load(module, options_));
    Loop loop = must(Loop::attach(module, ring.ring()));
    loop.set_time_limit(20s);
    return ring.enter();
  }
  LoadOptions options_;
  void register_region(TestRing& ring, const Buffer& memory) {
    abi::RegionDesc description{
        .user_addr = memory.address(), .size = memory.size(), .flags = abi::IORING_MEM_REGION_TYPE_USER};
    abi::MemRegionReg registration{.region_uptr = reinterpret_cast<uint64_t>(&description)};
    ASSERT_EQ(ring.ring().register_op(abi::IORING_REGISTER_MEM_REGION, &registration, 1), 0);
  }
};

uint64_t number(Module& module, const char* name) { return std::stoull(must(module.get(name))); }

// ---- nops

TEST_P(ProgramsTest, NopsAtAnyDepth) {
  for (uint64_t depth : {1, 2, 7, 16}) {
    for (uint64_t count : {0, 1, 5, 1000}) {
      TestRing ring = make_ring(16);
      Module module = must(open_program("nops", ring));
      must(module.set("depth", depth));
      must(module.set("count", count));
      EXPECT_EQ(run(ring, module), 0);
      EXPECT_EQ(number(module, "done"), count) << depth;
      EXPECT_EQ(number(module, "error"), 0u);
      EXPECT_EQ(ring.ring().counters().sqes_submitted, count);
      EXPECT_EQ(ring.ring().counters().cqes_posted, count);
    }
  }
}

TEST_P(ProgramsTest, NopsDeeperThanTheSqStillEnd) {
  TestRing ring = make_ring(4);
  Module module = must(open_program("nops", ring));
  must(module.set("depth", uint64_t{64}));
  must(module.set("count", uint64_t{100}));
  EXPECT_EQ(run(ring, module), 0);
  const bool done = number(module, "done") == 100;
  EXPECT_TRUE(done || number(module, "error") == EBUSY);
}

// ---- cp

struct Copy {
  uint64_t depth = 4, chunk = 4096, block = 1;
  int in_flags = 0, out_flags = 0;
};

class CopyTest : public ProgramsTest {
 protected:
  // Copies and compares. False if the file system has no O_DIRECT.
  bool copy(const std::string& bytes, const Copy& how) {
    File source(bytes), target(random_bytes(10'000, 99));
    const int in = source.open(O_RDONLY | how.in_flags);
    const int out = target.open(O_WRONLY | O_TRUNC | how.out_flags);
    if (in < 0 || out < 0) return false;
    TestRing ring = make_ring(64);
    Buffer buffers(how.depth * how.chunk);
    Module module = must(open_program("cp", ring));
    must(module.set("in", uint64_t(in)));
    must(module.set("out", uint64_t(out)));
    must(module.set("buffers", buffers.address()));
    must(module.set("depth", how.depth));
    must(module.set("chunk", how.chunk));
    must(module.set("block", how.block));
    EXPECT_EQ(run(ring, module), 0);
    EXPECT_EQ(number(module, "error"), 0u);
    EXPECT_EQ(number(module, "copied"), bytes.size());
    EXPECT_EQ(number(module, "size"), bytes.size());
    EXPECT_TRUE(target.bytes() == bytes) << bytes.size() << " bytes, depth " << how.depth;
    close(in);
    close(out);
    return true;
  }
};

constexpr size_t kSizes[] = {0, 1, 4095, 4096, 4097, (1 << 20) + 7};

TEST_P(CopyTest, AnySizeAtAnyDepth) {
  for (size_t size : kSizes)
    for (uint64_t depth : {1, 2, 3, 64})
      copy(random_bytes(size, uint32_t(size)), {.depth = depth, .chunk = 16384});
}

// The checking interpreter agrees that nothing but what was given is touched.
TEST_P(CopyTest, UnderTheCheckingInterpreter) {
  options_.checked = true;
  copy(random_bytes(300'001, 3), {.depth = 5, .chunk = 8192});
}

TEST_P(CopyTest, DirectWithAnUnalignedTail) {
  for (size_t size : kSizes)
    for (uint64_t depth : {1, 64})
      for (const auto& [in, out] : {std::pair{O_DIRECT, 0}, {0, O_DIRECT}, {O_DIRECT, O_DIRECT}}) {
        const Copy how{.depth = depth, .chunk = 8192, .block = 4096, .in_flags = in, .out_flags = out};
        if (!copy(random_bytes(size, uint32_t(size)), how))
          GTEST_SKIP() << "this file system has no O_DIRECT";
      }
}

TEST_P(CopyTest, ErrorsStopIt) {
  TestRing ring = make_ring(64);
  File source(random_bytes(100'000, 1));
  const int in = source.open(O_RDONLY), out = source.open(O_RDONLY);  // not writable
  Buffer buffers(8 * 4096);
  Module module = must(open_program("cp", ring));
  must(module.set("in", uint64_t(in)));
  must(module.set("out", uint64_t(out)));
  must(module.set("buffers", buffers.address()));
  must(module.set("depth", uint64_t{8}));
  must(module.set("chunk", uint64_t{4096}));
  EXPECT_EQ(run(ring, module), 0);
  EXPECT_EQ(number(module, "error"), uint64_t{EBADF});
  EXPECT_EQ(ring.ring().counters().cqes_posted, ring.ring().counters().sqes_submitted)
      << "nothing is left in flight";
  close(in);
  close(out);
}

TEST_P(CopyTest, WildBufferIsFault) {
  TestRing ring = make_ring(64);
  File source(random_bytes(100'000, 1)), target;
  const int in = source.open(O_RDONLY), out = target.open(O_WRONLY);
  Module module = must(open_program("cp", ring));
  must(module.set("in", uint64_t(in)));
  must(module.set("out", uint64_t(out)));
  must(module.set("buffers", uint64_t{4096}));
  EXPECT_EQ(run(ring, module), 0);
  EXPECT_EQ(number(module, "error"), uint64_t{EFAULT});
  close(in);
  close(out);
}

// ---- lookup

struct Chain {
  std::string file;
  uint64_t first, hops, sum, last;
};

// A file of shuffled blocks, each with the offset of the next.
Chain random_chain(size_t blocks, size_t block, uint32_t seed) {
  std::mt19937_64 random(seed);
  std::vector<uint64_t> order(blocks);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), random);
  Chain chain{.file = random_bytes(blocks * block, seed),
              .first = order[0] * block,
              .hops = blocks,
              .sum = 0,
              .last = 0};
  for (size_t i = 0; i < blocks; i++) {
    const uint64_t head[] = {i + 1 < blocks ? order[i + 1] * block : ~uint64_t{0}, random()};
    std::memcpy(chain.file.data() + order[i] * block, head, sizeof(head));
    chain.sum += head[1];
    chain.last = head[1];
  }
  return chain;
}

class LookupTest : public ProgramsTest {
 protected:
  // Runs it on the chain with at most that many hops, and returns `error`.
  uint64_t look_up(const Chain& chain, uint64_t block, uint64_t hops_max, Module& module, TestRing& ring) {
    File file(chain.file);
    const int fd = file.open(O_RDONLY);
    Buffer region(8192);
    register_region(ring, region);
    must(module.set("file", uint64_t(fd)));
    must(module.set("buffer", region.address()));
    must(module.set("region_size", uint64_t(region.size())));
    must(module.set("block", block));
    must(module.set("first", chain.first));
    must(module.set("hops_max", hops_max));
    EXPECT_EQ(run(ring, module), 0);
    close(fd);
    ring.close();
    return number(module, "error");
  }
};

TEST_P(LookupTest, FollowsTheChainToItsEnd) {
  for (const auto& [blocks, block] : {std::pair<size_t, size_t>{1, 4096}, {2, 512}, {200, 4096}, {100, 16}}) {
    const Chain chain = random_chain(blocks, block, uint32_t(blocks));
    TestRing ring = make_ring();
    Module module = must(open_program("lookup", ring));
    EXPECT_EQ(look_up(chain, block, 1000, module, ring), 0u);
    EXPECT_EQ(number(module, "hops"), chain.hops);
    EXPECT_EQ(number(module, "sum"), chain.sum);
    EXPECT_EQ(number(module, "value"), chain.last);
  }
}

TEST_P(LookupTest, UnderTheCheckingInterpreter) {
  options_.checked = true;
  const Chain chain = random_chain(50, 512, 8);
  TestRing ring = make_ring();
  Module module = must(open_program("lookup", ring));
  EXPECT_EQ(look_up(chain, 512, 1000, module, ring), 0u);
  EXPECT_EQ(number(module, "sum"), chain.sum);
}

TEST_P(LookupTest, AChainWithoutEndIsCut) {
  Chain chain = random_chain(4, 512, 5);
  for (size_t i = 0; i < 4; i++) std::memcpy(chain.file.data() + i * 512, &chain.first, 8);
  TestRing ring = make_ring();
  Module module = must(open_program("lookup", ring));
  EXPECT_EQ(look_up(chain, 512, 50, module, ring), uint64_t{ELOOP});
  EXPECT_EQ(number(module, "hops"), 50u);
}

TEST_P(LookupTest, AnOffsetOutsideTheFileIsAnError) {
  Chain chain = random_chain(2, 512, 5);
  chain.first = 1 << 20;
  TestRing ring = make_ring();
  Module module = must(open_program("lookup", ring));
  EXPECT_EQ(look_up(chain, 512, 50, module, ring), uint64_t{EIO});
  EXPECT_EQ(number(module, "hops"), 0u);
}

// ---- rate_limiter

class RateLimiterTest : public ProgramsTest {};

TEST_P(RateLimiterTest, NeverExceedsTheDepth) {
  for (uint64_t depth : {1, 3, 8}) {
    TestRing ring = make_ring(64, kLoopSetup, 128);
    Module module = must(open_program("rate_limiter", ring));
    must(module.set("depth", depth));
    must(load(module));
    Loop loop = must(Loop::attach(module, ring.ring()));
    // Timeouts overlap as far as the program lets them: 48 of 3 ms, `depth` at a time.
    const abi::Timespec time = after(3ms);
    for (uint64_t i = 0; i < 48; i++) ring.push_timeout(i, time);
    const auto start = Clock::now();
    EXPECT_EQ(ring.enter(), 0);
    const auto elapsed = Clock::now() - start;
    EXPECT_EQ(number(module, "error"), 0u);
    EXPECT_EQ(number(module, "submitted"), 48u);
    EXPECT_EQ(number(module, "completed"), 48u);
    EXPECT_EQ(number(module, "in_flight_max"), depth);
    EXPECT_GE(elapsed, 3ms * (48 / depth)) << "more than " << depth << " ran at a time";
    EXPECT_EQ(ring.reap().size(), 48u) << "the CQEs are the application's";
  }
}

TEST_P(RateLimiterTest, StopsWhenTheCqIsFullAndGoesOn) {
  TestRing ring = make_ring(64, kLoopSetup, 64);
  Module module = must(open_program("rate_limiter", ring));
  must(module.set("depth", uint64_t{4}));
  must(load(module));
  Loop loop = must(Loop::attach(module, ring.ring()));
  for (uint64_t i = 0; i < 60; i++) ring.push_nop(i);
  EXPECT_EQ(ring.enter(), 0);
  for (uint64_t i = 60; i < 100; i++) ring.push_nop(i);
  EXPECT_EQ(ring.enter(), 0);
  size_t total = ring.reap().size();
  EXPECT_EQ(total, 64u);
  EXPECT_EQ(ring.enter(), 0);
  total += ring.reap().size();
  EXPECT_EQ(total, 100u);
  EXPECT_EQ(number(module, "completed"), 100u);
}

TEST_P(RateLimiterTest, StandsInForAnApplication) {
  TestRing ring = make_ring(64);
  Module module = must(open_program("rate_limiter", ring));
  must(module.set("depth", uint64_t{5}));
  must(module.set("fill", uint64_t{50}));
  EXPECT_EQ(run(ring, module), 0);
  EXPECT_EQ(number(module, "completed"), 50u);
  EXPECT_LE(number(module, "in_flight_max"), 5u);
}

// ---- min_wait

class MinWaitTest : public ProgramsTest {
 protected:
  struct Outcome {
    uint64_t completions;
    bool timed_out;
    Clock::duration elapsed;
  };
  struct Wait {
    uint64_t batch, fewer, wait_us, arrivals, arrival_us;
  };
  Outcome wait(const Wait& how) {
    TestRing ring = make_ring(64);
    Buffer region(4096);
    register_region(ring, region);
    Module module = must(open_program("min_wait", ring));
    must(module.set("region_addr", region.address()));
    must(module.set("region_size", uint64_t(region.size())));
    must(module.set("batch", how.batch));
    must(module.set("fewer", how.fewer));
    must(module.set("wait_us", how.wait_us));
    must(module.set("arrivals", how.arrivals));
    must(module.set("arrival_us", how.arrival_us));
    const auto start = Clock::now();
    EXPECT_EQ(run(ring, module), 0);
    const auto elapsed = Clock::now() - start;
    EXPECT_EQ(number(module, "error"), 0u);
    const Outcome outcome{number(module, "completions"), must(module.get("timed_out")) == "true", elapsed};
    // The timer is gone: its CQE was seen, and so was that of its removal, if it was removed.
    size_t tagged = 0, others = 0;
    for (const abi::Cqe& cqe : ring.reap()) (cqe.user_data == ~uint64_t{0} ? tagged : others)++;
    EXPECT_EQ(tagged, outcome.timed_out ? 1u : 2u);
    EXPECT_EQ(others, outcome.completions);
    ring.close();
    return outcome;
  }
};

TEST_P(MinWaitTest, TheBatchComesInTime) {
  const Outcome outcome =
      wait({.batch = 4, .fewer = 1, .wait_us = 5'000'000, .arrivals = 4, .arrival_us = 10'000});
  EXPECT_GE(outcome.completions, 4u);
  EXPECT_FALSE(outcome.timed_out);
  EXPECT_GE(outcome.elapsed, 40ms);
  EXPECT_LT(outcome.elapsed, 3s);
}

TEST_P(MinWaitTest, UnderTheCheckingInterpreter) {
  options_.checked = true;
  wait({.batch = 4, .fewer = 1, .wait_us = 5'000'000, .arrivals = 4, .arrival_us = 1'000});
}

TEST_P(MinWaitTest, TheTimePassesAndFewerDo) {
  const Outcome outcome =
      wait({.batch = 8, .fewer = 2, .wait_us = 70'000, .arrivals = 8, .arrival_us = 20'000});
  EXPECT_GE(outcome.completions, 2u);
  EXPECT_LT(outcome.completions, 8u);
  EXPECT_TRUE(outcome.timed_out);
  EXPECT_GE(outcome.elapsed, 70ms);
}

TEST_P(MinWaitTest, TheTimePassesAndEvenFewerAreYetToCome) {
  const Outcome outcome =
      wait({.batch = 8, .fewer = 2, .wait_us = 10'000, .arrivals = 4, .arrival_us = 50'000});
  EXPECT_GE(outcome.completions, 2u);
  EXPECT_TRUE(outcome.timed_out);
  EXPECT_GE(outcome.elapsed, 100ms);
}

RING3_LOOP_TESTS(ProgramsTest);
RING3_LOOP_TESTS(CopyTest);
RING3_LOOP_TESTS(LookupTest);
RING3_LOOP_TESTS(RateLimiterTest);
RING3_LOOP_TESTS(MinWaitTest);

}  // namespace
}  // namespace ring3::test
