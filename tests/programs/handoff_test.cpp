// handoff: walks through a file, each read's offset found by an operation in what was read before.
#include <fcntl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "harness.hpp"
#include "ring3/loop.hpp"

namespace ring3::test {
namespace {

constexpr size_t kBlock = 512, kBlocks = 400;

class HandoffTest : public ProgramTest {
 protected:
  // A file whose blocks are linked in a random order, into `depth` chains; returns where they start, their
  // lengths and the sums of their values.
  struct Chain {
    uint64_t first, hops = 0, sum = 0;
  };
  std::vector<Chain> make_file(size_t depth, bool endless = false) {
    Random random(depth);
    std::vector<uint64_t> order(kBlocks);
    std::iota(order.begin(), order.end(), 0);
    std::ranges::shuffle(order, random);
    Bytes file = random_bytes(kBlocks * kBlock, random);
    std::vector<Chain> chains(depth);
    for (size_t chain = 0; chain < depth; chain++) {
      chains[chain].first = order[chain] * kBlock;
      for (size_t i = chain; i < kBlocks; i += depth) {
        const uint64_t end = endless ? chains[chain].first : ~uint64_t{0};
        const uint64_t head[] = {i + depth < kBlocks ? order[i + depth] * kBlock : end, random()};
        std::memcpy(file.data() + order[i] * kBlock, head, sizeof(head));
        chains[chain].hops++;
        chains[chain].sum += head[1];
      }
    }
    file_ = FileDescriptor(memfd_create("blocks", MFD_CLOEXEC));
    EXPECT_EQ(write(file_.get(), file.data(), file.size()), static_cast<ssize_t>(file.size()));
    return chains;
  }

  // Runs the walks; returns `error`.
  int walk(ProgramRing& ring, Module& module, const std::vector<Chain>& chains, uint64_t hops_max = 1000,
           bool checked = false) {
    buffers_ = Mapping(mmap(nullptr, 16 * kBlock, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
                       16 * kBlock);
    iovec vector = {buffers_.data(), buffers_.size()};
    EXPECT_EQ(ring.ring().register_op(IORING_REGISTER_BUFFERS, &vector, 1), 0);
    must(module.set_ring(ring.params()));
    must(module.set("file", static_cast<uint64_t>(file_.get())));
    must(module.set("buffers", reinterpret_cast<uint64_t>(buffers_.data())));
    must(module.set("block", uint64_t{kBlock}));
    must(module.set("depth", uint64_t{chains.size()}));
    must(module.set("hops_max", hops_max));
    for (size_t i = 0; i < chains.size(); i++)
      must(module.set("first[" + std::to_string(i) + "]", chains[i].first));
    if (!must(module.load({.checked = checked})))
      for (const ProgramVerdict& verdict : module.verdicts())
        if (!verdict.accepted) throw std::runtime_error(verdict.text);
    const Operation operation = must(Operation::attach(module, ring.ring()));
    Loop loop = must(Loop::attach(module, ring.ring()));
    loop.set_time_limit(std::chrono::seconds(20));
    EXPECT_EQ(ring.ring().enter(0, 0, 0), 0);
    return *must(module.as<int32_t>("error"));
  }

  static constexpr unsigned kSetup = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  FileDescriptor file_;
  Mapping buffers_;
};

TEST_P(HandoffTest, WalksToTheEnds) {
  for (const size_t depth : {1, 3, 16})
    for (const bool checked : {false, true}) {
      const auto chains = make_file(depth);
      ProgramRing ring(GetParam(), kSetup);
      Module module = must(Module::open(RING3_BUILD_DIR "/programs/handoff.bpf.o"));
      ASSERT_EQ(walk(ring, module, chains, 1000, checked), 0);
      for (size_t i = 0; i < depth; i++) {
        const std::string walk = "walks[" + std::to_string(i) + "]";
        EXPECT_EQ(*must(module.as<uint64_t>(walk + ".hops")), chains[i].hops);
        EXPECT_EQ(*must(module.as<uint64_t>(walk + ".sum")), chains[i].sum);
      }
    }
}

TEST_P(HandoffTest, AWalkWithoutEndIsCut) {
  const auto chains = make_file(2, true);
  ProgramRing ring(GetParam(), kSetup);
  Module module = must(Module::open(RING3_BUILD_DIR "/programs/handoff.bpf.o"));
  EXPECT_EQ(walk(ring, module, chains, 5000), ELOOP);
}

TEST_P(HandoffTest, AnOffsetOutsideTheFileIsAnError) {
  auto chains = make_file(3);
  chains[1].first = 1 << 30;
  ProgramRing ring(GetParam(), kSetup);
  Module module = must(Module::open(RING3_BUILD_DIR "/programs/handoff.bpf.o"));
  EXPECT_EQ(walk(ring, module, chains), EIO);
}

RING3_PROGRAM_TESTS(HandoffTest);

}  // namespace
}  // namespace ring3::test
