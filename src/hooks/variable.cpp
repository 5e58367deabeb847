#include "hooks/variable.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>

namespace ring3::hooks {

namespace {

using namespace bpf;

// A number with room for all that 64 bits hold, signed or not.
using Wide = __int128;

const Btf& btf_of(const Variable& variable) { return *variable.type.btf; }
TypeId resolved(const Variable& variable) { return btf_of(variable).resolve(variable.type.id); }

bool is_enum(BtfKind kind) { return kind == BtfKind::Enum || kind == BtfKind::Enum64; }
bool is_number(BtfKind kind) { return kind == BtfKind::Int || kind == BtfKind::Ptr || is_enum(kind); }
bool is_bool(const Btf& btf, TypeId type) {
  return btf.kind(type) == BtfKind::Int && btf.name(type) == "_Bool";
}
bool is_char_array(const Btf& btf, TypeId type) {
  return btf.kind(type) == BtfKind::Array && btf.is_char(btf.resolve(btf.target(type)));
}

unsigned width_of(const Variable& variable) {
  return variable.bit_size ? variable.bit_size : static_cast<unsigned>(variable.bytes.size() * 8);
}
bool is_signed(const Variable& variable) {
  const TypeId type = resolved(variable);
  return btf_of(variable).kind(type) != BtfKind::Ptr && btf_of(variable).is_signed(type);
}

// The bits of a number, also of a bit field that spans words.
uint64_t read_bits(const Variable& variable) {
  unsigned __int128 word = 0;
  std::memcpy(&word, variable.bytes.data(), std::min(variable.bytes.size(), sizeof(word)));
  if (variable.bit_size) word >>= variable.bit_offset;
  const unsigned width = width_of(variable);
  const auto bits = static_cast<uint64_t>(word);
  return width >= 64 ? bits : bits & ((uint64_t{1} << width) - 1);
}

void write_bits(const Variable& variable, uint64_t bits) {
  unsigned __int128 word = 0;
  const size_t size = std::min(variable.bytes.size(), sizeof(word));
  std::memcpy(&word, variable.bytes.data(), size);
  const unsigned shift = variable.bit_size ? variable.bit_offset : 0;
  const unsigned __int128 mask = ((static_cast<unsigned __int128>(1) << width_of(variable)) - 1) << shift;
  word = (word & ~mask) | ((static_cast<unsigned __int128>(bits) << shift) & mask);
  std::memcpy(variable.bytes.data(), &word, size);
}

Wide read_number(const Variable& variable) {
  const uint64_t bits = read_bits(variable);
  const unsigned width = width_of(variable);
  if (!is_signed(variable)) return bits;
  return static_cast<int64_t>(bits << (64 - width)) >> (64 - width);
}

Result<void> store_number(const Variable& variable, std::string_view place, Wide value) {
  const Btf& btf = btf_of(variable);
  const unsigned width = width_of(variable);
  const bool boolean = is_bool(btf, resolved(variable));
  // A descriptor or flag word is often written unsigned to a signed variable of 64 bits, and the other way
  // round; what is refused is a loss of bits.
  const Wide lowest = boolean ? 0 : is_signed(variable) ? -(Wide(1) << (width - 1)) : 0;
  const Wide highest = boolean               ? 1
                       : is_signed(variable) ? (Wide(1) << (width - 1)) - 1
                                             : (Wide(1) << width) - 1;
  if (value < lowest || value > highest)
    return fail(ERANGE, std::string(place), "{} does not fit: a {} goes from {} to {}", value,
                btf.spell(variable.type.id), lowest, highest);
  write_bits(variable, static_cast<uint64_t>(value));
  return {};
}

// "-12", "0x1f", "0b101", "017" as in C, "'c'".
bool parse_number(std::string_view text, Wide& value) {
  if (text.size() == 3 && text.front() == '\'' && text.back() == '\'') {
    value = static_cast<unsigned char>(text[1]);
    return true;
  }
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    const char mark = static_cast<char>(std::tolower(static_cast<unsigned char>(text[1])));
    base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
    text.remove_prefix(base == 8 ? 1 : 2);
  }
  uint64_t magnitude = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), magnitude, base);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  value = negative ? -Wide(magnitude) : Wide(magnitude);
  return true;
}

Result<void> write_characters(const Variable& variable, std::string_view place, std::string_view value) {
  if (value.size() > variable.bytes.size())
    return fail(ERANGE, std::string(place), "{} characters do not fit into {} bytes", value.size(),
                variable.bytes.size());
  std::ranges::fill(variable.bytes, std::byte{0});
  std::memcpy(variable.bytes.data(), value.data(), value.size());
  return {};
}

