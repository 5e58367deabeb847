#include "bpf/object/elf.hpp"

#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>

#include "bpf/btf/text.hpp"

namespace ring3::bpf {

namespace {
// libelf finds the sections; everything inside them is decoded here, so that nothing depends on how it treats
// a damaged file.
using ElfHandle = std::unique_ptr<Elf, decltype(&elf_end)>;

// Whatever a file claims, no more than this is made of it.
constexpr size_t SECTIONS_MAX = 4096;

std::string machine_name(unsigned machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86-64";
    case EM_AARCH64:
      return "arm64";
    default:
      return fmt::format("machine {}", machine);
  }
}

Result<void> check_header(Elf* elf, std::span<const std::byte> file, const std::string& place) {
  if (file.size() < 4 || memcmp(file.data(), ELFMAG, 4) != 0)
    return fail(EINVAL, place, "it is no ELF file: compile the program with clang -target bpf -g -c");
  if (file.size() < sizeof(Elf64_Ehdr))
    return fail(EINVAL, place, "the file is cut off: {} bytes", file.size());
  if (!elf || elf_kind(elf) != ELF_K_ELF) return fail(EINVAL, place, "its ELF header is damaged");
  Elf64_Ehdr header;
  memcpy(&header, file.data(), sizeof header);
  if (header.e_ident[EI_CLASS] != ELFCLASS64) return fail(EINVAL, place, "it is no 64-bit ELF file");
  if (header.e_ident[EI_DATA] != ELFDATA2LSB)
    return fail(EINVAL, place, "it is big-endian: compile with -target bpfel");
  if (header.e_machine != EM_BPF)
    return fail(EINVAL, place, "it is for {}, not for BPF: compile the program with clang -target bpf -g -c",
                machine_name(header.e_machine));
  if (header.e_type != ET_REL) return fail(EINVAL, place, "it is no relocatable object: compile with -c");
  if (uint64_t{header.e_shoff} >= file.size() || header.e_shentsize != sizeof(Elf64_Shdr))
    return fail(EINVAL, place, "it has no section table: the file is cut off or damaged");
  return {};
}

// The string at `offset` of a string table, or nothing.
std::optional<std::string_view> string_at(std::span<const std::byte> table, uint64_t offset) {
  if (offset >= table.size()) return std::nullopt;
  const auto* text = reinterpret_cast<const char*>(table.data()) + offset;
  const size_t length = strnlen(text, table.size() - offset);
  if (length == table.size() - offset) return std::nullopt;
  return std::string_view(text, length);
}

// The bytes that a section header names.
Result<std::span<const std::byte>> section_bytes(std::span<const std::byte> file, const GElf_Shdr& header,
                                                 const std::string& place) {
  if (header.sh_type == SHT_NOBITS || header.sh_type == SHT_NULL) return std::span<const std::byte>();
  if (header.sh_offset > file.size() || header.sh_size > file.size() - header.sh_offset)
    return fail(EINVAL, place, "its {} bytes at {} are outside the file's {} bytes: the file is cut off",
                uint64_t{header.sh_size}, uint64_t{header.sh_offset}, file.size());
  if (header.sh_flags & SHF_COMPRESSED) return fail(ENOTSUP, place, "the section is compressed");
  return file.subspan(header.sh_offset, header.sh_size);
}

Result<void> read_sections(Elf* elf, std::span<const std::byte> file, const std::string& place,
                           ElfFile& out) {
  size_t count = 0, names_index = 0;
  if (elf_getshdrnum(elf, &count) || elf_getshdrstrndx(elf, &names_index) || count > SECTIONS_MAX)
    return fail(EINVAL, place, "its section table is damaged");
  std::vector<GElf_Shdr> headers(count);
  for (size_t i = 0; i < count; i++) {
    Elf_Scn* section = elf_getscn(elf, i);
    if (!section || !gelf_getshdr(section, &headers[i]))
      return fail(EINVAL, fmt::format("section {}", i), "its header can't be read: {}", elf_errmsg(-1));
  }
  if (names_index == 0 || names_index >= count) return fail(EINVAL, place, "its sections have no names");
  const auto names = TRY(section_bytes(file, headers[names_index], "section names"));
  out.sections.resize(count);
  for (size_t i = 1; i < count; i++) {
    auto& section = out.sections[i];
    const auto name = string_at(names, headers[i].sh_name);
    if (!name || (!name->empty() && !is_printable_name(*name)))
      return fail(EINVAL, fmt::format("section {}", i), "its name is damaged");
    section.name = name->empty() ? fmt::format("section {}", i) : *name;
    section.type = headers[i].sh_type;
    section.flags = headers[i].sh_flags;
    section.size = headers[i].sh_size;
    section.link = headers[i].sh_link;
    section.info = headers[i].sh_info;
    section.bytes = TRY(section_bytes(file, headers[i], section.name));
  }
  return {};
}

Result<void> read_symbols(ElfFile& out, const std::string& place) {
  for (uint32_t i = 1; i < out.sections.size(); i++) {
    if (out.sections[i].type != SHT_SYMTAB) continue;
    if (out.symbol_table) return fail(EINVAL, out.sections[i].name, "the file has two symbol tables");
    out.symbol_table = i;
  }
  if (!out.symbol_table)
    return fail(EINVAL, place, "it has no symbol table: it was stripped; use llvm-strip -g at most");
  const auto& table = out.sections[out.symbol_table];
  if (table.link >= out.sections.size() || table.bytes.size() % sizeof(Elf64_Sym))
    return fail(EINVAL, table.name, "the symbol table is damaged");
  const auto names = out.sections[table.link].bytes;
  out.symbols.resize(table.bytes.size() / sizeof(Elf64_Sym));
  for (size_t i = 0; i < out.symbols.size(); i++) {
    Elf64_Sym raw;
    memcpy(&raw, table.bytes.data() + i * sizeof raw, sizeof raw);
    const std::string symbol_place = fmt::format("symbol {}", i);
    const auto name = i ? string_at(names, raw.st_name) : "";
    const bool needs_no_name = raw.st_name == 0 || ELF64_ST_TYPE(raw.st_info) == STT_FILE;
    if (!name || (!needs_no_name && !is_printable_name(*name)))
      return fail(EINVAL, symbol_place, "its name is damaged");
    auto& symbol = out.symbols[i];
    symbol.name = needs_no_name ? "" : *name;
    symbol.value = raw.st_value;
    symbol.size = raw.st_size;
    symbol.type = ELF64_ST_TYPE(raw.st_info);
    symbol.binding = ELF64_ST_BIND(raw.st_info);
    symbol.visibility = ELF64_ST_VISIBILITY(raw.st_other);
    symbol.undefined = i && raw.st_shndx == SHN_UNDEF;
    if (raw.st_shndx == SHN_COMMON)
      return fail(ENOTSUP, symbol.name, "the variable is a common symbol: compile with -fno-common");
    if (raw.st_shndx == SHN_ABS) continue;
    if (raw.st_shndx >= out.sections.size())
      return fail(EINVAL, symbol_place, "its section {} does not exist", raw.st_shndx);
    symbol.section = raw.st_shndx;
    if (symbol.type == STT_SECTION && symbol.name.empty()) symbol.name = out.sections[symbol.section].name;
  }
  return {};
}
}  // namespace

