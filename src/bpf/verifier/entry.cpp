// What a function may suppose when it is entered.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "bpf/verifier/verifier.hpp"

namespace ring3::bpf {
using namespace abi;

bool Verifier::enter_main() {
  const Attachment& hook = program_->attachment;
  if (!hook.member) {
    for (unsigned r = 1; r <= std::min(program_->arguments, 5u); ++r) reg(r) = Value::unknown(pc_);
    return true;
  }
  if (!hook.type || !hook.type->type)
    return reject(Rule::Hook, "unknown struct_ops type",
                  "The type that the program is for has no description.");
  if (program_->sleepable && !hook.member->may_sleep)
    return reject(
        Rule::Hook,
        fmt::format("attach to unsupported member {} of struct {}", hook.member->name, hook.type->name),
        "This callback can't sleep.", "Put the program in a section struct_ops/NAME, without `.s`.");
  reg(1) = Value::pointer(Kind::Context, pc_);
  return true;
}

// Argument i of the callback, as its prototype and the world's table say.
Value Verifier::entry_argument(unsigned i) {
  const Attachment& hook = program_->attachment;
  const Btf& btf = *hook.type->type.btf;
  const TypeId type = btf.resolve(btf.parameters(hook.prototype)[i].type);
  if (btf.kind(type) != BtfKind::Ptr) return Value::unknown();
  const TypeId target = btf.resolve(btf.target(type));
  if (btf.kind(target) != BtfKind::Struct && btf.kind(target) != BtfKind::Fwd) return Value::unknown();
  Value value = Value::pointer(Kind::Object);
  value.type = {&btf, target};
  value.argument = static_cast<uint8_t>(i + 1);
  value.or_null = hook.member->nullable_arguments >> i & 1;
  if (value.or_null) value.id = fresh_id();
  return value;
}

// A global function: any numbers, and pointers to memory of the size of their types, or NULL.
bool Verifier::enter_global(uint32_t index) {
  const Subprogram& sub = program_->subprograms[index];
  const Btf* btf = program_btf();
  if (!btf || sub.function == 0)
    return reject(Rule::GlobalFunction, fmt::format("func#{} '{}' has no type information", index, sub.name),
                  "A global function is verified by its prototype, and this one has none.");
  const TypeId prototype = btf->target(sub.function);
  const TypeId result = btf->resolve(btf->target(prototype));
  const BtfKind kind = btf->kind(result);
  if (kind != BtfKind::Void && kind != BtfKind::Int && kind != BtfKind::Enum && kind != BtfKind::Enum64)
    return reject(
        Rule::GlobalFunction,
        fmt::format("Global function {}() doesn't return scalar. Only those are supported.", sub.name),
        "Its result is no number.");
  const auto parameters = btf->parameters(prototype);
  if (parameters.size() > 5)
    return reject(
        Rule::GlobalFunction,
        fmt::format("Global function {}() with {} > 5 args. Buggy compiler.", sub.name, parameters.size()),
        "Functions take up to five arguments.");
  for (unsigned i = 0; i < parameters.size(); ++i) {
    const TypeId type = btf->resolve(parameters[i].type);
    if (btf->kind(type) == BtfKind::Int || btf->kind(type) == BtfKind::Enum ||
        btf->kind(type) == BtfKind::Enum64) {
      reg(i + 1) = Value::unknown(pc_);
      continue;
    }
    const uint64_t size = btf->kind(type) == BtfKind::Ptr ? btf->size_of(btf->target(type)) : 0;
    if (size == 0 || size > UINT32_MAX)
      return reject(
          Rule::GlobalFunction,
          fmt::format("arg#{} reference type('{}') size cannot be determined", i,
                      btf->spell(parameters[i].type)),
          fmt::format("Argument {} of {}() is neither a number nor a pointer to memory of a known size.",
                      i + 1, sub.name));
    Value value = Value::pointer(Kind::Memory, pc_);
    value.size = static_cast<uint32_t>(size);
    value.or_null = true;
    value.id = fresh_id();
    reg(i + 1) = value;
  }
  return true;
}

}  // namespace ring3::bpf
