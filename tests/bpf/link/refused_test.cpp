// What is refused, and that the error says where and what.
#include <gtest/gtest.h>

#include "bpf/link/small_world.hpp"

namespace ring3::bpf {
namespace {

struct Case {
  const char* name;  // CASE_name of refused.c
  int code;          // 0: accepted
  const char *place, *says;

  friend void PrintTo(const Case& test, std::ostream* out) { *out << test.name; }
};

class Refused : public testing::TestWithParam<Case> {};

TEST_P(Refused, WithPlaceAndReason) {
  const auto& want = GetParam();
  const auto object = Object::open(fmt::format("{}/refused/{}.o", RING3_TEST_OBJECTS, want.name));
  std::optional<Error> error;
  if (!object) {
    error = object.error();
  } else {
    const auto collection = Collection::create(*object, test::small_world());
    if (!collection) error = collection.error();
  }
  if (!want.code) {
    EXPECT_FALSE(error) << error->text();
    return;
  }
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, want.code) << error->text();
  EXPECT_NE(error->place.find(want.place), std::string::npos) << error->text();
  EXPECT_NE(error->message.find(want.says), std::string::npos) << error->text();
}

const Case CASES[] = {
    {"accepted", 0, "", ""},
    {"no_types", ENOTSUP, "no_types.o", "compile with -g"},
    {"host_file", EINVAL, "host_file.o", "not for BPF"},
    {"no_step", EINVAL, "ops", "test_ops.step must be set"},
    {"sleeper", EINVAL, "refused.c:", "stay_awake must not sleep"},
    {"unused_program", EINVAL, "in awake", "no struct_ops variable refers to it"},
    {"reserved", EINVAL, "ops.reserved", "can't be set"},
    {"unknown_member", ENOTSUP, "ops.not_in_the_world", "has no such member; it has priv"},
    {"unknown_callback", ENOTSUP, "ops.unknown_here", "it has step, stay_awake"},
    {"number_as_callback", EINVAL, "ops.unknown_here", "set to a number"},
    {"plain_callback", EINVAL, "ops.step", "put it into SEC(\"struct_ops/plain\")"},
    {"data_pointer", ENOTSUP, ".struct_ops+", "priv is initialised with global"},
    {"member_size", EINVAL, "ops.priv", "u32 in the object, but void * here"},
    {"unknown_type", ENOENT, "ops", "no struct_ops type no_such_ops; there is test_ops"},
    {"optional_section", ENOTSUP, "?.struct_ops", "drop the '?'"},
    {"no_kfunc", ENOENT, "refused.c:", "did you mean test_kfunc?"},
    {"kfunc_count", EINVAL, "in call", "1 parameters, not 2"},
    {"kfunc_parameter", EINVAL, "in call", "parameter 2 is void *"},
    {"kfunc_return", EINVAL, "in call", "it returns int"},
    {"undefined_function", EINVAL, "nowhere", "__ksym"},
    {"kconfig", ENOTSUP, "CONFIG_HZ", ".kconfig"},
    {"kernel_variable", ENOTSUP, "runqueues", "only its functions"},
    {"old_maps", ENOTSUP, "maps", "SEC(\".maps\")"},
    {"pinned", ENOTSUP, "pinned.pinning", "not supported"},
    {"map_of_maps", ENOTSUP, "outer", ""},
    {"key_size_twice", EINVAL, "twice.key_size", "8 bytes, but 4"},
    {"map_property", ENOTSUP, "coloured.colour", "no such property"},
    {"map_type", ENOTSUP, "events", "type 4"},
    {"map_refused", EINVAL, "empty", "max_entries"},
    {"address_in_data", ENOTSUP, ".data", "address of target"},
    {"common", ENOTSUP, "tentative", "-fno-common"},
    {"custom_section", ENOTSUP, "instruction", "section custom"},
    {"huge_bss", E2BIG, ".bss", "use a map"},
    {"reads_ops", ENOTSUP, "in", "struct_ops variable ops"},
};
INSTANTIATE_TEST_SUITE_P(Cases, Refused, testing::ValuesIn(CASES),
                         [](const testing::TestParamInfo<Case>& test) {
                           return std::string(test.param.name);
                         });

TEST(ObjectFile, Unreadable) {
  EXPECT_EQ(Object::open("/nowhere/at/all.o").error().code, ENOENT);
  EXPECT_EQ(Object::open("/").error().code, EINVAL);
  EXPECT_NE(Object::parse({}, "empty").error().message.find("no ELF file"), std::string::npos);
}

}  // namespace
}  // namespace ring3::bpf
