// The cases of cases/*.bpf.c: what verdict stands beside each program, and what rules it shows.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bpf/link/program.hpp"

namespace ring3::bpf::test {

// A verdict, as it stands in a file.
struct Expected {
  bool accepted = false;
  unsigned line = 0;    // where it stands; for a refusal, that of the C line at fault
  std::string message;  // part of Linux's message
  std::string host;     // why the kernel that runs the tests differs, if it does
};

struct Case {
  std::string file;  // "bounds"
  std::string program;
  std::vector<std::string> rules;  // that the RULE line above it says it shows
  Expected usual;
  std::optional<Expected> strict;  // of strict verification, where it refuses what is accepted otherwise

  const Expected& expected(bool strictly) const { return strictly && strict ? *strict : usual; }
  std::string source_path() const;
  std::string object_path() const;
  std::string name() const { return file + "." + program; }
};

// All of them, by file and name. A file that breaks the rules of cases.h is a failure of the test.
const std::vector<Case>& cases();

// The program of a case, linked.
Result<std::shared_ptr<const Program>> program_of(const Case& test);

// The name in "PROGRAM(name) {", "STEP(name) {", "FAST_STEP(name) {" and "ISSUE(name) {", or nothing.
std::string_view program_named_in(std::string_view line);

// What the kernel that runs the tests says of a program.
struct HostAnswer {
  bool available = false;
  bool accepted = false;
  unsigned line = 0;  // of the last C line in its log
  std::string log;    // or why it isn't available
};
// `strict`: as someone without CAP_PERFMON.
HostAnswer ask_host(const Case& test, bool strict = false);

}  // namespace ring3::bpf::test
