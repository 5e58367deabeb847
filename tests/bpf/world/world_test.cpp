// Worlds: what the common one holds, and what the builder refuses.
#include "bpf/world/world.hpp"

#include <fcntl.h>
#include <gelf.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <set>

#include "base/fd.hpp"
#include "kernel_bpf.hpp"

namespace ring3::bpf {
namespace {

std::vector<std::byte> section_of(const std::string& path, const char* wanted) {
  std::vector<std::byte> bytes;
  elf_version(EV_CURRENT);
  FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  Elf* elf = elf_begin(file.get(), ELF_C_READ, nullptr);
  size_t names = 0;
  elf_getshdrstrndx(elf, &names);
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf, section));) {
    GElf_Shdr header;
    gelf_getshdr(section, &header);
    if (strcmp(elf_strptr(elf, names, header.sh_name), wanted) != 0) continue;
    const Elf_Data* data = elf_getdata(section, nullptr);
    const auto* start = static_cast<const std::byte*>(data->d_buf);
    bytes.assign(start, start + data->d_size);
  }
  elf_end(elf);
  return bytes;
}

std::vector<std::byte> test_types() { return section_of(RING3_TEST_OBJECTS "/types.bpf.o", ".BTF"); }

std::shared_ptr<const World> common_world() {
  World::Builder builder;
  add_common(builder);
  auto world = builder.build();
  EXPECT_TRUE(world) << world.error().text();
  return world ? *world : nullptr;
}

std::string error_of(World::Builder& builder) {
  auto world = builder.build();
  return world ? "built" : world.error().text();
}

uint64_t nothing(Machine&, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) { return 0; }

TEST(CommonWorld, HelpersHaveTheKernelsNumbers) {
  const auto world = common_world();
  for (const Helper& helper : world->helpers()) {
    EXPECT_NE(helper.implementation, nullptr) << helper.name;
    EXPECT_EQ(world->helper(helper.id), &helper);
    const char* name = kernel::helper_name(helper.id);
    ASSERT_NE(name, nullptr) << helper.name;
    EXPECT_EQ(helper.name, std::string("bpf_") + name);
  }
  constexpr uint32_t kProbeWriteUser = 36, kProbeReadKernel = 113;
  EXPECT_EQ(world->helper(kProbeWriteUser), nullptr) << "programs must not write where they please";
  EXPECT_EQ(world->helper(kProbeReadKernel), nullptr);
}

TEST(CommonWorld, HelperArgumentsMakeSense) {
  const auto world = common_world();
  for (const Helper& helper : world->helpers()) {
    SCOPED_TRACE(helper.name);
    bool ended = false;
    for (int i = 0; i < 5; ++i) {
      const Arg argument = helper.arguments[i];
      EXPECT_FALSE(ended && argument != Arg::None) << "a gap before argument " << i + 1;
      ended |= argument == Arg::None;
      const bool memory = argument == Arg::Mem || argument == Arg::WritableMem ||
                          argument == Arg::UninitMem || argument == Arg::MemOrNull ||
                          argument == Arg::WritableMemOrNull;
      const bool sized =
          i < 4 && (helper.arguments[i + 1] == Arg::Size || helper.arguments[i + 1] == Arg::SizeOrZero);
      EXPECT_EQ(memory, sized) << "memory and its size come in pairs";
      if (argument == Arg::MapKey || argument == Arg::MapValue) {
        EXPECT_EQ(helper.arguments[0], Arg::ConstMap);
      }
    }
  }
}

TEST(CommonWorld, KfuncsHavePrototypes) {
  const auto world = common_world();
  std::set<std::string> names;
  for (const Kfunc& kfunc : world->kfuncs()) {
    EXPECT_TRUE(names.insert(kfunc.name).second);
    EXPECT_NE(kfunc.implementation, nullptr);
    ASSERT_TRUE(kfunc.function);
    const Btf& btf = *kfunc.function.btf;
    EXPECT_EQ(btf.kind(kfunc.function.id), BtfKind::Func);
    EXPECT_EQ(btf.name(kfunc.function.id), kfunc.name);
    for (const BtfParam& parameter : btf.parameters(btf.target(kfunc.function.id)))
      EXPECT_FALSE(parameter.name.empty());
  }
  const TypeRef iterator = world->find_type(BtfKind::Struct, "bpf_iter_num");
  const TypeRef dynptr = world->find_type(BtfKind::Struct, "bpf_dynptr");
  ASSERT_TRUE(iterator && dynptr);
  EXPECT_EQ(iterator.btf->size_of(iterator.id), 8u);
  EXPECT_EQ(dynptr.btf->size_of(dynptr.id), 16u);
}

