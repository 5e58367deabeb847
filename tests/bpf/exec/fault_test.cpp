// Memory that a program may access, but that is not there: the run ends, and what it held is given back.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include "base/fd.hpp"
#include "bpf/exec/assembler.hpp"
#include "bpf/exec/engines.hpp"

namespace ring3::test {
namespace {

constexpr size_t kPage = 4096;

Mapping page(int protection) {
  return Mapping(mmap(nullptr, kPage, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), kPage);
}

class Faults : public testing::TestWithParam<Engine> {
 protected:
  void SetUp() override {
    if (GetParam().missing()) GTEST_SKIP() << GetParam().missing();
  }
  std::unique_ptr<bpf::Executable> make(const Code& code, std::vector<std::shared_ptr<bpf::Map>> maps = {}) {
    auto program = code.program(std::move(maps), common_world());
    program->arguments = 1;
    auto made = bpf::Executable::create(bpf::TrustForTests::trust(program), GetParam().options);
    EXPECT_TRUE(made) << made.error().text();
    return std::move(*made);
  }
  // With the address of `memory` in r1.
  bpf::RunResult run(bpf::Execution& execution, const Mapping& memory) {
    execution.forget();
    execution.allow(memory.data(), kPage, true);
    return execution.run(reinterpret_cast<uint64_t>(memory.data()));
  }

  const Mapping hidden_ = page(PROT_NONE), read_only_ = page(PROT_READ),
                writable_ = page(PROT_READ | PROT_WRITE);
};

struct Access {
  const char* name;
  bool writes;
  Insn insn;
};

std::vector<Access> accesses() {
  std::vector<Access> all;
  for (uint8_t size : {BPF_B, BPF_H, BPF_W, BPF_DW}) {
    all.push_back({"load", false, load(size, 0, 1, 8)});
    if (size != BPF_DW) all.push_back({"sign-extending load", false, load(size, 0, 1, 8, BPF_MEMSX)});
    all.push_back({"store", true, store(size, 1, 8, 2)});
    all.push_back({"store of a constant", true, store_imm(size, 1, 8, 5)});
    all.push_back({"ordered load", false, {code(BPF_STX, BPF_ATOMIC, size), 0, 1, 8, BPF_LOAD_ACQ}});
    all.push_back({"ordered store", true, atomic(size, 1, 8, 2, BPF_STORE_REL)});
    if (size != BPF_W && size != BPF_DW) continue;
    for (int32_t op : {+BPF_ADD, BPF_OR | BPF_FETCH, +BPF_XCHG, +BPF_CMPXCHG})
      all.push_back({"atomic", true, atomic(size, 1, 8, 2, op)});
  }
  return all;
}

TEST_P(Faults, EveryAccessCanFault) {
  for (const Access& access : accesses()) {
    SCOPED_TRACE(access.name);
    Code code;
    code << mov(0, 0) << mov(2, 7) << access.insn << mov(0, 42) << done();
    const auto executable = make(code);
    bpf::Execution execution(*executable);
    for (int round = 0; round < 3; ++round) {
      EXPECT_TRUE(run(execution, hidden_).faulted);
      EXPECT_EQ(run(execution, read_only_).faulted, access.writes);
      const bpf::RunResult result = run(execution, writable_);
      EXPECT_FALSE(result.faulted);
      EXPECT_EQ(result.violation, "");
      EXPECT_EQ(result.r0, 42u);
    }
  }
}

TEST_P(Faults, LeaveFunctionsAndCallbacks) {
  Code nested;
  nested << movx(6, 1) << call_local(1) << mov(0, 1) << done();
  nested.begin_function() << mov(2, 0) << store(BPF_DW, 10, -8, 1);
  nested << mov(1, 5);
  nested.function(2, 2) << movx(3, 10) << alu(64, BPF_ADD, 3, -8) << mov(4, 0) << call(kLoop) << mov(0, 0)
                        << done();
  nested.begin_function() << load(BPF_DW, 3, 2, 0) << jump(64, BPF_JLT, 1, 3, 1) << store_imm(BPF_W, 3, 0, 1)
                          << mov(0, 0) << done();
  const auto executable = make(nested);
  bpf::Execution execution(*executable);
  // More often than there are frames, so that none is lost.
  for (int round = 0; round < 40; ++round) {
    EXPECT_TRUE(run(execution, hidden_).faulted);
    const bpf::RunResult result = run(execution, writable_);
    EXPECT_FALSE(result.faulted);
    EXPECT_EQ(result.violation, "");
    EXPECT_EQ(result.r0, 1u);
  }
}

TEST_P(Faults, InAWalkOverAMapLeaveItUsable) {
  const auto map = bpf::Map::create({"hash", BPF_MAP_TYPE_HASH, 4, 8, 16, 0}).value();
  const uint64_t value = 1;
  for (uint32_t key = 0; key < 5; ++key) ASSERT_EQ(map->update(&key, &value, BPF_ANY, 0), 0);
  Code code;
  code << store(BPF_DW, 10, -8, 1);
  code.map(1).function(2, 1) << movx(3, 10) << alu(64, BPF_ADD, 3, -8) << mov(4, 0) << call(kForEach)
                             << done();
  code.begin_function() << load(BPF_DW, 5, 4, 0) << load(BPF_DW, 5, 5, 0) << mov(0, 0) << done();
  const auto executable = make(code, {map});
  bpf::Execution execution(*executable);
  EXPECT_TRUE(run(execution, hidden_).faulted);
  EXPECT_EQ(run(execution, writable_).r0, 5u);
  uint32_t key = 9;
  EXPECT_EQ(map->update(&key, &value, BPF_ANY, 0), 0) << "no lock was left behind";
}

TEST_P(Faults, GiveRecordsBack) {
  const auto map = bpf::Map::create({"records", BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0}).value();
  Code code;
  code << movx(6, 1);
  for (unsigned record : {7u, 8u})
    code.map(1) << mov(2, 8) << mov(3, 0) << call(kRingbufReserve) << movx(record, 0)
                << jump(64, BPF_JNE, 0, 0, 2) << mov(0, 0) << done() << store_imm(BPF_DW, record, 0, record);
  code << movx(1, 7) << mov(2, 0) << call(kRingbufSubmit) << load(BPF_DW, 2, 6, 0) << movx(1, 8) << mov(2, 0)
       << call(kRingbufSubmit) << mov(0, 1) << done();
  const auto executable = make(code, {map});
  bpf::Execution execution(*executable);
  std::vector<uint64_t> seen;
  const auto consume = [&] {
    seen.clear();
    static_cast<bpf::RingBuffer&>(*map).consume(
        [](void* list, std::span<const std::byte> record) {
          static_cast<std::vector<uint64_t>*>(list)->push_back(
              *reinterpret_cast<const uint64_t*>(record.data()));
        },
        &seen);
    return seen;
  };
  // The one that was submitted is seen; the other is discarded, and holds up nobody.
  for (int round = 0; round < 500; ++round) {
    ASSERT_TRUE(run(execution, hidden_).faulted);
    ASSERT_EQ(consume(), std::vector<uint64_t>{7});
  }
  EXPECT_EQ(run(execution, writable_).r0, 1u);
  EXPECT_EQ(consume(), (std::vector<uint64_t>{7, 8}));
}

INSTANTIATE_TEST_SUITE_P(All, Faults, testing::ValuesIn(kEngines),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace ring3::test
