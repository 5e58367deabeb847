// crc32c against ISA-L.
#include <isa-l/crc.h>

#include <cstring>

#include "harness.hpp"
#include "seed.hpp"

namespace ring3::test {
namespace {

constexpr size_t kCrcSizes[] = {0, 1, 3, 7, 8, 9, 255, 256, 300, 4095, 4096, 4097, 8192, 65536, 70001};
constexpr unsigned kCheck = 1;

uint32_t oracle(Bytes data) { return ~crc32_iscsi(data.data(), static_cast<int>(data.size()), ~0u); }
uint32_t word(const Bytes& bytes) {
  uint32_t value;
  std::memcpy(&value, bytes.data(), sizeof(value));
  return value;
}

class Crc32cTest : public ProgramTest {
 protected:
  void check(ProgramRing& ring, Memory& memory, io_bpf_buf_type kind, size_t size, Random& random,
             bool aligned) {
    memory.clear();
    Buffer data = aligned ? memory.make_aligned(kind, size) : memory.make(kind, size, random);
    Buffer crc = memory.make(kKinds[random() % std::size(kKinds)], 4, random);
    data.set(random_bytes(size, random));
    const Bytes before = data.get();
    const uint32_t expected = oracle(before);
    const int result = static_cast<int>(expected & 0x7fffffff);
    ASSERT_EQ(ring.run({data.desc()}), result);
    ASSERT_EQ(ring.run({crc.desc(), data.desc()}), result);
    ASSERT_EQ(word(crc.get()), expected);
    ASSERT_EQ(ring.run({crc.desc(), data.desc()}, kCheck), result);
    ASSERT_TRUE(data.get() == before);
    Bytes bad = crc.get();
    bad[random() % 4] ^= static_cast<uint8_t>(1 << random() % 8);
    crc.set(bad);
    ASSERT_EQ(ring.run({crc.desc(), data.desc()}, kCheck), -EBADMSG);
    ASSERT_TRUE(crc.get() == bad) << "comparing writes nothing";
  }
  void check_all(bool checked, size_t size_max) {
    const unsigned seed = seed_of_run();
    Random random(seed);
    ProgramRing ring(GetParam());
    ring.attach("crc32c", checked);
    Memory memory(ring.ring());
    for (const io_bpf_buf_type kind : kKinds)
      for (const size_t size : kCrcSizes)
        for (const bool aligned : {false, true}) {
          if (size > size_max) continue;
          SCOPED_TRACE(testing::Message() << "kind " << kind << ", " << size << " bytes, aligned " << aligned
                                          << ", RING3_SEED=" << seed);
          check(ring, memory, kind, size, random, aligned);
          if (HasFatalFailure()) return;
        }
  }
};

TEST_P(Crc32cTest, IsIsaLs) { check_all(false, 1 << 20); }
TEST_P(Crc32cTest, UnderTheCheckingInterpreter) { check_all(true, 8192); }

// The value that every description of CRC32C gives.
TEST_P(Crc32cTest, TheCheckValue) {
  ProgramRing ring(GetParam());
  ring.attach("crc32c");
  const char text[] = "123456789";
  uint32_t crc = 0;
  EXPECT_EQ(ring.run({io_bpf_buf_user(&crc, 4), io_bpf_buf_user(text, 9)}),
            static_cast<int>(0xe3069283 & 0x7fffffff));
  EXPECT_EQ(crc, 0xe3069283);
}

TEST_P(Crc32cTest, AMismatchBreaksTheChain) {
  ProgramRing ring(GetParam());
  ring.attach("crc32c");
  const char text[] = "123456789";
  const uint32_t good = 0xe3069283, bad = 0xe3069282;
  for (const uint32_t* crc : {&good, &bad}) {
    const io_bpf_buf_desc descs[] = {io_bpf_buf_user(crc, 4), io_bpf_buf_user(text, 9)};
    io_uring_sqe* sqe = ring.queues().next_sqe();
    io_uring_prep_bpf(sqe, ring.id(), kCheck, descs, 2);
    sqe->flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = 1;
    sqe = ring.queues().next_sqe();
    io_uring_prep_nop(sqe);
    sqe->user_data = 2;
    ASSERT_EQ(ring.queues().submit(1), 2);
    const io_uring_cqe* cqe = ring.queues().cqe();
    ASSERT_NE(cqe, nullptr);
    EXPECT_EQ(cqe->res, crc == &good ? 0 : -EBADMSG);
    EXPECT_EQ(cqe->user_data, crc == &good ? 2u : 1u);
    ring.queues().seen();
    EXPECT_EQ(ring.queues().cqe(), nullptr) << "what follows a request that skips is cancelled in silence";
  }
}

TEST_P(Crc32cTest, BadRequestsAreRefused) {
  ProgramRing ring(GetParam());
  ring.attach("crc32c");
  uint8_t data[16] = {};
  const auto good = io_bpf_buf_user(data, 8), wild = io_bpf_buf_user(reinterpret_cast<void*>(4096), 8);
  EXPECT_EQ(ring.run({}), -EINVAL);
  EXPECT_EQ(ring.run({good}, kCheck), -EINVAL) << "nothing to compare with";
  EXPECT_EQ(ring.run({good}, 2), -EINVAL) << "an unknown flag";
  EXPECT_EQ(ring.run({good, good, good}), -EINVAL);
  EXPECT_EQ(ring.run({wild}), -EFAULT);
  EXPECT_EQ(ring.run({wild, good}), -EFAULT);
  EXPECT_EQ(ring.run({io_bpf_buf_user(data, 3), good}), -EFAULT) << "no room for the CRC";
}

RING3_PROGRAM_TESTS(Crc32cTest);

}  // namespace
}  // namespace ring3::test
