// An arena that a program and the application share, from both sides; and addresses that are neither's.
#include <cstring>
#include <random>

#include "hooks/test_ring.hpp"
#include "ring3/operation.hpp"
#include "seed.hpp"

namespace ring3::test {
namespace {

constexpr uint64_t kPage = 4096, kPages = 64, kHigh = ~uint64_t{UINT32_MAX};
enum Id : uint8_t { kBuild = 1, kWalk, kWild, kAllocate, kAway };

struct Node {
  Node* next;
  uint64_t value;
};

class ArenaTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    ring_.emplace(must(TestRing::create(BackendKind::Threads, 8, abi::IORING_SETUP_BPF_EXT)));
    module_.emplace(must(open_fixture("arena")));
    must(load(*module_, {.checked = GetParam()}));
    for (const char* name : {"build_ops", "walk_ops", "wild_ops", "allocate_ops", "away_ops"})
      operations_.push_back(must(Operation::attach(*module_, ring_->ring(), name)));
    start_ = reinterpret_cast<uint64_t>(must(module_->variable("answer")).data()) & ~(kPage - 1);
  }
  int run(Id id, uint64_t address = 0, uint32_t flags = 0) {
    abi::Sqe& sqe = ring_->push(abi::IORING_OP_BPF, 1);
    sqe.op_flags = uint32_t{id} << 24 | flags;
    sqe.addr = address;
    EXPECT_EQ(ring_->enter(1), 1);
    const auto cqes = ring_->reap();
    return cqes.size() == 1 ? cqes[0].res : -EPROTO;
  }
  uint64_t result(size_t i) {
    uint64_t values[16];
    std::memcpy(values, must(module_->variable("results")).data(), sizeof values);
    return values[i];
  }
  uint64_t allocate(uint32_t pages, uint64_t at = 0) {
    EXPECT_EQ(run(kAllocate, at, pages), 0);
    return result(0);
  }
  template <typename T>
  T& variable(const char* name) {
    return *must(module_->as<T>(name));
  }
  uint64_t& word(uint64_t address) { return *reinterpret_cast<uint64_t*>(address); }

  std::optional<TestRing> ring_;
  std::optional<Module> module_;
  std::vector<Operation> operations_;
  uint64_t start_ = 0;  // of the arena, in the application's view
};

TEST_P(ArenaTest, VariablesAndPointersAreShared) {
  EXPECT_EQ(variable<int>("answer"), 42);
  ASSERT_EQ(run(kBuild), 0);
  EXPECT_EQ(variable<int>("answer"), 43);
  const auto* nodes = reinterpret_cast<const Node*>(result(0));
  EXPECT_EQ(result(1), reinterpret_cast<uint64_t>(nodes + 499));
  const Node* node = variable<const Node*>("head");
  for (uint64_t value = 500; value-- > 0; node = node->next) {
    ASSERT_EQ(node, nodes + value);
    ASSERT_EQ(node->value, value);
  }
  EXPECT_EQ(node, nullptr) << "NULL is NULL on both sides";
}

// The application needs no leave to touch a page; programs then find it.
TEST_P(ArenaTest, PagesThatTheApplicationTouches) {
  auto* nodes = reinterpret_cast<Node*>(start_ + 10 * kPage);
  uint64_t expected = 0;
  for (uint64_t i = 0; i < 1000; ++i) {
    nodes[i] = {i == 999 ? nullptr : &nodes[i + 1], i * i};
    expected += i * i;
  }
  variable<Node*>("from_application") = nodes;
  ASSERT_EQ(run(kWalk), 0);
  EXPECT_EQ(variable<uint64_t>("sum"), expected);
  // And are not given out.
  EXPECT_EQ(allocate(1, start_ + 10 * kPage), 0u);
  EXPECT_EQ(allocate(1, start_ + 20 * kPage), start_ + 20 * kPage);
}

