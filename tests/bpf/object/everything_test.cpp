// The same source by every compiler and for every -mcpu: the facts of the object are those of the source,
// whatever the compiler made of them. Layouts are compared with what the host's compiler says.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "bpf/object/object.hpp"

namespace everything {
#include "bpf/object/everything.h"
}

namespace ring3::bpf {
namespace {

struct Build {
  int clang;
  int cpu;
};

class Everything : public testing::TestWithParam<Build> {
 protected:
  void SetUp() override {
    const auto [clang, cpu] = GetParam();
    const std::string path =
        fmt::format("{}/matrix/everything.clang{}.v{}.o", RING3_TEST_OBJECTS, clang, cpu);
    if (!std::filesystem::exists(path)) GTEST_SKIP() << "clang-" << clang << " is not installed";
    auto object = Object::open(path);
    ASSERT_TRUE(object) << object.error().text();
    object_ = *object;
  }

  const CodeSection& code(std::string_view name) const {
    for (const auto& section : object_->code)
      if (section.name == name) return section;
    ADD_FAILURE() << "no section " << name;
    return object_->code.front();
  }
  const DataSection& data(std::string_view name) const {
    for (const auto& section : object_->data)
      if (section.name == name) return section;
    ADD_FAILURE() << "no section " << name;
    return object_->data.front();
  }
  template <typename T>
  T initial(std::string_view section, std::string_view variable) const {
    const auto& btf = object_->btf;
    const auto& bytes = data(section);
    for (const auto& entry : btf.variables(bytes.datasec)) {
      if (btf.name(entry.variable) != variable) continue;
      EXPECT_EQ(entry.size, sizeof(T)) << variable;
      T value;
      memcpy(&value, bytes.bytes.data() + entry.offset, sizeof value);
      return value;
    }
    ADD_FAILURE() << "no variable " << variable;
    return {};
  }

