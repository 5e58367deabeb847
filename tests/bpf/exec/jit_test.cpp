// What the JIT has beyond instructions (isa_test.cpp, random_test.cpp): calls and callbacks, stack, memory
// that others write, constants.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>

#include "bpf/exec/assembler.hpp"
#include "bpf/exec/native.hpp"
#include "bpf/exec/run.hpp"

namespace ring3::test {

namespace {

constexpr uint64_t kNone = 0;

class Jit : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!bpf::jit()) GTEST_SKIP() << bpf::jit().error().text();
  }

  std::unique_ptr<bpf::Executable> compile(const Code& code, std::vector<std::shared_ptr<bpf::Map>> maps = {},
                                           std::vector<uint32_t> stack_bytes = {}) {
    const auto verified =
        bpf::TrustForTests::trust(code.program(std::move(maps), common_world()), std::move(stack_bytes));
    auto executable = bpf::Executable::create(verified, {.compiled = true});
    EXPECT_TRUE(executable) << executable.error().text();
    EXPECT_TRUE((*executable)->compiled());
    return std::move(*executable);
  }
  uint64_t run(const Code& code, uint64_t r1 = kNone, std::vector<std::shared_ptr<bpf::Map>> maps = {}) {
    const auto executable = compile(code, std::move(maps));
    return bpf::Execution(*executable).run(r1).r0;
  }
};

TEST_F(Jit, IsAskedForAndNotForCheckedRuns) {
  Code code;
  code << mov(0, 7) << done();
  const auto verified = bpf::TrustForTests::trust(code.program());
  EXPECT_TRUE(bpf::Executable::create(verified, {.compiled = true}).value()->compiled());
  EXPECT_FALSE(bpf::Executable::create(verified).value()->compiled());
  EXPECT_FALSE(bpf::Executable::create(verified, {.compiled = true, .checked = true}).value()->compiled());
}

TEST_F(Jit, CallbacksReachTheStackOfTheirCaller) {
  // The sum of 0…99, then of squares through a callback within the callback.
  Code code;
  code << store_imm(BPF_DW, 10, -8, 0) << mov(1, 100);
  code.function(2, 1) << movx(3, 10) << alu(64, BPF_ADD, 3, -8) << mov(4, 0) << call(kLoop);
  code << load(BPF_DW, 0, 10, -8) << done();
  code.begin_function() << load(BPF_DW, 3, 2, 0) << alux(64, BPF_ADD, 3, 1) << store(BPF_DW, 2, 0, 3);
  code << movx(3, 2) << mov(4, 0);
  code.function(2, 2) << call(kLoop) << mov(0, 0) << done();
  code.begin_function() << load(BPF_DW, 3, 2, 0) << alu(64, BPF_ADD, 3, 1) << store(BPF_DW, 2, 0, 3);
  code << mov(0, 0) << done();
  EXPECT_EQ(run(code), 4950u * 2);
}

