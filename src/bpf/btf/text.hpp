// Strings of files that nobody vouches for, made fit for messages.
#pragma once

#include <span>
#include <string_view>

namespace ring3::bpf {

// Replaces control characters (but NUL and tab) and bytes that are not UTF-8 by '?'. Keeps every length.
void make_printable(std::span<char> text);
// A name of an ELF file: not empty, printable ASCII only.
bool is_printable_name(std::string_view name);
// How many edits lead from one to the other, for "did you mean".
unsigned edit_distance(std::string_view a, std::string_view b);

}  // namespace ring3::bpf
