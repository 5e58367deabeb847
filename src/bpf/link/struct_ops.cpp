// struct_ops variables: from the object's layout of the structure into the world's, member by member by name.
#include <algorithm>
#include <cstring>

#include "bpf/link/linker.hpp"

namespace ring3::bpf {

namespace {
bool is_zero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; });
}

bool is_callback(const Btf& btf, TypeId type) {
  const TypeId id = btf.resolve(type);
  return btf.kind(id) == BtfKind::Ptr && btf.kind(btf.resolve(btf.target(id))) == BtfKind::FuncProto;
}

template <typename Range>
auto named(const Range& members, std::string_view name) -> decltype(&members[0]) {
  for (const auto& member : members)
    if (member.name == name) return &member;
  return nullptr;
}

// "it has a, b, c".
template <typename Range>
std::string list(const Range& members) {
  std::string text;
  for (const auto& member : members)
    text += fmt::format("{}{}", text.empty() ? "it has " : ", ", member.name);
  return text;
}
}  // namespace

Result<void> Linker::link_struct_ops() {
  for (const auto& variable : object_->struct_ops) TRY_VOID(link_instance(variable));
  return {};
}

Result<void> Linker::link_instance(const StructOpsVariable& variable) {
  const auto name = essential_name(object_->btf.name(variable.type));
  const StructOpsType* type = world_->struct_ops(name);
  if (!type) {
    std::string known;
    for (const auto& other : world_->struct_ops_types())
      known += fmt::format("{}{}", known.empty() ? "" : ", ", other.name);
    return fail(ENOENT, variable.name, "there is no struct_ops type {}; there is {}", name,
                known.empty() ? "none" : known);
  }
  StructOpsInstance instance{variable.name, type, variable.link, {}, {}};
  instance.bytes.resize(type->type.btf->size_of(type->type.id));
  for (const auto& member : object_->btf.members(variable.type))
    TRY_VOID(link_member(variable, member, instance));
  for (const auto& member : type->members) {
    const auto is_set = [&](const StructOpsInstance::Callback& callback) {
      return callback.member == &member;
    };
    if (member.must_exist && std::ranges::none_of(instance.callbacks, is_set))
      return fail(EINVAL, variable.name, "{}.{} must be set to a program", name, member.name);
  }
  collection_->struct_ops_.push_back(std::move(instance));
  return {};
}

Result<void> Linker::link_member(const StructOpsVariable& variable, const BtfMember& member,
                                 StructOpsInstance& out) {
  const Btf& btf = object_->btf;
  const Btf& world = *out.type->type.btf;
  const std::string place = fmt::format("{}.{}", variable.name, member.name);
  const uint64_t size = btf.size_of(member.type);
  const auto bytes = std::span(variable.bytes).subspan(member.bit_offset / 8, member.bit_size ? 0 : size);
  const auto callback =
      std::ranges::find(variable.callbacks, member.bit_offset / 8, &StructOpsVariable::Callback::offset);
  const bool has_callback = callback != variable.callbacks.end() && size;
  const bool is_set = has_callback || member.bit_size || !is_zero(bytes);
  const auto members = world.members(out.type->type.id);
  const BtfMember* target = member.name.empty() ? nullptr : named(members, member.name);
  if (!target) {
    if (!is_set) return {};
    return fail(ENOTSUP, place, "{} is set, but {} has no such member; {}",
                member.name.empty() ? "an anonymous member" : member.name, out.type->name, list(members));
  }
  if (member.bit_size || target->bit_size) return fail(ENOTSUP, place, "bit fields are not supported");
  if (is_callback(btf, member.type) != is_callback(world, target->type) ||
      btf.kind(btf.resolve(member.type)) != world.kind(world.resolve(target->type)) ||
      size != world.size_of(target->type))
    return fail(EINVAL, place, "it is {} in the object, but {} here", btf.spell(member.type),
                world.spell(target->type));
  if (has_callback) return link_callback(variable, *callback, *target, out);
  if (!is_set) return {};
  if (is_callback(btf, member.type)) return fail(EINVAL, place, "a callback is set to a number");
  if (std::ranges::find(out.type->settable, target->name) == out.type->settable.end())
    return fail(EINVAL, place, "it can't be set by an object");
  std::ranges::copy(bytes, out.bytes.begin() + target->bit_offset / 8);
  return {};
}

Result<void> Linker::link_callback(const StructOpsVariable& variable,
                                   const StructOpsVariable::Callback& callback, const BtfMember& in_world,
                                   StructOpsInstance& out) {
  const Btf& world = *out.type->type.btf;
  const auto& code = object_->code[callback.section];
  const auto& function = code.functions[callback.function];
  const std::string place = fmt::format("{}.{}", variable.name, in_world.name);
  const StructOpsMember* member = named(out.type->members, in_world.name);
  if (!member || !is_callback(world, in_world.type))
    return fail(ENOTSUP, place, "{} is no callback that is supported; {}", in_world.name,
                list(out.type->members));
  const auto section = std::string_view(code.name).substr(code.name.starts_with('?'));
  const auto kind = section.substr(0, section.find('/'));
  if (kind != "struct_ops" && kind != "struct_ops.s")
    return fail(EINVAL, place, "{} is in section {}: put it into SEC(\"struct_ops/{}\")", function.name,
                code.name, function.name);
  const TypeId pointer = world.resolve(in_world.type);
  const Attachment attachment{out.type, member, world.resolve(world.target(pointer))};
  const FunctionId id{callback.section, callback.function};
  const bool is_new = !programs_.contains({id, member});
  auto program = TRY(gather(id, attachment));
  if (program->sleepable && !member->may_sleep)
    return fail(EINVAL, source_place(code, function.start),
                "{} must not sleep, but {} is in {}: put it into SEC(\"struct_ops/{}\")", in_world.name,
                function.name, code.name, function.name);
  if (is_new) collection_->programs_.push_back(program);
  out.callbacks.push_back({member, std::move(program)});
  return {};
}

}  // namespace ring3::bpf
