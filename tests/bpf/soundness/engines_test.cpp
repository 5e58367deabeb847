// Generated programs do the same compiled and interpreted. Longer: build/release/tests/engines.
#include "oracle/engines.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>

#include "bpf/exec/native.hpp"
#include "seed.hpp"

namespace ring3::bpf::oracle {
namespace {

// With RING3_SEED: that program alone. Else for a few seconds.
TEST(Engines, DoTheSame) {
  if (!jit()) GTEST_SKIP() << jit().error().text();
  const uint64_t seed = ring3::test::seed_of_run();
  const bool replay = std::getenv("RING3_SEED") != nullptr;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(15);
  Engines engines;
  for (uint64_t i = 0; std::chrono::steady_clock::now() < end && !(replay && i > 0); ++i) {
    const std::string found = engines.try_seed(seed + i);
    ASSERT_TRUE(found.empty()) << found;
  }
  RecordProperty("compared", std::to_string(engines.compared()));
  EXPECT_TRUE(replay || engines.compared() > 20) << engines.compared() << " of " << engines.programs();
}

}  // namespace
}  // namespace ring3::bpf::oracle
