// Map definitions of .maps: structures whose members say by their types what the map is (`int (*type)[2]` is
// type 2).
#include <elf.h>

#include "bpf/object/reader.hpp"

namespace ring3::bpf {

namespace {
struct DefinitionReader {
  const Btf& btf;
  MapDefinition& map;

  std::string place(const BtfMember& member) const {
    return fmt::format(".maps {}.{}", map.name, member.name);
  }

  // `int (*name)[N]` is the number N, as is an enum with a single value.
  Result<uint64_t> number(const BtfMember& member) const {
    const TypeId id = btf.resolve(member.type);
    const auto values = btf.enumerators(id);
    if (values.size() == 1) return uint64_t(values[0].value);
    if (btf.kind(id) == BtfKind::Ptr && btf.kind(btf.resolve(btf.target(id))) == BtfKind::Array)
      return btf.array_length(btf.resolve(btf.target(id)));
    return fail(EINVAL, place(member), "{} is no number: use __uint({}, …)", btf.spell(member.type),
                member.name);
  }

  // `T *key` is the type T, and its size.
  Result<void> type(const BtfMember& member, TypeRef& reference, uint32_t& size) const {
    const TypeId id = btf.resolve(member.type);
    if (btf.kind(id) != BtfKind::Ptr)
      return fail(EINVAL, place(member), "{} is no pointer to a type: use __type({}, …)",
                  btf.spell(member.type), member.name);
    reference = {&btf, btf.target(id)};
    const uint64_t bytes = btf.size_of(reference.id);
    if (bytes == 0) return fail(EINVAL, place(member), "type {} has no size", btf.spell(reference.id));
    return set_size(member, size, bytes);
  }

  Result<void> set_size(const BtfMember& member, uint32_t& size, uint64_t bytes) const {
    if (size && size != bytes)
      return fail(EINVAL, place(member), "{} bytes, but {} bytes by another member", bytes, size);
    size = bytes;
    return {};
  }

  Result<void> member(const BtfMember& member) const {
    const auto name = member.name;
    if (name == "key") return type(member, map.key, map.key_size);
    if (name == "value") return type(member, map.value, map.value_size);
    if (name == "values")
      return fail(ENOTSUP, place(member), "maps of maps and tables of programs are not supported");
    const uint64_t value = TRY(number(member));
    if (name != "map_extra" && value > UINT32_MAX)
      return fail(EINVAL, place(member), "{} does not fit into 32 bits", value);
    if (name == "type") {
      map.type = abi::BpfMapType(value);
    } else if (name == "key_size") {
      return set_size(member, map.key_size, value);
    } else if (name == "value_size") {
      return set_size(member, map.value_size, value);
    } else if (name == "max_entries") {
      map.max_entries = value;
    } else if (name == "map_flags") {
      map.flags = value;
    } else if (name == "map_extra") {
      map.extra = value;
    } else if (name == "pinning" || name == "numa_node") {
      if (value) return fail(ENOTSUP, place(member), "it is not supported, maps live in this process");
    } else {
      return fail(ENOTSUP, place(member), "no such property of a map is known");
    }
    return {};
  }
};
}  // namespace

Result<void> ObjectReader::read_maps() {
  uint32_t section = 0;
  for (uint32_t i = 1; i < roles_.size(); i++)
    if (roles_[i].kind == Role::Kind::Maps) section = i;
  if (!section || elf_.sections[section].size == 0) return {};
  TRY_VOID(refuse_relocations(section, "a map definition"));
  const auto& btf = object_->btf;
  const auto datasec = btf.find(BtfKind::Datasec, ".maps");
  if (!datasec) return fail(EINVAL, ".maps", "it has no type information: compile with -g");
  for (const auto& variable : btf.variables(*datasec)) {
    MapDefinition map;
    map.name = btf.name(variable.variable);
    map.type = abi::BpfMapType(0);
    const TypeId id =
        btf.kind(variable.variable) == BtfKind::Var ? btf.resolve(btf.target(variable.variable)) : 0;
    if (btf.kind(id) != BtfKind::Struct)
      return fail(EINVAL, fmt::format(".maps {}", map.name), "{} is no structure that defines a map",
                  btf.spell(id));
    for (const auto& member : btf.members(id)) TRY_VOID((DefinitionReader{btf, map}.member(member)));
    if (!map.type) return fail(EINVAL, fmt::format(".maps {}", map.name), "the map has no type");
    if (!maps_by_offset_.emplace(variable.offset, object_->maps.size()).second)
      return fail(EINVAL, fmt::format(".maps {}", map.name), "two maps are at offset {}", variable.offset);
    object_->maps.push_back(std::move(map));
  }
  return {};
}

}  // namespace ring3::bpf
