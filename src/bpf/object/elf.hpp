// An ELF file of the BPF back-end, taken apart: sections, symbols and relocations with every offset checked.
// Knows nothing of what the sections mean.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace ring3::bpf {

struct ElfSection {
  std::string name;
  uint32_t type = 0;   // SHT_*
  uint64_t flags = 0;  // SHF_*
  uint64_t size = 0;   // also where there are no bytes (SHT_NOBITS)
  std::span<const std::byte> bytes;
  uint32_t link = 0, info = 0;

  bool executable() const;
  bool nobits() const;
};

struct ElfSymbol {
  std::string name;
  uint64_t value = 0, size = 0;
  uint8_t type = 0, binding = 0, visibility = 0;  // STT_*, STB_*, STV_*
  uint32_t section = 0;                           // index into sections; 0: undefined or absolute
  bool undefined = false;
};

struct ElfRelocation {
  uint64_t offset;
  uint32_t symbol;  // index into symbols
  uint32_t type;    // RELOCATE_*
};

struct ElfFile {
  // Borrows the bytes of the sections from `file`.
  static Result<ElfFile> read(std::span<const std::byte> file, const std::string& name);

  // Those of the sections that apply to section `index`, sorted by offset.
  Result<std::vector<ElfRelocation>> relocations_of(uint32_t index) const;

  std::vector<ElfSection> sections;
  std::vector<ElfSymbol> symbols;
  uint32_t symbol_table = 0;  // its section's index
};

// Types of relocations: R_BPF_64_64, R_BPF_64_ABS64 and R_BPF_64_32 (<elf.h> has macros of some of these
// names).
inline constexpr uint32_t RELOCATE_LOAD = 1, RELOCATE_POINTER = 2, RELOCATE_CALL = 10;

}  // namespace ring3::bpf
