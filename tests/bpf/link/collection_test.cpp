// Programs, variables and struct_ops instances of one object against a world.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "bpf/isa/check.hpp"
#include "bpf/link/small_world.hpp"

namespace ring3::bpf {
namespace {

// The world's layout of struct test_ops, as world.bpf.c declares it.
struct TestOps {
  void* priv;
  void* stay_awake;
  uint32_t ring_fd;
  void* step;
  void* unknown_here;
  uint32_t reserved;
};

class Link : public testing::Test {
 protected:
  void SetUp() override {
    auto made = Collection::create(test::fixture("programs"), test::small_world());
    ASSERT_TRUE(made) << made.error().text();
    collection_ = std::move(*made);
  }
  const Program& program(std::string_view name) const {
    for (const auto& program : collection_->programs())
      if (program->name == name) return *program;
    ADD_FAILURE() << "no program " << name;
    return *collection_->programs()[0];
  }
  template <typename T>
  T value(const std::string& path) const {
    const auto variable = collection_->variable(path);
    EXPECT_TRUE(variable) << variable.error().text();
    T value{};
    if (!variable) return value;
    EXPECT_EQ(variable->bytes.size(), sizeof(T)) << path;
    if (variable->bytes.size() == sizeof(T)) memcpy(&value, variable->bytes.data(), sizeof(T));
    return value;
  }

