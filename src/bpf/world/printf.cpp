#include "bpf/world/printf.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/user_copy.hpp"

namespace ring3::bpf {

namespace {

// The C locale's classes, whatever the application's locale is.
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_print(char c) { return c >= ' ' && c <= '~'; }
bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_punct(char c) {
  return is_print(c) && c != ' ' && !is_digit(c) && !((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

// Text of which only the first `size` - 1 bytes are kept, but all are counted.
class Output {
 public:
  Output(char* out, size_t size) : out_(out), size_(size) {}

  void put(std::string_view text) {
    if (!text.empty() && size_ > 0 && length_ < size_ - 1) {
      const size_t kept = std::min(text.size(), size_ - 1 - length_);
      memcpy(out_ + length_, text.data(), kept);
    }
    length_ += text.size();
  }
  void pad(size_t count) {
    while (count-- > 0) put(" ");
  }
  long finish() {
    if (size_ > 0) out_[std::min(length_, size_ - 1)] = 0;
    return static_cast<long>(length_);
  }

 private:
  char* out_;
  size_t size_;
  size_t length_ = 0;
};

constexpr size_t kTextMax = 1024;   // bytes of a string argument, as in Linux
constexpr size_t kWidthMax = 4095;  // a wider field is refused, so that padding stays cheap

struct Conversion {
  enum class Kind { Text, Character, Pointer, Integer } kind;
  bool left = false;
  size_t width = 0;
  int longs = 0;       // of an Integer: 0 int, 1 long, 2 long long
  char flags[8] = {};  // of an Integer, for snprintf
  char letter = 0;
};

// Parses what follows a '%' and moves `i` behind it.
bool parse(std::string_view format, size_t& i, Conversion& conversion) {
  const auto at = [&](size_t index) { return index < format.size() ? format[index] : '\0'; };
  const auto ends_word = [&](size_t index) {
    return at(index) == '\0' || is_space(at(index)) || is_punct(at(index));
  };
  size_t flags = 0;
  for (; at(i) == '0' || at(i) == '+' || at(i) == '-' || at(i) == ' '; ++i) {
    conversion.left |= at(i) == '-';
    if (!memchr(conversion.flags, at(i), flags)) conversion.flags[flags++] = at(i);
  }
  for (; is_digit(at(i)); ++i) {
    conversion.width = conversion.width * 10 + (at(i) - '0');
    if (conversion.width > kWidthMax) return false;
  }
  switch (at(i)) {
    case 'c':
      conversion.kind = Conversion::Kind::Character;
      ++i;
      return true;
    case 's':
      conversion.kind = Conversion::Kind::Text;
      return ends_word(++i);
    case 'p':
      ++i;
      if ((at(i) == 'k' || at(i) == 'u') && at(i + 1) == 's') {
        conversion.kind = Conversion::Kind::Text;
        i += 2;
        return ends_word(i);
      }
      conversion.kind = Conversion::Kind::Pointer;
      if (at(i) == 'x' || at(i) == 'K') ++i;
      return ends_word(i);
    default:
      break;
  }
  conversion.kind = Conversion::Kind::Integer;
  for (; at(i) == 'l' && conversion.longs < 2; ++i) ++conversion.longs;
  conversion.letter = at(i++);
  return conversion.letter != '\0' && strchr("diuxX", conversion.letter) != nullptr;
}

void put_padded(Output& output, const Conversion& conversion, std::string_view text) {
  const size_t padding = conversion.width > text.size() ? conversion.width - text.size() : 0;
  if (!conversion.left) output.pad(padding);
  output.put(text);
  if (conversion.left) output.pad(padding);
}

void put_text(Output& output, const Conversion& conversion, uint64_t address) {
  char text[kTextMax];
  const long length = copy_string_from_user(text, address, sizeof text);
  put_padded(output, conversion, length > 0 ? std::string_view(text, length - 1) : std::string_view{});
}

void put_integer(Output& output, const Conversion& conversion, uint64_t value) {
  char specification[24];
  snprintf(specification, sizeof specification, "%%%s*ll%c", conversion.flags, conversion.letter);
  const bool is_signed = conversion.letter == 'd' || conversion.letter == 'i';
  if (conversion.longs == 0)
    value = is_signed ? static_cast<uint64_t>(static_cast<int32_t>(value)) : static_cast<uint32_t>(value);
  char text[kWidthMax + 1];
  const int length = snprintf(text, sizeof text, specification, static_cast<int>(conversion.width), value);
  output.put({text, static_cast<size_t>(length)});
}

}  // namespace

long format_text(char* out, size_t size, std::string_view format, std::span<const uint64_t> arguments) {
  Output output(out, size);
  size_t used = 0;
  for (size_t i = 0; i < format.size();) {
    const char c = format[i];
    if (is_ascii(c) && !is_print(c) && !is_space(c)) return -EINVAL;
    if (c != '%' || (i + 1 < format.size() && format[i + 1] == '%')) {
      output.put({&c, 1});
      i += c == '%' ? 2 : 1;
      continue;
    }
    Conversion conversion;
    if (used >= arguments.size() || !parse(format, ++i, conversion)) return -EINVAL;
    const uint64_t argument = arguments[used++];
    switch (conversion.kind) {
      case Conversion::Kind::Text:
        put_text(output, conversion, argument);
        break;
      case Conversion::Kind::Character: {
        const char character = static_cast<char>(argument);
        put_padded(output, conversion, {&character, 1});
        break;
      }
      case Conversion::Kind::Pointer: {
        char text[17];
        snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(argument));
        put_padded(output, conversion, text);
        break;
      }
      case Conversion::Kind::Integer:
        put_integer(output, conversion, argument);
        break;
    }
  }
  return output.finish();
}

}  // namespace ring3::bpf
