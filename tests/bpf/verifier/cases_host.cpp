// The cases as the kernel that runs the tests sees them, by way of libbpf. Shows that the messages are
// Linux's own, and that honest programs are refused nowhere else.
#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>
#include <vector>

#include "cases.hpp"
#include "host_kernel.hpp"

#if __has_include(<bpf/libbpf.h>)
#include <bpf/libbpf.h>

namespace ring3::bpf::test {

namespace {
// The number in the last "; source @ file.c:12" of a verifier log. The kernel doesn't say it again where a
// jump leads to a line that it named before: then 0.
unsigned last_line(const std::string& log) {
  size_t at = log.rfind(".bpf.c:");
  if (at == log.npos || log.find("goto", at) != log.npos) return 0;
  return strtoul(log.c_str() + at + 7, nullptr, 10);
}

// The log quotes C lines, and with them the messages that are expected: those must not be found there.
std::string without_source(const std::string& log) {
  std::string out, line;
  std::istringstream lines(log);
  while (std::getline(lines, line)) {
    if (!line.starts_with("; ")) out += line + "\n";
  }
  return out;
}
}  // namespace

HostAnswer ask_host(const Case& test) {
  if (!host_unavailable().empty()) return {.log = host_unavailable()};
  libbpf_set_print(nullptr);
  HostAnswer out;
  bpf_object* object = bpf_object__open(test.object_path().c_str());
  if (!object) return {.log = "libbpf can't open " + test.object_path()};
  static std::vector<char> log(16 << 20);
  log[0] = 0;
  bpf_program* program;
  bpf_object__for_each_program(program, object) {
    bool wanted = bpf_program__name(program) == test.program;
    bpf_program__set_autoload(program, wanted);
    if (!wanted) continue;
    bpf_program__set_log_level(program, 1);
    bpf_program__set_log_buf(program, log.data(), log.size());
  }
  out.available = true;
  out.accepted = bpf_object__load(object) == 0;
  bpf_object__close(object);
  out.line = last_line(log.data());
  out.log = without_source(log.data());
  return out;
}

}  // namespace ring3::bpf::test
#else
namespace ring3::bpf::test {
HostAnswer ask_host(const Case&) { return {.log = "built without libbpf"}; }
}  // namespace ring3::bpf::test
#endif

namespace ring3::bpf::test {
namespace {

TEST(CasesOnTheHost, VerdictsAgree) {
  unsigned asked = 0;
  for (const Case& test : read_cases()) {
    if (test.file.starts_with("loop")) continue;  // needs ring3's own types
    SCOPED_TRACE("cases/" + test.file + ".bpf.c:" + std::to_string(test.line) + ": " + test.program);
    HostAnswer answer = ask_host(test);
    if (!answer.available) GTEST_SKIP() << answer.log;
    asked++;
    if (!test.host.empty()) {
      EXPECT_TRUE(answer.accepted == test.accepted ||
                  test.host.starts_with(answer.accepted ? "accepted" : "refused"))
          << test.host << "\n"
          << answer.log;
      continue;
    }
    std::string end = answer.log.size() > 3000 ? answer.log.substr(answer.log.size() - 3000) : answer.log;
    EXPECT_EQ(answer.accepted, test.accepted) << end;
    if (answer.accepted || test.accepted) continue;
    EXPECT_NE(answer.log.find(test.message), std::string::npos) << "expected: " << test.message << "\n"
                                                                << end;
    EXPECT_TRUE(answer.line == 0 || answer.line == test.line) << answer.line << "\n" << end;
  }
  EXPECT_GT(asked, 0u);
}

}  // namespace
}  // namespace ring3::bpf::test
