#include "bpf/link/program.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "bpf/isa/disassemble.hpp"

namespace ring3::bpf {

const Subprogram& Program::subprogram_at(uint32_t insn) const {
  const auto after = std::ranges::upper_bound(subprograms, insn, {}, &Subprogram::start);
  return after == subprograms.begin() ? subprograms.front() : *std::prev(after);
}

const SourceLine* Program::source_at(uint32_t insn) const {
  const auto after = std::ranges::upper_bound(lines, insn, {}, &LineInfo::insn);
  if (after == lines.begin()) return nullptr;
  const LineInfo& line = *std::prev(after);
  // A line of the function before says nothing about this one.
  return line.insn >= subprogram_at(insn).start ? &line.source : nullptr;
}

namespace {
std::string callee(const Program& program, Insn insn) {
  const auto index = uint32_t(insn.imm);
  switch (insn.src) {
    case abi::BPF_PSEUDO_CALL:
      return index < program.subprograms.size() ? program.subprograms[index].name : "";
    case abi::BPF_PSEUDO_KFUNC_CALL:
      return index < program.kfuncs.size() ? program.kfuncs[index]->name : "";
    default: {
      const Helper* helper = program.world ? program.world->helper(index) : nullptr;
      return helper ? std::string(helper->name) : "";
    }
  }
}

// "map[counts]", "map[.rodata][0]+8 (&limit)", "subprog[callback]".
std::string operand(const Program& program, uint32_t slot, Insn insn) {
  const auto index = uint32_t(insn.imm);
  if (insn.src == abi::BPF_PSEUDO_FUNC)
    return index < program.subprograms.size() ? fmt::format("subprog[{}]", program.subprograms[index].name)
                                              : "";
  if (insn.src != abi::BPF_PSEUDO_MAP_IDX && insn.src != abi::BPF_PSEUDO_MAP_IDX_VALUE) return "";
  if (index >= program.maps.size()) return "";
  const MapDefinition& map = program.maps[index]->definition();
  if (insn.src == abi::BPF_PSEUDO_MAP_IDX) return fmt::format("map[{}]", map.name);
  const auto offset = uint32_t(program.insns[slot + 1].imm);
  std::string text = fmt::format("map[{}][0]+{}", map.name, offset);
  if (!map.value.btf || map.value.btf->kind(map.value.id) != BtfKind::Datasec) return text;
  for (const auto& variable : map.value.btf->variables(map.value.id))
    if (variable.offset == offset) text += fmt::format(" (&{})", map.value.btf->name(variable.variable));
  return text;
}
}  // namespace

std::string disassemble(const Program& program, uint32_t slot) {
  return disassemble(program.insns, slot, [&](uint32_t at, Insn insn) {
    return is_call(insn) ? callee(program, insn) : operand(program, at, insn);
  });
}

}  // namespace ring3::bpf
