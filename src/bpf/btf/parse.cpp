// From the bytes of a .BTF section to a Btf. Nothing is taken on trust: the file may be hostile. After this,
// readers need no checks: ids exist, kinds fit where they stand, nesting is bounded, sizes are below 4 GiB,
// members lie inside their structure.
#include <algorithm>
#include <cstring>

#include "bpf/btf/btf.hpp"
#include "bpf/btf/text.hpp"

namespace ring3::bpf {

namespace {
// As Linux: more types than this are nobody's program.
constexpr size_t TYPES_MAX = 0xfffff;
// Structures in arrays in typedefs in structures…: what a recursive reader may have to descend.
constexpr unsigned NESTING_MAX = 64;

enum KindSet : uint32_t { DATA = 1, VOID = 2, PROTO = 4, FUNC = 8, VAR = 16 };

// Which of the sets a type falls into, once its modifiers are taken off.
uint32_t set_of(BtfKind kind) {
  switch (kind) {
    case BtfKind::Void:
      return VOID;
    case BtfKind::FuncProto:
      return PROTO;
    case BtfKind::Func:
      return FUNC;
    case BtfKind::Var:
      return VAR;
    case BtfKind::Datasec:
    case BtfKind::DeclTag:
      return 0;
    default:
      return DATA;
  }
}

bool is_modifier(BtfKind kind) {
  return kind == BtfKind::Typedef || kind == BtfKind::Volatile || kind == BtfKind::Const ||
         kind == BtfKind::Restrict || kind == BtfKind::TypeTag;
}
}  // namespace

class BtfParser {
 public:
  explicit BtfParser(std::span<const std::byte> section) : section_(section) {}

  Result<Btf> run() {
    TRY_VOID(header());
    btf_.types_.emplace_back();
    while (cursor_ < types_end_) TRY_VOID(decode());
    measured_.assign(btf_.types_.size(), 0);
    for (TypeId id = 1; id < btf_.types_.size(); id++) TRY_VOID(check_references(id));
    for (TypeId id = 1; id < btf_.types_.size(); id++) TRY_VOID(measure(id, 0));
    for (TypeId id = 1; id < btf_.types_.size(); id++) TRY_VOID(check_layout(id));
    for (TypeId id = 1; id < btf_.types_.size(); id++) {
      if (!btf_.types_[id].name.empty()) btf_.by_name_.emplace(btf_.types_[id].name, id);
    }
    std::ranges::stable_sort(btf_.decl_tags_, {}, &Btf::DeclTag::target);
    return std::move(btf_);
  }

 private:
  template <typename... Args>
  std::unexpected<Error> bad(TypeId id, fmt::format_string<Args...> format, Args&&... args) const {
    const std::string_view name = id < btf_.types_.size() ? btf_.types_[id].name : std::string_view();
    return fail(EINVAL, fmt::format(".BTF, type {}{}{}", id, name.empty() ? "" : " ", name), "{}",
                fmt::format(format, std::forward<Args>(args)...));
  }

  Result<void> header() {
    abi::BtfHeader header;
    if (section_.size() < sizeof header)
      return fail(EINVAL, ".BTF", "{} bytes are too few for its header of {} bytes", section_.size(),
                  sizeof header);
    memcpy(&header, section_.data(), sizeof header);
    if (header.magic == __builtin_bswap16(abi::BTF_MAGIC))
      return fail(EINVAL, ".BTF", "it is big-endian: compile with -target bpfel");
    if (header.magic != abi::BTF_MAGIC)
      return fail(EINVAL, ".BTF", "its magic number is {:#06x}, not {:#06x}", header.magic, abi::BTF_MAGIC);
    if (header.version != 1 || header.flags != 0)
      return fail(EINVAL, ".BTF", "version {}, flags {:#x}: only version 1 without flags is known",
                  header.version, header.flags);
    if (header.hdr_len < sizeof header || header.hdr_len > section_.size())
      return fail(EINVAL, ".BTF", "its header claims {} bytes of {}", header.hdr_len, section_.size());
    for (size_t i = sizeof header; i < header.hdr_len; i++)
      if (section_[i] != std::byte{0})
        return fail(EINVAL, ".BTF", "byte {} of its header is of a later version of BTF", i);
    const uint64_t rest = section_.size() - header.hdr_len;
    if (header.type_off % 4 || uint64_t{header.type_off} + header.type_len > rest)
      return fail(EINVAL, ".BTF", "its types (offset {}, {} bytes) don't fit into its {} bytes",
                  header.type_off, header.type_len, rest);
    if (!header.str_len || uint64_t{header.str_off} + header.str_len > rest)
      return fail(EINVAL, ".BTF", "its strings (offset {}, {} bytes) don't fit into its {} bytes",
                  header.str_off, header.str_len, rest);
    const char* strings = reinterpret_cast<const char*>(section_.data()) + header.hdr_len + header.str_off;
    if (strings[0] || strings[header.str_len - 1])
      return fail(EINVAL, ".BTF", "its strings neither begin nor end with a NUL");
    btf_.strings_.assign(strings, strings + header.str_len);
    make_printable(btf_.strings_);
    cursor_ = header.hdr_len + header.type_off;
    types_end_ = cursor_ + header.type_len;
    return {};
  }

