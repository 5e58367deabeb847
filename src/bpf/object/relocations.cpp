// What instructions refer to. Afterwards every LD_IMM64 that is not a plain constant and every call of a
// function or kfunc has its entry in CodeSection::relocations, whose target exists.
#include <elf.h>

#include <algorithm>

#include "bpf/object/reader.hpp"

namespace ring3::bpf {

std::string ObjectReader::place(const CodeSection& code, uint32_t slot) const {
  const auto after = std::ranges::upper_bound(code.functions, slot, {}, &Function::start);
  if (after == code.functions.begin()) return fmt::format("{}+{}", code.name, slot);
  const auto& function = *std::prev(after);
  return fmt::format("{}, instruction {} of {}", code.name, slot - function.start, function.name);
}

Result<ObjectReader::SlotInSection> ObjectReader::function_start(uint32_t elf_section, uint64_t address,
                                                                 const std::string& at) const {
  const uint32_t section = roles_[elf_section].index;
  const auto& code = object_->code[section];
  if (address % sizeof(Insn) || !function_at(code, address / sizeof(Insn)))
    return fail(EINVAL, at, "it refers to byte {} of {}, where no function starts", address, code.name);
  return SlotInSection{section, uint32_t(address / sizeof(Insn))};
}

Result<void> ObjectReader::relocate_code() {
  for (uint32_t i = 1; i < elf_.sections.size(); i++)
    if (roles_[i].kind == Role::Kind::Code) TRY_VOID(relocate_section(i, roles_[i].index));
  return {};
}

Result<void> ObjectReader::relocate_section(uint32_t elf_section, uint32_t index) {
  auto& code = object_->code[index];
  for (const auto& from : TRY(elf_.relocations_of(elf_section))) {
    if (from.offset % sizeof(Insn) || from.offset / sizeof(Insn) >= code.insns.size())
      return fail(EINVAL, code.name, "a relocation at byte {} is at no instruction", from.offset);
    const uint32_t slot = from.offset / sizeof(Insn);
    if (!code.relocations.empty() && code.relocations.back().insn == slot)
      return fail(EINVAL, place(code, slot), "the instruction has two relocations");
    if (from.type == RELOCATE_LOAD)
      code.relocations.push_back(TRY(relocate_load(from, code, slot)));
    else if (from.type == RELOCATE_CALL)
      code.relocations.push_back(TRY(relocate_call(from, code, slot)));
    else
      return fail(ENOTSUP, place(code, slot), "relocation type {} of {} is not supported", from.type,
                  elf_.symbols[from.symbol].name);
  }
  return add_local_calls(index);
}

Result<Relocation> ObjectReader::relocate_load(const ElfRelocation& from, const CodeSection& code,
                                               uint32_t slot) const {
  const auto& symbol = elf_.symbols[from.symbol];
  if (!is_64bit_imm(code.insns[slot]) || slot + 1 >= code.insns.size())
    return fail(EINVAL, place(code, slot), "the address of {} belongs into an LD_IMM64, which this is not",
                symbol.name);
  if (const auto found = externs_.find(from.symbol); found != externs_.end())
    return Relocation{slot, Relocation::Kind::Extern, found->second, 0};
  if (!symbol.section)
    return fail(EINVAL, place(code, slot), "it refers to {}, which is not defined",
                symbol.name.empty() ? "a symbol" : symbol.name);
  const int64_t addend = uint64_t(uint32_t(code.insns[slot + 1].imm)) << 32 | uint32_t(code.insns[slot].imm);
  // clang writes addends of 32 bits, signed ones too.
  const uint64_t address = symbol.value + (code.insns[slot + 1].imm ? addend : int64_t{code.insns[slot].imm});
  const auto& section = elf_.sections[symbol.section];
  const auto role = roles_[symbol.section];
  switch (role.kind) {
    case Role::Kind::Code: {
      const auto to = TRY(function_start(symbol.section, address, place(code, slot)));
      return Relocation{slot, Relocation::Kind::FunctionAddress, to.section, to.slot};
    }
    case Role::Kind::Maps: {
      const auto map = maps_by_offset_.find(address);
      if (map == maps_by_offset_.end())
        return fail(EINVAL, place(code, slot), "it refers to byte {} of .maps, where no map is", address);
      return Relocation{slot, Relocation::Kind::Map, map->second, 0};
    }
    case Role::Kind::Data:
      if (address >= section.size)
        return fail(EINVAL, place(code, slot),
                    "the address {}{:+} is outside the {} bytes of {}: index the variable from its start",
                    symbol.name, int64_t(address - symbol.value), section.size, section.name);
      return Relocation{slot, Relocation::Kind::Data, role.index, address};
    case Role::Kind::StructOps:
      return fail(ENOTSUP, place(code, slot), "programs can't use the struct_ops variable {}", symbol.name);
    default:
      return fail(ENOTSUP, place(code, slot),
                  "it refers to {} in section {}: variables live in .data*, .rodata* and .bss*", symbol.name,
                  section.name);
  }
}

Result<Relocation> ObjectReader::relocate_call(const ElfRelocation& from, const CodeSection& code,
                                               uint32_t slot) const {
  const auto& symbol = elf_.symbols[from.symbol];
  const Insn insn = code.insns[slot];
  if (!is_call(insn) || insn.src != abi::BPF_PSEUDO_CALL)
    return fail(EINVAL, place(code, slot), "the relocation of {} belongs to a call, which this is not",
                symbol.name);
  if (const auto found = externs_.find(from.symbol); found != externs_.end())
    return Relocation{slot, Relocation::Kind::Extern, found->second, 0};
  if (!symbol.section || roles_[symbol.section].kind != Role::Kind::Code)
    return fail(EINVAL, place(code, slot), "it calls {}, which is no function of the object",
                symbol.name.empty() ? "a symbol" : symbol.name);
  const uint64_t address = symbol.value + (int64_t{insn.imm} + 1) * int64_t{sizeof(Insn)};
  const auto to = TRY(function_start(symbol.section, address, place(code, slot)));
  return Relocation{slot, Relocation::Kind::Call, to.section, to.slot};
}

// Calls within a section have no relocation: their displacement is final. Checks also that nothing else
// refers to what only a loader could know.
Result<void> ObjectReader::add_local_calls(uint32_t index) {
  auto& code = object_->code[index];
  std::vector<Relocation> all;
  auto next = code.relocations.begin();
  for (uint32_t slot = 0; slot < code.insns.size(); slot += insn_slots(code.insns[slot])) {
    const Insn insn = code.insns[slot];
    if (next != code.relocations.end() && next->insn < slot)
      return fail(EINVAL, place(code, next->insn), "a relocation is in the second half of an LD_IMM64");
    if (next != code.relocations.end() && next->insn == slot) {
      all.push_back(*next++);
      continue;
    }
    if (is_64bit_imm(insn) && slot + 1 >= code.insns.size())
      return fail(EINVAL, place(code, slot), "the section ends in the middle of an LD_IMM64");
    if (is_64bit_imm(insn) && insn.src != 0)
      return fail(ENOTSUP, place(code, slot), "an LD_IMM64 of kind {} without a relocation",
                  unsigned{insn.src});
    if (!is_call(insn) || insn.src == abi::BPF_HELPER_CALL) continue;
    if (insn.src != abi::BPF_PSEUDO_CALL)
      return fail(ENOTSUP, place(code, slot), "a call of kind {} without a relocation", unsigned{insn.src});
    const int64_t target = int64_t{slot} + 1 + insn.imm;
    if (target < 0 || !function_at(code, target))
      return fail(EINVAL, place(code, slot), "it calls slot {}, where no function starts", target);
    all.push_back({slot, Relocation::Kind::Call, index, uint64_t(target)});
  }
  if (next != code.relocations.end())
    return fail(EINVAL, place(code, next->insn), "a relocation is in the second half of an LD_IMM64");
  code.relocations = std::move(all);
  return {};
}

}  // namespace ring3::bpf
