#include "setting.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "bpf/world/world.hpp"

extern "C" {
extern const unsigned char oracle_btf[];
extern const uint64_t oracle_btf_size;
}

namespace ring3::bpf::oracle {
using namespace abi;

namespace {
template <typename T>
T must(Result<T> result) {
  if (result) return std::move(*result);
  std::fprintf(stderr, "oracle: %s\n", result.error().text().c_str());
  std::abort();
}

std::shared_ptr<Map> make_map(BpfMapType type, uint32_t key, uint32_t value, uint32_t entries,
                              uint32_t flags = 0) {
  return must(Map::create({.name = "map",
                           .type = type,
                           .key_size = key,
                           .value_size = value,
                           .max_entries = entries,
                           .flags = flags}));
}

const std::shared_ptr<const Object>& types_object() {
  static const std::shared_ptr<const Object> object = [] {
    auto types = std::make_shared<Object>();
    types->btf = must(Btf::parse(std::as_bytes(std::span(oracle_btf, oracle_btf_size))));
    return types;
  }();
  return object;
}

const std::shared_ptr<const World>& world() {
  static const std::shared_ptr<const World> one = [] {
    World::Builder builder;
    add_common(builder);
    return must(builder.build());
  }();
  return one;
}
}  // namespace

const Btf& program_types() { return types_object()->btf; }

TypeId function_type(Prototype prototype) {
  static constexpr const char* NAMES[] = {"program", "with_stack", "callback", "of_numbers", "of_pair"};
  static const std::vector<TypeId> ids = [] {
    std::vector<TypeId> found;
    for (const char* name : NAMES) found.push_back(program_types().find(BtfKind::Func, name).value());
    return found;
  }();
  return ids[static_cast<size_t>(prototype)];
}

Setting::Setting() {
  maps_ = {make_map(BPF_MAP_TYPE_ARRAY, 4, INPUT_BYTES, 1),
           make_map(BPF_MAP_TYPE_ARRAY, 4, TABLE_BYTES, TABLE_ENTRIES),
           make_map(BPF_MAP_TYPE_HASH, 8, HASH_BYTES, 16), make_map(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096),
           make_map(BPF_MAP_TYPE_ARRAY, 4, 64, 1, BPF_F_RDONLY_PROG)};
  const auto constants = maps_[CONSTANTS]->values();
  for (unsigned i = 0; i < 64; ++i) constants[i] = static_cast<std::byte>(constant_byte(i));
  maps_[CONSTANTS]->freeze();
}

void Setting::fill(Draw& draw) const {
  for (MapIndex map : {INPUT, TABLE}) {
    const auto bytes = maps_[map]->values();
    for (size_t i = 0; i + 8 <= bytes.size(); i += 8) {
      const uint64_t word = draw.interesting();
      std::memcpy(bytes.data() + i, &word, 8);
    }
  }
  // What the program before left here must not matter, or a seed alone would not show what it showed.
  for (uint64_t key; maps_[HASH]->next_key(nullptr, &key) == 0;) maps_[HASH]->erase(&key);
  for (uint64_t key : {1, 3}) {
    uint64_t value[HASH_BYTES / 8];
    for (uint64_t& word : value) word = draw.interesting();
    maps_[HASH]->update(&key, value, BPF_ANY, 0);
  }
  // Records that nobody reads would fill the ring buffer up.
  static_cast<RingBuffer&>(*maps_[RINGBUF]).consume([](void*, std::span<const std::byte>) {}, nullptr);
}

std::shared_ptr<Program> Setting::program(const Generated& generated) const {
  auto program = std::make_shared<Program>();
  program->name = program->section = "generated";
  program->sleepable = program->gpl_compatible = true;
  program->insns = generated.insns;
  program->maps = maps_;
  program->world = world();
  program->object = types_object();
  for (const char* name : KFUNC_NAMES) program->kfuncs.push_back(program->world->kfunc(name));
  for (size_t i = 0; i < generated.functions.size(); ++i) {
    const Function& f = generated.functions[i];
    const auto end = i + 1 < generated.functions.size() ? generated.functions[i + 1].start
                                                        : static_cast<uint32_t>(generated.insns.size());
    program->subprograms.push_back({i == 0 ? "main" : "function" + std::to_string(i), f.start, end,
                                    function_type(f.prototype), f.global()});
  }
  return program;
}

}  // namespace ring3::bpf::oracle
