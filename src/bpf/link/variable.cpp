// Global variables by name and path.
#include <algorithm>

#include "bpf/btf/text.hpp"
#include "bpf/link/linker.hpp"

namespace ring3::bpf {

namespace {
// True if `path` is about the variable `name`. Names of static variables of functions contain dots
// ("step.fmt").
bool is_about(std::string_view path, std::string_view name) {
  if (!path.starts_with(name)) return false;
  return path.size() == name.size() || path[name.size()] == '.' || path[name.size()] == '[';
}

// What remains of the path: "a[1].b" of "params.a[1].b".
std::string_view rest_of(std::string_view path, std::string_view name) {
  path.remove_prefix(name.size());
  if (path.starts_with('.')) path.remove_prefix(1);
  return path;
}

std::string alternatives(const Object& object, std::string_view path) {
  const auto wanted = path.substr(0, path.find_first_of(".["));
  std::vector<std::string_view> names;
  for (const auto& section : object.data) {
    if (!section.datasec) continue;
    for (const auto& variable : object.btf.variables(section.datasec))
      names.push_back(object.btf.name(variable.variable));
  }
  for (const auto& variable : object.struct_ops) names.push_back(variable.name);
  if (names.empty()) return "the object has no global variables";
  std::ranges::stable_sort(names, {}, [&](std::string_view name) { return edit_distance(wanted, name); });
  std::string text = "there is ";
  for (size_t i = 0; i < std::min<size_t>(names.size(), 6); i++) text.append(i ? ", " : "").append(names[i]);
  return text + (names.size() > 6 ? ", …" : "");
}
}  // namespace

Result<Variable> Collection::variable(std::string_view path) const {
  const Btf& btf = object_->btf;
  const BtfVariable* found = nullptr;
  size_t section_index = 0;
  for (size_t i = 0; i < object_->data.size(); i++) {
    if (!object_->data[i].datasec) continue;
    for (const auto& variable : btf.variables(object_->data[i].datasec)) {
      const auto name = btf.name(variable.variable);
      if (btf.kind(variable.variable) != BtfKind::Var || !is_about(path, name)) continue;
      if (found && name.size() <= btf.name(found->variable).size()) continue;
      found = &variable;
      section_index = i;
    }
  }
  if (!found) {
    for (const auto& variable : object_->struct_ops)
      if (is_about(path, variable.name)) return struct_ops_member(variable, path);
    return fail(ENOENT, std::string(path), "the object has no such variable; {}",
                alternatives(*object_, path));
  }
  const auto field = btf.field(btf.target(found->variable), rest_of(path, btf.name(found->variable)));
  if (!field) return fail(field.error().code, std::string(path), "{}", field.error().message);
  const uint64_t size = btf.size_of(field->type);
  if (field->offset + size > found->size)
    return fail(ENOENT, std::string(path),
                "clang has optimised this part of the variable away: make it volatile");
  const auto& map = maps_[object_->maps.size() + section_index];
  return Variable{map->values().subspan(found->offset + field->offset, size), field->type, field->bit_offset,
                  field->bit_size, map->frozen()};
}

// A data member of a struct_ops variable lives in the instance, in the world's layout.
Result<Variable> Collection::struct_ops_member(const StructOpsVariable& variable,
                                               std::string_view path) const {
  const Btf& btf = object_->btf;
  const auto rest = rest_of(path, variable.name);
  const auto member_name = rest.substr(0, rest.find_first_of(".["));
  const auto field = btf.field(variable.type, rest);
  if (!field) return fail(field.error().code, std::string(path), "{}", field.error().message);
  const auto instance = std::ranges::find(struct_ops_, variable.name, &StructOpsInstance::name);
  const auto& settable = instance->type->settable;
  const Btf& world = *instance->type->type.btf;
  const auto there = world.field(instance->type->type.id, member_name);
  const auto here = btf.field(variable.type, member_name);
  if (!there || !here || std::ranges::find(settable, member_name) == settable.end())
    return fail(ENOTSUP, std::string(path), "only its data members can be reached, as {}.NAME",
                variable.name);
  if (btf.size_of(here->type) != world.size_of(there->type) || field->offset < here->offset)
    return fail(EINVAL, std::string(path), "it is {} in the object, but {} here", btf.spell(here->type),
                world.spell(there->type));
  const uint64_t offset = there->offset + (field->offset - here->offset);
  return Variable{std::span(instance->bytes).subspan(offset, btf.size_of(field->type)), field->type,
                  field->bit_offset, field->bit_size, false};
}

}  // namespace ring3::bpf
