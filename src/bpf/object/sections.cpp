// What each section of the file is for.
#include <elf.h>

#include <algorithm>

#include "bpf/object/reader.hpp"

namespace ring3::bpf {

namespace {
// Data sections live in memory twice (as read, and as a map): a file of a few bytes must not claim the
// machine's.
constexpr uint64_t DATA_BYTES_MAX = 64 << 20;

bool is_family(std::string_view name, std::string_view stem) {
  return name == stem || (name.starts_with(stem) && name[stem.size()] == '.');
}
}  // namespace

const ElfSection* ObjectReader::section_named(std::string_view name) const {
  for (const auto& section : elf_.sections)
    if (section.name == name) return &section;
  return nullptr;
}

Result<void> ObjectReader::refuse_relocations(uint32_t index, std::string_view what) const {
  const auto relocations = TRY(elf_.relocations_of(index));
  if (relocations.empty()) return {};
  const auto& symbol = elf_.symbols[relocations[0].symbol];
  return fail(ENOTSUP, fmt::format("{}+{}", elf_.sections[index].name, relocations[0].offset),
              "{} holds the address of {}: assign addresses in the program, not in an initialiser", what,
              symbol.name.empty() ? "something" : symbol.name);
}

Result<void> ObjectReader::add_data(uint32_t index, DataSection::Kind kind) {
  const auto& section = elf_.sections[index];
  if (section.size == 0) return {};
  uint64_t total = section.size;
  for (const auto& other : object_->data) total += other.bytes.size();
  if (section.size > DATA_BYTES_MAX || total > DATA_BYTES_MAX)
    return fail(E2BIG, section.name, "global variables of more than {} MiB: use a map", DATA_BYTES_MAX >> 20);
  TRY_VOID(refuse_relocations(index, "the initial value of a variable"));
  DataSection data{section.name, kind, {}, 0};
  data.bytes.resize(section.size);
  std::ranges::copy(section.bytes, data.bytes.begin());
  roles_[index] = {Role::Kind::Data, uint32_t(object_->data.size())};
  object_->data.push_back(std::move(data));
  return {};
}

Result<void> ObjectReader::assign_roles() {
  std::unordered_map<std::string_view, uint32_t> seen;
  for (uint32_t i = 1; i < elf_.sections.size(); i++) {
    const auto& section = elf_.sections[i];
    const std::string_view name = section.name;
    if (section.executable()) {
      if (section.size == 0) continue;
      roles_[i] = {Role::Kind::Code, uint32_t(object_->code.size())};
      object_->code.push_back({.name = section.name});
    } else if (section.type != SHT_PROGBITS && section.type != SHT_NOBITS) {
      continue;
    } else if (is_family(name, ".data")) {
      TRY_VOID(add_data(i, DataSection::Kind::Data));
    } else if (is_family(name, ".rodata")) {
      TRY_VOID(add_data(i, DataSection::Kind::Rodata));
    } else if (is_family(name, ".bss")) {
      TRY_VOID(add_data(i, DataSection::Kind::Bss));
    } else if (name == ".maps") {
      roles_[i].kind = Role::Kind::Maps;
    } else if (name == ".struct_ops" || name == ".struct_ops.link") {
      roles_[i].kind = Role::Kind::StructOps;
    } else if (name == "maps" || name.starts_with("maps/")) {
      return fail(ENOTSUP, section.name, "a map definition of the old kind: define maps in SEC(\".maps\")");
    } else if (name == ".addr_space.1") {
      TRY_VOID(add_data(i, DataSection::Kind::Arena));
    } else if (name.starts_with("?.struct_ops")) {
      return fail(ENOTSUP, section.name, "optional struct_ops variables are not supported: drop the '?'");
    } else {
      continue;
    }
    if (!seen.emplace(name, i).second) return fail(EINVAL, section.name, "the file has two such sections");
  }
  return {};
}

Result<void> ObjectReader::read_license() {
  const auto* section = section_named("license");
  if (!section) return {};
  const auto* text = reinterpret_cast<const char*>(section->bytes.data());
  const auto length = std::string_view(text, section->bytes.size()).find('\0');
  if (length == std::string_view::npos || length > 127)
    return fail(EINVAL, "license", "it is no string of at most 127 characters");
  object_->license.assign(text, length);
  for (const char c : object_->license)
    if (c < 0x20 || c > 0x7e) return fail(EINVAL, "license", "it is no printable string");
  return {};
}

}  // namespace ring3::bpf
