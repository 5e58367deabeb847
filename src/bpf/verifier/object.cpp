// Structures of the world, which programs read member by member, and write where the world lets them.
#include <fmt/format.h>

#include "bpf/verifier/verifier.hpp"

namespace ring3::bpf {

namespace {
std::string tnum_text(const Tnum& bits) { return fmt::format("({:#x}; {:#x})", bits.value, bits.mask); }

struct Member {
  std::string_view name;
  TypeId type;           // resolved; of an array, its element
  uint64_t offset, end;  // in bytes, of the element in the structure; of the member, with all elements
};

// The member that has `size` bytes at `at` of a structure or union, or at least the first of them; of an
// array, the element.
std::optional<Member> member_at(const Btf& btf, TypeId structure, uint64_t at, uint64_t size) {
  std::optional<Member> first;
  for (const BtfMember& member : btf.members(structure)) {
    Member found{member.name, btf.resolve(member.type), member.bit_offset / 8, 0};
    found.end = found.offset + btf.size_of(found.type);
    if (at < found.offset || at >= found.end) continue;
    while (btf.kind(found.type) == BtfKind::Array) {
      found.type = btf.resolve(btf.target(found.type));
      const uint64_t element = btf.size_of(found.type);
      found.offset += (at - found.offset) / element * element;
    }
    if (at + size <= found.end) return found;
    if (!first) first = found;
  }
  return first;
}
}  // namespace

bool Verifier::access_object(unsigned r, int offset, unsigned size, Access kind) {
  const Value& pointer = reg(r);
  const std::string name(pointer.type.btf->name(pointer.type.id));
  if (!pointer.has_constant_offset())
    return reject(Rule::Object, r,
                  fmt::format("R{} is ptr_{} invalid variable offset: off={}, var_off={}", r, name,
                              pointer.offset + offset, tnum_text(pointer.scalar.bits)),
                  "Members of structures are accessed at constant offsets.");
  const int64_t at =
      pointer.offset + static_cast<int64_t>(offset) + static_cast<int64_t>(pointer.scalar.value());
  if (at < 0)
    return reject(Rule::Object, r, fmt::format("R{} is ptr_{} invalid negative access: off={}", r, name, at),
                  "The access lies before the structure.");
  const StructOpsMember* member = program_->attachment.member;
  const bool is_argument = member && pointer.argument != 0;
  if (kind == Access::Write) {
    if (is_argument)
      for (const auto& w : member->writable)
        if (w.argument + 1 == pointer.argument && at >= w.offset &&
            static_cast<uint64_t>(at) + size <= uint64_t{w.offset} + w.size)
          return true;
    return reject(Rule::Permission, r,
                  fmt::format("R{} cannot write into ptr_{} at off={} size={}", r, name, at, size),
                  fmt::format("These bytes of struct {} are not the program's to write.", name));
  }
  const bool opaque = is_argument && member->opaque_arguments >> (pointer.argument - 1) & 1;
  const uint64_t bytes = pointer.type.btf->size_of(pointer.type.id);
  if (opaque || static_cast<uint64_t>(at) + size > bytes)
    return reject(Rule::Object, r, fmt::format("access beyond struct {} at off {} size {}", name, at, size),
                  opaque ? fmt::format("struct {} is a handle: it can be passed on, not looked into.", name)
                         : fmt::format("The structure has {} bytes.", bytes));
  return read_member(r, static_cast<uint64_t>(at), size);
}

// By Linux's rules: within one member (an array of numbers is one), pointers whole. A pointer that is read is
// a number.
bool Verifier::read_member(unsigned r, uint64_t at, uint64_t size) {
  const Btf& btf = *reg(r).type.btf;
  const std::string_view outermost = btf.name(reg(r).type.id);
  TypeId inside = reg(r).type.id;  // a structure that holds all of the access
  uint64_t start = 0;              // of it
  for (;;) {
    const std::optional<Member> member = member_at(btf, inside, at - start, size);
    if (!member)
      return reject(Rule::Object, r, fmt::format("struct {} doesn't have field at offset {}", outermost, at),
                    "These bytes are between the members.");
    start += member->offset;
    if (btf.kind(member->type) == BtfKind::Struct || btf.kind(member->type) == BtfKind::Union) {
      inside = member->type;
      continue;
    }
    const bool pointer = btf.kind(member->type) == BtfKind::Ptr;
    if (pointer && (at != start || size != 8))
      return reject(Rule::Object, r,
                    fmt::format("cannot access ptr member {} with moff {} in struct {} with off {} size {}",
                                member->name, start, btf.name(inside), at, size),
                    "A pointer is read whole.");
    if (pointer && options_.strict)
      return reject(
          Rule::ShownAddress, r,
          fmt::format("'struct {}' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN", outermost),
          fmt::format("Member {} is an address.", member->name));
    const uint64_t end = start - member->offset + member->end;
    if (at + size <= end) return true;
    return reject(Rule::Object, r,
                  fmt::format("access beyond the end of member {} (mend:{}) in struct {} with off {} size {}",
                              member->name, end, btf.name(inside), at, size),
                  "It goes over the end of the member.");
  }
}

}  // namespace ring3::bpf
