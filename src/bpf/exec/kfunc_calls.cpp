// Checker: calls of kfuncs. What their arguments and results are is said by their prototypes: types, names of
// parameters and suffixes of those, with Linux's meaning.
#include <fmt/format.h>

#include "bpf/exec/checker.hpp"

namespace ring3::bpf {

namespace {

// "buffer__opt" has the suffix "__opt"; suffixes may be stacked.
bool has_suffix(std::string_view name, std::string_view suffix) {
  for (size_t at = name.find(suffix); at != std::string_view::npos; at = name.find(suffix, at + 1)) {
    const size_t end = at + suffix.size();
    if (end == name.size() || name.substr(end).starts_with("__")) return true;
  }
  return false;
}
bool is_size(const BtfParam& parameter) {
  return has_suffix(parameter.name, "__sz") || has_suffix(parameter.name, "__szk");
}

struct Pointee {
  TypeId type = 0;  // resolved; 0 is void
  bool is_const = false;
};

// What `type` points to; nothing if it is no pointer.
std::optional<Pointee> pointee_of(const Btf& btf, TypeId type) {
  const TypeId pointer = btf.resolve(type);
  if (btf.kind(pointer) != BtfKind::Ptr) return std::nullopt;
  Pointee pointee;
  for (TypeId id = btf.target(pointer);; id = btf.target(id)) {
    pointee.type = id;
    switch (btf.kind(id)) {
      case BtfKind::Const:
        pointee.is_const = true;
        break;
      case BtfKind::Typedef:
      case BtfKind::Volatile:
      case BtfKind::Restrict:
      case BtfKind::TypeTag:
        break;
      default:
        return pointee;
    }
  }
}

bool is_aggregate(const Btf& btf, TypeId type) {
  return btf.kind(type) == BtfKind::Struct || btf.kind(type) == BtfKind::Union ||
         btf.kind(type) == BtfKind::Fwd;
}

}  // namespace

bool Checker::check_kfunc(const Kfunc& kfunc, Call& call) {
  const Btf& btf = *kfunc.function.btf;
  const TypeId prototype = btf.target(kfunc.function.id);
  const auto parameters = btf.parameters(prototype);
  call.has_result = btf.resolve(btf.target(prototype)) != 0;
  for (unsigned i = 0; i < parameters.size() && i < 5; ++i) {
    if (has_suffix(parameters[i].name, "__ign")) continue;
    if (!need(i + 1)) return false;
    if (pointee_of(btf, parameters[i].type) && !check_pointer(kfunc, parameters, i, call)) return false;
  }
  if (kfunc.flags & KF_RELEASE) memory_.drop_at(call.r[1]);
  return true;
}

bool Checker::check_pointer(const Kfunc& kfunc, std::span<const BtfParam> parameters, unsigned index,
                            Call& call) {
  const Btf& btf = *kfunc.function.btf;
  const BtfParam& parameter = parameters[index];
  const Pointee pointee = *pointee_of(btf, parameter.type);
  const unsigned reg = index + 1;
  const bool optional = has_suffix(parameter.name, "__opt") || has_suffix(parameter.name, "__nullable");
  if (optional && call.r[reg] == 0) return true;

  if (has_suffix(parameter.name, "__map")) return check_map(reg, call);
  if (has_suffix(parameter.name, "__str")) return check_string(reg);
  if (btf.kind(pointee.type) == BtfKind::FuncProto) {
    call.takes_callback = true;
    return check_function(reg);
  }
  if (index + 1 < parameters.size() && is_size(parameters[index + 1]))
    return need(reg + 1) &&
           check_memory(reg, call.r[reg + 1], pointee.is_const ? Use::Read : Use::Write, false);

  const uint64_t size = btf.size_of(pointee.type);
  if (size == 0) return true;  // void or incomplete: a handle
  const bool uninit = has_suffix(parameter.name, "__uninit");
  const bool iterator = index == 0 && (kfunc.flags & (KF_ITER_NEW | KF_ITER_NEXT | KF_ITER_DESTROY));
  if (iterator || has_suffix(parameter.name, "__iter") || btf.name(pointee.type) == "bpf_dynptr") {
    if (uninit || (iterator && (kfunc.flags & KF_ITER_NEW))) return make_object(reg, size);
    if (iterator && (kfunc.flags & KF_ITER_DESTROY)) return end_object(reg, size);
    call.owner = call.r[reg];
    return use_object(reg, size);
  }
  if (uninit) return check_memory(reg, size, Use::Write, false);
  if (!is_aggregate(btf, pointee.type))
    return check_memory(reg, size, pointee.is_const ? Use::Read : Use::Write, false);
  // A structure of the program's, or one of the kernel's side that it only passes on: those are not const
  // either.
  if (!stack_owner(call.r[reg]) && !memory_.find(call.r[reg], 1, false)) return true;
  return check_memory(reg, size, Use::Read, false);
}

void Checker::take_result(const Kfunc& kfunc, const Call& call, uint64_t result) {
  const Btf& btf = *kfunc.function.btf;
  const TypeId prototype = btf.target(kfunc.function.id);
  const auto pointee = pointee_of(btf, btf.target(prototype));
  if (!pointee || result == 0) return;

  Region region{result,
                btf.size_of(pointee->type),
                false,
                Region::Life::Run,
                call.owner,
                false,
                fmt::format("memory that {} returned", kfunc.name)};
  const auto parameters = btf.parameters(prototype);
  for (unsigned i = 0; i < parameters.size() && i < 5; ++i) {
    const std::string_view name = parameters[i].name;
    if (name == "rdwr_buf_size" || name == "rdonly_buf_size") {
      region.size = call.r[i + 1];
      region.writable = name == "rdwr_buf_size";
    } else if (is_size(parameters[i]) && btf.resolve(pointee->type) == 0) {
      // A window on the memory of another argument: bpf_dynptr_slice, bpf_dynptr_slice_rdwr.
      region.size = call.r[i + 1];
      region.writable = kfunc.name.ends_with("_rdwr");
    }
  }
  if (region.size != 0) memory_.add(std::move(region));
}

}  // namespace ring3::bpf
