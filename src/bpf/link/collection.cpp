// Linking, as a table of contents; and what a Collection answers afterwards but for variables (variable.cpp).
#include "bpf/link/collection.hpp"

#include <algorithm>

#include "bpf/link/core.hpp"
#include "bpf/link/kfunc.hpp"
#include "bpf/link/linker.hpp"
#include "bpf/map/arena.hpp"

namespace ring3::bpf {

std::string source_place(const CodeSection& code, uint32_t slot) {
  const auto function = std::ranges::upper_bound(code.functions, slot, {}, &Function::start);
  const auto line = std::ranges::upper_bound(code.lines, slot, {}, &LineInfo::insn);
  const std::string_view name = function == code.functions.begin() ? code.name : std::prev(function)->name;
  if (line == code.lines.begin()) return fmt::format("{}, slot {} of {}", name, slot, code.name);
  const auto& source = std::prev(line)->source;
  return fmt::format("{}:{}, in {}", source.file, source.line, name);
}

std::string_view essential_name(std::string_view name) {
  const size_t at = name.rfind("___");
  return at == std::string_view::npos || at == 0 || at + 3 == name.size() ? name : name.substr(0, at);
}

Linker::Linker(std::shared_ptr<const Object> object, std::shared_ptr<const World> world)
    : object_(std::move(object)), world_(std::move(world)), collection_(new Collection) {
  collection_->object_ = object_;
  collection_->world_ = world_;
}

Result<std::unique_ptr<Collection>> Linker::run() {
  TRY_VOID(create_maps());      // maps exist, data sections hold their initial values
  TRY_VOID(resolve_externs());  // every kfunc is the world's, or weak and missing
  TRY_VOID(apply_core());       // instructions fit the world's types, or are poisoned
  TRY_VOID(link_struct_ops());  // instances have the world's layout, their callbacks are programs
  TRY_VOID(link_entries());     // so is every other entry function
  return std::move(collection_);
}

Result<std::unique_ptr<Collection>> Collection::create(std::shared_ptr<const Object> object,
                                                       std::shared_ptr<const World> world) {
  return Linker(std::move(object), std::move(world)).run();
}

Result<void> Linker::create_maps() {
  for (const auto& definition : object_->maps) collection_->maps_.push_back(TRY(Map::create(definition)));
  for (const auto& section : object_->data) {
    MapDefinition definition;
    definition.name = section.name;
    definition.type = abi::BPF_MAP_TYPE_ARRAY;
    definition.key_size = 4;
    definition.value_size = section.bytes.size();
    definition.max_entries = 1;
    definition.flags = abi::BPF_F_MMAPABLE;
    if (section.kind == DataSection::Kind::Arena) {
      collection_->maps_.push_back(TRY(place_in_arena(section)));
      continue;
    }
    if (section.kind == DataSection::Kind::Rodata) definition.flags |= abi::BPF_F_RDONLY_PROG;
    if (section.datasec) definition.value = {&object_->btf, section.datasec};
    auto map = TRY(Map::create(definition));
    std::ranges::copy(section.bytes, map->values().begin());
    collection_->maps_.push_back(std::move(map));
  }
  return {};
}

// Variables of the address space of arenas: the first pages of the object's arena, as libbpf places them.
Result<std::shared_ptr<Map>> Linker::place_in_arena(const DataSection& section) {
  std::shared_ptr<Map> found;
  for (const auto& map : collection_->maps_) {
    if (map->definition().type != abi::BPF_MAP_TYPE_ARENA) continue;
    if (found)
      return fail(EINVAL, section.name, "the object has two arenas: which one are the variables in?");
    found = map;
  }
  if (!found) return fail(ENOENT, section.name, "the object has no arena for its variables");
  auto& arena = static_cast<Arena&>(*found);
  const uint64_t bytes = section.bytes.size(), page = 4096;
  if (bytes > arena.values().size() || !arena.allocate(arena.user_start(), (bytes + page - 1) / page))
    return fail(E2BIG, section.name, "{} bytes of variables don't fit into the arena", bytes);
  std::ranges::copy(section.bytes, arena.values().begin());
  return found;
}

Result<void> Linker::resolve_externs() {
  for (uint32_t i = 0; i < object_->externs.size(); i++) {
    const auto& from = object_->externs[i];
    const Kfunc* kfunc = world_->kfunc(from.name);
    if (!kfunc) kfunc = world_->kfunc(essential_name(from.name));
    std::string place = from.name;
    for (const auto& code : object_->code) {
      const auto use = std::ranges::find_if(code.relocations, [&](const Relocation& relocation) {
        return relocation.kind == Relocation::Kind::Extern && relocation.index == i;
      });
      if (use == code.relocations.end()) continue;
      place = source_place(code, use->insn);
      break;
    }
    if (!kfunc && !from.weak)
      return fail(ENOENT, place, "there is no kfunc {}{}", from.name, near(*world_, from.name));
    if (kfunc) TRY_VOID(check_prototype(object_->btf, from, *kfunc, place));
    kfuncs_.push_back(kfunc);
  }
  return {};
}

Result<void> Linker::apply_core() {
  for (const auto& code : object_->code) {
    LinkedSection section{code.insns, {}};
    TRY_VOID(apply_core_relocations(object_->btf, *world_, code, section.insns, section.unresolved));
    sections_.push_back(std::move(section));
  }
  return {};
}

Result<void> Linker::link_entries() {
  for (uint32_t s = 0; s < object_->code.size(); s++) {
    const auto& code = object_->code[s];
    if (code.name == ".text") continue;
    const bool optional = code.name.starts_with('?');
    const bool struct_ops = std::string_view(code.name).substr(optional).starts_with("struct_ops");
    for (uint32_t f = 0; f < code.functions.size(); f++) {
      if (!code.functions[f].global) continue;
      if (!struct_ops) {
        collection_->programs_.push_back(TRY(gather({s, f}, {})));
        continue;
      }
      const auto used = programs_.lower_bound({{s, f}, nullptr});
      const bool is_used = used != programs_.end() && used->first.first == FunctionId{s, f};
      if (!is_used && !optional)
        return fail(EINVAL, source_place(code, code.functions[f].start),
                    "{} is in section {}, but no struct_ops variable refers to it", code.functions[f].name,
                    code.name);
    }
  }
  return {};
}

std::shared_ptr<Map> Collection::map(std::string_view name) const {
  const auto found = std::ranges::find_if(
      maps_, [&](const std::shared_ptr<Map>& map) { return map->definition().name == name; });
  return found == maps_.end() ? nullptr : *found;
}

void Collection::freeze() {
  for (size_t i = 0; i < object_->data.size(); i++)
    if (object_->data[i].kind == DataSection::Kind::Rodata) maps_[object_->maps.size() + i]->freeze();
}

}  // namespace ring3::bpf
