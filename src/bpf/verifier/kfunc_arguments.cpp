// Arguments of kfuncs, by their types and by the suffixes of their names.
#include <fmt/format.h>

#include <cerrno>

#include "bpf/verifier/verifier.hpp"

namespace ring3::bpf {
using namespace abi;

namespace {
// Numbers all the way down, so that any bytes are a value of it.
bool only_numbers(const Btf& btf, TypeId id, int depth = 0) {
  if (depth > 16) return false;
  const TypeId type = btf.resolve(id);
  switch (btf.kind(type)) {
    case BtfKind::Int:
    case BtfKind::Enum:
    case BtfKind::Enum64:
    case BtfKind::Float:
      return true;
    case BtfKind::Array:
      return only_numbers(btf, btf.target(type), depth + 1);
    case BtfKind::Struct:
    case BtfKind::Union:
      for (const BtfMember& member : btf.members(type))
        if (!only_numbers(btf, member.type, depth + 1)) return false;
      return true;
    default:
      return false;
  }
}

bool is_const(const Btf& btf, TypeId id) {
  while (btf.kind(id) == BtfKind::Typedef || btf.kind(id) == BtfKind::Volatile ||
         btf.kind(id) == BtfKind::TypeTag)
    id = btf.target(id);
  return btf.kind(id) == BtfKind::Const;
}
}  // namespace

bool Verifier::kfunc_argument(Call& call, unsigned i, std::span<const BtfParam> parameters) {
  if (call.skip == i + 1) return true;
  const Btf& btf = *call.kfunc->function.btf;
  const std::string_view name = parameters[i].name;
  if (name.ends_with("__ign")) return true;
  if (!readable(i + 1)) return false;
  const BtfKind kind = btf.kind(btf.resolve(parameters[i].type));
  if (kind == BtfKind::Ptr) return kfunc_pointer(call, i, parameters);
  if (kind == BtfKind::Int || kind == BtfKind::Enum || kind == BtfKind::Enum64)
    return kfunc_scalar(call, i, name);
  return reject(Rule::KfuncArgument, i + 1,
                fmt::format("Unrecognized arg#{} type {}", i, btf.spell(parameters[i].type)),
                "The verifier does not know this type of argument.");
}

bool Verifier::kfunc_scalar(Call& call, unsigned i, std::string_view name) {
  const unsigned r = i + 1;
  if (!reg(r).is_scalar())
    return reject(Rule::KfuncArgument, r, fmt::format("R{} is not a scalar", r),
                  fmt::format("{}() takes a number there.", call.name));
  uint64_t value = 0;
  if (name.ends_with("__k"))
    return known_constant(r, &value, Rule::KfuncConstant, "must be a known constant");
  const bool read_only = name == "rdonly_buf_size";
  if (!read_only && name != "rdwr_buf_size") return true;
  if (!known_constant(r, &value, Rule::KfuncConstant, "is not a const")) return false;
  call.constant_size = value;
  call.constant_size_read_only = read_only;
  return true;
}

bool Verifier::kfunc_pointer(Call& call, unsigned i, std::span<const BtfParam> parameters) {
  const unsigned r = i + 1;
  const Btf& btf = *call.kfunc->function.btf;
  const std::string_view name = parameters[i].name;
  const TypeId pointee = btf.target(btf.resolve(parameters[i].type));
  const TypeId target = btf.resolve(pointee);
  const bool is_struct = btf.kind(target) == BtfKind::Struct || btf.kind(target) == BtfKind::Fwd;
  const std::string_view type_name = is_struct ? btf.name(target) : std::string_view();

  const std::string_view next = i + 1 < parameters.size() ? parameters[i + 1].name : std::string_view();
  const bool constant_size = next.ends_with("__szk");
  const bool sized = next.ends_with("__sz") || constant_size;
  const bool nullable = name.ends_with("__nullable") || name.ends_with("__opt");
  if (sized) {
    call.skip = i + 2;
    if (!readable(r + 1) || !check_size_is_bounded(r + 1, true)) return false;
    uint64_t size = 0;
    if (constant_size) {
      if (!known_constant(r + 1, &size, Rule::KfuncConstant, "must be a known constant")) return false;
      call.constant_size = size;
      // What a slice of a dynptr gives may be the program's own buffer, or the dynptr's memory.
      call.constant_size_read_only = call.name == "bpf_dynptr_slice";
    }
  }
  if (reg(r).is_null() && nullable) return true;
  if (reg(r).is_null() || reg(r).or_null)
    return reject(Rule::MaybeNull, r, fmt::format("Possibly NULL pointer passed to trusted arg{}", i),
                  fmt::format("{}() takes no NULL there.", call.name));
  if (sized) return check_memory_argument(r, reg(r + 1).scalar.umax, !is_const(btf, pointee), true);

  const uint32_t flags = call.kfunc->flags;
  if (i == 0 && flags & KF_ITER_NEW) return new_iterator(call, r, {&btf, target});
  if ((i == 0 && flags & (KF_ITER_NEXT | KF_ITER_DESTROY)) || name.ends_with("__iter"))
    return old_iterator(call, r, {&btf, target});
  if (type_name == "bpf_dynptr")
    return name.ends_with("__uninit") ? room_for_dynptr(call, r) : old_dynptr(call, r, false);
  if (name.ends_with("__str")) return check_constant_string(r);
  if (name.ends_with("__map")) return expect(r, reg(r).kind == Kind::Map, "map_ptr");
  const uint64_t size = btf.size_of(target);
  const bool plain = size > 0 && only_numbers(btf, target);
  if (reg(r).kind == Kind::Object && is_struct) return kfunc_object(call, i, {&btf, target});
  if (plain && reg(r).is_pointer() && reg(r).kind != Kind::Object)
    return check_memory_argument(r, size, !is_const(btf, pointee), !name.ends_with("__uninit"));
  if (is_struct)
    return reject(Rule::KfuncArgument, r,
                  fmt::format("arg#{} is {} expected {} or {}", i, kind_name(reg(r)), "ptr_", "sock"),
                  fmt::format("{}() takes a pointer to struct {} that came from the kernel's side.",
                              call.name, type_name));
  return reject(Rule::KfuncArgument, r,
                fmt::format("arg#{} pointer type {} must point to scalar, or struct with scalar", i,
                            btf.spell(parameters[i].type)),
                fmt::format("{}() can't be given this.", call.name));
}

bool Verifier::kfunc_object(Call& call, unsigned i, TypeRef type) {
  const unsigned r = i + 1;
  const Value& object = reg(r);
  const std::string_view wanted = type.btf->name(type.id), given = object.type.btf->name(object.type.id);
  if (!program_->world->same_type_name(wanted, given))
    return reject(
        Rule::KfuncArgument, r,
        fmt::format(
            "kernel function {} args#{} expected pointer to STRUCT {} but R{} has a pointer to STRUCT {}",
            call.name, i, wanted, r, given),
        fmt::format("{}() takes a struct {} there.", call.name, wanted));
  if (object.offset != 0 || !object.scalar.is_constant() || object.scalar.value() != 0)
    return reject(
        Rule::ReleaseArgument, r,
        fmt::format("R{} must have zero offset when passed to release func or trusted arg to kfunc", r),
        "It was moved since it was returned.");
  if (call.kfunc->flags & KF_RELEASE && call.release == 0) {
    if (!current_.owns(object.reference))
      return reject(Rule::ReleaseArgument, r,
                    fmt::format("R{} must be referenced when passed to release function", r),
                    "There is nothing to give back.");
    call.release = object.reference;
  }
  return true;
}

}  // namespace ring3::bpf