  std::unique_ptr<Collection> collection_;
};

TEST_F(Link, StructOpsAreTranslatedByName) {
  const auto instances = collection_->struct_ops();
  ASSERT_EQ(instances.size(), 2u);
  const auto& first = *std::ranges::find(instances, "first", &StructOpsInstance::name);
  const auto& second = *std::ranges::find(instances, "second", &StructOpsInstance::name);
  EXPECT_TRUE(first.link);
  EXPECT_FALSE(second.link);
  TestOps ops;
  ASSERT_EQ(first.bytes.size(), sizeof ops);
  memcpy(&ops, first.bytes.data(), sizeof ops);
  EXPECT_EQ(ops.ring_fd, 5u);
  EXPECT_EQ(ops.step, nullptr);
  memcpy(&ops, second.bytes.data(), sizeof ops);
  EXPECT_EQ(reinterpret_cast<uint64_t>(ops.priv), 0x1122334455667788u);
  EXPECT_EQ(ops.ring_fd, 0u);

  ASSERT_EQ(first.callbacks.size(), 2u);
  ASSERT_EQ(second.callbacks.size(), 1u);
  for (const auto& callback : first.callbacks) {
    EXPECT_EQ(callback.program->name, callback.member->name == "step" ? "step" : "awake");
    EXPECT_EQ(callback.program->sleepable, callback.member->name == "step");
    EXPECT_EQ(callback.program->attachment.member, callback.member);
    const Btf& btf = *first.type->type.btf;
    EXPECT_EQ(btf.kind(callback.program->attachment.prototype), BtfKind::FuncProto);
  }
  // The same function for the same member is the same program.
  const auto& step = *std::ranges::find_if(
      first.callbacks, [](const auto& callback) { return callback.member->name == "step"; });
  EXPECT_EQ(step.program, second.callbacks[0].program);
}

TEST_F(Link, DataMembersOfStructOpsCanBeSet) {
  const auto ring_fd = collection_->variable("second.ring_fd");
  ASSERT_TRUE(ring_fd) << ring_fd.error().text();
  ASSERT_EQ(ring_fd->bytes.size(), 4u);
  const uint32_t fd = 1234;
  memcpy(ring_fd->bytes.data(), &fd, sizeof fd);
  TestOps ops;
  memcpy(&ops, std::ranges::find(collection_->struct_ops(), "second", &StructOpsInstance::name)->bytes.data(),
         sizeof ops);
  EXPECT_EQ(ops.ring_fd, 1234u);
  EXPECT_EQ(collection_->variable("second.step").error().code, ENOTSUP);
  EXPECT_EQ(collection_->variable("second.nothing").error().code, ENOENT);
}

TEST_F(Link, ProgramsHoldWhatTheyReach) {
  struct Expected {
    const char* program;
    std::vector<std::string> functions;
    bool sleepable;
  };
  const Expected expected[] = {
      {"step", {"step", "branch", "leaf"}, true},
      {"awake", {"awake", "leaf"}, false},
      {"plain", {"plain", "branch", "leaf"}, true},
  };
  EXPECT_EQ(collection_->programs().size(), std::size(expected));  // "unused" is optional, and unused
  for (const auto& want : expected) {
    const auto& found = program(want.program);
    std::vector<std::string> functions;
    uint32_t end = 0;
    for (const auto& subprogram : found.subprograms) {
      EXPECT_EQ(subprogram.start, end);
      end = subprogram.end;
      functions.push_back(subprogram.name);
      EXPECT_EQ(found.btf()->name(subprogram.function), subprogram.name);
      EXPECT_EQ(subprogram.global, subprogram.name != "leaf");
      EXPECT_FALSE(check_function(found.insns, subprogram.start, subprogram.end)) << subprogram.name;
    }
    EXPECT_EQ(end, found.insns.size());
    EXPECT_EQ(functions, want.functions);
    EXPECT_EQ(found.sleepable, want.sleepable);
    EXPECT_TRUE(found.gpl_compatible);
    for (const auto& line : found.lines) EXPECT_LT(line.insn, found.insns.size());
    ASSERT_TRUE(found.source_at(0));
    EXPECT_TRUE(found.source_at(0)->text.find(want.program) != std::string_view::npos);
  }
}

TEST_F(Link, KfuncsWeakOnesAndTheirAddresses) {
  const auto& step = program("step");
  std::vector<std::string> text;
  for (uint32_t slot = 0; slot < step.insns.size(); slot += insn_slots(step.insns[slot]))
    text.push_back(disassemble(step, slot));
  const auto has = [&](std::string_view part) {
    return std::ranges::any_of(text, [&](const std::string& line) { return line.find(part) != line.npos; });
  };
  EXPECT_TRUE(has("call test_kfunc#0"));
  EXPECT_TRUE(has("call branch"));
  EXPECT_TRUE(has("map[.rodata][0]+0 (&depth)"));
  unsigned missing_calls = 0, zero_addresses = 0, set_addresses = 0;
  for (uint32_t slot = 0; slot < step.insns.size(); slot += insn_slots(step.insns[slot])) {
    const Insn insn = step.insns[slot];
    if (is_call(insn) && insn.src == abi::BPF_PSEUDO_KFUNC_CALL && insn.imm == -1) missing_calls++;
    if (!is_64bit_imm(insn) || insn.src != 0) continue;
    zero_addresses += insn.imm == 0 && step.insns[slot + 1].imm == 0;
    set_addresses += insn.imm != 0;
  }
  EXPECT_EQ(missing_calls, 1u);
  EXPECT_EQ(zero_addresses, 1u);
  EXPECT_EQ(set_addresses, 1u);  // test_pointer___flavour is the world's test_pointer
}

TEST_F(Link, VariablesAreReadAndWrittenInPlace) {
  EXPECT_EQ(value<int>("nested.pair[1].x"), 3);
  EXPECT_EQ(value<uint64_t>("nested.pair[2].y"), 6u);
  EXPECT_EQ(value<uint32_t>("depth"), 32u);
  EXPECT_EQ(value<uint64_t>("counter"), 0u);
  EXPECT_EQ((value<std::array<char, 16>>("text")), (std::array<char, 16>{'h', 'e', 'l', 'l', 'o'}));
  const auto high = collection_->variable("nested.high");
  ASSERT_TRUE(high);
  uint32_t word;
  memcpy(&word, high->bytes.data(), sizeof word);
  EXPECT_EQ(high->bit_size, 20u);
  EXPECT_EQ(word >> high->bit_offset & 0xfffff, 1000u);

  const auto counter = collection_->variable("counter");
  counter->bytes[0] = std::byte{7};
  EXPECT_EQ(value<uint64_t>("counter"), 7u);
  ASSERT_TRUE(collection_->map(".bss"));
  EXPECT_TRUE(
      std::ranges::any_of(collection_->map(".bss")->values(), [](std::byte b) { return b == std::byte{7}; }));

  EXPECT_FALSE(collection_->variable("depth")->frozen);
  collection_->freeze();
  EXPECT_TRUE(collection_->variable("depth")->frozen);
  EXPECT_FALSE(collection_->variable("counter")->frozen);
}

TEST_F(Link, WrongPathsSayWhatThereIs) {
  struct Expected {
    const char* path;
    int code;
    const char* says;
  };
  const Expected expected[] = {
      {"countr", ENOENT, "there is counter"},
      {"nested.pears", ENOENT, "has no member pears; it has pair"},
      {"nested.pair[3]", ERANGE, "index 3 is outside the 3 elements"},
      {"nested.pair.x", ENOENT, "has no members, so no x"},
      {"counter.x", ENOENT, "has no members"},
      {"counter[0]", ENOENT, "is no array"},
      {"nested.pair[", EINVAL, "decimal number"},
      {"nested.pair[-1]", EINVAL, "decimal number"},
      {"", ENOENT, "there is"},
  };
  for (const auto& want : expected) {
    const auto variable = collection_->variable(want.path);
    ASSERT_FALSE(variable) << want.path;
    EXPECT_EQ(variable.error().code, want.code) << want.path << ": " << variable.error().text();
    EXPECT_NE(variable.error().message.find(want.says), std::string::npos) << variable.error().text();
  }
}

}  // namespace
}  // namespace ring3::bpf
