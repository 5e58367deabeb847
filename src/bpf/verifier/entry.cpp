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

}  // namespace ring3::bpf
