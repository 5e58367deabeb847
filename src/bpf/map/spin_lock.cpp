#include "bpf/map/spin_lock.hpp"

#include <cerrno>

namespace ring3::bpf {

namespace {

constexpr int kNestingMax = 16;  // of structures by value; BTF may claim that one contains itself

struct Search {
  const Btf& btf;
  const std::string& place;
  std::optional<uint32_t> found = {};

  Result<void> type(TypeId id, uint64_t offset, bool repeated, int depth) {
    id = btf.resolve(id);
    if (depth > kNestingMax) return {};
    if (btf.kind(id) == BtfKind::Array) return type(btf.target(id), offset, true, depth + 1);
    if (btf.kind(id) != BtfKind::Struct) return {};
    if (btf.name(id) == "bpf_spin_lock") {
      if (btf.size_of(id) != sizeof(SpinLock) || offset % alignof(SpinLock) != 0 || offset > INT32_MAX)
        return fail(EINVAL, place, "the bpf_spin_lock at byte {} is not 4 aligned bytes", offset);
      if (found || repeated) return fail(E2BIG, place, "the value has more than one bpf_spin_lock");
      found = static_cast<uint32_t>(offset);
      return {};
    }
    for (const BtfMember& member : btf.members(id))
      TRY_VOID(type(member.type, offset + member.bit_offset / 8, repeated, depth + 1));
    return {};
  }
};

}  // namespace

Result<std::optional<uint32_t>> find_spin_lock(TypeRef value, const std::string& place) {
  if (!value) return std::optional<uint32_t>();
  Search search{*value.btf, place};
  if (value.btf->kind(value.id) == BtfKind::Datasec) {
    for (const BtfVariable& variable : value.btf->variables(value.id))
      TRY_VOID(search.type(value.btf->target(variable.variable), variable.offset, false, 0));
  } else {
    TRY_VOID(search.type(value.id, 0, false, 0));
  }
  return search.found;
}

}  // namespace ring3::bpf
