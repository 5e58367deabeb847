// Whatever bytes a file holds: reading it, linking it, asking it for its types and variables and verifying
// its programs ends with a result or with an error that says where and what.
#include "bpf/object/object.hpp"

#include <fmt/core.h>

#include <cstdint>
#include <cstdlib>
#include <span>

#include "bpf/link/collection.hpp"
#include "bpf/verifier/verify.hpp"
#include "bpf/world/world.hpp"

extern "C" {
extern const unsigned char fuzz_world_btf[];
extern const uint64_t fuzz_world_btf_size;
}

namespace {
using namespace ring3;
using namespace ring3::bpf;

// Ends the run with what was expected.
#define expect(condition)                        \
  do {                                           \
    if (condition) break;                        \
    fmt::print(stderr, "not: {}\n", #condition); \
    abort();                                     \
  } while (0)

// The world of tests/bpf/link, with what every world has.
std::shared_ptr<const World> make_world() {
  const NativeFunction nothing = [](Machine&, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) {
    return uint64_t{0};
  };
  const Kfunc kfuncs[] = {{"test_kfunc", 0, nothing, {}}, {"test_pointer", KF_RET_NULL, nothing, {}}};
  StructOpsMember step, stay_awake;
  step.name = "step";
  step.must_exist = true;
  stay_awake.name = "stay_awake";
  stay_awake.may_sleep = false;
  StructOpsType type;
  type.name = "test_ops";
  type.members = {step, stay_awake};
  type.settable = {"ring_fd", "priv"};
  World::Builder builder;
  add_common(builder);
  builder.types(std::as_bytes(std::span(fuzz_world_btf, fuzz_world_btf_size)))
      .kfuncs(kfuncs)
      .struct_ops(type);
  auto world = builder.build();
  expect(world.has_value());
  return *world;
}

void expect_message(const Error& error) {
  if (error.code > 0 && !error.place.empty() && !error.message.empty()) return;
  fmt::print(stderr, "an error without place or message: {}\n", error.text());
  abort();
}

void ask(const Btf& btf) {
  for (TypeId id = 0; id < btf.count() && id < 512; id++) {
    expect(!btf.spell(id).empty());
    expect(btf.resolve(id) < btf.count());
    const uint64_t size = btf.size_of(id);
    expect(size <= UINT32_MAX);
    for (const uint64_t offset : {uint64_t{0}, size / 2, size}) {
      const auto path = btf.path_at(id, offset);
      if (const auto field = btf.field(id, path)) expect(field->offset + btf.size_of(field->type) <= size);
    }
    expect(!btf.field(id, "no.such[1]"));
  }
}

void ask(const Collection& collection) {
  const auto& object = collection.object();
  for (const auto& section : object.data) {
    if (!section.datasec) continue;
    for (const auto& entry : object.btf.variables(section.datasec)) {
      const auto variable = collection.variable(object.btf.name(entry.variable));
      if (!variable) continue;
      for (auto& byte : variable->bytes) byte = std::byte{0x5a};
    }
  }
  for (const auto& instance : collection.struct_ops())
    for (const auto name : instance.type->settable) {
      const auto member = collection.variable(instance.name + "." + std::string(name));
      if (member && !member->bytes.empty()) member->bytes[0] = std::byte{1};
    }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto world = make_world();
  const auto object = Object::parse(std::as_bytes(std::span(data, size)), "input.bpf.o");
  if (!object) return expect_message(object.error()), 0;
  ask((*object)->btf);
  const auto collection = Collection::create(*object, world);
  if (!collection) return expect_message(collection.error()), 0;
  ask(**collection);
  (*collection)->freeze();
  for (const auto& program : (*collection)->programs()) {
    for (uint32_t slot = 0; slot < program->insns.size() && slot < 4096; slot++)
      expect(!disassemble(*program, slot).empty());
    const auto verdict = verify(program, {.insns_max = 5000});
    if (!verdict) expect(verdict.error().code > 0 && !verdict.error().text().empty());
  }
  return 0;
}