  // The next `T` of the types.
  template <typename T>
  Result<T> take() {
    if (types_end_ - cursor_ < sizeof(T))
      return bad(btf_.types_.size(), "it is cut off at offset {}", cursor_);
    T value;
    memcpy(&value, section_.data() + cursor_, sizeof value);
    cursor_ += sizeof value;
    return value;
  }

  Result<std::string_view> name_at(uint32_t offset) {
    auto name = btf_.string_at(offset);
    if (!name)
      return bad(btf_.types_.size(), "a name at offset {} is outside the {} bytes of strings", offset,
                 btf_.strings_.size());
    return *name;
  }

  Result<void> decode() {
    const TypeId id = btf_.types_.size();
    if (id > TYPES_MAX) return fail(EINVAL, ".BTF", "it has more than {} types", TYPES_MAX);
    const auto raw = TRY(take<abi::BtfType>());
    const unsigned kind = raw.info >> 24 & 0x1f, count = raw.info & 0xffff;
    const bool flag = raw.info >> 31;
    if (kind == 0 || kind > unsigned(BtfKind::Enum64) || raw.info & 0x60ff0000)
      return bad(id, "kind {} (info {:#x}) is unknown", kind, raw.info);
    Btf::Type type;
    type.kind = BtfKind(kind);
    type.name = TRY(name_at(raw.name_off));
    switch (type.kind) {
      case BtfKind::Int:
        TRY_VOID(decode_int(id, raw.size_or_type, type));
        break;
      case BtfKind::Array: {
        const auto array = TRY(take<abi::BtfArray>());
        type.target = array.type;
        type.length = array.nelems;
        break;
      }
      case BtfKind::Struct:
      case BtfKind::Union:
        type.size = raw.size_or_type;
        TRY_VOID(decode_members(count, flag, type));
        break;
      case BtfKind::Enum:
      case BtfKind::Enum64:
        type.size = raw.size_or_type;
        type.is_signed = flag;
        TRY_VOID(decode_enumerators(id, count, type));
        break;
      case BtfKind::FuncProto:
        type.target = raw.size_or_type;
        TRY_VOID(decode_parameters(count, type));
        break;
      case BtfKind::Datasec:
        type.size = raw.size_or_type;
        TRY_VOID(decode_variables(count, type));
        break;
      case BtfKind::Float:
        type.size = raw.size_or_type;
        if (type.size > 16) return bad(id, "a floating-point type of {} bytes", type.size);
        break;
      case BtfKind::Fwd:
        type.is_signed = flag;  // of a union
        break;
      case BtfKind::Func:
        type.target = raw.size_or_type;
        if (count > abi::BTF_EXTERN) return bad(id, "its linkage {} is unknown", count);
        type.linkage = abi::BtfLinkage(count);
        break;
      case BtfKind::Var: {
        type.target = raw.size_or_type;
        const auto linkage = TRY(take<uint32_t>());
        if (linkage > abi::BTF_EXTERN) return bad(id, "its linkage {} is unknown", linkage);
        type.linkage = abi::BtfLinkage(linkage);
        break;
      }
      case BtfKind::DeclTag:
        type.target = raw.size_or_type;
        btf_.decl_tags_.push_back({type.target, TRY(take<int32_t>()), type.name});
        break;
      default:  // Ptr, Typedef, qualifiers, TypeTag
        type.target = raw.size_or_type;
        break;
    }
    btf_.types_.push_back(type);
    return {};
  }

