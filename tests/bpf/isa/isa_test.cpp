// Instructions as text and their structural check, compared with what the verifier of the running kernel
// says: its log prints each instruction before it looks at it.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <random>
#include <vector>

#include "base/error.hpp"
#include "bpf/isa/check.hpp"
#include "bpf/isa/disassemble.hpp"

namespace ring3::bpf {
namespace {

using namespace abi;
constexpr unsigned SEED = 11;

// union bpf_attr for BPF_PROG_LOAD; <linux/bpf.h> would collide with abi/bpf.hpp.
struct LoadAttributes {
  uint32_t type, insn_count;
  uint64_t insns, license;
  uint32_t log_level, log_size;
  uint64_t log;
  uint8_t rest[80];
};

struct KernelVerdict {
  int error = 0;  // 0: accepted
  std::string log;
};

KernelVerdict ask_kernel(std::span<const Insn> insns) {
  static std::vector<char> log(1 << 16);
  log[0] = 0;
  LoadAttributes attributes{};
  attributes.type = 5;  // a tracepoint: knows nothing of packets
  attributes.insn_count = insns.size();
  attributes.insns = reinterpret_cast<uint64_t>(insns.data());
  attributes.license = reinterpret_cast<uint64_t>("GPL");
  attributes.log_level = 2;
  attributes.log_size = log.size();
  attributes.log = reinterpret_cast<uint64_t>(log.data());
  const long fd = syscall(SYS_bpf, 5 /* BPF_PROG_LOAD */, &attributes, sizeof attributes);
  const int error = fd < 0 ? errno : 0;
  if (fd >= 0) close(fd);
  return {error, log.data()};
}

bool kernel_answers() {
  const Insn program[] = {{BPF_ALU64 | BPF_MOV, 0, 0, 0, 0}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
  return ask_kernel(program).error == 0;
}

// The instruction of slot 0 as the kernel's log spells it, or nothing if it was not reached.
std::string spelled_by_kernel(const std::string& log) {
  size_t at = log.starts_with("0: (") ? 0 : log.find("\n0: (");
  if (at == std::string::npos) return {};
  at = log.find(')', at) + 2;
  std::string text = log.substr(at, log.find_first_of(";\n", at) - at);
  while (text.ends_with(' ')) text.pop_back();
  return text;
}

// `insn` at slot 0, then room for jumps, a second function for calls, and what makes an LD_IMM64 whole.
std::vector<Insn> program_around(Insn insn) {
  const Insn zero{BPF_ALU64 | BPF_MOV, 0, 0, 0, 0}, exit{BPF_JMP | BPF_EXIT, 0, 0, 0, 0};
  if (is_call(insn) && insn.src == BPF_PSEUDO_CALL) return {insn, exit, zero, exit};
  if (is_64bit_imm(insn)) return {insn, Insn{0, 0, 0, 0, 0x1234}, zero, exit};
  return {insn, zero, zero, zero, exit};
}

Insn random_insn(uint8_t code, std::mt19937& random) {
  constexpr int16_t offsets[] = {0, 0, 0, 0, 1, 2, 8, 16, 32, -8};
  constexpr int32_t imms[] = {0,  0,       1,    2,    16,   32,    64,        31,        63,
                              -1, 0x40,    0x50, 0xa0, 0xe1, 0xf1,  0x100,     0x41,      0x110,
                              5,  0x10000, 0xa1, 0x51, 0x7,  -4096, INT32_MAX, INT32_MIN, 12345};
  constexpr uint8_t registers[] = {0, 0, 1, 2, 3, 9, 10, 10, 11, 15};
  Insn insn{code, registers[random() % std::size(registers)], registers[random() % std::size(registers)],
            offsets[random() % std::size(offsets)], imms[random() % std::size(imms)]};
  if (is_call(insn)) insn.imm = insn.src == BPF_PSEUDO_CALL ? 1 : insn.imm;
  return insn;
}

// What the kernel decides by more than the instruction itself.
bool is_comparable(Insn insn) {
  const uint8_t mode = insn_mode(insn);
  if (insn_class(insn) == BPF_LD && (mode == BPF_ABS || mode == BPF_IND)) return false;  // reads packets
  if (is_64bit_imm(insn) && insn.src) return false;  // looks maps up first
  if (is_call(insn) && insn.src != BPF_PSEUDO_CALL)
    return false;  // looks kfuncs up; prints helpers by its own table
  if (insn.code == (BPF_JMP | BPF_JA | BPF_X)) return false;  // gotox of Linux 6.19
  return true;
}

// The kernel found something else first that is wrong with an instruction of several faults: it follows jumps
// before it looks at instructions, and registers before some constants.
bool stumbled_earlier(const std::string& log) {
  for (const char* complaint : {"jump out of range", "unreachable insn", "!read_ok"})
    if (log.find(complaint) != std::string::npos) return true;
  return false;
}

TEST(Isa, TextAndVerdictsAreTheKernels) {
  if (!kernel_answers()) GTEST_SKIP() << "bpf(2) is not allowed here";
  std::mt19937 random(SEED);
  unsigned texts = 0, malformed = 0;
  std::map<std::string, unsigned> differences;
  for (unsigned code = 0; code < 256; code++) {
    for (unsigned round = 0; round < 150; round++) {
      const Insn insn = random_insn(code, random);
      if (!is_comparable(insn)) continue;
      const auto program = program_around(insn);
      const uint32_t end = is_call(insn) && insn.src == BPF_PSEUDO_CALL ? 2 : program.size();
      const auto ours = check_function(program, 0, end);
      const auto verdict = ask_kernel(program);
      const std::string shown =
          fmt::format("{:02x} dst {} src {} off {} imm {:#x}", insn.code, unsigned{insn.dst},
                      unsigned{insn.src}, insn.off, uint32_t(insn.imm));
      if (ours) {
        malformed++;
        EXPECT_FALSE(ours->reason.empty()) << shown;
        EXPECT_NE(verdict.error, 0) << shown << ": " << ours->linux_message;
        const bool no_register = insn.dst > 10 || insn.src > 10;  // looked for sooner in conditional jumps
        if (verdict.log.find(ours->linux_message) == std::string::npos && !stumbled_earlier(verdict.log) &&
            !(no_register && is_jump_class(insn)))
          differences[fmt::format("{}: ours \"{}\", the kernel's:\n{}", shown, ours->linux_message,
                                  verdict.log)]++;
        continue;
      }
      for (const char* complaint : {"reserved field", "unknown opcode", "invalid shift", "div by zero",
                                    "atomic opcode", "bpf_ld_imm64", "jump out of range", "is invalid"})
        EXPECT_EQ(verdict.log.find(complaint), std::string::npos) << shown << ":\n" << verdict.log;
      const auto text = spelled_by_kernel(verdict.log);
      if (text.empty()) continue;
      texts++;
      EXPECT_EQ(disassemble(program, 0), text) << shown;
      if (testing::Test::HasFailure() && texts > 2000) return;
    }
  }
  EXPECT_GT(texts, 700u);
  EXPECT_GT(malformed, 1500u);
  unsigned printed = 0;
  for (const auto& [text, count] : differences)
    if (printed++ < 12) ADD_FAILURE() << text;
}

}  // namespace
}  // namespace ring3::bpf
