// Generated programs stay within what the verifier claimed of them. Longer: build/release/tests/soundness.
#include "oracle/soundness.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>

#include "bpf/verifier/insns.hpp"
#include "seed.hpp"

namespace ring3::bpf::oracle {
using namespace abi;

namespace {

// With RING3_SEED: that program alone. Else for about a minute.
TEST(Soundness, NoRunEscapesWhatWasClaimed) {
  const uint64_t seed = ring3::test::seed_of_run();
  const bool replay = std::getenv("RING3_SEED") != nullptr;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(55);
  Soundness soundness;
  for (uint64_t i = 0; std::chrono::steady_clock::now() < end && !(replay && i > 0); ++i) {
    const std::string found = soundness.try_seed(seed + i);
    ASSERT_TRUE(found.empty()) << found;
  }
  const auto& counts = soundness.counts();
  RecordProperty("programs", std::to_string(counts.programs));
  RecordProperty("accepted", std::to_string(counts.accepted));
  EXPECT_TRUE(replay || counts.accepted * 5 > counts.programs * 2) << "too few are accepted to say much";
}

// r4 and r7 are one number. What r7 is known to be at the end comes from the comparison of r4 with r6 in the
// loop, so r6 matters, though nothing but its links leads there. A path with another r6 was pruned once.
TEST(Soundness, WhatALinkedNumberLearnedFromAnotherMatters) {
  using test::load, test::mov, test::movx, test::jump, test::insn;
  Generated g{.functions = {{0, Prototype::Main}}};
  const auto emit = [&](std::initializer_list<Insn> insns) { g.insns.insert(g.insns.end(), insns); };
  emit({test::value_address(8, INPUT), test::high(), load(BPF_B, 6, 8, 0), load(BPF_DW, 7, 8, 56)});
  emit({jump(BPF_JGE, 6, 55, 21), test::value_address(4, CONSTANTS), test::high(), load(BPF_H, 4, 4, 8)});
  emit({insn(BPF_ALU64 | BPF_MOV | BPF_X, 7, 7, 16, 0), mov(8, 5)});
  emit({test::jumpx(BPF_JGE, 4, 6, 1), movx(4, 4), test::store_imm(BPF_DW, 10, -56, 0),
        movx(4, 7)});  // the loop
  emit({test::add(8, -1), jump(BPF_JNE, 8, 0, -6), test::jump32(BPF_JSLT, 7, 35, 1), test::go(8)});
  emit({jump(BPF_JSLE, 7, 11138, 1), test::go(6), test::value_address(6, INPUT), test::high()});
  emit({jump(BPF_JGT, 4, 7, 3), movx(1, 6), test::addx(1, 4), test::store(BPF_W, 1, 2, 8)});
  emit({mov(0, 1), test::done()});
  Soundness soundness;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const std::string found = soundness.try_program(g, Draw(seed));
    ASSERT_TRUE(found.empty()) << "inputs of seed " << seed << ": " << found;
  }
  EXPECT_EQ(soundness.counts().accepted, 100u);
}

// Passes on what the verifier says, but for one lie of its kind here and there.
class Liar : public VerifyObserver {
 public:
  enum Kind { Number, Offset, Zero, Link, Precision, Spill, KINDS };
  Liar(Kind kind, Claims& claims) : kind_(kind), claims_(claims) {}
  unsigned lies = 0;

  void explore(uint32_t visit, uint32_t from, const State& state) override {
    State told = state;
    if (visit % 3 == 0) lie(told.top());
    claims_.explore(visit, from, told);
  }
  void join(uint32_t visit, uint32_t from, const State& state, uint32_t known, const State& stored,
            bool loosely) override {
    lies += kind_ == Precision && loosely;
    claims_.join(visit, from, state, known, stored, loosely && kind_ != Precision);
  }

 private:
  void lie(bpf::Frame& frame) {
    for (Value& value : frame.registers) {
      if (kind_ == Number && value.is_scalar() && !value.is_constant()) {
        value.scalar =
            Scalar::range(value.scalar.umin, value.scalar.umin + (value.scalar.umax - value.scalar.umin) / 2);
        ++lies;
      }
      if (kind_ == Offset && value.kind == bpf::Kind::MapValue && value.has_constant_offset() &&
          !value.or_null) {
        value.offset += 4;
        ++lies;
      }
      if (kind_ == Link && value.is_scalar() && !value.is_constant()) {
        value.id = 1'000'000'000;
        ++lies;
      }
    }
    for (Slot& slot : frame.stack) {
      for (Byte& byte : slot.bytes)
        if (kind_ == Zero && byte == Byte::Misc) {
          byte = Byte::Zero;
          ++lies;
        }
      if (kind_ == Spill && slot.is_spill() && slot.value.is_constant()) {
        slot.value.scalar = Scalar::constant(slot.value.scalar.value() + 1);
        ++lies;
      }
    }
  }

  Kind kind_;
  Claims& claims_;
};

class Lies : public testing::TestWithParam<int> {};

// Were the check blind to something, the test above would say nothing.
TEST_P(Lies, AreFound) {
  Soundness soundness;
  Liar liar(static_cast<Liar::Kind>(GetParam()), soundness.claims());
  soundness.listen_through(liar);
  unsigned found = 0, tried = 0;
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    const unsigned before = liar.lies;
    const bool escaped = !soundness.try_seed(seed).empty();
    tried += liar.lies > before;
    found += escaped;
    EXPECT_TRUE(!escaped || liar.lies > before) << "seed " << seed << " escapes from the truth";
  }
  EXPECT_GT(tried, 0u);
  EXPECT_GT(found, 0u) << "of " << tried << " programs of which lies were told";
  RecordProperty("programs", tried);
  RecordProperty("found", found);
}

std::string name_of(const testing::TestParamInfo<int>& lies) {
  static const char* const names[] = {"Number", "Offset", "Zero", "Link", "Precision", "Spill"};
  return names[lies.param];
}
INSTANTIATE_TEST_SUITE_P(Kinds, Lies, testing::Range(0, static_cast<int>(Liar::KINDS)), name_of);

}  // namespace
}  // namespace ring3::bpf::oracle
