// Scalars made from concrete numbers, so that a test knows members of each.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "bpf/verifier/scalar.hpp"

namespace ring3::bpf::test {

using Random = std::mt19937_64;

// A number of a kind that finds mistakes: small, around a boundary, few bits, anything.
uint64_t interesting_number(Random& random);

struct Sample {
  std::vector<uint64_t> members;
  Scalar scalar;  // covers them, and usually more
};
// One to five members; the description is tight, or widened here and there.
Sample random_sample(Random& random);

// What the instruction does (RFC 9669).
uint64_t concrete_alu(uint8_t op, bool is64, int16_t offset, uint64_t dst, uint64_t src);
bool concrete_jump(uint8_t op, bool is64, uint64_t dst, uint64_t src);

}  // namespace ring3::bpf::test
