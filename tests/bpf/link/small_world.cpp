#include "bpf/link/small_world.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "bpf/object/elf.hpp"

namespace ring3::test {

using namespace ring3::bpf;

namespace {
std::vector<std::byte> section_of(const std::string& path, std::string_view name) {
  std::ifstream in(path, std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(in), {});
  const auto elf = ElfFile::read(std::as_bytes(std::span(bytes)), path);
  if (!elf) return {};
  for (const auto& section : elf->sections)
    if (section.name == name) return {section.bytes.begin(), section.bytes.end()};
  return {};
}

uint64_t unreachable(Machine&, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) { return 0; }
}  // namespace

std::shared_ptr<const World> small_world() {
  static const std::shared_ptr<const World> world = [] {
    StructOpsMember step, stay_awake;
    step.name = "step";
    step.must_exist = true;
    stay_awake.name = "stay_awake";
    stay_awake.may_sleep = false;
    StructOpsType type;
    type.name = "test_ops";
    type.members = {step, stay_awake};
    type.settable = {"ring_fd", "priv"};
    const Kfunc kfuncs[] = {{"test_kfunc", 0, unreachable, {}},
                            {"test_pointer", KF_RET_NULL, unreachable, {}}};
    World::Builder builder;
    builder.types(section_of(RING3_TEST_OBJECTS "/world.bpf.o", ".BTF"))
        .kfuncs(kfuncs)
        .struct_ops(type)
        .alias("shape_by_another_name", "shape");
    auto built = builder.build();
    EXPECT_TRUE(built) << built.error().text();
    return built.value_or(nullptr);
  }();
  return world;
}

std::shared_ptr<const Object> fixture(const std::string& name) {
  auto object = Object::open(RING3_TEST_OBJECTS "/" + name + ".bpf.o");
  EXPECT_TRUE(object) << object.error().text();
  return object.value_or(nullptr);
}

}  // namespace ring3::test
