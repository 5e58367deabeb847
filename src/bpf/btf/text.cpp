#include "bpf/btf/text.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ring3::bpf {

namespace {
// Bytes of the UTF-8 sequence that `text` begins with; 0 if it begins with none.
size_t utf8_length(std::span<const char> text) {
  const auto first = uint8_t(text[0]);
  const size_t length = first < 0x80                    ? 1
                        : first >= 0xc2 && first < 0xe0 ? 2
                        : first >= 0xe0 && first < 0xf0 ? 3
                        : first >= 0xf0 && first < 0xf5 ? 4
                                                        : 0;
  if (length == 0 || length > text.size()) return 0;
  for (size_t i = 1; i < length; i++)
    if ((uint8_t(text[i]) & 0xc0) != 0x80) return 0;
  if (length < 3) return length;
  const auto second = uint8_t(text[1]);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool outside = (first == 0xed && second >= 0xa0) || (first == 0xf4 && second >= 0x90);
  return overlong || outside ? 0 : length;
}
}  // namespace

void make_printable(std::span<char> text) {
  for (size_t i = 0; i < text.size();) {
    const auto byte = uint8_t(text[i]);
    const bool control = (byte < 0x20 && byte != 0 && byte != '\t') || byte == 0x7f;
    const size_t length = control ? 0 : utf8_length(text.subspan(i));
    if (!length) text[i] = '?';
    i += std::max<size_t>(length, 1);
  }
}

bool is_printable_name(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) { return c > 0x20 && c < 0x7f; });
}

unsigned edit_distance(std::string_view a, std::string_view b) {
  std::vector<unsigned> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); j++) row[j] = j;
  for (size_t i = 1; i <= a.size(); i++) {
    unsigned diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); j++) {
      const unsigned replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

}  // namespace ring3::bpf
