// Variables of .struct_ops and .struct_ops.link: structures of callbacks.
#include <algorithm>
#include <cstring>

#include "bpf/object/reader.hpp"

namespace ring3::bpf {

Result<void> ObjectReader::read_struct_ops() {
  for (uint32_t i = 1; i < elf_.sections.size(); i++)
    if (roles_[i].kind == Role::Kind::StructOps)
      TRY_VOID(read_struct_ops_section(i, elf_.sections[i].name == ".struct_ops.link"));
  return {};
}

Result<void> ObjectReader::read_struct_ops_section(uint32_t elf_section, bool link) {
  const auto& section = elf_.sections[elf_section];
  if (section.size == 0) return {};
  const auto& btf = object_->btf;
  const auto datasec = btf.find(BtfKind::Datasec, section.name);
  if (!datasec || section.nobits())
    return fail(EINVAL, section.name, "it has no type information or no contents: compile with -g");
  const size_t first = object_->struct_ops.size();
  uint64_t free_from = 0;
  std::vector<uint64_t> starts;
  for (const auto& entry : btf.variables(*datasec)) {
    StructOpsVariable variable{std::string(btf.name(entry.variable)), 0, link, {}, {}};
    const std::string at = fmt::format("{} {}", section.name, variable.name);
    if (btf.kind(entry.variable) == BtfKind::Var) variable.type = btf.resolve(btf.target(entry.variable));
    if (btf.kind(variable.type) != BtfKind::Struct || variable.name.empty())
      return fail(EINVAL, at, "the variable is no structure with a name");
    const uint64_t size = btf.size_of(variable.type);
    if (entry.size != size || entry.offset < free_from || entry.offset + size > section.size)
      return fail(EINVAL, at, "its {} bytes at {} don't fit {} ({} bytes) there", entry.size, entry.offset,
                  btf.spell(variable.type), size);
    free_from = entry.offset + size;
    starts.push_back(entry.offset);
    const auto bytes = section.bytes.subspan(entry.offset, size);
    variable.bytes.assign(bytes.begin(), bytes.end());
    object_->struct_ops.push_back(std::move(variable));
  }
  for (const auto& from : TRY(elf_.relocations_of(elf_section))) {
    const std::string at = fmt::format("{}+{}", section.name, from.offset);
    const auto& symbol = elf_.symbols[from.symbol];
    const auto after = std::ranges::upper_bound(starts, from.offset);
    if (after == starts.begin()) return fail(EINVAL, at, "a relocation is outside of any variable");
    const size_t index = after - starts.begin() - 1;
    auto& variable = object_->struct_ops[first + index];
    const uint64_t offset = from.offset - starts[index];
    if (offset % 8 || offset + 8 > variable.bytes.size())
      return fail(EINVAL, at, "a relocation is outside of any variable");
    if (from.type != RELOCATE_POINTER || !symbol.section || roles_[symbol.section].kind != Role::Kind::Code)
      return fail(ENOTSUP, at, "{}.{} is initialised with {}, which is no function of the object",
                  variable.name, btf.path_at(variable.type, offset),
                  symbol.name.empty() ? "a symbol" : symbol.name);
    uint64_t addend;
    memcpy(&addend, variable.bytes.data() + offset, sizeof addend);
    const auto to = TRY(function_start(symbol.section, symbol.value + addend, at));
    memset(variable.bytes.data() + offset, 0, sizeof addend);
    variable.callbacks.push_back(
        {uint32_t(offset), to.section, *function_at(object_->code[to.section], to.slot)});
  }
  return {};
}

}  // namespace ring3::bpf
