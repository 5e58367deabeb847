// CO-RE: from an access string to a field of the object's type, and from there to the world's.
#include <charconv>

#include "bpf/link/core.hpp"
#include "bpf/link/linker.hpp"

namespace ring3::bpf {

namespace {
constexpr size_t STEPS_MAX = 64;
constexpr unsigned SEARCH_MAX = 100'000;  // members visited in one search

bool is_record(const Btf& btf, TypeId id) {
  return btf.kind(id) == BtfKind::Struct || btf.kind(id) == BtfKind::Union;
}
bool is_enum(BtfKind kind) { return kind == BtfKind::Enum || kind == BtfKind::Enum64; }

// The number that `text` begins with, which is taken off it with the ':' that follows.
std::optional<uint32_t> take_number(std::string_view& text) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(end - text.data());
  if (text.empty()) return value;
  if (text[0] != ':' || text.size() == 1) return std::nullopt;
  text.remove_prefix(1);
  return value;
}

// Steps to an element; an array without a length is a flexible one.
bool step_into_element(const Btf& btf, CoreField& field, uint32_t index) {
  const TypeId id = btf.resolve(field.type);
  if (btf.kind(id) != BtfKind::Array) return false;
  if (btf.array_length(id) && index >= btf.array_length(id)) return false;
  field.type = btf.target(id);
  field.bit_offset += uint64_t{index} * btf.size_of(field.type) * 8;
  field.steps.push_back({{}, index, field.type});
  return true;
}

void step_into_member(CoreField& field, const BtfMember& member, uint64_t bit_offset) {
  field.type = member.type;
  field.bit_offset += bit_offset;
  field.bit_size = member.bit_size;
  if (!member.name.empty()) field.steps.push_back({member.name, 0, member.type});
}

// A member by name, inside anonymous members too.
const BtfMember* find_member(const Btf& btf, TypeId record, std::string_view name, uint64_t base,
                             uint64_t& offset, unsigned& budget) {
  for (const auto& member : btf.members(record)) {
    if (!budget) return nullptr;
    budget--;
    if (member.name == name) {
      offset = base + member.bit_offset;
      return &member;
    }
    if (!member.name.empty()) continue;
    const auto* inner =
        find_member(btf, btf.resolve(member.type), name, base + member.bit_offset, offset, budget);
    if (inner) return inner;
  }
  return nullptr;
}

// Fields of these types can stand for each other.
bool are_compatible(const Btf& btf, TypeId a, const World& world, const Btf& target, TypeId b) {
  for (;;) {
    a = btf.resolve(a);
    b = target.resolve(b);
    const BtfKind kind = btf.kind(a), other = target.kind(b);
    if (is_record(btf, a) && is_record(target, b)) return true;
    if (is_enum(kind) && is_enum(other)) {
      const auto name = essential_name(btf.name(a)), other_name = essential_name(target.name(b));
      return name.empty() || other_name.empty() || world.same_type_name(name, other_name);
    }
    if (kind != other) return false;
    if (kind != BtfKind::Array) return true;
    a = btf.target(a);
    b = target.target(b);
  }
}
}  // namespace

Result<CoreField> local_field(const Btf& btf, TypeId root, std::string_view access) {
  CoreField field;
  field.root = field.type = root;
  const auto bad = [&] {
    return fail(EINVAL, "", "the CO-RE access {} does not fit {}", access, btf.spell(root));
  };
  std::string_view rest = access;
  const auto first = take_number(rest);
  if (!first) return bad();
  field.root_index = *first;
  field.bit_offset = uint64_t{*first} * btf.size_of(root) * 8;
  while (!rest.empty()) {
    const auto index = take_number(rest);
    if (!index || field.steps.size() >= STEPS_MAX || field.bit_size) return bad();
    const TypeId id = btf.resolve(field.type);
    if (is_record(btf, id)) {
      const auto members = btf.members(id);
      if (*index >= members.size()) return bad();
      step_into_member(field, members[*index], members[*index].bit_offset);
    } else if (!step_into_element(btf, field, *index)) {
      return bad();
    }
  }
  return field;
}

