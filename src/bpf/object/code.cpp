// Executable sections: instructions, and which function each belongs to.
#include <elf.h>

#include <algorithm>
#include <cstring>

#include "bpf/object/reader.hpp"

namespace ring3::bpf {

namespace {
constexpr size_t INSNS_MAX = 1'000'000;  // in one section; as Linux allows a program
}

std::optional<uint32_t> function_at(const CodeSection& code, uint64_t slot) {
  const auto at = std::ranges::lower_bound(code.functions, slot, {}, &Function::start);
  if (at == code.functions.end() || at->start != slot) return std::nullopt;
  return at - code.functions.begin();
}

Result<void> ObjectReader::read_code() {
  for (uint32_t i = 1; i < elf_.sections.size(); i++) {
    if (roles_[i].kind != Role::Kind::Code) continue;
    const auto bytes = elf_.sections[i].bytes;
    auto& code = object_->code[roles_[i].index];
    if (bytes.size() % sizeof(Insn))
      return fail(EINVAL, code.name, "its {} bytes are no whole number of instructions", bytes.size());
    if (bytes.size() / sizeof(Insn) > INSNS_MAX)
      return fail(E2BIG, code.name, "it has more than {} instructions", INSNS_MAX);
    code.insns.resize(bytes.size() / sizeof(Insn));
    memcpy(code.insns.data(), bytes.data(), bytes.size());
    TRY_VOID(add_functions(i, code));
  }
  return {};
}

Result<void> ObjectReader::add_functions(uint32_t elf_section, CodeSection& code) const {
  std::vector<const ElfSymbol*> symbols;
  for (const auto& symbol : elf_.symbols)
    if (symbol.section == elf_section && symbol.type == STT_FUNC) symbols.push_back(&symbol);
  // Of two names for one function, the global one counts.
  std::ranges::stable_sort(symbols, [](const ElfSymbol* a, const ElfSymbol* b) {
    return std::pair(a->value, a->binding == STB_LOCAL) < std::pair(b->value, b->binding == STB_LOCAL);
  });
  for (const auto* symbol : symbols) {
    if (symbol->name.empty() || symbol->value % sizeof(Insn) ||
        symbol->value / sizeof(Insn) >= code.insns.size())
      return fail(EINVAL, fmt::format("{} {}", code.name, symbol->name),
                  "the function starts at byte {}, which is no instruction of the section", symbol->value);
    const uint32_t start = symbol->value / sizeof(Insn);
    if (!code.functions.empty() && code.functions.back().start == start) continue;
    if (!code.functions.empty()) code.functions.back().end = start;
    const bool visible = symbol->visibility != STV_HIDDEN && symbol->visibility != STV_INTERNAL;
    code.functions.push_back(
        {symbol->name, start, uint32_t(code.insns.size()), symbol->binding != STB_LOCAL && visible});
  }
  if (code.functions.empty() || code.functions[0].start != 0)
    return fail(EINVAL, code.name, "its first instructions belong to no function: symbols were stripped");
  for (const auto* symbol : symbols) {
    const auto& function = code.functions[*function_at(code, symbol->value / sizeof(Insn))];
    if (symbol->size && symbol->size != uint64_t{function.end - function.start} * sizeof(Insn))
      return fail(EINVAL, fmt::format("{} {}", code.name, symbol->name),
                  "the function has {} bytes, but the next one starts after {}", symbol->size,
                  (function.end - function.start) * sizeof(Insn));
  }
  return {};
}

}  // namespace ring3::bpf
