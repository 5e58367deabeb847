#include "bpf/exec/assembler.hpp"

#include <fmt/format.h>

#include <cstring>

#include "bpf/isa/disassemble.hpp"

namespace ring3::test {

std::shared_ptr<const bpf::World> common_world() {
  static const auto world = [] {
    bpf::World::Builder builder;
    bpf::add_common(builder);
    return builder.build().value();
  }();
  return world;
}

std::shared_ptr<bpf::Program> Code::program(std::vector<std::shared_ptr<bpf::Map>> maps,
                                            std::shared_ptr<const bpf::World> world) const {
  auto program = std::make_shared<bpf::Program>();
  program->name = "test";
  program->insns = insns_;
  for (size_t i = 0; i < starts_.size(); ++i)
    program->subprograms.push_back(
        {fmt::format("f{}", i), starts_[i], i + 1 < starts_.size() ? starts_[i + 1] : size()});
  program->maps = std::move(maps);
  program->world = std::move(world);
  return program;
}

std::vector<uint64_t> Code::for_kernel() const {
  std::vector<uint64_t> out;
  for (Insn insn : insns_) {
    const auto slot = static_cast<int32_t>(out.size());
    if (bpf::is_call(insn) && insn.src == BPF_PSEUDO_CALL)
      insn.imm = static_cast<int32_t>(starts_[insn.imm]) - slot - 1;
    uint64_t bits;
    std::memcpy(&bits, &insn, sizeof(bits));
    out.push_back(bits);
  }
  return out;
}

std::string listing(const std::vector<Insn>& insns) {
  std::string text;
  for (uint32_t slot = 0; slot < insns.size(); slot += bpf::insn_slots(insns[slot]))
    text += fmt::format("{:4}: {}\n", slot, bpf::disassemble(insns, slot));
  return text;
}

std::shared_ptr<bpf::Map> make_memory(uint32_t bytes, uint32_t flags) {
  auto map = bpf::Map::create({"memory", BPF_MAP_TYPE_ARRAY, 4, bytes, 1, flags});
  return map ? *map : nullptr;
}

}  // namespace ring3::test
