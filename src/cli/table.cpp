#include "cli/table.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace ring3::cli {

namespace {
// In characters: "µs" takes two.
size_t width(const std::string& text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}
}  // namespace

void print_rows(const Rows& rows) {
  if (rows.size() < 2) return;
  std::vector<size_t> widths(rows[0].size());
  std::vector<bool> numbers(rows[0].size(), true);
  for (size_t r = 0; r < rows.size(); ++r)
    for (size_t i = 0; i < rows[r].size(); ++i) {
      widths[i] = std::max(widths[i], width(rows[r][i]));
      if (r > 0 && (rows[r][i].empty() || !std::isdigit(static_cast<unsigned char>(rows[r][i][0]))))
        numbers[i] = false;
    }
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string blank(widths[i] - width(row[i]), ' ');
      line += numbers[i] ? blank + row[i] : row[i] + blank;
      line += "  ";
    }
    fmt::print("{}\n", line.substr(0, line.find_last_not_of(' ') + 1));
  }
  fmt::print("\n");
}

}  // namespace ring3::cli
