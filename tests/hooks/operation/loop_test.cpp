// uapi, IORING_OP_BPF: both designs on one ring.
#include "ring3/loop.hpp"

#include "harness.hpp"

namespace ring3::test {
namespace {

class BothTest : public OperationTest {};

TEST_P(BothTest, ALoopSubmitsRequestsOfAnOperationAndSeesTheirCqes) {
  for (const bool checked : {false, true}) {
    TestRing ring = make_ring(16, kDeferred);
    Module module = must(open_fixture("both", &ring));
    must(load(module, {.checked = checked}));
    const Operation operation = must(Operation::attach(module, ring.ring()));
    const Loop loop = must(Loop::attach(module, ring.ring()));
    EXPECT_EQ(ring.enter(), 0);
    EXPECT_EQ(*must(module.as<int32_t>("error")), 0);
    EXPECT_EQ(*must(module.as<uint32_t>("issued")), 100u);
    EXPECT_EQ(*must(module.as<uint32_t>("cleaned")), 100u);
    EXPECT_EQ(*must(module.as<uint32_t>("seen")), 150u);
    EXPECT_EQ(*must(module.as<int64_t>("sum")), 100 * 101 * 201 / 6);
  }
}

TEST_P(BothTest, TheLoopSeesThatTheOperationIsGone) {
  TestRing ring = make_ring(16, kDeferred);
  Module module = must(open_fixture("both", &ring));
  must(load(module));
  const Loop loop = must(Loop::attach(module, ring.ring()));
  EXPECT_EQ(ring.enter(), 0);
  EXPECT_EQ(*must(module.as<int32_t>("error")), -EOPNOTSUPP);
}

TEST_P(BothTest, OperationsComeAndGoWhileALoopRuns) {
  TestRing ring = make_ring(16, kDeferred);
  Module module = must(open_fixture("both", &ring));
  must(module.set("rounds", uint64_t{1} << 31));
  must(load(module));
  Scripted scripted;
  const Operation operation = must(Operation::attach(module, ring.ring()));
  Loop loop = must(Loop::attach(module, ring.ring()));
  auto thread = when([] { return true; },
                     [&] {
                       for (int i = 0; i < 20; i++) {
                         const Operation another = scripted.attach(ring);
                         std::this_thread::sleep_for(1ms);
                       }
                       loop.stop();
                     });
  EXPECT_EQ(ring.enter(), -ECANCELED);
}

TEST_P(BothTest, ALoopMayBeDetachedFromARingWithOperations) {
  TestRing ring = make_ring(16, kDeferred);
  Module module = must(open_fixture("both", &ring));
  must(load(module));
  const Operation operation = must(Operation::attach(module, ring.ring()));
  { const Loop loop = must(Loop::attach(module, ring.ring())); }
  ring.push(abi::IORING_OP_BPF, 1).op_flags = 3u << 24;
  EXPECT_EQ(ring.enter(1), 1);
  EXPECT_EQ(results(ring), "1:0");
}

RING3_BACKEND_TESTS(BothTest);

}  // namespace
}  // namespace ring3::test
