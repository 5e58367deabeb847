// uapi, "The BPF-controlled loop": regions.
#include <sys/mman.h>

#include "harness.hpp"

namespace ring3::test {
namespace {

constexpr uint64_t kPage = 4096;

class RegionsTest : public LoopTest {
 protected:
  struct Answer {
    bool present;
    uint8_t first, last;
  };
  Answer ask(TestRing& ring, uint32_t region, uint64_t size, uint8_t write_first = 0) {
    Module module = must(open_fixture("regions"));
    must(module.set("region", uint64_t{region}));
    must(module.set("size", size));
    must(module.set("write_first", uint64_t{write_first}));
    must(load(module));
    Loop loop = must(Loop::attach(module, ring.ring()));
    EXPECT_EQ(ring.enter(), 0);
    return {*must(module.as<bool>("present")), *must(module.as<uint8_t>("first")),
            *must(module.as<uint8_t>("last"))};
  }
};

uint64_t whole_pages(uint64_t size) { return (size + kPage - 1) / kPage * kPage; }

TEST_P(RegionsTest, SizesUpToWholePages) {
  TestRing ring = make_ring(8);
  const uint64_t sqes = whole_pages(8 * sizeof(abi::Sqe));
  const uint64_t rings = whole_pages(ring.params().sq_off.array + 8 * sizeof(uint32_t));
  for (const auto& [region, bytes] : {std::pair{abi::IOU_REGION_SQ, sqes}, {abi::IOU_REGION_CQ, rings}}) {
    EXPECT_TRUE(ask(ring, region, 64).present) << region;
    EXPECT_TRUE(ask(ring, region, bytes).present) << region;
    EXPECT_FALSE(ask(ring, region, bytes + 1).present) << region;
    EXPECT_FALSE(ask(ring, region, uint64_t{1} << 28).present) << region;
  }
}

TEST_P(RegionsTest, UnknownIdsAreNull) {
  TestRing ring = make_ring();
  for (uint32_t region : {3u, 4u, 1000u, uint32_t(-1)}) EXPECT_FALSE(ask(ring, region, 1).present) << region;
}

TEST_P(RegionsTest, MemIsNullUntilRegisteredAndThenSharedBothWays) {
  TestRing ring = make_ring();
  EXPECT_FALSE(ask(ring, abi::IOU_REGION_MEM, 1).present);

  constexpr uint64_t size = 2 * kPage;
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  auto* bytes = static_cast<uint8_t*>(memory);
  abi::RegionDesc description{.user_addr = reinterpret_cast<uint64_t>(memory),
                              .size = size,
                              .flags = abi::IORING_MEM_REGION_TYPE_USER};
  abi::MemRegionReg registration{.region_uptr = reinterpret_cast<uint64_t>(&description)};
  ASSERT_EQ(ring.ring().register_op(abi::IORING_REGISTER_MEM_REGION, &registration, 1), 0);

  bytes[0] = 0x11;
  bytes[size - 1] = 0x22;
  const Answer answer = ask(ring, abi::IOU_REGION_MEM, size, 0x33);
  EXPECT_TRUE(answer.present);
  EXPECT_EQ(answer.first, 0x11) << "the program sees the application's writes";
  EXPECT_EQ(answer.last, 0x22);
  EXPECT_EQ(bytes[0], 0x33) << "and the application the program's";
  EXPECT_FALSE(ask(ring, abi::IOU_REGION_MEM, size + 1).present);
  ring.close();
  munmap(memory, size);
}

TEST_P(RegionsTest, WritesToCqHeadCount) {
  TestRing ring = make_ring();
  Script script(ring);
  for (uint64_t i = 0; i < 4; i++) ring.push_nop(i);
  script.play({{.submit = 4}, {.reap = 3}, {.result = kStop}});
  Loop loop = must(Loop::attach(script.module(), ring.ring(), "script_ops"));
  EXPECT_EQ(ring.enter(), 0);
  EXPECT_EQ(ring.cq_head(), 3u);
  EXPECT_EQ(ring.reap().size(), 1u);
}

TEST_P(RegionsTest, SqHeadIsOverwritten) {
  TestRing ring = make_ring();
  Script script(ring);
  ring.push_nop(1);
  ring.push_nop(2);
  script.play({{.submit = 1, .break_sq_head = 1}, {.result = kStop}});
  Loop loop = must(Loop::attach(script.module(), ring.ring(), "script_ops"));
  EXPECT_EQ(ring.enter(), 0);
  EXPECT_EQ(script.note(0).submitted, 1);
  EXPECT_EQ(ring.sq_head(), 1u);
}

TEST_P(RegionsTest, ForgedCqTailSatisfiesOneWaitAndIsOverwritten) {
  TestRing ring = make_ring();
  Script script(ring);
  ring.push_nop(1);
  // The index is what the forged tail says: no sleep, although nothing was ever submitted.
  script.play({{.wait_mode = kWaitAbsolute, .wait = 5, .forge_tail = 5},
               {.submit = 1, .wait_mode = kWaitAbsolute, .wait = 0},
               {.result = kStop}});
  Loop loop = must(Loop::attach(script.module(), ring.ring(), "script_ops"));
  EXPECT_EQ(ring.enter(), 0);
  EXPECT_EQ(script.steps(), 3u);
  EXPECT_EQ(ring.cq_tail(), 1u);
}

RING3_LOOP_TESTS(RegionsTest);

}  // namespace
}  // namespace ring3::test
