// Soundness of the domain: whatever concrete members do, the abstract result says so. Random, seeded: a
// failure prints its seed, and RING3_SEED replays it.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>

#include "abi/bpf.hpp"
#include "domain_samples.hpp"

namespace ring3::bpf::test {
namespace {

uint64_t seed() {
  static const uint64_t value = [] {
    const char* given = getenv("RING3_SEED");
    return given ? strtoull(given, nullptr, 0) : std::random_device{}();
  }();
  return value;
}

// A normalised sample.
Sample normal_sample(Random& random) {
  Sample s = random_sample(random);
  EXPECT_TRUE(s.scalar.normalise());
  return s;
}

struct Operation {
  uint8_t op;
  int16_t offset;
};
const Operation operations[] = {{abi::BPF_ADD, 0},  {abi::BPF_SUB, 0}, {abi::BPF_MUL, 0}, {abi::BPF_AND, 0},
                                {abi::BPF_OR, 0},   {abi::BPF_XOR, 0}, {abi::BPF_LSH, 0}, {abi::BPF_RSH, 0},
                                {abi::BPF_ARSH, 0}, {abi::BPF_DIV, 0}, {abi::BPF_MOD, 0}, {abi::BPF_DIV, 1},
                                {abi::BPF_MOD, 1},  {abi::BPF_MOV, 0}, {abi::BPF_MOV, 8}, {abi::BPF_MOV, 16},
                                {abi::BPF_MOV, 32}};
const uint8_t jumps[] = {abi::BPF_JEQ,  abi::BPF_JNE,  abi::BPF_JGT,  abi::BPF_JGE,
                         abi::BPF_JLT,  abi::BPF_JLE,  abi::BPF_JSET, abi::BPF_JSGT,
                         abi::BPF_JSGE, abi::BPF_JSLT, abi::BPF_JSLE};

TEST(Domain, NormaliseKeepsEveryMember) {
  Random random(seed());
  for (int i = 0; i < 100'000; i++) {
    Sample s = random_sample(random);
    Scalar before = s.scalar;
    ASSERT_TRUE(s.scalar.normalise()) << before.text() << ", seed " << seed();
    for (uint64_t x : s.members) ASSERT_TRUE(s.scalar.contains(x)) << x << ", seed " << seed();
    ASSERT_TRUE(before.covers(s.scalar)) << before.text() << " became " << s.scalar.text();
    Scalar again = s.scalar;
    ASSERT_TRUE(again.normalise());
    ASSERT_EQ(again, s.scalar) << s.scalar.text() << " became " << again.text();
  }
}

TEST(Domain, ArithmeticHoldsEveryResult) {
  Random random(seed());
  for (int i = 0; i < 60'000; i++) {
    Sample a = normal_sample(random), b = normal_sample(random);
    for (auto [op, offset] : operations) {
      for (bool is64 : {false, true}) {
        Scalar out = scalar_alu(op, is64, offset, a.scalar, b.scalar);
        for (uint64_t x : a.members) {
          for (uint64_t y : b.members) {
            uint64_t result = concrete_alu(op, is64, offset, x, y);
            ASSERT_TRUE(out.contains(result))
                << std::hex << "op " << +op << (is64 ? " 64" : " 32") << " off " << offset << ": " << x
                << ", " << y << " give " << result << "; " << a.scalar.text() << ", " << b.scalar.text()
                << " give " << out.text() << ", seed " << seed();
          }
        }
      }
    }
  }
}

TEST(Domain, UnaryOperationsHoldEveryResult) {
  Random random(seed());
  for (int i = 0; i < 100'000; i++) {
    Sample a = normal_sample(random);
    for (uint64_t x : a.members) {
      ASSERT_TRUE(scalar_neg(true, a.scalar).contains(-x)) << seed();
      ASSERT_TRUE(scalar_neg(false, a.scalar).contains(static_cast<uint32_t>(-x))) << seed();
      ASSERT_TRUE(scalar_byte_swap(16, true, a.scalar).contains(__builtin_bswap16(static_cast<uint16_t>(x))));
      ASSERT_TRUE(scalar_byte_swap(32, true, a.scalar).contains(__builtin_bswap32(static_cast<uint32_t>(x))));
      ASSERT_TRUE(scalar_byte_swap(64, true, a.scalar).contains(__builtin_bswap64(x)));
      ASSERT_TRUE(scalar_byte_swap(16, false, a.scalar).contains(static_cast<uint16_t>(x)));
      ASSERT_TRUE(scalar_byte_swap(64, false, a.scalar).contains(x));
      for (unsigned bytes : {1, 2, 4, 8}) {
        unsigned unused = 64 - bytes * 8;
        ASSERT_TRUE(scalar_truncate(a.scalar, bytes, false).contains(x << unused >> unused))
            << a.scalar.text() << " bytes " << bytes << " seed " << seed();
        ASSERT_TRUE(scalar_truncate(a.scalar, bytes, true)
                        .contains(static_cast<uint64_t>(static_cast<int64_t>(x << unused) >> unused)))
            << a.scalar.text() << " bytes " << bytes << " seed " << seed();
      }
    }
  }
}

TEST(Domain, BranchesKeepTheMembersThatTakeThem) {
  Random random(seed());
  for (int i = 0; i < 60'000; i++) {
    Sample a = normal_sample(random), b = random() % 2 ? normal_sample(random) : a;
    for (uint8_t op : jumps) {
      for (bool is64 : {false, true}) {
        auto decided = scalar_decide(op, is64, a.scalar, b.scalar);
        std::optional<std::pair<Scalar, Scalar>> refined[2] = {
            scalar_assume(op, is64, false, a.scalar, b.scalar),
            scalar_assume(op, is64, true, a.scalar, b.scalar)};
        for (auto& outcome : refined) {
          if (!outcome) continue;
          ASSERT_TRUE(a.scalar.covers(outcome->first)) << "refinement widens, seed " << seed();
          ASSERT_TRUE(b.scalar.covers(outcome->second)) << "refinement widens, seed " << seed();
        }
        for (uint64_t x : a.members) {
          for (uint64_t y : b.members) {
            bool taken = concrete_jump(op, is64, x, y);
            ASSERT_TRUE(!decided || *decided == taken)
                << std::hex << "op " << +op << (is64 ? " 64" : " 32") << ": " << x << ", " << y << "; "
                << a.scalar.text() << ", " << b.scalar.text() << ", seed " << seed();
            ASSERT_TRUE(refined[taken] && refined[taken]->first.contains(x) &&
                        refined[taken]->second.contains(y))
                << std::hex << "op " << +op << (is64 ? " 64" : " 32") << (taken ? " taken" : " not taken")
                << ": " << x << ", " << y << "; " << a.scalar.text() << ", " << b.scalar.text() << ", seed "
                << seed();
          }
        }
      }
    }
  }
}

TEST(Domain, JoinCoversBothAndCoversMeansMembership) {
  Random random(seed());
  for (int i = 0; i < 100'000; i++) {
    Sample a = normal_sample(random), b = normal_sample(random);
    Scalar joined = scalar_join(a.scalar, b.scalar);
    ASSERT_TRUE(joined.covers(a.scalar) && joined.covers(b.scalar)) << seed();
    ASSERT_TRUE(a.scalar.covers(a.scalar));
    if (!a.scalar.covers(b.scalar)) continue;
    for (uint64_t y : b.members) ASSERT_TRUE(a.scalar.contains(y)) << seed();
  }
}

TEST(Domain, ConstantsFoldExactly) {
  Random random(seed());
  for (int i = 0; i < 50'000; i++) {
    uint64_t x = interesting_number(random), y = interesting_number(random);
    Scalar a = Scalar::constant(x), b = Scalar::constant(y);
    for (auto [op, offset] : operations) {
      for (bool is64 : {false, true}) {
        ASSERT_EQ(scalar_alu(op, is64, offset, a, b), Scalar::constant(concrete_alu(op, is64, offset, x, y)))
            << std::hex << "op " << +op << (is64 ? " 64 " : " 32 ") << x << ", " << y << " seed " << seed();
      }
    }
    for (uint8_t op : jumps) {
      for (bool is64 : {false, true}) {
        ASSERT_EQ(scalar_decide(op, is64, a, b), concrete_jump(op, is64, x, y))
            << std::hex << "op " << +op << (is64 ? " 64 " : " 32 ") << x << ", " << y;
      }
    }
  }
}

// A contradiction is found where one is plain to see.
TEST(Domain, EmptySetsAreNoticed) {
  Scalar s;
  s.umin = 5, s.umax = 4;
  EXPECT_FALSE(s.normalise());
  s = {};
  s.umin = 100, s.umax = 110, s.bits = {0, ~uint64_t{0xff}};
  EXPECT_FALSE(s.normalise());
  s = {};
  s.smin = -5, s.smax = -1, s.umax = 1000;
  EXPECT_FALSE(s.normalise());
  s = {};
  s.umin = 0x100000005, s.umax = 0x100000010, s.u32_max = 4;
  EXPECT_FALSE(s.normalise());
}

TEST(Domain, EdgesAreTrimmed) {
  Scalar s = Scalar::range(0, 10);
  auto out = scalar_assume(abi::BPF_JNE, true, true, s, Scalar::constant(10));
  ASSERT_TRUE(out);
  EXPECT_EQ(out->first.umax, 9u);
  out = scalar_assume(abi::BPF_JEQ, false, false, s, Scalar::constant(0));
  ASSERT_TRUE(out);
  EXPECT_EQ(out->first.umin, 1u);
  Scalar even = s;
  even.bits = {0, 0xe};
  ASSERT_TRUE(even.normalise());
  out = scalar_assume(abi::BPF_JEQ, true, false, even, Scalar::constant(0));
  ASSERT_TRUE(out);
  EXPECT_EQ(out->first.umin, 2u);
  out = scalar_assume(abi::BPF_JSET, true, true, Scalar::unknown(), Scalar::constant(8));
  ASSERT_TRUE(out);
  EXPECT_EQ(out->first.bits.value, 8u);
  out = scalar_assume(abi::BPF_JSET, true, false, Scalar::unknown(), Scalar::constant(7));
  ASSERT_TRUE(out);
  EXPECT_EQ(out->first.bits.mask, ~uint64_t{7});
}

TEST(Domain, TextIsLinuxs) {
  EXPECT_EQ(Scalar::unknown().text(), "scalar()");
  EXPECT_EQ(Scalar::constant(5).text(), "5");
  EXPECT_EQ(Scalar::constant(static_cast<uint64_t>(-1)).text(), "-1");
  EXPECT_EQ(Scalar::constant(0x12345678).text(), "0x12345678");
  EXPECT_EQ(Scalar::of_size(1).text(),
            "scalar(smin=smin32=0,smax=umax=smax32=umax32=255,var_off=(0x0; 0xff))");
  EXPECT_EQ(Scalar::of_size(4).text(), "scalar(smin=0,smax=umax=0xffffffff,var_off=(0x0; 0xffffffff))");
  EXPECT_EQ(Scalar::of_size(1, true).text(), "scalar(smin=smin32=-128,smax=smax32=127)");
}

}  // namespace
}  // namespace ring3::bpf::test
