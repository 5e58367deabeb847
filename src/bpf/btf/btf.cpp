// Questions about single types. parse.cpp made sure that none of these can go wrong.
#include "bpf/btf/btf.hpp"

#include <algorithm>

namespace ring3::bpf {

namespace {
template <typename T>
std::span<const T> slice(const std::vector<T>& pool, uint32_t first, uint32_t extent) {
  return std::span(pool).subspan(first, extent);
}
}  // namespace

std::span<const BtfMember> Btf::members(TypeId id) const {
  const auto& type = types_[id];
  if (type.kind != BtfKind::Struct && type.kind != BtfKind::Union) return {};
  return slice(members_, type.first, type.extent);
}

std::span<const BtfParam> Btf::parameters(TypeId func_proto) const {
  const auto& type = types_[func_proto];
  return type.kind == BtfKind::FuncProto ? slice(parameters_, type.first, type.extent)
                                         : std::span<const BtfParam>();
}

std::span<const BtfEnumerator> Btf::enumerators(TypeId id) const {
  const auto& type = types_[id];
  if (type.kind != BtfKind::Enum && type.kind != BtfKind::Enum64) return {};
  return slice(enumerators_, type.first, type.extent);
}

std::span<const BtfVariable> Btf::variables(TypeId datasec) const {
  const auto& type = types_[datasec];
  return type.kind == BtfKind::Datasec ? slice(variables_, type.first, type.extent)
                                       : std::span<const BtfVariable>();
}

bool Btf::is_char(TypeId id) const {
  const auto& type = types_[resolve(id)];
  return type.kind == BtfKind::Int && type.size == 1;
}

TypeId Btf::resolve(TypeId id) const {
  for (;;) {
    switch (types_[id].kind) {
      case BtfKind::Typedef:
      case BtfKind::Volatile:
      case BtfKind::Const:
      case BtfKind::Restrict:
      case BtfKind::TypeTag:
        id = types_[id].target;
        break;
      default:
        return id;
    }
  }
}

uint64_t Btf::size_of(TypeId id) const { return types_[resolve(id)].size; }

bool Btf::has_type_tag(TypeId id, std::string_view tag) const {
  for (const TypeId end = resolve(id); id != end; id = types_[id].target) {
    if (types_[id].kind == BtfKind::TypeTag && types_[id].name == tag) return true;
    if (types_[id].kind == BtfKind::Typedef && has_decl_tag(id, tag)) return true;
  }
  return false;
}

bool Btf::has_decl_tag(TypeId func_or_var, std::string_view tag, int32_t component) const {
  const auto tags = std::ranges::equal_range(decl_tags_, func_or_var, {}, &DeclTag::target);
  return std::ranges::any_of(
      tags, [&](const DeclTag& entry) { return entry.component == component && entry.tag == tag; });
}

std::optional<TypeId> Btf::find(BtfKind kind, std::string_view name) const {
  std::optional<TypeId> found;
  const auto [first, last] = by_name_.equal_range(name);
  for (auto at = first; at != last; ++at) {
    if (types_[at->second].kind == kind && (!found || at->second < *found)) found = at->second;
  }
  return found;
}

std::optional<std::string_view> Btf::string_at(uint32_t offset) const {
  if (offset >= strings_.size()) return std::nullopt;
  return std::string_view(strings_.data() + offset);  // parse() saw the last byte to be NUL
}

Result<void> Btf::place_section(TypeId datasec, uint64_t size, const OffsetOf& offset_of) {
  auto& type = types_[datasec];
  const auto all = std::span(variables_).subspan(type.first, type.extent);
  uint32_t kept = 0;
  for (BtfVariable variable : all) {
    const auto offset = offset_of(variable);
    if (!offset) continue;
    variable.offset = *offset;
    if (uint64_t{variable.offset} + variable.size > size)
      return fail(EINVAL, std::string(type.name),
                  "variable {} at {}, {} bytes, is outside the section's {} bytes", name(variable.variable),
                  variable.offset, variable.size, size);
    all[kept++] = variable;
  }
  std::ranges::stable_sort(all.first(kept), {}, &BtfVariable::offset);
  type.extent = kept;
  type.size = size;
  return {};
}

}  // namespace ring3::bpf
