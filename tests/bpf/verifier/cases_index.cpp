// Which cases show which rule: every check of rules.cpp, and every rule of cases/rules.txt, has programs on
// both sides of it. The index is written beside the objects of the cases.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <map>
#include <set>

#include "bpf/verifier/verify.hpp"
#include "cases.hpp"

namespace ring3::bpf::test {
namespace {

// Checks that no compiled program of the cases' world can run into, and why.
const std::map<std::string, std::string> UNREACHABLE = {
    {"hook", "the only callback of the cases' world takes every program: tests/hooks/loop has others"},
};

struct Rows {
  std::vector<std::string> names;                         // in order
  std::map<std::string, std::string> about;               // of rules.txt
  std::map<std::string, std::set<std::string>> sides[2];  // refused, accepted: rule → cases
};

Rows read_rules() {
  Rows rows;
  for (const RuleRow& rule : rules()) rows.names.emplace_back(rule.name);
  std::ifstream in(RING3_SOURCE_DIR "/tests/bpf/verifier/cases/rules.txt");
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    const std::string name = line.substr(0, line.find(' '));
    rows.names.push_back(name);
    rows.about[name] = line.substr(line.find_first_not_of(' ', name.size()));
  }
  return rows;
}

const Rows& rows() {
  static const Rows all = [] {
    Rows rows = read_rules();
    for (const Case& test : cases()) {
      const auto program = program_of(test);
      if (!program) continue;  // tests of the cases say so
      // A case of strict verification shows its rules there.
      bool accepted = true;
      for (bool strict : {false, true}) {
        const Verdict verdict = verify(*program, {.strict = strict});
        if (!verdict && accepted)
          rows.sides[0][std::string(row(verdict.error().rule).name)].insert(test.name());
        accepted = accepted && (verdict.has_value() || (strict && test.file != "strict"));
      }
      for (const std::string& rule : test.rules) rows.sides[accepted][rule].insert(test.name());
    }
    return rows;
  }();
  return all;
}

void write_index(const Rows& all, const std::string& path) {
  std::ofstream out(path);
  out << cases().size() << " programs\n";
  for (const std::string& name : all.names) {
    out << "\n" << name << (all.about.contains(name) ? ": " + all.about.at(name) : "") << "\n";
    for (int accepted : {0, 1}) {
      out << (accepted ? "  accepted:" : "  refused:");
      if (const auto found = all.sides[accepted].find(name); found != all.sides[accepted].end())
        for (const std::string& test : found->second) out << " " << test;
      out << "\n";
    }
  }
}

TEST(CasesIndex, EveryRuleHasCasesOnBothSides) {
  const Rows& all = rows();
  const std::string path = RING3_TEST_OBJECTS "/cases/index.txt";
  write_index(all, path);
  std::cout << cases().size() << " programs; which show what: " << path << "\n";
  for (const std::string& name : all.names) {
    if (UNREACHABLE.contains(name)) continue;
    for (int accepted : {0, 1})
      EXPECT_TRUE(all.sides[accepted].contains(name))
          << name << ": no case is " << (accepted ? "accepted" : "refused") << ", see cases/cases.h";
  }
  for (const Case& test : cases())
    for (const std::string& rule : test.rules)
      EXPECT_TRUE(std::ranges::count(all.names, rule))
          << test.name() << " shows a rule that there is not: " << rule;
  EXPECT_GE(cases().size(), 400u);
}

}  // namespace
}  // namespace ring3::bpf::test
