// The cases of cases/*.bpf.c: what verdict stands beside each program.
#pragma once

#include <string>
#include <vector>

namespace ring3::bpf::test {

struct Case {
  std::string file;  // "bounds"
  std::string program;
  bool accepted = false;
  unsigned line = 0;    // of the verdict; for a refusal, that of the C line at fault
  std::string message;  // part of Linux's message
  std::string host;     // why the kernel that runs the tests differs, if it does
  // The same of strict verification, where it refuses what is accepted otherwise.
  bool strict = false;
  unsigned strict_line = 0;
  std::string strict_message, strict_host;

  std::string object_path() const;
  std::string name() const { return file + "." + program; }
};

// All of them, by file and line. A file that breaks the rules of cases.h is a failure of the test.
std::vector<Case> read_cases();

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
