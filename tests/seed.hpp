// Where a randomised test gets its seed from: RING3_SEED, to replay a failure, or else anything.
#pragma once

#include <cstdlib>
#include <random>

namespace ring3::test {

inline unsigned seed_of_run() {
  const char* given = std::getenv("RING3_SEED");
  return given ? static_cast<unsigned>(std::strtoul(given, nullptr, 0)) : std::random_device{}();
}

}  // namespace ring3::test
