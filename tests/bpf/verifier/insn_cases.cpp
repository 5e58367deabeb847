#include "insn_cases.hpp"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host_kernel.hpp"

namespace ring3::bpf::test {

void PrintTo(const InsnCase& test, std::ostream* out) { *out << test.name; }

namespace {

// A read-only map of one value, all bytes `fill`, frozen.
int host_constants(uint32_t size, uint8_t fill) {
  const int fd = host_map(BPF_MAP_TYPE_ARRAY, 4, size, 1, BPF_F_RDONLY_PROG);
  const uint32_t key = 0;
  const std::vector<uint8_t> value(size, fill);
  struct {
    uint32_t fd, pad = 0;
    uint64_t key, value, flags = 0;
  } element{static_cast<uint32_t>(fd), 0, reinterpret_cast<uint64_t>(&key),
            reinterpret_cast<uint64_t>(value.data())};
  constexpr int update = 2, freeze = 22;
  syscall(SYS_bpf, update, &element, sizeof(element));
  syscall(SYS_bpf, freeze, &element, sizeof(uint32_t));
  return fd;
}

// The kernel's maps of the same kinds as make_program()'s.
int kernel_map(unsigned index) {
  static const int fds[] = {host_map(BPF_MAP_TYPE_ARRAY, 4, 8, 4), host_map(BPF_MAP_TYPE_HASH, 8, 48, 16),
                            host_map(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096),
                            host_map(BPF_MAP_TYPE_ARRAY, 4, 64, 1), host_constants(64, 5)};
  return fds[index];
}

// The program as bpf(2) takes it: maps by descriptor, functions by displacement.
std::vector<Insn> for_kernel(const Source& source) {
  std::vector<Insn> insns = source.insns;
  for (uint32_t i = 0; i < insns.size(); ++i) {
    Insn& in = insns[i];
    if (is_64bit_imm(in) && (in.src == BPF_PSEUDO_MAP_IDX || in.src == BPF_PSEUDO_MAP_IDX_VALUE)) {
      in.src = in.src == BPF_PSEUDO_MAP_IDX ? BPF_PSEUDO_MAP_FD : BPF_PSEUDO_MAP_VALUE;
      in.imm = kernel_map(static_cast<unsigned>(in.imm));
    } else if (is_call(in) && in.src == BPF_PSEUDO_CALL) {
      in.imm = static_cast<int32_t>(source.starts[static_cast<size_t>(in.imm)]) - static_cast<int32_t>(i) - 1;
    }
  }
  return insns;
}

class InsnCases : public testing::TestWithParam<InsnCase> {};

TEST_P(InsnCases, SaysWhatItMust) {
  const InsnCase& test = GetParam();
  VerifyOptions options;
  options.log = true;
  const Verdict verdict = verify(make_program(test.source), options);
  if (test.refused == nullptr) {
    EXPECT_TRUE(verdict) << verdict.error().text() << "\n" << verdict.error().stats.log;
    return;
  }
  ASSERT_FALSE(verdict) << verdict->stats().log;
  EXPECT_NE(verdict.error().linux_message.find(test.refused), std::string::npos) << verdict.error().text();
  EXPECT_EQ(verdict.error().code, test.code) << verdict.error().text();
  EXPECT_FALSE(verdict.error().reason.empty());
}

TEST_P(InsnCases, SaysWhatLinuxSays) {
  const InsnCase& test = GetParam();
  if (test.unlike_linux) GTEST_SKIP() << test.unlike_linux;
  if (!host_unavailable().empty()) GTEST_SKIP() << host_unavailable();
  // A program that is too long has a log that is too long.
  const bool log = test.code != E2BIG;
  const HostVerdict host = host_verify(for_kernel(test.source), log);
  EXPECT_EQ(host.accepted, test.refused == nullptr) << host.log;
  if (test.refused == nullptr || host.accepted) return;
  if (log) {
    EXPECT_NE(host.log.find(test.refused), std::string::npos) << host.log;
  }
  EXPECT_EQ(host.error, test.code) << host.log;
}

auto name = [](const testing::TestParamInfo<InsnCase>& info) { return std::string(info.param.name); };
INSTANTIATE_TEST_SUITE_P(Basic, InsnCases, testing::ValuesIn(basic_cases()), name);
INSTANTIATE_TEST_SUITE_P(Memory, InsnCases, testing::ValuesIn(memory_cases()), name);
INSTANTIATE_TEST_SUITE_P(Calls, InsnCases, testing::ValuesIn(call_cases()), name);
INSTANTIATE_TEST_SUITE_P(Loops, InsnCases, testing::ValuesIn(loop_cases()), name);

}  // namespace
}  // namespace ring3::bpf::test
