// Damaged files: cut off, and with bits flipped, through reading and linking. Each is accepted or refused
// with a place and a reason; never a crash.
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

#include "bpf/link/small_world.hpp"

namespace ring3::bpf {
namespace {

constexpr unsigned SEED = 20261120;

std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// True if it is accepted.
bool load(const std::string& bytes, const std::string& what) {
  const auto check = [&](const Error& error) {
    EXPECT_GT(error.code, 0) << what;
    EXPECT_FALSE(error.place.empty()) << what << ": " << error.text();
    EXPECT_FALSE(error.message.empty()) << what << ": " << error.text();
    return false;
  };
  const auto object = Object::parse(std::as_bytes(std::span(bytes)), "damaged.o");
  if (!object) return check(object.error());
  const auto collection = Collection::create(*object, test::small_world());
  if (!collection) return check(collection.error());
  for (const auto& program : (*collection)->programs()) EXPECT_FALSE(program->subprograms.empty());
  return true;
}

class Damaged : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { ASSERT_FALSE(bytes_.empty()); }

  std::string bytes_ = contents(fmt::format("{}/{}.bpf.o", RING3_TEST_OBJECTS, GetParam()));
};

TEST_P(Damaged, CutOff) {
  ASSERT_TRUE(load(bytes_, "whole"));
  for (unsigned part = 0; part < 64; part++)
    EXPECT_FALSE(load(bytes_.substr(0, bytes_.size() * part / 64), fmt::format("{}/64", part)));
}

TEST_P(Damaged, BitsFlipped) {
  std::mt19937 random(SEED);
  unsigned accepted = 0, refused = 0;
  for (unsigned round = 0; round < 1500; round++) {
    auto damaged = bytes_;
    for (unsigned flips = 1 + random() % 4; flips; flips--)
      damaged[random() % damaged.size()] ^= char(1u << random() % 8);
    (load(damaged, fmt::format("seed {}, round {}", SEED, round)) ? accepted : refused)++;
  }
  // Most bits of an object are debugging information; some must matter.
  EXPECT_GT(refused, 50u);
  EXPECT_GT(accepted, 50u);
}

// The headers and tables, where every bit matters: each byte of the first section header and symbols takes
// odd values.
TEST_P(Damaged, WordsReplaced) {
  std::mt19937 random(SEED + 1);
  const uint32_t words[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff8, 0x10000};
  for (unsigned round = 0; round < 1500; round++) {
    auto damaged = bytes_;
    const size_t at = random() % (damaged.size() / 4) * 4;
    const uint32_t word = words[random() % std::size(words)];
    memcpy(damaged.data() + at, &word, sizeof word);
    load(damaged, fmt::format("seed {}, round {}: {:#x} at {}", SEED + 1, round, word, at));
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, Damaged, testing::Values("core", "programs", "stripped"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace ring3::bpf