TEST_P(ArenaTest, AccessesOfAPage) {
  const uint64_t page = allocate(1);
  ASSERT_NE(page, 0u);
  ASSERT_EQ(run(kWild, page + 64), 0);
  EXPECT_EQ(result(0), 0u);
  EXPECT_EQ(result(1), 0x1122334455667788u);
  EXPECT_EQ(result(2), 0x88u);
  EXPECT_EQ(result(3), 0xffffffffffffff88u);
  EXPECT_EQ(result(4), 0x1122334455667788u);
  EXPECT_EQ(result(5), 0x1122334455667789u);
  EXPECT_EQ(result(6), 0x5566778fu);
  EXPECT_EQ(result(7), 0x1122334400000007u);
  EXPECT_EQ(word(page + 64), 0x1122334400000007u) << "the application sees it";
  // The low half counts, whatever is above it.
  word(page + 64) = 5;
  ASSERT_EQ(run(kWild, static_cast<uint32_t>(page + 64) | 0xabcd'0000'0000'0000), 0);
  EXPECT_EQ(result(0), 5u);
}

TEST_P(ArenaTest, WhereNoPageIsReadsAreZeroAndWritesAreLost) {
  for (uint64_t address :
       {start_ + 30 * kPage, start_ + kPages * kPage, start_ - 8, uint64_t{0}, ~uint64_t{0} - 7}) {
    SCOPED_TRACE(testing::Message() << std::hex << address);
    ASSERT_EQ(run(kWild, address), 0);
    for (size_t i = 0; i < 10; ++i) EXPECT_EQ(result(i), 0u) << i;
  }
  EXPECT_EQ(word(start_ + 30 * kPage), 0u);
}

TEST_P(ArenaTest, AnAccessAcrossTheEndOfAPageNeedsBoth) {
  const uint64_t page = allocate(1, start_ + 9 * kPage);
  ASSERT_EQ(page, start_ + 9 * kPage);
  ASSERT_EQ(run(kWild, page + kPage - 4), 0);
  for (size_t i : {0, 1, 4, 5, 7}) EXPECT_EQ(result(i), 0u) << i;
  EXPECT_EQ(result(6), 0xfu) << "four bytes are there";
  ASSERT_EQ(allocate(1, page + kPage), page + kPage);
  ASSERT_EQ(run(kWild, page + kPage - 4), 0);
  EXPECT_EQ(result(0), 0xfu);
  EXPECT_EQ(result(1), 0x1122334455667788u);
  EXPECT_EQ(result(4), 0x1122334455667788u);
  EXPECT_EQ(result(5), 0x1122334455667789u);
}

TEST_P(ArenaTest, PagesComeAndGo) {
  // The first is taken by the variables.
  EXPECT_EQ(allocate(0), 0u);
  EXPECT_EQ(allocate(kPages), 0u);
  const uint64_t all = allocate(kPages - 1);
  ASSERT_EQ(all, start_ + kPage);
  EXPECT_EQ(allocate(1), 0u);
  word(all + 5 * kPage) = 99;
  ASSERT_EQ(run(kAway, all + 5 * kPage + 17, 2), 0);
  ASSERT_EQ(run(kWild, all + 5 * kPage), 0);
  EXPECT_EQ(result(0), 0u);
  EXPECT_EQ(result(1), 0u) << "there is no page";
  EXPECT_EQ(allocate(3), 0u);
  EXPECT_EQ(allocate(1, all + 4 * kPage), 0u) << "taken";
  EXPECT_EQ(allocate(1, all + 5 * kPage + 8), 0u) << "not a page";
  EXPECT_EQ(allocate(2, all + 5 * kPage), all + 5 * kPage);
  EXPECT_EQ(word(all + 5 * kPage), 0u) << "zeroed";
  ASSERT_EQ(run(kAway, all, 255), 0);
  EXPECT_EQ(allocate(kPages - 1), all);
  ASSERT_EQ(run(kAway, start_ - kPage, 3), 0) << "before the arena: nothing";
  ASSERT_EQ(run(kAway, start_ + kPages * kPage, 3), 0) << "behind it: nothing";
  EXPECT_EQ(variable<int>("answer"), 42);
}

TEST_P(ArenaTest, NoPointerLeadsOut) {
  const unsigned seed = seed_of_run();
  SCOPED_TRACE(testing::Message() << "RING3_SEED=" << seed);
  std::mt19937_64 random(seed);
  std::vector<uint64_t> outside(4096, 0x5a5a5a5a5a5a5a5a);
  for (int i = 0; i < 3000; ++i) {
    const uint64_t edges[] = {
        random(), start_ + random() % (kPages * kPage), reinterpret_cast<uint64_t>(&outside[random() % 4096]),
        (start_ & kHigh) | (UINT32_MAX - random() % 16), (start_ & kHigh) + random() % 16};
    ASSERT_EQ(run(kWild, edges[i % 5]), 0);
  }
  for (uint64_t untouched : outside) ASSERT_EQ(untouched, 0x5a5a5a5a5a5a5a5a);
}

INSTANTIATE_TEST_SUITE_P(All, ArenaTest, testing::Bool(),
                         [](const auto& param) { return param.param ? "checked" : "fast"; });

}  // namespace
}  // namespace ring3::test