bool ElfSection::executable() const { return type == SHT_PROGBITS && flags & SHF_EXECINSTR; }
bool ElfSection::nobits() const { return type == SHT_NOBITS; }

Result<ElfFile> ElfFile::read(std::span<const std::byte> file, const std::string& name) {
  elf_version(EV_CURRENT);
  // libelf's signature takes the image as writable; it is opened for reading only.
  auto* image = reinterpret_cast<char*>(const_cast<std::byte*>(file.data()));
  ElfHandle elf(elf_memory(image, file.size()), elf_end);
  TRY_VOID(check_header(elf.get(), file, name));
  ElfFile out;
  TRY_VOID(read_sections(elf.get(), file, name, out));
  TRY_VOID(read_symbols(out, name));
  return out;
}

Result<std::vector<ElfRelocation>> ElfFile::relocations_of(uint32_t index) const {
  std::vector<ElfRelocation> all;
  for (const auto& section : sections) {
    const bool applies = section.info == index && (section.type == SHT_REL || section.type == SHT_RELA);
    if (!applies) continue;
    if (section.type == SHT_RELA)
      return fail(ENOTSUP, section.name, "relocations with addends are not of clang");
    if (section.link != symbol_table || section.bytes.size() % sizeof(Elf64_Rel))
      return fail(EINVAL, section.name, "the relocation table is damaged");
    for (size_t i = 0; i < section.bytes.size(); i += sizeof(Elf64_Rel)) {
      Elf64_Rel raw;
      memcpy(&raw, section.bytes.data() + i, sizeof raw);
      const uint64_t symbol = ELF64_R_SYM(raw.r_info);
      if (symbol >= symbols.size())
        return fail(EINVAL, section.name, "relocation {} names symbol {} of {}", i / sizeof raw, symbol,
                    symbols.size());
      all.push_back({raw.r_offset, uint32_t(symbol), uint32_t(ELF64_R_TYPE(raw.r_info))});
    }
  }
  std::ranges::stable_sort(all, {}, &ElfRelocation::offset);
  return all;
}

}  // namespace ring3::bpf