TEST(CommonWorld, KfuncParametersAreNamedAsTheKernelsAre) {
  // The names carry meaning: __szk, __opt, __uninit.
  FileDescriptor file(open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC));
  if (!file) GTEST_SKIP() << "the kernel shows no BTF here";
  std::vector<std::byte> bytes;
  std::byte chunk[65536];
  for (ssize_t n; (n = read(file.get(), chunk, sizeof chunk)) > 0;)
    bytes.insert(bytes.end(), chunk, chunk + n);
  const auto theirs = Btf::parse(bytes);
  ASSERT_TRUE(theirs) << theirs.error().text();
  unsigned compared = 0;
  const auto world = common_world();
  for (const Kfunc& kfunc : world->kfuncs()) {
    const auto function = theirs->find(BtfKind::Func, kfunc.name);
    if (!function) continue;  // newer than this kernel
    ++compared;
    SCOPED_TRACE(kfunc.name);
    const Btf& btf = *kfunc.function.btf;
    const auto mine = btf.parameters(btf.target(kfunc.function.id));
    const auto kernels = theirs->parameters(theirs->target(*function));
    ASSERT_EQ(mine.size(), kernels.size());
    for (size_t i = 0; i < mine.size(); ++i) {
      EXPECT_EQ(mine[i].name, kernels[i].name);
      EXPECT_EQ(btf.kind(btf.resolve(mine[i].type)), theirs->kind(theirs->resolve(kernels[i].type)));
    }
  }
  if (compared == 0) GTEST_SKIP() << "the kernel's BTF names none of the kfuncs";
}

TEST(WorldBuilder, FindsWhatItWasGiven) {
  const auto types = test_types();
  ASSERT_FALSE(types.empty());
  const Kfunc kfuncs[] = {{"test_kfunc", KF_RET_NULL, nothing, {}}};
  const StructOpsMember member{.name = "step", .must_exist = true};
  const StructOpsType ops{"test_ops", {member}, {"number"}, {}};
  World::Builder builder;
  add_common(builder);
  const auto world =
      builder.types(types).kfuncs(kfuncs).struct_ops(ops).alias("other_context", "test_context").build();
  ASSERT_TRUE(world) << world.error().text();
  const Kfunc* kfunc = (*world)->kfunc("test_kfunc");
  ASSERT_NE(kfunc, nullptr);
  EXPECT_EQ(kfunc->flags, KF_RET_NULL);
  EXPECT_NE((*world)->kfunc("bpf_dynptr_size"), nullptr);
  EXPECT_EQ((*world)->kfunc("no_such"), nullptr);
  const StructOpsType* type = (*world)->struct_ops("test_ops");
  ASSERT_NE(type, nullptr);
  EXPECT_EQ(type->type.btf->name(type->type.id), "test_ops");
  EXPECT_EQ((*world)->struct_ops("no_such"), nullptr);

  EXPECT_TRUE((*world)->same_type_name("other_context", "test_context"));
  EXPECT_TRUE((*world)->same_type_name("test_context", "other_context"));
  EXPECT_FALSE((*world)->same_type_name("test_context", "test_ops"));
  const TypeRef context = (*world)->find_type(BtfKind::Struct, "test_context");
  const TypeRef alias = (*world)->find_type(BtfKind::Struct, "other_context");
  ASSERT_TRUE(context && alias);
  EXPECT_EQ(context.id, alias.id);
  EXPECT_FALSE((*world)->find_type(BtfKind::Struct, "no_such"));
}

TEST(WorldBuilder, RefusesWhatHasNoTypes) {
  const auto types = test_types();
  const Kfunc missing[] = {{"missing", 0, nothing, {}}};
  const Kfunc twice[] = {{"test_kfunc", 0, nothing, {}}, {"test_kfunc", 0, nothing, {}}};
  const Helper same[] = {{1, "a"}, {1, "b"}};
  const StructOpsMember step{.name = "step"}, number{.name = "number"}, absent{.name = "absent"};
  const struct {
    const char* error;
    std::function<void(World::Builder&)> fill;
  } cases[] = {
      {"world: kfunc missing has no prototype (ENOENT)", [&](auto& b) { b.kfuncs(missing); }},
      {"world: two kfuncs named test_kfunc (EEXIST)", [&](auto& b) { b.kfuncs(twice); }},
      {"world: two helpers with id 1 (EEXIST)", [&](auto& b) { b.helpers(same); }},
      {"world: struct_ops type no_ops is in no types file (ENOENT)",
       [&](auto& b) {
         b.struct_ops({"no_ops", {}, {}, {}});
       }},
      {"world: struct test_ops has no callback absent (EINVAL)",
       [&](auto& b) {
         b.struct_ops({"test_ops", {step, absent}, {}, {}});
       }},
      {"world: struct test_ops has no callback number (EINVAL)",
       [&](auto& b) {
         b.struct_ops({"test_ops", {number}, {}, {}});
       }},
      {"world: struct test_ops has no member absent (EINVAL)",
       [&](auto& b) {
         b.struct_ops({"test_ops", {step}, {"absent"}, {}});
       }},
  };
  for (const auto& each : cases) {
    World::Builder builder;
    each.fill(builder.types(types));
    EXPECT_EQ(error_of(builder), each.error);
  }
  World::Builder broken;
  broken.types(std::span(types).first(types.size() / 2));
  EXPECT_NE(error_of(broken), "built");
}

}  // namespace
}  // namespace ring3::bpf
