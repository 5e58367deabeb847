// .BTF.ext: the C line, the function type and the CO-RE relocation of instructions.
#include <algorithm>
#include <cstring>

#include "bpf/object/reader.hpp"

namespace ring3::bpf {

namespace {
constexpr const char* PLACE = ".BTF.ext";

struct Table {
  const char* name;
  uint32_t offset, size;  // from the end of the header
  uint32_t record_min;    // bytes of what we know of a record
};

// Hands every record of a table to `add(code, record)`: the section that it is about, and its first bytes.
class TableReader {
 public:
  TableReader(std::span<const std::byte> bytes, const Btf& btf, std::vector<CodeSection>& code)
      : bytes_(bytes), btf_(btf) {
    for (auto& section : code) code_.emplace(section.name, &section);
  }

  template <typename Add>
  Result<void> read(const Table& table, Add add) {
    if (table.size == 0) return {};
    if (uint64_t{table.offset} + table.size > bytes_.size() || table.offset % 4 || table.size < 4)
      return fail(EINVAL, PLACE, "its {} (offset {}, {} bytes) don't fit into {} bytes", table.name,
                  table.offset, table.size, bytes_.size());
    rest_ = bytes_.subspan(table.offset, table.size);
    const uint32_t record_size = *take();
    if (record_size < table.record_min || record_size % 4 || record_size > 4096)
      return fail(EINVAL, PLACE, "a record of its {} has {} bytes", table.name, record_size);
    while (!rest_.empty()) {
      const auto name_offset = take(), count = take();
      const auto name = name_offset ? btf_.string_at(*name_offset) : std::nullopt;
      if (!name || !count || uint64_t{*count} * record_size > rest_.size())
        return fail(EINVAL, PLACE, "its {} are cut off or damaged", table.name);
      const auto records = rest_.first(uint64_t{*count} * record_size);
      rest_ = rest_.subspan(records.size());
      const auto section = code_.find(*name);
      if (section == code_.end()) continue;  // of a section without instructions
      for (size_t i = 0; i < records.size(); i += record_size)
        TRY_VOID(add(*section->second, records.subspan(i)));
    }
    return {};
  }

 private:
  std::optional<uint32_t> take() {
    if (rest_.size() < 4) return std::nullopt;
    uint32_t value;
    memcpy(&value, rest_.data(), sizeof value);
    rest_ = rest_.subspan(4);
    return value;
  }

  std::span<const std::byte> bytes_, rest_;
  const Btf& btf_;
  std::unordered_map<std::string_view, CodeSection*> code_;
};

template <typename T>
T as(std::span<const std::byte> record) {
  T value;
  memcpy(&value, record.data(), sizeof value);
  return value;
}

Result<uint32_t> slot_of(const CodeSection& code, uint32_t insn_off) {
  if (insn_off % sizeof(Insn) || insn_off / sizeof(Insn) >= code.insns.size())
    return fail(EINVAL, PLACE, "a record is about byte {} of {}, where no instruction is", insn_off,
                code.name);
  return insn_off / sizeof(Insn);
}

// Records of one section, each slot once.
template <typename T>
void order(std::vector<T>& records) {
  std::ranges::stable_sort(records, {}, &T::insn);
  const auto twice = std::ranges::unique(records, {}, &T::insn);
  records.erase(twice.begin(), twice.end());
}
}  // namespace

Result<void> ObjectReader::read_extended() {
  const auto* section = section_named(".BTF.ext");
  if (!section || section->bytes.empty()) return {};
  const auto bytes = section->bytes;
  constexpr uint32_t without_core = offsetof(abi::BtfExtHeader, core_relo_off);
  abi::BtfExtHeader header{};
  if (bytes.size() < without_core)
    return fail(EINVAL, PLACE, "{} bytes are too few for its header", bytes.size());
  memcpy(&header, bytes.data(), without_core);
  if (header.magic != abi::BTF_MAGIC || header.version != 1 || header.flags)
    return fail(EINVAL, PLACE, "magic {:#x}, version {}, flags {:#x} are unknown", header.magic,
                header.version, header.flags);
  if (header.hdr_len < without_core || header.hdr_len > bytes.size())
    return fail(EINVAL, PLACE, "its header claims {} bytes of {}", header.hdr_len, bytes.size());
  if (header.hdr_len >= sizeof header) memcpy(&header, bytes.data(), sizeof header);

  const auto& btf = object_->btf;
  TableReader reader(bytes.subspan(header.hdr_len), btf, object_->code);
  const auto add_function = [&](CodeSection& code, std::span<const std::byte> record) -> Result<void> {
    const auto info = as<abi::BpfFuncInfo>(record);
    if (info.type_id >= btf.count() || btf.kind(info.type_id) != BtfKind::Func)
      return fail(EINVAL, PLACE, "type {} of a function of {} is no function", info.type_id, code.name);
    code.function_types.push_back({TRY(slot_of(code, info.insn_off)), info.type_id});
    return {};
  };
  const auto add_line = [&](CodeSection& code, std::span<const std::byte> record) -> Result<void> {
    const auto info = as<abi::BpfLineInfo>(record);
    const auto file = btf.string_at(info.file_name_off), text = btf.string_at(info.line_off);
    if (!file || !text) return fail(EINVAL, PLACE, "a line of {} has a name outside the strings", code.name);
    code.lines.push_back(
        {TRY(slot_of(code, info.insn_off)), {*file, *text, info.line_col >> 10, info.line_col & 0x3ff}});
    return {};
  };
  const auto add_core = [&](CodeSection& code, std::span<const std::byte> record) -> Result<void> {
    const auto info = as<abi::BpfCoreRelo>(record);
    const auto access = btf.string_at(info.access_str_off);
    if (info.type_id == 0 || info.type_id >= btf.count() || !access || info.kind > abi::TypeMatches)
      return fail(EINVAL, PLACE, "a CO-RE relocation of {} (type {}, kind {}) is damaged or unknown",
                  code.name, info.type_id, info.kind);
    code.core_relocations.push_back(
        {TRY(slot_of(code, info.insn_off)), info.type_id, *access, abi::BpfCoreReloKind(info.kind)});
    return {};
  };
  TRY_VOID(reader.read({"functions", header.func_info_off, header.func_info_len, sizeof(abi::BpfFuncInfo)},
                       add_function));
  TRY_VOID(
      reader.read({"lines", header.line_info_off, header.line_info_len, sizeof(abi::BpfLineInfo)}, add_line));
  TRY_VOID(reader.read(
      {"CO-RE relocations", header.core_relo_off, header.core_relo_len, sizeof(abi::BpfCoreRelo)}, add_core));
  for (auto& code : object_->code) {
    order(code.function_types);
    order(code.lines);
    order(code.core_relocations);
  }
  return {};
}

}  // namespace ring3::bpf
