// memcpy, from each kind of buffer to each.
#include "harness.hpp"
#include "seed.hpp"

namespace ring3::test {
namespace {

class MemcpyTest : public ProgramTest {};

TEST_P(MemcpyTest, AnyKindToAnyKind) {
  const unsigned seed = seed_of_run();
  Random random(seed);
  ProgramRing ring(GetParam());
  ring.attach("memcpy");
  Memory memory(ring.ring());
  for (const io_bpf_buf_type to : kKinds)
    for (const io_bpf_buf_type from : kKinds)
      for (const size_t size : {0, 1, 100, 4096, 4097, 300'007}) {
        SCOPED_TRACE(testing::Message()
                     << from << " to " << to << ", " << size << " bytes, RING3_SEED=" << seed);
        memory.clear();
        // The shorter of the two counts, whichever it is.
        const size_t to_size = size + random() % 50, from_size = size + random() % 50;
        Buffer target = memory.make(to, to_size, random), source = memory.make(from, from_size, random);
        target.set(random_bytes(to_size, random));
        source.set(random_bytes(from_size, random));
        const size_t copied = std::min(to_size, from_size);
        Bytes expected = target.get();
        const Bytes bytes = source.get();
        std::copy_n(bytes.begin(), copied, expected.begin());
        ASSERT_EQ(ring.run({target.desc(), source.desc()}), static_cast<int>(copied));
        ASSERT_TRUE(target.get() == expected);
        ASSERT_TRUE(source.get() == bytes);
      }
}

TEST_P(MemcpyTest, BadRequestsAreRefused) {
  ProgramRing ring(GetParam());
  ring.attach("memcpy", true);
  uint8_t data[16] = {};
  const auto good = io_bpf_buf_user(data, 8), wild = io_bpf_buf_user(reinterpret_cast<void*>(4096), 8);
  EXPECT_EQ(ring.run({good}), -EINVAL);
  EXPECT_EQ(ring.run({good, good, good}), -EINVAL);
  EXPECT_EQ(ring.run({good, wild}), -EFAULT);
  EXPECT_EQ(ring.run({wild, good}), -EFAULT);
}

// The id in the object is a proposal.
TEST_P(MemcpyTest, AnIdOfTheApplications) {
  ProgramRing ring(GetParam());
  Module module = must(Module::open(RING3_BUILD_DIR "/programs/memcpy.bpf.o"));
  must(module.set("memcpy_ops.id", uint64_t{200}));
  ASSERT_TRUE(must(module.load()));
  EXPECT_EQ(must(Operation::attach(module, ring.ring())).id(), 200);
}

RING3_PROGRAM_TESTS(MemcpyTest);

}  // namespace
}  // namespace ring3::test