// The part of a variable that a member or element is.
Variable part(const Variable& whole, TypeId type, uint64_t bit_offset, uint32_t bit_size) {
  const Btf& btf = btf_of(whole);
  Variable result = whole;
  result.type.id = type;
  result.bit_size = bit_size;
  result.bit_offset = bit_size ? bit_offset % 8 : 0;
  const uint64_t size = bit_size ? (result.bit_offset + bit_size + 7) / 8 : btf.size_of(type);
  result.bytes = whole.bytes.subspan(bit_offset / 8, size);
  return result;
}

std::string number_text(const Variable& variable) {
  const Btf& btf = btf_of(variable);
  const TypeId type = resolved(variable);
  const Wide number = read_number(variable);
  if (is_enum(btf.kind(type)))
    for (const BtfEnumerator& enumerator : btf.enumerators(type))
      if (enumerator.value == static_cast<int64_t>(number)) return std::string(enumerator.name);
  if (is_bool(btf, type)) return number ? "true" : "false";
  if (btf.kind(type) == BtfKind::Ptr) return fmt::format("{:#x}", static_cast<uint64_t>(number));
  return fmt::format("{}", number);
}

std::string characters_text(const Variable& variable) {
  const auto* characters = reinterpret_cast<const char*>(variable.bytes.data());
  const std::string_view text(characters, strnlen(characters, variable.bytes.size()));
  std::string result;
  for (const char c : text) {
    if (std::isprint(static_cast<unsigned char>(c))) {
      result += c;
    } else {
      result += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  return result;
}

Result<std::string> aggregate_text(const Variable& variable, std::string_view place) {
  const Btf& btf = btf_of(variable);
  const TypeId type = resolved(variable);
  std::string text;
  auto add = [&](const Variable& one, std::string_view name) -> Result<void> {
    const std::string value = TRY(read_text(one, place));
    text += fmt::format("{}{}{}{}{}", text.empty() ? "" : ", ", name.empty() ? "" : ".", name,
                        name.empty() ? "" : " = ", value);
    return {};
  };
  if (btf.kind(type) == BtfKind::Array) {
    const TypeId element = btf.target(type);
    for (uint64_t i = 0; i < btf.array_length(type); i++)
      TRY_VOID(add(part(variable, element, i * btf.size_of(element) * 8, 0), {}));
  } else {
    for (const BtfMember& member : btf.members(type))
      TRY_VOID(add(part(variable, member.type, member.bit_offset, member.bit_size), member.name));
  }
  return "{" + text + "}";
}

std::unexpected<Error> no_value(const Variable& variable, std::string_view place) {
  return fail(EINVAL, std::string(place), "a {} can't be written as text; name a number inside it",
              btf_of(variable).spell(variable.type.id));
}

}  // namespace

Result<void> write_text(const Variable& variable, std::string_view place, std::string_view value) {
  const Btf& btf = btf_of(variable);
  const TypeId type = resolved(variable);
  if (is_char_array(btf, type)) return write_characters(variable, place, value);
  if (!is_number(btf.kind(type))) return no_value(variable, place);
  if (is_enum(btf.kind(type)))
    for (const BtfEnumerator& enumerator : btf.enumerators(type))
      if (enumerator.name == value) return store_number(variable, place, enumerator.value);
  if (is_bool(btf, type) && (value == "true" || value == "false"))
    return store_number(variable, place, value == "true");
  Wide number = 0;
  if (!parse_number(value, number))
    return fail(EINVAL, std::string(place), "\"{}\" is no {}", value, btf.spell(variable.type.id));
  return store_number(variable, place, number);
}

Result<void> write_number(const Variable& variable, std::string_view place, uint64_t value) {
  if (!is_number(btf_of(variable).kind(resolved(variable)))) return no_value(variable, place);
  return store_number(variable, place, value);
}

Result<std::string> read_text(const Variable& variable, std::string_view place) {
  const Btf& btf = btf_of(variable);
  const TypeId type = resolved(variable);
  const BtfKind kind = btf.kind(type);
  if (is_char_array(btf, type)) return characters_text(variable);
  if (is_number(kind)) return number_text(variable);
  if (kind == BtfKind::Array || kind == BtfKind::Struct || kind == BtfKind::Union)
    return aggregate_text(variable, place);
  return fail(EINVAL, std::string(place), "a {} can't be shown", btf.spell(variable.type.id));
}

}  // namespace ring3::hooks
