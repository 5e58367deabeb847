// Generated programs before the verifier of the kernel that runs the tests. More, and the classes of
// disagreement: build/release/tests/agreement. What is known of them: docs/verdicts.md.
#include "oracle/agreement.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "seed.hpp"

namespace ring3::bpf::oracle {
namespace {

// Chance alone can make more than 0.5 % of so few differ, so the share is asked of the programs that the command begins
// with, which are always the same.
TEST(Agreement, NinetyNineAndAHalfPercent) {
  Agreement agreement;
  if (!agreement.unavailable().empty()) GTEST_SKIP() << agreement.unavailable();
  for (uint64_t seed = 1; seed <= 3000; ++seed) agreement.ask(seed);
  EXPECT_TRUE(agreement.holds()) << agreement.report();
  EXPECT_EQ(agreement.unsafe(), 0u) << agreement.report();
}

TEST(Agreement, WithTheHostKernel) {
  Agreement agreement;
  if (!agreement.unavailable().empty()) GTEST_SKIP() << agreement.unavailable();
  const uint64_t seed = ring3::test::seed_of_run();
  for (uint64_t i = 0; i < 3000; ++i) agreement.ask(seed + i);
  const double few = 0.005 * static_cast<double>(agreement.asked());  // and thrice as much as chance adds
  EXPECT_LE(static_cast<double>(agreement.asked() - agreement.agreed()), few + 3 * std::sqrt(few))
      << "from seed " << seed << "\n"
      << agreement.report();
  EXPECT_EQ(agreement.unsafe(), 0u) << "from seed " << seed << "\n" << agreement.report();
  EXPECT_GT(agreement.accepted() * 5, agreement.asked() * 2) << agreement.report();
  EXPECT_LT(agreement.accepted() * 10, agreement.asked() * 9) << agreement.report();
}

}  // namespace
}  // namespace ring3::bpf::oracle
