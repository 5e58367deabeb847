// The cases as the kernel that runs the tests sees them, by way of libbpf. Shows that the messages are
// Linux's own, and that honest programs are refused nowhere else.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "cases.hpp"
#include "host_kernel.hpp"

#if __has_include(<bpf/libbpf.h>)
#include <bpf/bpf.h>
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

namespace {
// The capabilities matter to the verifier only, and libbpf needs them: they are dropped just before it loads
// a program.
std::optional<WithoutPerfmon> weak;
bool asked_strictly = false;

int before_load(bpf_program*, bpf_prog_load_opts* options, long) {
  options->prog_flags |= BPF_F_SLEEPABLE;
  if (asked_strictly) weak.emplace();
  return 0;
}

void watch_loads() {
  static LIBBPF_OPTS(libbpf_prog_handler_opts, options, .prog_prepare_load_fn = before_load);
  static const int handler = libbpf_register_prog_handler("syscall", BPF_PROG_TYPE_SYSCALL,
                                                          static_cast<bpf_attach_type>(0), &options);
  ASSERT_GT(handler, 0);
}
}  // namespace

HostAnswer ask_host(const Case& test, bool strict) {
  if (!host_unavailable().empty()) return {.log = host_unavailable()};
  libbpf_set_print(nullptr);
  watch_loads();
  HostAnswer out;
  bpf_object* object = bpf_object__open(test.object_path().c_str());
  if (!object) return {.log = "libbpf can't open " + test.object_path()};
  static std::vector<char> log(16 << 20);
  log[0] = 0;
  // The kernel wants to know where arenas are, or to see them mapped.
  bpf_map* map;
  uint64_t address = uint64_t{1} << 44;
  bpf_object__for_each_map(map, object) if (bpf_map__type(map) == 33)
      bpf_map__set_map_extra(map, std::exchange(address, address << 1));
  bpf_program* program;
  bpf_object__for_each_program(program, object) {
    bool wanted = bpf_program__name(program) == test.program;
    bpf_program__set_autoload(program, wanted);
    if (!wanted) continue;
    bpf_program__set_log_level(program, 1);
    bpf_program__set_log_buf(program, log.data(), log.size());
  }
  asked_strictly = strict;
  out.accepted = bpf_object__load(object) == 0;
  out.available = !weak || weak->ok();
  weak.reset();
  bpf_object__close(object);
  out.line = last_line(log.data());
  out.log = without_source(log.data());
  return out;
}

}  // namespace ring3::bpf::test
#else
namespace ring3::bpf::test {
HostAnswer ask_host(const Case&, bool) { return {.log = "built without libbpf"}; }
}  // namespace ring3::bpf::test
#endif

namespace ring3::bpf::test {
namespace {

// There Linux also follows what the processor may do in advance, which can take it too far, and checks every
// move of a pointer as if it were an access of a byte.
bool is_about_speculation(const std::string& log) {
  static constexpr const char* MESSAGES[] = {"tried to add from different maps, paths or scalars",
                                             "has pointer with unsupported alu operation",
                                             "BPF program is too large",
                                             "infinite loop detected",
                                             "jumps is too complex",
                                             "bpf_spin_lock cannot be accessed directly by load/store\nR"};
  return std::ranges::any_of(MESSAGES, [&](const char* m) { return log.find(m) != std::string::npos; });
}

void compare(bool strict) {
  unsigned asked = 0;
  for (const Case& test : cases()) {
    if (test.file.starts_with("loop_") || test.file.starts_with("operation_"))
      continue;  // of ring3's own types
    if (strict && !test.usual.accepted) continue;  // refused anyway
    // Without privileges Linux keeps no numbers apart that loops count with, and runs out of patience.
    if (strict && test.file == "loops") continue;
    SCOPED_TRACE("cases/" + test.file + ".bpf.c:" + std::to_string(test.usual.line) + ": " + test.program);
    HostAnswer answer = ask_host(test, strict);
    if (!answer.available) GTEST_SKIP() << answer.log;
    asked++;
    const Expected& expected = test.expected(strict);
    if (!expected.host.empty()) {
      EXPECT_TRUE(answer.accepted == expected.accepted ||
                  expected.host.starts_with(answer.accepted ? "accepted" : "refused"))
          << expected.host << "\n"
          << answer.log;
      continue;
    }
    // That is not what strict verification is about.
    if (strict && expected.accepted && is_about_speculation(answer.log)) continue;
    std::string end = answer.log.size() > 3000 ? answer.log.substr(answer.log.size() - 3000) : answer.log;
    EXPECT_EQ(answer.accepted, expected.accepted) << end;
    if (answer.accepted || expected.accepted) continue;
    EXPECT_NE(answer.log.find(expected.message), std::string::npos)
        << "expected: " << expected.message << "\n"
        << end;
    EXPECT_TRUE(answer.line == 0 || answer.line == expected.line) << answer.line << "\n" << end;
  }
  EXPECT_GT(asked, 0u);
}

TEST(CasesOnTheHost, VerdictsAgree) { compare(false); }
TEST(CasesOnTheHost, StrictVerdictsAgree) { compare(true); }

}  // namespace
}  // namespace ring3::bpf::test