Result<CoreField> target_field(const Btf& btf, const CoreField& field, const World& world, TypeRef target) {
  const Btf& to = *target.btf;
  CoreField out;
  out.root = out.type = target.id;
  out.root_index = field.root_index;
  out.bit_offset = uint64_t{field.root_index} * to.size_of(target.id) * 8;
  for (const auto& step : field.steps) {
    if (step.name.empty()) {
      if (!step_into_element(to, out, step.index))
        return fail(ENOENT, "", "{} has no element {}", to.spell(out.type), step.index);
    } else {
      unsigned budget = SEARCH_MAX;
      uint64_t offset = 0;
      const TypeId record = to.resolve(out.type);
      const auto* member = find_member(to, record, step.name, 0, offset, budget);
      if (!member) return fail(ENOENT, "", "{} has no member {}", to.spell(out.type), step.name);
      step_into_member(out, *member, offset);
    }
    if (!are_compatible(btf, step.type, world, to, out.type))
      return fail(ENOENT, "", "member {} is {} in the object, but {} here", step.name, btf.spell(step.type),
                  to.spell(out.type));
  }
  return out;
}

namespace {
// Compares two types as bpf_core_type_matches() documents it, at most so deep and so long.
struct Matcher {
  const Btf& btf;
  const World& world;
  const Btf& to;
  unsigned budget = 10'000;

  bool same_name(TypeId a, TypeId b) const {
    return world.same_type_name(essential_name(btf.name(a)), essential_name(to.name(b)));
  }

  // NOLINTNEXTLINE(misc-no-recursion): bounded by `depth`
  bool match(TypeId a, TypeId b, bool behind_pointer, unsigned depth) {
    if (depth > 32 || !budget) return false;
    budget--;
    a = btf.resolve(a);
    b = to.resolve(b);
    if (!same_name(a, b)) return false;
    const BtfKind kind = btf.kind(a), other = to.kind(b);
    const bool forward = kind == BtfKind::Fwd || other == BtfKind::Fwd;
    if (behind_pointer && (forward || is_record(btf, a)))
      return kind == other || (forward && (is_record(btf, a) || is_record(to, b)));
    if (is_enum(kind) && is_enum(other)) return match_enumerators(a, b);
    if (kind != other) return false;
    switch (kind) {
      case BtfKind::Int:
        return btf.size_of(a) == to.size_of(b) && btf.is_signed(a) == to.is_signed(b);
      case BtfKind::Ptr:
        return match(btf.target(a), to.target(b), true, depth + 1);
      case BtfKind::Array:
        return btf.array_length(a) == to.array_length(b) &&
               match(btf.target(a), to.target(b), false, depth + 1);
      case BtfKind::Struct:
      case BtfKind::Union:
        return match_members(a, b, depth);
      case BtfKind::FuncProto:
        return match_parameters(a, b, depth);
      default:
        return true;
    }
  }

  bool match_enumerators(TypeId a, TypeId b) const {
    for (const auto& value : btf.enumerators(a)) {
      bool found = false;
      for (const auto& other : to.enumerators(b)) found = found || value.name == other.name;
      if (!found) return false;
    }
    return true;
  }

  bool match_members(TypeId a, TypeId b, unsigned depth) {
    for (const auto& member : btf.members(a)) {
      uint64_t offset = 0;
      unsigned search = budget;
      const auto* other = find_member(to, b, member.name, 0, offset, search);
      if (!other || !match(member.type, other->type, false, depth + 1)) return false;
    }
    return true;
  }

  bool match_parameters(TypeId a, TypeId b, unsigned depth) {
    const auto ours = btf.parameters(a), theirs = to.parameters(b);
    if (ours.size() != theirs.size() || !match(btf.target(a), to.target(b), false, depth + 1)) return false;
    for (size_t i = 0; i < ours.size(); i++)
      if (!match(ours[i].type, theirs[i].type, false, depth + 1)) return false;
    return true;
  }
};
}  // namespace

bool types_match(const Btf& btf, TypeId type, const World& world, TypeRef target) {
  return Matcher{btf, world, *target.btf}.match(type, target.id, false, 0);
}

}  // namespace ring3::bpf