TEST_F(Jit, AWalkOverAMapSeesItsElements) {
  auto map = bpf::Map::create({"hash", BPF_MAP_TYPE_HASH, 4, 8, 16, 0}).value();
  for (uint32_t key = 1; key <= 5; ++key) {
    const uint64_t value = key * 1000;
    ASSERT_EQ(map->update(&key, &value, BPF_ANY, 0), 0);
  }
  Code code;
  code << store_imm(BPF_DW, 10, -8, 0);
  code.map(1).function(2, 1) << movx(3, 10) << alu(64, BPF_ADD, 3, -8) << mov(4, 0) << call(kForEach);
  code << load(BPF_DW, 0, 10, -8) << done();
  // (map, key, value, context)
  code.begin_function() << load(BPF_W, 1, 2, 0) << load(BPF_DW, 2, 3, 0) << alux(64, BPF_ADD, 1, 2);
  code << load(BPF_DW, 2, 4, 0) << alux(64, BPF_ADD, 2, 1) << store(BPF_DW, 4, 0, 2) << mov(0, 0) << done();
  EXPECT_EQ(run(code, kNone, {map}), 15'015u);
}

TEST_F(Jit, MayGotoEndsALoop) {
  // Each call of the function has a budget of its own.
  Code code;
  code << mov(6, 0) << mov(7, 0) << call_local(1) << alux(64, BPF_ADD, 6, 0) << call_local(1);
  code << alux(64, BPF_ADD, 6, 0) << movx(0, 6) << done();
  code.begin_function() << mov(0, 0) << may_goto(2) << alu(64, BPF_ADD, 0, 1) << go(-3) << done();
  EXPECT_EQ(run(code), 2u * bpf::kMayGotoBudget);
}

TEST_F(Jit, UnwrittenStackIsZeroAtEveryCall) {
  Code code;
  code << mov(6, 0) << mov(7, 0);
  for (int i = 0; i < 2; ++i) code << mov(1, 0x5a5a) << call_local(1) << alux(64, BPF_OR, 6, 0);
  code << movx(0, 6) << done();
  code.begin_function() << mov(0, 0);
  for (int16_t i = 1; i <= 64; ++i) {
    const auto slot = static_cast<int16_t>(-8 * i);
    code << load(BPF_DW, 2, 10, slot) << alux(64, BPF_OR, 0, 2) << store(BPF_DW, 10, slot, 1);
  }
  code << done();
  EXPECT_EQ(run(code), 0u);
}

TEST_F(Jit, StackAtAVariableOffset) {
  // Writes 1…8 to stack[0…7] and reads stack[r1].
  Code code;
  code << movx(6, 1);
  for (int16_t i = 0; i < 8; ++i) code << store_imm(BPF_DW, 10, static_cast<int16_t>(-64 + 8 * i), i + 1);
  code << movx(1, 10) << alu(64, BPF_AND, 6, 7) << alu(64, BPF_LSH, 6, 3) << alux(64, BPF_ADD, 1, 6);
  code << alu(64, BPF_SUB, 1, 64) << load(BPF_DW, 0, 1, 0) << done();
  const auto executable = compile(code, {}, {64});
  bpf::Execution execution(*executable);
  for (uint64_t i = 0; i < 8; ++i) EXPECT_EQ(execution.run(i).r0, i + 1);
}

TEST_F(Jit, APointerToTheStackMayLieOnTheStack) {
  Code code;
  code << mov(1, 1) << store(BPF_DW, 10, -8, 1) << movx(2, 10) << alu(64, BPF_ADD, 2, -8)
       << store(BPF_DW, 10, -16, 2);
  code << load(BPF_DW, 3, 10, -16) << mov(4, 42) << store(BPF_DW, 3, 0, 4) << load(BPF_DW, 0, 10, -8)
       << done();
  EXPECT_EQ(run(code), 42u);
}

TEST_F(Jit, FrozenConstantsAreFoldedAndNoOthers) {
  const auto rodata = make_memory(64, BPF_F_RDONLY_PROG), data = make_memory(64);
  const auto word = [](const auto& map, size_t i) -> uint64_t& {
    return *reinterpret_cast<uint64_t*>(map->values().data() + 8 * i);
  };
  word(rodata, 1) = 40;
  word(data, 1) = 2;
  rodata->freeze();
  data->freeze();  // programs may still write to it
  Code code;
  code.memory(1, 3).wide(2, 1 | uint64_t{0} << 32, BPF_PSEUDO_MAP_IDX_VALUE);
  code << load(BPF_DW, 0, 1, 5) << load(BPF_DW, 3, 2, 8) << alux(64, BPF_ADD, 0, 3) << done();
  const auto executable = compile(code, {rodata, data});
  bpf::Execution execution(*executable);
  EXPECT_EQ(execution.run().r0, 42u);
  word(rodata, 1) = 400;
  word(data, 1) = 3;
  EXPECT_EQ(execution.run().r0, 43u);
}

TEST_F(Jit, FrozenConstantsAreFoldedWhereARegisterKeepsTheirAddressThroughALoop) {
  const auto rodata = make_memory(64, BPF_F_RDONLY_PROG);
  uint64_t& word = *reinterpret_cast<uint64_t*>(rodata->values().data() + 8);
  word = 4;
  rodata->freeze();
  Code code;
  code << movx(6, 1) << mov(0, 0);
  code.memory(1, 8);
  code << load(BPF_DW, 3, 1, 0) << alux(64, BPF_ADD, 0, 3) << alu(64, BPF_ADD, 6, -1) << jump(64, BPF_JNE, 6, 0, -4) << done();
  const auto executable = compile(code, {rodata});
  bpf::Execution execution(*executable);
  EXPECT_EQ(execution.run(10).r0, 40u);
  word = 7;
  EXPECT_EQ(execution.run(10).r0, 40u);
}

TEST_F(Jit, AddressesOfConstantsAreThoseOfTheMap) {
  const auto rodata = make_memory(64, BPF_F_RDONLY_PROG);
  rodata->freeze();
  Code code;
  code.memory(0, 24) << done();
  EXPECT_EQ(run(code, kNone, {rodata}), reinterpret_cast<uint64_t>(rodata->values().data()) + 24);
}

// While a thread writes to memory: what was checked is what is used, and each load of the program is one.
class JitAndAWriter : public Jit {
 protected:
  void SetUp() override {
    Jit::SetUp();
    if (IsSkipped()) return;
    writer_ = std::jthread([this](std::stop_token stop) {
      for (uint64_t i = 0; !stop.stop_requested(); ++i)
        std::atomic_ref(*word()).store(i % 2 ? 3 : 0x1'0000'0001, std::memory_order_relaxed);
    });
    while (std::atomic_ref(*word()).load() == 0) std::this_thread::yield();
  }
  void TearDown() override {
    writer_.request_stop();
    if (writer_.joinable()) writer_.join();
  }
  uint64_t* word() { return reinterpret_cast<uint64_t*>(memory_->values().data()); }

  std::shared_ptr<bpf::Map> memory_ = make_memory(64);
  std::jthread writer_;
};

TEST_F(JitAndAWriter, WhatWasCheckedIsUsed) {
  Code code;
  code.memory(1) << mov(0, 0) << load(BPF_DW, 2, 1, 0) << jump(64, BPF_JGT, 2, 7, 2);
  code << movx(0, 2) << alu(64, BPF_MUL, 0, 5) << done();
  const auto executable = compile(code, {memory_});
  bpf::Execution execution(*executable);
  for (int i = 0; i < 1'000'000; ++i) {
    const uint64_t r0 = execution.run().r0;
    ASSERT_TRUE(r0 == 0 || r0 == 15) << r0;
  }
}

TEST_F(JitAndAWriter, EveryLoadIsMade) {
  // How often two loads of the same word differ. A bounded loop with a load that LLVM could take out of it.
  Code code;
  code.memory(1) << mov(0, 0) << mov(2, 0);
  code << load(BPF_DW, 3, 1, 0) << load(BPF_DW, 4, 1, 0) << jumpx(64, BPF_JEQ, 3, 4, 1)
       << alu(64, BPF_ADD, 0, 1);
  code << alu(64, BPF_ADD, 2, 1) << jump(64, BPF_JLT, 2, 1000, -6) << done();
  const auto executable = compile(code, {memory_});
  bpf::Execution execution(*executable);
  uint64_t differed = 0;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (differed == 0 && std::chrono::steady_clock::now() < end) differed = execution.run().r0;
  EXPECT_GT(differed, 0u);
}

TEST_F(Jit, RunsOnManyThreadsAtOnce) {
  Code code;
  code << mov(0, 0) << mov(2, 0) << store(BPF_DW, 10, -8, 1);
  code << load(BPF_DW, 3, 10, -8) << alux(64, BPF_ADD, 0, 3) << alu(64, BPF_ADD, 2, 1)
       << jump(64, BPF_JLT, 2, 1000, -4) << done();
  const auto executable = compile(code);
  std::atomic<int> wrong = 0;
  {
    std::vector<std::jthread> threads;
    for (uint64_t t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        bpf::Execution execution(*executable);
        for (int i = 0; i < 1000; ++i) wrong += execution.run(t).r0 != 1000 * t;
      });
  }
  EXPECT_EQ(wrong, 0);
}

TEST_F(Jit, RefusesAJumpIntoAnotherFunction) {
  Code code;
  code << mov(0, 0) << jump(64, BPF_JEQ, 0, 0, 1) << done();
  code.begin_function() << mov(0, 1) << done();
  const auto result =
      bpf::Executable::create(bpf::TrustForTests::trust(code.program({}, common_world())), {.compiled = true});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ENOTSUP);
}

}  // namespace
}  // namespace ring3::test
