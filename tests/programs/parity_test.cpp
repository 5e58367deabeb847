// xor_parity and raid6_pq against ISA-L.
#include <isa-l/raid.h>

#include <cstdlib>
#include <memory>

#include "harness.hpp"
#include "seed.hpp"

namespace ring3::test {
namespace {

constexpr size_t kParitySizes[] = {0, 1, 7, 8, 9, 255, 256, 4095, 4096, 4097, 65536, 70001};
constexpr size_t kSources[] = {1, 2, 3, 5, 16};

// What ISA-L makes of the data: `parities` buffers. It wants aligned buffers of whole vectors and at least
// two sources; zeros behind the data and another source of zeros change nothing.
std::vector<Bytes> oracle(const std::vector<Bytes>& data, unsigned parities) {
  const size_t size = data[0].size(), padded = (size + 63) / 64 * 64 + 64;
  const size_t sources = std::max<size_t>(data.size(), 2);
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  std::unique_ptr<uint8_t, Free> memory(
      static_cast<uint8_t*>(std::aligned_alloc(64, padded * (sources + parities))));
  std::fill_n(memory.get(), padded * (sources + parities), uint8_t{0});
  std::vector<void*> buffers;
  for (size_t i = 0; i < sources + parities; i++) buffers.push_back(memory.get() + i * padded);
  for (size_t i = 0; i < data.size(); i++)
    std::copy(data[i].begin(), data[i].end(), memory.get() + i * padded);
  const auto generate = parities == 1 ? xor_gen : pq_gen;
  EXPECT_EQ(generate(static_cast<int>(buffers.size()), static_cast<int>(padded), buffers.data()), 0);
  std::vector<Bytes> result;
  for (unsigned i = 0; i < parities; i++) {
    const uint8_t* parity = memory.get() + (sources + i) * padded;
    result.emplace_back(parity, parity + size);
  }
  return result;
}

class ParityTest : public ProgramTest {
 protected:
  struct Program {
    const char* name;
    unsigned parities;
  };
  static constexpr Program kPrograms[] = {{"xor_parity", 1}, {"raid6_pq", 2}};

  // Buffers of random kinds, but for the first parity; a request; and what has to come of it.
  void check(ProgramRing& ring, Memory& memory, unsigned parities, io_bpf_buf_type kind, size_t sources,
             size_t size, Random& random, bool aligned) {
    memory.clear();
    std::vector<Buffer> buffers;
    std::vector<Bytes> data;
    Descs descs;
    for (size_t i = 0; i < parities + sources; i++) {
      const auto of_kind = i == 0 ? kind : kKinds[random() % std::size(kKinds)];
      buffers.push_back(aligned ? memory.make_aligned(of_kind, size) : memory.make(of_kind, size, random));
      buffers.back().set(random_bytes(size, random));
      if (i >= parities) data.push_back(buffers.back().get());
    }
    for (const Buffer& buffer : buffers) descs.push_back(buffer.desc());
    ASSERT_EQ(ring.run(descs), static_cast<int>(size));
    const auto expected = oracle(data, parities);
    for (unsigned i = 0; i < parities; i++) ASSERT_TRUE(buffers[i].get() == expected[i]) << "parity " << i;
    for (size_t i = 0; i < sources; i++) ASSERT_TRUE(buffers[parities + i].get() == data[i]) << "data " << i;
  }

  void check_all(const Program& program, bool checked, size_t size_max) {
    const unsigned seed = seed_of_run();
    Random random(seed);
    ProgramRing ring(GetParam());
    ring.attach(program.name, checked);
    Memory memory(ring.ring());
    for (const io_bpf_buf_type kind : kKinds)
      for (const size_t size : kParitySizes)
        for (const size_t sources : kSources)
          for (const bool aligned : {false, true}) {
            if (size * sources > size_max) continue;
            SCOPED_TRACE(testing::Message()
                         << program.name << ", kind " << kind << ", " << size << " bytes, " << sources
                         << " sources, aligned " << aligned << ", RING3_SEED=" << seed);
            check(ring, memory, program.parities, kind, sources, size, random, aligned);
            if (HasFatalFailure()) return;
          }
  }
};

TEST_P(ParityTest, IsIsaLs) {
  for (const Program& program : kPrograms) check_all(program, false, 400'000);
}

TEST_P(ParityTest, UnderTheCheckingInterpreter) {
  for (const Program& program : kPrograms) check_all(program, true, 13'000);
}

TEST_P(ParityTest, ALostBufferComesBack) {
  Random random(5);
  ProgramRing ring(GetParam());
  ring.attach("xor_parity");
  Memory memory(ring.ring());
  std::vector<Buffer> buffers;
  for (int i = 0; i < 5; i++) {
    buffers.push_back(memory.make(IO_BPF_BUF_FIXED, 10'000, random));
    buffers.back().set(random_bytes(10'000, random));
  }
  const Bytes lost = buffers[3].get();
  Descs descs;
  for (const Buffer& buffer : buffers) descs.push_back(buffer.desc());
  ASSERT_EQ(ring.run(descs), 10'000);
  buffers[3].set(Bytes(10'000));
  std::swap(descs[0], descs[3]);
  ASSERT_EQ(ring.run(descs), 10'000);
  EXPECT_TRUE(buffers[3].get() == lost);
}

TEST_P(ParityTest, BadRequestsAreRefused) {
  Random random(6);
  for (const Program& program : kPrograms) {
    ProgramRing ring(GetParam());
    ring.attach(program.name);
    Memory memory(ring.ring());
    auto descs = [&](size_t count, size_t size) {
      Descs result;
      for (size_t i = 0; i < count; i++) result.push_back(memory.make(IO_BPF_BUF_USER, size, random).desc());
      return result;
    };
    const size_t least = 1 + program.parities;
    EXPECT_EQ(ring.run({}), -EINVAL);
    EXPECT_EQ(ring.run(descs(least - 1, 100)), -EINVAL) << "no data";
    EXPECT_EQ(ring.run(descs(least + 15, 100)), 100);
    EXPECT_EQ(ring.run(descs(least + 16, 100)), -EINVAL) << "too many";
    Descs differ = descs(least, 100);
    differ.back().len = 99;
    EXPECT_EQ(ring.run(differ), -EINVAL);
    Descs huge = descs(least, 100);
    for (io_bpf_buf_desc& desc : huge) desc.len = 1u << 31;
    EXPECT_EQ(ring.run(huge), -EINVAL);
    uint8_t byte = 0;
    const std::vector<iovec> vectors(1025, iovec{&byte, 1});
    EXPECT_EQ(ring.run(Descs(least, io_bpf_buf_vec(vectors.data(), 1025))), -EINVAL);
    for (size_t i = 0; i < least; i++) {
      Descs wild = descs(least, 5000);
      wild[i].addr = 4096;
      EXPECT_EQ(ring.run(wild), -EFAULT) << "descriptor " << i;
      Descs unknown = descs(least, 5000);
      unknown[i].type = 9;
      EXPECT_LT(ring.run(unknown), 0) << "descriptor " << i;
      Descs unregistered = descs(least, 5000);
      unregistered[i].type = IO_BPF_BUF_FIXED;
      unregistered[i].buf_index = 5;
      EXPECT_EQ(ring.run(unregistered), -EFAULT) << "descriptor " << i;
    }
  }
}

RING3_PROGRAM_TESTS(ParityTest);

}  // namespace
}  // namespace ring3::test
