// CO-RE, end to end: a fixture asks about types that the world lays out differently and is run; what it found
// is compared with what the host's compiler says of the world's layout.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>

#include "bpf/exec/executable.hpp"
#include "bpf/link/small_world.hpp"
#include "bpf/trust.hpp"

namespace world {
#include "bpf/link/world_types.h"
}

namespace ring3::bpf {
namespace {

class Core : public testing::Test {
 protected:
  void SetUp() override {
    auto made = Collection::create(test::fixture("core"), test::small_world());
    ASSERT_TRUE(made) << made.error().text();
    collection_ = std::move(*made);
  }

  std::shared_ptr<const Program> program(std::string_view name) const {
    for (const auto& program : collection_->programs())
      if (program->name == name) return program;
    ADD_FAILURE() << "no program " << name;
    return nullptr;
  }
  uint64_t run(std::string_view name, uint64_t argument = 0) const {
    const auto verified = TrustForTests::trust(program(name));
    const auto interpreted = Executable::create(verified),
               compiled = Executable::create(verified, {.compiled = true});
    if (!interpreted || !compiled) {
      ADD_FAILURE() << name;
      return 0;
    }
    const uint64_t result = Execution(**interpreted).run(argument).r0;
    EXPECT_EQ(Execution(**compiled).run(argument).r0, result);
    return result;
  }
  uint64_t out(const std::string& name) const {
    const auto variable = collection_->variable("out." + name);
    EXPECT_TRUE(variable) << variable.error().text();
    uint64_t value = 0;
    if (variable && variable->bytes.size() == 8) memcpy(&value, variable->bytes.data(), 8);
    return value;
  }

  std::unique_ptr<Collection> collection_;
};

TEST_F(Core, AnswersAreTheWorldsLayout) {
  using namespace world;
  run("ask");
  struct Expected {
    const char* name;
    uint64_t value;
  };
  const Expected expected[] = {
      {"offset_array", offsetof(shape, array[3])},
      {"offset_deep", offsetof(shape, inner.deep[2])},
      {"offset_anonymous", offsetof(shape, in_anonymous)},
      {"offset_name", offsetof(shape, name)},
      {"size_array", sizeof(shape::array)},
      {"size_narrowed", sizeof(shape::narrowed)},
      {"sign_sign", 1},
      {"sign_narrowed", 0},
      {"exists_s", 1},
      {"exists_missing", 0},
      {"exists_unknown", 0},
      {"exists_moved", 0},
      {"bits_sign", 1},
      {"shape_exists", 1},
      {"unknown_exists", 0},
      {"typedef_exists", 1},
      {"shape_size", sizeof(shape)},
      {"sized_size", sizeof(sized)},
      {"unknown_size", 0},
      {"matches_same", 1},
      {"matches_unlike", 0},
      {"happy", uint64_t(int64_t{MOOD_HAPPY})},
      {"sad", uint64_t(int64_t{MOOD_SAD})},
      {"flavoured", uint64_t(int64_t{MOOD_SAD})},
      {"happy_exists", 1},
      {"angry_exists", 0},
  };
  for (const auto& [name, value] : expected) EXPECT_EQ(out(name), value) << name;
}

// What a program does with the four answers: load so many bytes from there, shift left, shift right.
TEST_F(Core, BitFieldsAreFoundByLoadAndShifts) {
  run("ask");
  const auto extract = [&](const void* base, const std::string& name, bool sign) {
    uint64_t loaded = 0;
    memcpy(&loaded, static_cast<const char*>(base) + out(name + "_offset"), out(name + "_size"));
    loaded <<= out(name + "_left");
    return sign ? int64_t(loaded) >> out(name + "_right") : int64_t(loaded >> out(name + "_right"));
  };
  world::shape shape{};
  for (const int value : {-1024, -1, 0, 1, 777, 1023}) {
    shape.signed_bits = value;
    shape.more = 0x5555555555;
    EXPECT_EQ(extract(&shape, "bits", true), value);
  }
  for (const unsigned value : {0u, 1u, 300u, 511u}) {
    shape.flag_b = value;
    shape.flag_a = 5;
    EXPECT_EQ(extract(&shape, "flag", false), value);
  }
}

TEST_F(Core, LoadsReadTheWorldsFieldsAtTheirSizes) {
  world::shape shape{};
  memset(&shape, 0xee, sizeof shape);
  shape.narrowed = 0xf0000001;
  shape.widened = 0x100000000;
  shape.inner.deep[1] = 30;
  shape.array[7] = 400;
  shape.in_anonymous = 5000;
  EXPECT_EQ(run("read_shape", reinterpret_cast<uint64_t>(&shape)), 0xf0000001 + 0x100000000 + 5430);
  EXPECT_EQ(run("read_flavour", reinterpret_cast<uint64_t>(&shape)), 0x100000000u);
}

TEST_F(Core, WhatTheWorldLacksIsPoisoned) {
  struct Expected {
    const char *program, *reason;
  };
  for (const auto& [name, reason] :
       {Expected{"read_missing", "struct shape has no member missing"},
        Expected{"read_unknown", "struct unknown_here is no type that is known here"}}) {
    const auto refused = program(name);
    ASSERT_EQ(refused->unresolved.size(), 1u) << name;
    EXPECT_EQ(refused->unresolved[0].reason, reason);
    const Insn insn = refused->insns[refused->unresolved[0].insn];
    EXPECT_TRUE(is_call(insn));
    EXPECT_EQ(insn.imm, CORE_POISON);
    EXPECT_FALSE(verify(refused)) << name;
  }
}

}  // namespace
}  // namespace ring3::bpf