  Result<void> decode_int(TypeId id, uint32_t size, Btf::Type& type) {
    const auto word = TRY(take<uint32_t>());
    const unsigned bits = word & 0xff, offset = word >> 16 & 0xff, encoding = word >> 24;
    if (size != 1 && size != 2 && size != 4 && size != 8 && size != 16)
      return bad(id, "an integer of {} bytes", size);
    if (bits != size * 8 || offset)
      return bad(id,
                 "an integer of {} bits at bit {} in {} bytes: bit fields must be members of their structure",
                 bits, offset, size);
    type.size = size;
    type.is_signed = encoding & 1;
    return {};
  }

  Result<void> decode_members(unsigned count, bool bit_fields, Btf::Type& type) {
    type.first = btf_.members_.size();
    type.extent = count;
    for (unsigned i = 0; i < count; i++) {
      const auto raw = TRY(take<abi::BtfMember>());
      BtfMember member{TRY(name_at(raw.name_off)), raw.type, raw.offset, 0};
      if (bit_fields) {
        member.bit_offset = raw.offset & 0xffffff;
        member.bit_size = raw.offset >> 24;
      }
      btf_.members_.push_back(member);
    }
    return {};
  }

  Result<void> decode_enumerators(TypeId id, unsigned count, Btf::Type& type) {
    if (type.size != 1 && type.size != 2 && type.size != 4 && type.size != 8)
      return bad(id, "an enum of {} bytes", type.size);
    type.first = btf_.enumerators_.size();
    type.extent = count;
    for (unsigned i = 0; i < count; i++) {
      if (type.kind == BtfKind::Enum) {
        const auto raw = TRY(take<abi::BtfEnum>());
        const int64_t value = type.is_signed ? int64_t{raw.value} : int64_t{uint32_t(raw.value)};
        btf_.enumerators_.push_back({TRY(name_at(raw.name_off)), value});
      } else {
        const auto raw = TRY(take<abi::BtfEnum64>());
        btf_.enumerators_.push_back(
            {TRY(name_at(raw.name_off)), int64_t(uint64_t{raw.value_hi} << 32 | raw.value_lo)});
      }
    }
    return {};
  }

  Result<void> decode_parameters(unsigned count, Btf::Type& type) {
    type.first = btf_.parameters_.size();
    type.extent = count;
    for (unsigned i = 0; i < count; i++) {
      const auto raw = TRY(take<abi::BtfParam>());
      btf_.parameters_.push_back({TRY(name_at(raw.name_off)), raw.type});
    }
    return {};
  }

  Result<void> decode_variables(unsigned count, Btf::Type& type) {
    type.first = btf_.variables_.size();
    type.extent = count;
    for (unsigned i = 0; i < count; i++) {
      const auto raw = TRY(take<abi::BtfVarSecinfo>());
      btf_.variables_.push_back({raw.type, raw.offset, raw.size});
    }
    return {};
  }

  // The kind of `target` without modifiers is one of `sets`.
  Result<void> refers(TypeId id, TypeId target, uint32_t sets, std::string_view as) const {
    TypeId at = target;
    for (unsigned steps = 0; at < btf_.types_.size(); at = btf_.types_[at].target) {
      if (!is_modifier(btf_.types_[at].kind)) {
        if (set_of(btf_.types_[at].kind) & sets) return {};
        return bad(id, "type {} can't be {}", target, as);
      }
      if (++steps > NESTING_MAX) return bad(id, "type {} is an endless chain of modifiers", target);
    }
    return bad(id, "{} is type {}, but there are only {} types", as, at, btf_.types_.size());
  }

