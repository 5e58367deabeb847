// What the stages of Object::parse share. Each stage is a file: types, maps, data, code, extended BTF,
// struct_ops.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "bpf/object/elf.hpp"
#include "bpf/object/object.hpp"

namespace ring3::bpf {

class ObjectReader {
 public:
  ObjectReader(ElfFile elf, std::string name);
  // The stages in their order; beyond the last, the object is complete and checked.
  Result<std::shared_ptr<const Object>> run();

 private:
  // What an ELF section became.
  struct Role {
    enum class Kind : uint8_t { Ignored, Code, Data, Maps, StructOps } kind = Kind::Ignored;
    uint32_t index = 0;  // into Object::code or Object::data
  };
  struct SlotInSection {
    uint32_t section, slot;  // section: into Object::code
  };

  // sections.cpp
  Result<void> assign_roles();
  Result<void> read_license();
  Result<void> add_data(uint32_t index, DataSection::Kind kind);
  Result<void> refuse_relocations(uint32_t index, std::string_view what) const;
  const ElfSection* section_named(std::string_view name) const;
  // types.cpp
  Result<void> read_types();
  Result<void> place_sections();
  Result<void> read_externs();
  Result<void> read_extern(uint32_t symbol);
  // maps.cpp
  Result<void> read_maps();
  // code.cpp
  Result<void> read_code();
  Result<void> add_functions(uint32_t elf_section, CodeSection& code) const;
  // relocations.cpp
  Result<void> relocate_code();
  Result<void> relocate_section(uint32_t elf_section, uint32_t index);
  Result<Relocation> relocate_load(const ElfRelocation& from, const CodeSection& code, uint32_t slot) const;
  Result<Relocation> relocate_call(const ElfRelocation& from, const CodeSection& code, uint32_t slot) const;
  Result<void> add_local_calls(uint32_t index);
  std::string place(const CodeSection& code, uint32_t slot) const;
  // The function that starts at byte `address` of ELF section `elf_section`.
  Result<SlotInSection> function_start(uint32_t elf_section, uint64_t address, const std::string& at) const;
  // extended.cpp
  Result<void> read_extended();
  // struct_ops.cpp
  Result<void> read_struct_ops();
  Result<void> read_struct_ops_section(uint32_t elf_section, bool link);

  ElfFile elf_;
  std::shared_ptr<Object> object_ = std::make_shared<Object>();
  std::vector<Role> roles_;                                              // by ELF section
  std::unordered_multimap<std::string_view, uint32_t> symbols_by_name_;  // defined ones
  std::unordered_map<uint64_t, uint32_t> maps_by_offset_;                // offset in .maps → Object::maps
  std::unordered_map<uint32_t, uint32_t> externs_;                       // symbol → Object::externs
};

// The index of the function of `code` that starts at `slot`, if one does.
std::optional<uint32_t> function_at(const CodeSection& code, uint64_t slot);

}  // namespace ring3::bpf