  std::shared_ptr<const Object> object_;
};

TEST_P(Everything, Functions) {
  struct Expected {
    const char *section, *name;
    bool global;
  };
  const Expected expected[] = {
      {".text", "global_function", true},
      {".text", "add_secret", false},
      {".text", "callback", false},
      {"struct_ops.s/step", "step", true},
      {"struct_ops/step_awake", "step_awake", true},
      {"test", "alone", true},
  };
  size_t count = 0;
  for (const auto& section : object_->code) {
    uint32_t end = 0;
    for (const auto& function : section.functions) {
      EXPECT_EQ(function.start, end) << function.name;
      end = function.end;
      count++;
    }
    EXPECT_EQ(end, section.insns.size()) << section.name;
  }
  EXPECT_EQ(count, std::size(expected));
  for (const auto& [section_name, name, global] : expected) {
    const auto& section = code(section_name);
    bool found = false;
    for (const auto& function : section.functions) {
      if (function.name != name) continue;
      found = true;
      EXPECT_EQ(function.global, global) << name;
      // Every function ends with exit, and its type is known by the extended BTF.
      EXPECT_TRUE(is_exit(section.insns[function.end - 1])) << name;
      bool typed = false;
      for (const auto& info : section.function_types)
        typed = typed || (info.insn == function.start && object_->btf.name(info.function) == name);
      EXPECT_TRUE(typed) << name;
    }
    EXPECT_TRUE(found) << name;
  }
}

TEST_P(Everything, Maps) {
  struct Expected {
    const char* name;
    uint32_t type, key, value, entries, flags;
    const char *key_type, *value_type;
  };
  const Expected expected[] = {
      {"counts", 2, 4, sizeof(everything::params), 16, 0, "__u32", "struct params"},
      {"hidden_map", 1, 12, 40, 5, 1, "", ""},
      {"events", 27, 0, 0, 8192, 0, "", ""},
  };
  ASSERT_EQ(object_->maps.size(), std::size(expected));
  for (const auto& want : expected) {
    const auto map = std::ranges::find(object_->maps, want.name, &MapDefinition::name);
    ASSERT_NE(map, object_->maps.end()) << want.name;
    EXPECT_EQ(map->type, want.type);
    EXPECT_EQ(map->key_size, want.key);
    EXPECT_EQ(map->value_size, want.value);
    EXPECT_EQ(map->max_entries, want.entries);
    EXPECT_EQ(map->flags, want.flags);
    EXPECT_EQ(map->key ? map->key.btf->spell(map->key.id) : "", want.key_type);
    EXPECT_EQ(map->value ? map->value.btf->spell(map->value.id) : "", want.value_type);
  }
}

TEST_P(Everything, Variables) {
  EXPECT_EQ(initial<uint32_t>(".rodata", "limit"), 7u);
  EXPECT_EQ((initial<std::array<int, 4>>(".rodata", "table")), (std::array{1, 2, 3, 4}));
  EXPECT_EQ(initial<int>(".data", "shared"), 5);
  EXPECT_EQ(initial<int>(".data", "secret"), 42);
  EXPECT_EQ(initial<int>(".data.custom", "custom"), 9);
  EXPECT_EQ((initial<std::array<uint64_t, 4>>(".bss", "zeroes")), (std::array<uint64_t, 4>{}));
  EXPECT_EQ(data(".rodata").kind, DataSection::Kind::Rodata);
  EXPECT_EQ(data(".data.custom").kind, DataSection::Kind::Data);
  EXPECT_EQ(data(".bss").kind, DataSection::Kind::Bss);
  // Sections lie in BTF as in the file: no two variables overlap.
  for (const auto& section : object_->data) {
    uint64_t end = 0;
    for (const auto& entry : object_->btf.variables(section.datasec)) {
      EXPECT_GE(entry.offset, end) << section.name;
      end = entry.offset + entry.size;
    }
    EXPECT_LE(end, section.bytes.size());
  }
}

TEST_P(Everything, Layouts) {
  using everything::params;
  const auto& btf = object_->btf;
  const auto type = btf.find(BtfKind::Struct, "params");
  ASSERT_TRUE(type);
  EXPECT_EQ(btf.size_of(*type), sizeof(params));
  struct Expected {
    const char* path;
    uint64_t offset, size;
    const char* spelling;
  };
  const Expected expected[] = {
      {"", 0, sizeof(params), "struct params"},
      {"depth", offsetof(params, depth), 1, "unsigned char"},
      {"bytes", offsetof(params, bytes), 8, "unsigned long long"},
      {"parts", offsetof(params, parts), sizeof(params::parts), "struct inner[2]"},
      {"parts[1]", offsetof(params, parts[1]), sizeof(everything::inner), "struct inner"},
      {"parts[1].words[2]", offsetof(params, parts[1].words[2]), 4, "unsigned int"},
      {"low", offsetof(params, low), 4, "unsigned int"},
      {"second", offsetof(params, second), 1, "unsigned char"},
      {"label", offsetof(params, label), 8, "const char *"},
      {"callback", offsetof(params, callback), 8, "int (*)(struct inner *, const char *)"},
  };
  for (const auto& want : expected) {
    const auto field = btf.field(*type, want.path);
    ASSERT_TRUE(field) << field.error().text();
    EXPECT_EQ(field->offset, want.offset) << want.path;
    EXPECT_EQ(btf.size_of(field->type), want.size) << want.path;
    EXPECT_EQ(field->bit_size, 0u) << want.path;
    auto spelling = btf.spell(field->type);
    std::erase(spelling, ' ');
    std::string wanted = want.spelling;
    std::erase(wanted, ' ');
    EXPECT_EQ(spelling, wanted) << want.path;
  }
  // Bit fields: written by the host's compiler, read through BTF.
  params host{};
  host.level = 0x155;
  const auto level = btf.field(*type, "level");
  ASSERT_TRUE(level);
  uint32_t word;
  memcpy(&word, reinterpret_cast<const char*>(&host) + level->offset, sizeof word);
  EXPECT_EQ(level->bit_size, 9u);
  EXPECT_EQ(word >> level->bit_offset & 0x1ff, 0x155u);
  // And back.
  EXPECT_EQ(btf.path_at(*type, offsetof(params, parts[1].words[2]) + 1), "parts[1].words[2]");
  EXPECT_EQ(btf.path_at(*type, offsetof(params, bytes)), "bytes");
}

TEST_P(Everything, ExternsAndStructOps) {
  ASSERT_EQ(object_->externs.size(), 2u);
  for (const auto& from : object_->externs) {
    EXPECT_TRUE(from.is_function);
    EXPECT_EQ(from.weak, from.name == "weak_kfunc");
    EXPECT_EQ(object_->btf.name(from.type), from.name);
  }
  struct Expected {
    const char *name, *callback;
    bool link;
    uint32_t ring_fd;
  };
  const Expected expected[] = {
      {"ops", "step", true, 3}, {"second", "step_awake", true, 0}, {"third", "step_awake", false, 77}};
  ASSERT_EQ(object_->struct_ops.size(), std::size(expected));
  for (const auto& want : expected) {
    const auto variable = std::ranges::find(object_->struct_ops, want.name, &StructOpsVariable::name);
    ASSERT_NE(variable, object_->struct_ops.end());
    EXPECT_EQ(variable->link, want.link);
    EXPECT_EQ(object_->btf.spell(variable->type), "struct io_uring_bpf_ops");
    ASSERT_EQ(variable->callbacks.size(), 1u);
    const auto& callback = variable->callbacks[0];
    EXPECT_EQ(callback.offset, 0u);
    EXPECT_EQ(object_->code[callback.section].functions[callback.function].name, want.callback);
    uint32_t ring_fd;
    memcpy(&ring_fd, variable->bytes.data() + 8, sizeof ring_fd);
    EXPECT_EQ(ring_fd, want.ring_fd);
  }
  EXPECT_EQ(object_->license, "Dual BSD/GPL");
}

// Every reference of the source is a relocation to what the source names.
TEST_P(Everything, References) {
  std::vector<std::string> found;
  for (const auto& section : object_->code) {
    for (const auto& relocation : section.relocations) {
      std::string target;
      switch (relocation.kind) {
        case Relocation::Kind::Map:
          target = "map " + object_->maps[relocation.index].name;
          break;
        case Relocation::Kind::Data:
          target = "data ";
          for (const auto& entry : object_->btf.variables(object_->data[relocation.index].datasec))
            if (relocation.offset >= entry.offset && relocation.offset < entry.offset + entry.size)
              target += object_->btf.name(entry.variable);
          break;
        case Relocation::Kind::Call:
        case Relocation::Kind::FunctionAddress:
          target = relocation.kind == Relocation::Kind::Call ? "call " : "address ";
          for (const auto& function : object_->code[relocation.index].functions)
            if (function.start == relocation.offset) target += function.name;
          break;
        case Relocation::Kind::Extern:
          target = (is_call(section.insns[relocation.insn]) ? "call " : "address ") +
                   object_->externs[relocation.index].name;
          break;
      }
      found.push_back(section.name + ": " + target);
    }
  }
  for (const char* want :
       {".text: call add_secret", ".text: data shared", ".text: data secret", ".text: data params",
        "struct_ops.s/step: data limit", "struct_ops.s/step: map counts", "struct_ops.s/step: data table",
        "struct_ops.s/step: map hidden_map", "struct_ops.s/step: address callback",
        "struct_ops.s/step: address weak_kfunc", "struct_ops.s/step: call weak_kfunc",
        "struct_ops.s/step: data zeroes", "struct_ops.s/step: data custom",
        "struct_ops.s/step: call global_function", "struct_ops.s/step: call strong_kfunc",
        "struct_ops/step_awake: call add_secret", "test: call global_function"})
    EXPECT_TRUE(std::ranges::find(found, want) != found.end()) << want;
}

// The number of the line of the fixture that is marked so.
uint32_t marked_line(const std::string& mark) {
  std::ifstream source(RING3_SOURCE_DIR "/tests/bpf/object/everything.bpf.c");
  std::string line;
  for (uint32_t number = 1; std::getline(source, line); number++)
    if (line.find("MARK " + mark) != std::string::npos) return number;
  return 0;
}

TEST_P(Everything, Lines) {
  struct Expected {
    const char *section, *data, *variable, *text;
  };
  const Expected expected[] = {
      {".text", ".data", "secret", "secret += a;"},
      {"struct_ops.s/step", ".rodata", "table", "found->depth += table[key & 3];"},
  };
  for (const auto& want : expected) {
    const auto& section = code(want.section);
    bool found = false;
    for (const auto& relocation : section.relocations) {
      if (relocation.kind != Relocation::Kind::Data || object_->data[relocation.index].name != want.data)
        continue;
      for (const auto& entry : object_->btf.variables(object_->data[relocation.index].datasec)) {
        if (entry.offset != relocation.offset || object_->btf.name(entry.variable) != want.variable) continue;
        const auto after = std::ranges::upper_bound(section.lines, relocation.insn, {}, &LineInfo::insn);
        ASSERT_NE(after, section.lines.begin());
        const auto& line = std::prev(after)->source;
        EXPECT_EQ(line.line, marked_line(want.variable));
        EXPECT_NE(line.text.find(want.text), std::string_view::npos) << line.text;
        EXPECT_TRUE(line.file.ends_with("everything.bpf.c")) << line.file;
        found = true;
      }
    }
    EXPECT_TRUE(found) << want.variable;
  }
}

std::vector<Build> builds() {
  std::vector<Build> all;
  for (int clang = 14; clang <= 19; clang++)
    for (int cpu = 1; cpu <= (clang < 18 ? 3 : 4); cpu++) all.push_back({clang, cpu});
  return all;
}
INSTANTIATE_TEST_SUITE_P(Compilers, Everything, testing::ValuesIn(builds()),
                         [](const testing::TestParamInfo<Build>& build) {
                           return fmt::format("clang{}_v{}", build.param.clang, build.param.cpu);
                         });

}  // namespace
}  // namespace ring3::bpf
