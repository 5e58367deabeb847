// Paths into types: "params.bufs[3].addr" to an offset, and back.
#include <algorithm>
#include <charconv>

#include "bpf/btf/btf.hpp"
#include "bpf/btf/text.hpp"

namespace ring3::bpf {

namespace {
// Members visited in one search. Anonymous members are searched too, and hostile BTF could nest them so that
// they unfold to billions.
constexpr unsigned SEARCH_MAX = 100'000;

struct Found {
  const BtfMember* member = nullptr;
  uint64_t bit_offset = 0;  // from the structure that was searched
};

Found find_member(const Btf& btf, TypeId record, std::string_view name, uint64_t base, unsigned& budget) {
  for (const auto& member : btf.members(record)) {
    if (!budget) return {};
    budget--;
    if (member.name == name) return {&member, base + member.bit_offset};
    if (!member.name.empty()) continue;
    const auto inner = find_member(btf, btf.resolve(member.type), name, base + member.bit_offset, budget);
    if (inner.member) return inner;
  }
  return {};
}

void list_members(const Btf& btf, TypeId record, std::vector<std::string_view>& names, unsigned& budget) {
  for (const auto& member : btf.members(record)) {
    if (!budget) return;
    budget--;
    if (member.name.empty())
      list_members(btf, btf.resolve(member.type), names, budget);
    else
      names.push_back(member.name);
  }
}

// "it has a, b, c": the nearest names first, at most eight.
std::string alternatives(const Btf& btf, TypeId record, std::string_view name) {
  std::vector<std::string_view> names;
  unsigned budget = 256;
  list_members(btf, record, names, budget);
  if (names.empty()) return "it has no members";
  std::ranges::stable_sort(names, {}, [&](std::string_view other) { return edit_distance(name, other); });
  std::string text;
  for (size_t i = 0; i < std::min<size_t>(names.size(), 8); i++)
    text.append(i ? ", " : "it has ").append(names[i]);
  return text + (names.size() > 8 ? ", …" : "");
}

// The storage unit of a bit field: aligned to its type if it fits there, as compilers lay them out.
Result<Btf::Field> bit_field(const Btf& btf, const BtfMember& member, uint64_t bits) {
  const uint64_t unit = btf.size_of(member.type) * 8;
  uint64_t start = bits / unit * unit;
  if (bits + member.bit_size > start + unit) start = bits / 8 * 8;
  if (bits + member.bit_size > start + unit)
    return fail(ENOTSUP, std::string(member.name), "the bit field straddles {} bytes", unit / 8 + 1);
  return Btf::Field{member.type, start / 8, uint32_t(bits - start), member.bit_size};
}
}  // namespace

Result<Btf::Field> Btf::field(TypeId type, std::string_view path) const {
  Field at{type, 0};
  for (size_t i = 0; i < path.size();) {
    const std::string place(path.substr(0, i));
    const TypeId id = resolve(at.type);
    if (at.bit_size) return fail(ENOENT, place, "a bit field has no members");
    if (path[i] == '[') {
      if (kind(id) != BtfKind::Array) return fail(ENOENT, place, "{} is no array", spell(at.type));
      uint64_t index = 0;
      const auto [end, error] = std::from_chars(path.data() + i + 1, path.data() + path.size(), index);
      if (error != std::errc() || end == path.data() + path.size() || *end != ']')
        return fail(EINVAL, std::string(path), "an index is a decimal number in brackets");
      if (index >= array_length(id))
        return fail(ERANGE, place, "index {} is outside the {} elements of the array", index,
                    array_length(id));
      at = {target(id), at.offset + index * size_of(target(id))};
      i = end + 1 - path.data();
      continue;
    }
    if (i) {
      if (path[i] != '.') return fail(EINVAL, std::string(path), "expected '.' or '[' at {}", path.substr(i));
      i++;
    }
    const auto name = path.substr(i, path.find_first_of(".[", i) - i);
    if (kind(id) != BtfKind::Struct && kind(id) != BtfKind::Union)
      return fail(ENOENT, place, "{} has no members, so no {}", spell(at.type), name);
    unsigned budget = SEARCH_MAX;
    const auto found = name.empty() ? Found() : find_member(*this, id, name, 0, budget);
    if (!found.member)
      return fail(ENOENT, place, "{} has no member {}; {}", spell(at.type), name,
                  alternatives(*this, id, name));
    const uint64_t bits = at.offset * 8 + found.bit_offset;
    at = found.member->bit_size ? TRY(bit_field(*this, *found.member, bits))
                                : Field{found.member->type, bits / 8};
    i += name.size();
  }
  return at;
}

std::string Btf::path_at(TypeId type, uint64_t offset) const {
  std::string path;
  for (TypeId id = resolve(type);;) {
    if (kind(id) == BtfKind::Array) {
      const uint64_t size = size_of(target(id));
      if (!size || offset / size >= array_length(id)) return path;
      path += fmt::format("[{}]", offset / size);
      offset %= size;
      id = resolve(target(id));
      continue;
    }
    const auto all = members(id);
    const auto covers = [&](const BtfMember& member) {
      const uint64_t end = member.bit_offset + (member.bit_size ? member.bit_size : size_of(member.type) * 8);
      return member.bit_offset < (offset + 1) * 8 && end > offset * 8;
    };
    const auto member = std::ranges::find_if(all, covers);
    if (member == all.end()) return path;
    if (!member->name.empty()) path.append(path.empty() ? "" : ".").append(member->name);
    if (member->bit_size) return path;
    offset -= member->bit_offset / 8;
    id = resolve(member->type);
  }
}

}  // namespace ring3::bpf
