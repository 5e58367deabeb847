#include "insns.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "bpf/world/world.hpp"

namespace ring3::bpf::test {

namespace {
std::shared_ptr<Map> make_map(BpfMapType type, uint32_t key, uint32_t value, uint32_t entries,
                              uint32_t flags = 0) {
  MapDefinition definition;
  definition.name = "map";
  definition.type = type;
  definition.key_size = key;
  definition.value_size = value;
  definition.max_entries = entries;
  definition.flags = flags;
  auto map = Map::create(definition);
  EXPECT_TRUE(map) << map.error().text();
  return *map;
}

std::shared_ptr<const World> world() {
  static const std::shared_ptr<const World> one = [] {
    World::Builder builder;
    add_common(builder);
    auto built = builder.build();
    EXPECT_TRUE(built) << built.error().text();
    return *built;
  }();
  return one;
}
}  // namespace

std::shared_ptr<Program> make_program(const Source& source) {
  auto program = std::make_shared<Program>();
  program->name = "main";
  program->insns = source.insns;
  program->sleepable = source.sleepable;
  program->gpl_compatible = true;
  program->world = world();
  for (size_t i = 0; i < source.starts.size(); ++i) {
    const auto end =
        i + 1 < source.starts.size() ? source.starts[i + 1] : static_cast<uint32_t>(source.insns.size());
    program->subprograms.push_back(
        {i == 0 ? "main" : "sub" + std::to_string(i), source.starts[i], end, 0, false});
  }
  static const std::vector<std::shared_ptr<Map>> maps = [] {
    std::vector<std::shared_ptr<Map>> made{
        make_map(BPF_MAP_TYPE_ARRAY, 4, 8, 4), make_map(BPF_MAP_TYPE_HASH, 8, 48, 16),
        make_map(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096), make_map(BPF_MAP_TYPE_ARRAY, 4, 64, 1),
        make_map(BPF_MAP_TYPE_ARRAY, 4, 64, 1, BPF_F_RDONLY_PROG)};
    std::ranges::fill(made[CONSTANTS]->values(), std::byte{5});
    made[CONSTANTS]->freeze();
    return made;
  }();
  program->maps = maps;
  for (const char* name : {"bpf_iter_num_new", "bpf_iter_num_next", "bpf_iter_num_destroy",
                           "bpf_dynptr_slice", "bpf_dynptr_size"})
    program->kfuncs.push_back(program->world->kfunc(name));
  return program;
}

}  // namespace ring3::bpf::test