  Result<void> check_references(TypeId id) {
    const auto& type = btf_.types_[id];
    switch (type.kind) {
      case BtfKind::Array:
        return refers(id, type.target, DATA, "the element of an array");
      case BtfKind::Struct:
      case BtfKind::Union:
        for (const auto& member : btf_.members(id)) TRY_VOID(refers(id, member.type, DATA, "a member"));
        return {};
      case BtfKind::Ptr:
        return refers(id, type.target, DATA | VOID | PROTO, "what a pointer points to");
      case BtfKind::Func:
        if (type.target >= btf_.types_.size() || btf_.types_[type.target].kind != BtfKind::FuncProto)
          return bad(id, "type {} can't be the prototype of a function", type.target);
        return {};
      case BtfKind::FuncProto:
        TRY_VOID(refers(id, type.target, DATA | VOID, "what a function returns"));
        for (const auto& parameter : btf_.parameters(id))
          TRY_VOID(refers(id, parameter.type, DATA | VOID, "a parameter"));
        return {};
      case BtfKind::Var:
        return refers(id, type.target, DATA | VOID, "the type of a variable");
      case BtfKind::Datasec:
        for (const auto& variable : btf_.variables(id))
          TRY_VOID(refers(id, variable.variable, VAR | FUNC, "a variable of a section"));
        return {};
      case BtfKind::DeclTag:
        return refers(id, type.target, DATA | FUNC | VAR, "what a declaration tag marks");
      default:
        if (is_modifier(type.kind)) return refers(id, type.target, DATA | VOID | PROTO, "its target");
        return {};
    }
  }

  // Computes the size of `id` and how deep it nests. Refuses what contains itself: its nesting has no end.
  Result<void> measure(TypeId id, unsigned level) {
    if (!id || measured_[id]) return {};
    if (level > NESTING_MAX)
      return bad(id, "it contains itself, or nests deeper than {} levels", NESTING_MAX);
    auto& type = btf_.types_[id];
    unsigned nesting = 0;
    const auto descend = [&](TypeId to) -> Result<void> {
      TRY_VOID(measure(to, level + 1));
      nesting = std::max<unsigned>(nesting, measured_[to]);
      return {};
    };
    if (type.kind == BtfKind::Struct || type.kind == BtfKind::Union) {
      for (const auto& member : btf_.members(id)) TRY_VOID(descend(member.type));
    } else if (is_modifier(type.kind) || type.kind == BtfKind::Array || type.kind == BtfKind::Var) {
      TRY_VOID(descend(type.target));
      type.size = btf_.types_[type.target].size;
      if (type.kind == BtfKind::Array) {
        type.size *= type.length;  // both below 4 Gi
        if (type.size > UINT32_MAX)
          return bad(id, "an array of {} elements of {} bytes exceeds 4 GiB", type.length,
                     btf_.types_[type.target].size);
      }
    } else if (type.kind == BtfKind::Ptr) {
      type.size = 8;
    }
    if (nesting >= NESTING_MAX) return bad(id, "it nests deeper than {} levels", NESTING_MAX);
    measured_[id] = nesting + 1;
    return {};
  }

  Result<void> check_layout(TypeId id) {
    const auto& type = btf_.types_[id];
    if (type.kind == BtfKind::Struct || type.kind == BtfKind::Union) {
      for (const auto& member : btf_.members(id)) {
        const uint64_t size = btf_.types_[member.type].size;
        if (member.bit_size ? member.bit_size > size * 8 : member.bit_offset % 8 != 0)
          return bad(id, "member {}: {} bits at bit {} of a type of {} bytes", member.name, member.bit_size,
                     member.bit_offset, size);
        const uint64_t end = member.bit_offset + (member.bit_size ? member.bit_size : size * 8);
        if (end > type.size * 8)
          return bad(id, "member {} ends at bit {}, beyond the {} bytes of the structure", member.name, end,
                     type.size);
      }
    } else if (type.kind == BtfKind::Datasec) {
      for (const auto& variable : btf_.variables(id))
        if (type.size && uint64_t{variable.offset} + variable.size > type.size)
          return bad(id, "a variable at {}, {} bytes, is outside the section's {} bytes", variable.offset,
                     variable.size, type.size);
    }
    return {};
  }

  std::span<const std::byte> section_;
  size_t cursor_ = 0, types_end_ = 0;
  std::vector<uint8_t> measured_;  // nesting of a type, at least 1; 0: not yet known
  Btf btf_;
};

Result<Btf> Btf::parse(std::span<const std::byte> section) { return BtfParser(section).run(); }

}  // namespace ring3::bpf
