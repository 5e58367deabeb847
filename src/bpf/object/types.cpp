// BTF of the object: the types, where the variables of each data section lie, and what undefined symbols are.
#include <elf.h>

#include "bpf/object/reader.hpp"

namespace ring3::bpf {

Result<void> ObjectReader::read_types() {
  const auto* section = section_named(".BTF");
  if (!section || section->bytes.empty())
    return fail(ENOTSUP, object_->name, "it has no type information (BTF): compile with -g");
  object_->btf = TRY(Btf::parse(section->bytes));
  return {};
}

Result<void> ObjectReader::place_sections() {
  auto& btf = object_->btf;
  for (uint32_t i = 1; i < elf_.sections.size(); i++) {
    const auto kind = roles_[i].kind;
    if (kind == Role::Kind::Ignored || kind == Role::Kind::Code) continue;
    const auto datasec = btf.find(BtfKind::Datasec, elf_.sections[i].name);
    if (!datasec) continue;
    // A variable is where the symbol of its name is. clang lists some of them under a section that they are
    // not in.
    const auto offset_of = [&](const BtfVariable& variable) -> std::optional<uint32_t> {
      const auto [first, last] = symbols_by_name_.equal_range(btf.name(variable.variable));
      std::optional<uint32_t> found;
      for (auto at = first; at != last; ++at) {
        const auto& symbol = elf_.symbols[at->second];
        if (symbol.section != i || symbol.value > UINT32_MAX) continue;
        if (!found || symbol.value == variable.offset) found = symbol.value;
      }
      return found;
    };
    TRY_VOID(btf.place_section(*datasec, elf_.sections[i].size, offset_of));
    if (kind == Role::Kind::Data) object_->data[roles_[i].index].datasec = *datasec;
  }
  return {};
}

Result<void> ObjectReader::read_externs() {
  for (uint32_t i = 1; i < elf_.symbols.size(); i++) {
    const auto& symbol = elf_.symbols[i];
    if (symbol.undefined && symbol.type != STT_FILE && symbol.type != STT_SECTION) TRY_VOID(read_extern(i));
  }
  return {};
}

Result<void> ObjectReader::read_extern(uint32_t index) {
  const auto& symbol = elf_.symbols[index];
  const auto& btf = object_->btf;
  if (symbol.name.empty())
    return fail(EINVAL, fmt::format("symbol {}", index), "an undefined symbol has no name");
  const auto declared_in = [&](std::string_view section, TypeId id) {
    const auto datasec = btf.find(BtfKind::Datasec, section);
    if (!datasec) return false;
    for (const auto& variable : btf.variables(*datasec))
      if (variable.variable == id) return true;
    return false;
  };
  if (const auto function = btf.find(BtfKind::Func, symbol.name)) {
    if (!declared_in(".ksyms", *function))
      return fail(EINVAL, symbol.name,
                  "the function is declared but not defined: a kfunc is declared with __ksym");
    externs_.emplace(index, object_->externs.size());
    object_->externs.push_back({symbol.name, symbol.binding == STB_WEAK, true, *function});
    return {};
  }
  const auto variable = btf.find(BtfKind::Var, symbol.name);
  if (variable && declared_in(".kconfig", *variable))
    return fail(ENOTSUP, symbol.name,
                "variables of .kconfig are not supported: there is no kernel configuration");
  if (variable && declared_in(".ksyms", *variable))
    return fail(ENOTSUP, symbol.name,
                "variables of the kernel (__ksym) are not supported, only its functions");
  return fail(EINVAL, symbol.name, "the symbol is undefined and has no type information");
}

}  // namespace ring3::bpf
