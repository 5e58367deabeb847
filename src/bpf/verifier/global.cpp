// Global functions: verified once by their prototypes, for any arguments that fit; calls of them only have
// their arguments checked. Declaration tags on a parameter ("arg:nonnull", … : the __arg_ macros) say more
// than its type.
#include <fmt/format.h>

#include <algorithm>

#include "bpf/verifier/verifier.hpp"

namespace ring3::bpf {

namespace {
constexpr std::string_view CTX = "arg:ctx", TRUSTED = "arg:trusted", NULLABLE = "arg:nullable",
                           NONNULL = "arg:nonnull", UNTRUSTED = "arg:untrusted", ARENA = "arg:arena";

bool is_number(BtfKind kind) {
  return kind == BtfKind::Int || kind == BtfKind::Enum || kind == BtfKind::Enum64;
}
}  // namespace

// What parameter i of the function is for, or nothing after reject().
std::optional<Verifier::GlobalParameter> Verifier::global_parameter(const Subprogram& sub, unsigned i) {
  const Btf& btf = *program_btf();
  const TypeId declared = btf.parameters(btf.target(sub.function))[i].type, type = btf.resolve(declared);
  const auto refuse = [&](std::string linux_message, std::string reason) -> std::optional<GlobalParameter> {
    reject(Rule::GlobalFunction, std::move(linux_message), std::move(reason));
    return std::nullopt;
  };
  const auto tagged = [&](std::string_view tag) {
    return btf.has_decl_tag(sub.function, tag, static_cast<int32_t>(i));
  };
  const bool ctx = tagged(CTX), trusted = tagged(TRUSTED), nullable = tagged(NULLABLE),
             nonnull = tagged(NONNULL);
  if (tagged(UNTRUSTED) || tagged(ARENA))
    return refuse(fmt::format("arg#{} has unsupported set of tags", i),
                  fmt::format("Argument {} of {}() has a tag that is not supported.", i + 1, sub.name));
  if (is_number(btf.kind(type))) {
    if (ctx || trusted || nullable || nonnull)
      return refuse(fmt::format("arg#{} has pointer tag, but is not a pointer type", i),
                    fmt::format("Argument {} of {}() is a number.", i + 1, sub.name));
    return GlobalParameter{.kind = Kind::Scalar};
  }
  if (btf.kind(type) == BtfKind::Ptr &&
      (ctx ? trusted || nullable || nonnull : (trusted || nullable) && nonnull))
    return refuse(fmt::format("arg#{} has invalid combination of tags", i),
                  fmt::format("The tags of argument {} of {}() exclude each other.", i + 1, sub.name));
  const TypeId target = btf.kind(type) == BtfKind::Ptr ? btf.resolve(btf.target(type)) : 0;
  const uint64_t size = target ? btf.size_of(target) : 0;
  if (ctx && btf.kind(target) == BtfKind::Int && size == 8 && program_->attachment.member)
    return GlobalParameter{.kind = Kind::Context};
  if (trusted && (btf.kind(target) == BtfKind::Struct || btf.kind(target) == BtfKind::Fwd))
    if (const TypeRef known = program_->world->find_type(BtfKind::Struct, btf.name(target)))
      return GlobalParameter{.kind = Kind::Object, .or_null = nullable, .type = known};
  if (ctx || trusted || size == 0 || size > UINT32_MAX)
    return refuse(
        fmt::format("arg#{} reference type('{}') size cannot be determined", i, btf.spell(declared)),
        fmt::format("Argument {} of {}() is neither a number, nor a pointer to memory of a known size, nor "
                    "what its tag says.",
                    i + 1, sub.name));
  return GlobalParameter{.kind = Kind::Memory, .or_null = !nonnull, .size = static_cast<uint32_t>(size)};
}

// The function has a prototype by which it can be verified and called.
bool Verifier::check_prototype(const Subprogram& sub) {
  const Btf* btf = program_btf();
  if (!btf || sub.function == 0)
    return reject(Rule::GlobalFunction, fmt::format("Global function {}() has no type information", sub.name),
                  "A global function is verified and called by its prototype, and this one has none.");
  const TypeId prototype = btf->target(sub.function);
  const BtfKind result = btf->kind(btf->resolve(btf->target(prototype)));
  if (result != BtfKind::Void && !is_number(result))
    return reject(
        Rule::GlobalFunction,
        fmt::format("Global function {}() doesn't return scalar. Only those are supported.", sub.name),
        "Its result is no number.");
  const size_t count = btf->parameters(prototype).size();
  return count <= 5 ||
         reject(Rule::GlobalFunction,
                fmt::format("Global function {}() with {} > 5 args. Buggy compiler.", sub.name, count),
                "Functions take up to five arguments.");
}

bool Verifier::enter_global(uint32_t index) {
  const Subprogram& sub = program_->subprograms[index];
  if (!check_prototype(sub)) return false;
  const Btf& btf = *program_btf();
  const size_t count = btf.parameters(btf.target(sub.function)).size();
  for (unsigned i = 0; i < count; ++i) {
    const auto parameter = global_parameter(sub, i);
    if (!parameter) return false;
    Value value =
        parameter->kind == Kind::Scalar ? Value::unknown(pc_) : Value::pointer(parameter->kind, pc_);
    value.size = parameter->size;
    value.type = parameter->type;
    value.argument = parameter->kind == Kind::Object ? argument_of_type(parameter->type) : 0;
    value.or_null = parameter->or_null;
    if (value.or_null) value.id = fresh_id();
    reg(i + 1) = value;
  }
  return true;
}

bool Verifier::same_type(TypeRef a, TypeRef b) const {
  return program_->world->same_type_name(a.btf->name(a.id), b.btf->name(b.id));
}

// 1 + index of the entry's argument that points to the type, 0 if there is none: what may be done with it is
// the same.
uint8_t Verifier::argument_of_type(TypeRef type) {
  const Attachment& hook = program_->attachment;
  if (!hook.member) return 0;
  const size_t count = hook.type->type.btf->parameters(hook.prototype).size();
  for (unsigned i = 0; i < count; ++i) {
    const Value argument = entry_argument(i);
    if (argument.kind == Kind::Object && same_type(argument.type, type)) return static_cast<uint8_t>(i + 1);
  }
  return 0;
}

bool Verifier::call_global(uint32_t index) {
  const Subprogram& sub = program_->subprograms[index];
  if (!check_prototype(sub)) return false;
  const Btf& btf = *program_btf();
  const size_t count = btf.parameters(btf.target(sub.function)).size();
  if (!keeps_foreign_memory(static_cast<unsigned>(count))) return false;
  for (unsigned i = 0; i < count; ++i) {
    if (!readable(i + 1)) return false;
    const auto parameter = global_parameter(sub, i);
    if (!parameter || !pass_to_global(sub, i, *parameter)) return false;
  }
  if (std::ranges::find(roots_, index) == roots_.end()) roots_.push_back(index);
  clobber_caller_saved();
  if (!returns_void(index)) set(0, Value::unknown());
  ++pc_;
  return true;
}

bool Verifier::pass_to_global(const Subprogram& sub, unsigned i, const GlobalParameter& parameter) {
  const unsigned r = i + 1;
  const Value passed = reg(r);
  if (parameter.kind == Kind::Scalar)
    return passed.is_scalar() || reject(Rule::GlobalCall, r, fmt::format("R{} is not a scalar", r),
                                        fmt::format("{}() takes a number there.", sub.name));
  if (parameter.kind == Kind::Context)
    return (passed.kind == Kind::Context && passed.offset == 0 && passed.scalar.is_constant() &&
            passed.scalar.value() == 0) ||
           reject(Rule::GlobalCall, r, fmt::format("arg#{} expects pointer to ctx", i),
                  fmt::format("{}() takes the program's own argument there.", sub.name));
  if (passed.is_null() && parameter.or_null) return true;
  if (!parameter.or_null && (passed.is_null() || passed.or_null))
    return reject(Rule::GlobalCall, r, fmt::format("arg#{} is expected to be non-NULL", i),
                  fmt::format("{}() takes no NULL there.", sub.name), "Compare it with NULL before.");
  // The function checks for NULL itself.
  reg(r).or_null = false;
  const bool fits = parameter.kind == Kind::Object ? pass_object(sub, i, parameter.type)
                                                   : check_memory_argument(r, parameter.size, true, true);
  reg(r) = passed;
  return fits;
}

bool Verifier::pass_object(const Subprogram& sub, unsigned i, TypeRef type) {
  const unsigned r = i + 1;
  const Value& object = reg(r);
  if (!expect(r, object.kind == Kind::Object, "ptr_, trusted_ptr_, rcu_ptr_")) return false;
  if (same_type(object.type, type) && object.offset == 0 && object.scalar.is_constant() &&
      object.scalar.value() == 0 && object.argument == argument_of_type(type))
    return true;
  return reject(Rule::GlobalCall, r,
                fmt::format("R{} is of type {} but {} is expected", r, object.type.btf->name(object.type.id),
                            type.btf->name(type.id)),
                fmt::format("{}() takes a struct {} there, as it came.", sub.name, type.btf->name(type.id)));
}

}  // namespace ring3::bpf
