// Every case goes through ring3's own loader and verifier, and gets the verdict that stands beside it.
// RING3_UPDATE=1 writes the verdicts that it gets into the files instead, for a person to look at.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "bpf/verifier/verify.hpp"
#include "cases.hpp"

namespace ring3::bpf::test {

void PrintTo(const Case& test, std::ostream* out) { *out << test.name(); }

namespace {

// Moves a verdict of a case to where it belongs now. One line has one verdict.
void rewrite(const Case& test, bool strict, const Verdict& verdict) {
  std::vector<std::string> lines;
  std::ifstream in(test.source_path());
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  in.close();
  const Expected& old = test.expected(strict);
  if (!strict || test.strict) {
    std::string& line = lines.at(old.line - 1);
    line.resize(line.rfind("  // "));
  }
  if (!strict || !verdict) {
    std::string owner, kind = verdict ? "ACCEPTED" : strict ? "STRICT" : "REFUSED", note;
    size_t at = 0;
    for (size_t i = 0; i < lines.size() && (verdict || i < verdict.error().source.line); ++i) {
      if (program_named_in(lines[i]).empty()) continue;
      owner = program_named_in(lines[i]);
      if (verdict && owner == test.program) at = i + 1;
    }
    if (!verdict) {
      const Rejection& rejection = verdict.error();
      std::string message = rejection.linux_message.substr(0, rejection.linux_message.find('\n'));
      message = message.substr(0, message.find(" id="));  // ids are counted otherwise than by Linux
      note = (owner == test.program ? "" : "(" + test.program + ")") + ": " + message;
      if (rejection.source.file.ends_with(test.file + ".bpf.c")) at = rejection.source.line;
    }
    ASSERT_TRUE(at > 0 && lines[at - 1].find("  // ") == std::string::npos)
        << test.name() << ": no room for " << kind << note << " at line " << at;
    lines[at - 1] += "  // " + kind + note;
    if (!old.host.empty()) lines[at - 1] += "  LINUX: " + old.host;
  }
  std::ofstream out(test.source_path());
  for (const std::string& line : lines) out << line << '\n';
}

// What a person reads has the C line, the reason, what would satisfy the rule, and Linux's words.
void check_text(const Rejection& rejection) {
  const std::string text = rejection.text();
  for (std::string_view part :
       {rejection.source.text, std::string_view(rejection.reason), std::string_view(rejection.remedy),
        std::string_view(rejection.linux_message)}) {
    EXPECT_FALSE(part.empty()) << text;
    EXPECT_NE(text.find(part), std::string::npos) << "'" << part << "' is missing in\n" << text;
  }
  EXPECT_GT(rejection.code, 0);
}

void check(const Case& test, bool strict, const Verdict& verdict) {
  const Expected& expected = test.expected(strict);
  SCOPED_TRACE(test.source_path() + ":" + std::to_string(expected.line) + (strict ? ": strict" : ""));
  // Where strict verification refuses what is refused anyway, it may be for something else.
  const bool compares = !strict || test.strict;
  const bool as_expected = verdict.has_value() == expected.accepted &&
                           (verdict || !compares ||
                            (verdict.error().linux_message.find(expected.message) != std::string::npos &&
                             verdict.error().source.line == expected.line));
  if (!as_expected && std::getenv("RING3_UPDATE")) return rewrite(test, strict, verdict);
  EXPECT_TRUE(as_expected) << "expected: " << (expected.accepted ? "accepted" : expected.message) << "\n"
                           << (verdict ? "accepted" : verdict.error().text());
  if (!verdict) check_text(verdict.error());
}

class Cases : public testing::TestWithParam<Case> {};

TEST_P(Cases, Verdict) {
  auto program = program_of(GetParam());
  ASSERT_TRUE(program) << program.error().text();
  for (bool strict : {false, true}) check(GetParam(), strict, verify(*program, {.strict = strict}));
}

INSTANTIATE_TEST_SUITE_P(All, Cases, testing::ValuesIn(cases()),
                         [](const auto& test) { return test.param.file + "_" + test.param.program; });

}  // namespace
}  // namespace ring3::bpf::test
