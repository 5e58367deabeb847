// BPF's printf against the kernel's bpf_snprintf: every combination of flags, width, length and conversion.
#include "bpf/world/printf.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>

#include "kernel_bpf.hpp"

namespace ring3::bpf {
namespace {

kernel::Formatted ours(const std::string& text, const std::vector<kernel::Argument>& arguments,
                       uint32_t size) {
  std::vector<uint64_t> values;
  for (const auto& argument : arguments)
    values.push_back(argument.text ? reinterpret_cast<uint64_t>(argument.text->c_str()) : argument.value);
  char out[128] = {};
  const long length = format_text(out, size, text, values);
  return {length < 0 ? length : length + 1, out};
}

void compare(const std::string& text, const std::vector<kernel::Argument>& arguments, uint32_t size = 128) {
  const auto expected = kernel::format(text, arguments, size);
  if (!expected) GTEST_SKIP() << "bpf_snprintf can't be run here";
  const auto actual = ours(text, arguments, size);
  EXPECT_EQ(actual.result, expected->result) << '"' << text << "\" in " << size;
  if (expected->result < 0) return;  // what is in the buffer then is nobody's business
  EXPECT_EQ(actual.text, expected->text) << '"' << text << "\" in " << size;
}

TEST(Printf, ConversionsAreTheKernels) {
  for (const char* flags : {"", "0", "-", "+", " ", "0-", "+0", "- ", "00", "#"})
    for (const char* width : {"", "1", "9", "20", "09", "*", ".3"})
      for (const char* length : {"", "l", "ll", "h", "z", "L", "lll"})
        for (char letter : std::string("diuxXocsp%eknq")) {
          const std::string text = fmt::format("<%{}{}{}{}>", flags, width, length, letter);
          if (letter == 'p') continue;  // the kernel hides pointers behind hashes
          // Texts need an argument that is an address.
          const bool string = letter == 's' && !*length;
          kernel::Argument argument{0xffff'fff9'8765'4321, {}};
          if (string) argument = {0, "text"};
          compare(text, {argument});
          if (IsSkipped() || HasFailure()) return;
        }
}

TEST(Printf, NumbersAreTheKernels) {
  for (uint64_t value : {0ull, 1ull, 9ull, 0x7fff'ffffull, 0x8000'0000ull, 0xffff'ffffull, 0x1'0000'0000ull,
                         0x7fff'ffff'ffff'ffffull, 0x8000'0000'0000'0000ull, ~0ull})
    for (const char* text :
         {"%d", "%i", "%u", "%x", "%X", "%ld", "%lli", "%llu", "%lx", "%llX", "%+d", "%06d", "%px"}) {
      compare(text, {{value, {}}});
      if (IsSkipped() || HasFailure()) return;
    }
}

TEST(Printf, WholeFormatsAreTheKernels) {
  const kernel::Argument one{1, {}}, two{2, {}}, text{0, "a text"}, empty{0, ""}, letter{'x', {}};
  const struct {
    const char* format;
    std::vector<kernel::Argument> arguments;
  } cases[] = {
      {"", {}},
      {"plain", {}},
      {"100%%", {}},
      {"%%%d%%", {one}},
      {"%d %d", {one}},    // one argument too few
      {"%d", {one, two}},  // one too many
      {"%s and %s", {text, empty}},
      {"%ss", {text}},  // a letter right behind
      {"%s.", {text}},
      {"%10s|%-10s|", {text, text}},
      {"%c%c", {letter, one}},
      {"%5c|%-5c|", {letter, letter}},
      {"%pks", {text}},
      {"%pksx", {text}},
      {"%", {one}},
      {"%d%", {one, two}},
      {"tab\tline\n", {}},
      {"bell\a", {}},
      {"%l", {one}},
      {"%0", {one}},
      {"%pz", {one}},
      {"%4294967296d", {one}},
  };
  for (const auto& each : cases)
    for (uint32_t size : {128u, 1u, 5u}) {
      // A width that can't be is the kernel's own overflow: ours is refused.
      if (std::string_view(each.format).size() > 10 && each.format[1] == '4') {
        EXPECT_EQ(ours(each.format, each.arguments, size).result, -EINVAL);
        continue;
      }
      compare(each.format, each.arguments, size);
      if (IsSkipped()) return;
    }
}

TEST(Printf, EveryAsciiByteIsTakenAsTheKernelDoes) {
  for (char byte = 1; byte > 0 && byte < 127; ++byte) {
    const std::string c(1, byte);
    compare("a" + c + "b", {{1, {}}});
    compare("%d" + c, {{1, {}}, {2, {}}});
    if (byte != 'p') compare("%" + c, {{1, {}}});
    compare("%s" + c, {{0, "text"}});
    if (IsSkipped()) return;
  }
}

// Linux 6.18 takes it; older kernels refuse it.
TEST(Printf, TextMayBeUtf8) { EXPECT_EQ(ours("\xc3\xa9 %d", {{1, {}}}, 128).text, "\xc3\xa9 1"); }

TEST(Printf, APointerPrintsAsItsAddress) {
  EXPECT_EQ(ours("%p", {{0x1234'5678'9abc, {}}}, 128).text, "0000123456789abc");
  EXPECT_EQ(ours("[%-18pK]", {{0x1234'5678'9abc, {}}}, 128).text, "[0000123456789abc  ]");
}

TEST(Printf, WhatTheKernelPrintsOfItsOwnIsRefused) {
  for (const char* text : {"%pB", "%ps", "%pS", "%pi4", "%pI6", "%pd", "%pe"})
    EXPECT_EQ(ours(text, {{1, {}}}, 128).result, -EINVAL) << text;
}

TEST(Printf, ATextThatCantBeReadPrintsAsNothing) {
  EXPECT_EQ(ours("<%s>", {{16, {}}}, 128).text, "<>");
  EXPECT_EQ(ours("<%4s>", {{UINT64_MAX, {}}}, 128).text, "<    >");
}

}  // namespace
}  // namespace ring3::bpf
