// Globals by name and as text: what --set takes and --show prints.
#include <gtest/gtest.h>

#include "ring3/module.hpp"

namespace ring3 {
namespace {

Module open_globals() {
  auto module = Module::open(RING3_TEST_OBJECTS "/globals.bpf.o");
  if (!module) throw std::runtime_error(module.error().text());
  return std::move(*module);
}

struct Case {
  const char* path;
  const char* value;
  const char* shown;  // nullptr: refused with `code`
  int code = 0;
};

const Case kCases[] = {
    {"u8_constant", "255", "255"},
    {"u8_constant", "256", nullptr, ERANGE},
    {"u8_constant", "-1", nullptr, ERANGE},
    {"s8_value", "-128", "-128"},
    {"s8_value", "127", "127"},
    {"s8_value", "128", nullptr, ERANGE},
    {"s8_value", "-129", nullptr, ERANGE},
    {"u16_value", "0xffff", "65535"},
    {"u16_value", "0xfffff", nullptr, ERANGE},
    {"u16_value", "0b101", "5"},
    {"u16_value", "017", "15"},
    {"u16_value", "'A'", "65"},
    {"u16_value", "+9", "9"},
    {"u16_value", "09", nullptr, EINVAL},
    {"u16_value", "", nullptr, EINVAL},
    {"u16_value", "-", nullptr, EINVAL},
    {"u16_value", "0x", nullptr, EINVAL},
    {"u16_value", "1.5", nullptr, EINVAL},
    {"u16_value", "--1", nullptr, EINVAL},
    {"u16_value", "12 ", nullptr, EINVAL},
    {"s32_value", "-2147483648", "-2147483648"},
    {"s32_value", "2147483648", nullptr, ERANGE},
    {"u64_value", "18446744073709551615", "18446744073709551615"},
    {"u64_value", "18446744073709551616", nullptr, EINVAL},
    {"flag", "true", "true"},
    {"flag", "1", "true"},
    {"flag", "0", "false"},
    {"flag", "2", nullptr, ERANGE},
    {"color", "GREEN", "GREEN"},
    {"color", "-3", "BLUE"},
    {"color", "17", "17"},
    {"color", "PINK", nullptr, EINVAL},
    {"name", "abc", "abc"},
    {"name", "12345678", "12345678"},
    {"name", "123456789", nullptr, ERANGE},
    {"name", "", ""},
    {"name[1]", "66", "66"},
    {"pointer", "0x7fff12345678", "0x7fff12345678"},
    {"outer.first", "9", "9"},
    {"outer.inner[2].high", "-9", "-9"},
    {"outer.inner[2].low", "3", "3"},
    {"outer.as_u32", "0x01020304", "16909060"},
    {"outer.narrow", "7", "7"},
    {"outer.narrow", "8", nullptr, ERANGE},
    {"outer.below", "-16", "-16"},
    {"outer.below", "16", nullptr, ERANGE},
    {"outer.across", "0x1ffffffff", "8589934591"},
    {"many[1].inner[0].high", "4", "4"},
    {"many[2].first", "1", nullptr, ERANGE},
    {"many[0].nothing", "1", nullptr, ENOENT},
    {"outer", "1", nullptr, EINVAL},
    {"frozen_array", "1", nullptr, EINVAL},
    {"frozen_array[3]", "77", "77"},
    {"no_such_global", "1", nullptr, ENOENT},
    {"ops.ring_fd", "42", "42"},
    {"ops.nothing", "42", nullptr, ENOENT},
};

TEST(Variable, TextGoesInAndComesOut) {
  for (const Case& one : kCases) {
    Module module = open_globals();
    auto set = module.set(one.path, std::string_view(one.value));
    if (!one.shown) {
      ASSERT_FALSE(set) << one.path << " = " << one.value;
      EXPECT_EQ(set.error().code, one.code) << set.error().text();
      continue;
    }
    ASSERT_TRUE(set) << set.error().text();
    EXPECT_EQ(module.get(one.path).value_or("?"), one.shown) << one.path << " = " << one.value;
  }
}

// Setting a bit field leaves its neighbours alone.
TEST(Variable, BitFieldsAreApart) {
  Module module = open_globals();
  const std::pair<const char*, const char*> fields[] = {
      {"outer.narrow", "5"}, {"outer.below", "-7"}, {"outer.across", "4886718345"}};
  for (const auto& [path, value] : fields) ASSERT_TRUE(module.set(path, std::string_view(value)));
  for (const auto& [path, value] : fields) EXPECT_EQ(module.get(path).value_or("?"), value) << path;
}

TEST(Variable, InitialValuesAreTheObjects) {
  Module module = open_globals();
  EXPECT_EQ(module.get("u8_constant").value_or("?"), "7");
  EXPECT_EQ(module.get("s32_value").value_or("?"), "-5");
  EXPECT_EQ(module.get("name").value_or("?"), "initial");
  EXPECT_EQ(module.get("frozen_array").value_or("?"), "{1, 2, 3, 4}");
  EXPECT_EQ(module.get("ops.ring_fd").value_or("?"), "3");
  EXPECT_EQ(module.get("outer.inner").value_or("?"),
            "{{.low = 0, .high = 0}, {.low = 0, .high = 0}, {.low = 0, .high = 0}}");
}

TEST(Variable, NumbersAreCheckedToo) {
  Module module = open_globals();
  EXPECT_TRUE(module.set("s32_value", uint64_t{2147483647}));
  EXPECT_EQ(module.set("s32_value", uint64_t{2147483648}).error().code, ERANGE);
  EXPECT_EQ(module.set("name", uint64_t{1}).error().code, EINVAL);
}

TEST(Variable, BytesAreLive) {
  Module module = open_globals();
  auto value = module.as<uint64_t>("u64_value");
  ASSERT_TRUE(value);
  **value = 99;
  EXPECT_EQ(module.get("u64_value").value_or("?"), "99");
  EXPECT_EQ(module.as<uint32_t>("u64_value").error().code, EINVAL) << "the size is checked";
  EXPECT_EQ(module.variable("outer.narrow").error().code, EINVAL) << "a bit field has no bytes";
}

TEST(Variable, ConstantsAreFrozenByLoad) {
  Module module = open_globals();
  auto loaded = module.load();
  ASSERT_TRUE(loaded) << loaded.error().text();
  ASSERT_TRUE(*loaded) << module.verdicts()[0].text;
  EXPECT_EQ(module.set("u8_constant", uint64_t{1}).error().code, EPERM);
  EXPECT_EQ(module.set("ops.ring_fd", uint64_t{1}).error().code, EPERM);
  EXPECT_EQ(module.variable("u8_constant").error().code, EPERM);
  EXPECT_TRUE(module.set("s32_value", uint64_t{1}));
  EXPECT_EQ(module.get("u8_constant").value_or("?"), "7");
  EXPECT_EQ(module.load().error().code, EBUSY) << "once";
}

TEST(Module, SaysWhatItHas) {
  Module module = open_globals();
  EXPECT_EQ(module.struct_ops(), std::vector<std::string>{"ops"});
  EXPECT_EQ(module.struct_ops("io_uring_bpf_ops"), std::vector<std::string>{"ops"});
  EXPECT_TRUE(module.struct_ops("something_else").empty());
}

TEST(Module, RefusesWhatIsNoObject) {
  EXPECT_FALSE(Module::open("/nonexistent/object.bpf.o"));
  EXPECT_FALSE(Module::open("/dev/null"));
  const std::byte junk[64] = {};
  EXPECT_FALSE(Module::parse(junk, "junk"));
}

}  // namespace
}  // namespace ring3
