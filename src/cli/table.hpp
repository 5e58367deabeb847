// Tables that line up.
#pragma once

#include <string>
#include <vector>

namespace ring3::cli {

// The first row is the header.
using Rows = std::vector<std::vector<std::string>>;

// To stdout, with an empty line after it; nothing if there is only a header. Columns that start with a digit
// are aligned to the right.
void print_rows(const Rows& rows);

}  // namespace ring3::cli
