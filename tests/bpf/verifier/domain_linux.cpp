// Precision of the domain, measured against the kernel that runs the tests: random straight programs are
// loaded with a log of every register, and what we know after each instruction must be no less than what
// Linux knows.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <optional>
#include <sstream>
#include <vector>

#include "abi/bpf.hpp"
#include "domain_samples.hpp"
#include "host_kernel.hpp"

namespace ring3::bpf::test {
namespace {

constexpr uint8_t r6 = 6, r7 = 7;
using Registers = std::map<uint8_t, std::pair<Scalar, std::string>>;  // with Linux's text

// One "R6=…" of the log.
Scalar parse_scalar(std::string_view text) {
  auto number = [](std::string_view s) { return strtoull(std::string(s).c_str(), nullptr, 0); };
  if (!text.starts_with("scalar(")) return Scalar::constant(number(text));
  Scalar out;
  text.remove_prefix(7);
  text.remove_suffix(1);
  std::vector<std::string_view> names;
  while (!text.empty()) {
    size_t equals = text.find('=');
    std::string_view name = text.substr(0, equals);
    text.remove_prefix(equals + 1);
    names.push_back(name);
    if (!text.empty() && isalpha(static_cast<unsigned char>(text[0]))) continue;  // "umin=umin32=5"
    size_t end = text[0] == '(' ? text.find(')') + 1 : std::min(text.find(','), text.size());
    std::string_view value = text.substr(0, end);
    for (std::string_view n : names) {
      uint64_t x = number(value);
      if (n == "smin") out.smin = x;
      if (n == "smax") out.smax = x;
      if (n == "umin") out.umin = x;
      if (n == "umax") out.umax = x;
      if (n == "smin32") out.s32_min = x;
      if (n == "smax32") out.s32_max = x;
      if (n == "umin32") out.u32_min = x;
      if (n == "umax32") out.u32_max = x;
      if (n == "var_off") {
        size_t semicolon = value.find(';');
        out.bits = {number(value.substr(1)), number(value.substr(semicolon + 2))};
      }
    }
    names.clear();
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

Registers parse_registers(std::string_view line) {
  Registers out;
  for (size_t at = line.find(" R"); at != line.npos; at = line.find(" R", at + 1)) {
    uint8_t number = line[at + 2] - '0';
    size_t equals = line.find('=', at);
    if (equals == line.npos) break;
    std::string_view text = line.substr(equals + 1);
    if (text.starts_with("P")) text.remove_prefix(1);  // precise
    size_t end = text.starts_with("scalar(") ? std::string_view::npos : text.find(' ');
    if (text.starts_with("scalar(")) {
      int depth = 0;
      for (size_t i = 6; i < text.size(); i++) {
        depth += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
        if (depth == 0) {
          end = i + 1;
          break;
        }
      }
    }
    text = text.substr(0, end);
    if (number == r6 || number == r7) out[number] = {parse_scalar(text), std::string(text)};
  }
  return out;
}

// The log of a program without loops: what it says behind each instruction of the straight path, and at the
// target of each jump that it followed later.
struct Log {
  std::map<unsigned, Registers> after, target;
  std::map<unsigned, unsigned> next;  // instruction that follows on the straight path
};
Log parse_log(const std::string& text) {
  Log out;
  std::istringstream lines(text);
  std::string line;
  bool straight = true;
  std::optional<unsigned> last;
  while (std::getline(lines, line)) {
    unsigned from, to;
    if (sscanf(line.c_str(), "from %u to %u:", &from, &to) == 2) {
      straight = false;
      out.target[from] = parse_registers(line.substr(line.find(':')));
    } else if (straight && isdigit(static_cast<unsigned char>(line[0])) && line.find(": (") != line.npos) {
      unsigned insn = atoi(line.c_str());
      if (last) out.next[*last] = insn;
      last = insn;
      size_t semicolon = line.find(';');
      if (semicolon != line.npos) out.after[insn] = parse_registers(line.substr(semicolon));
    }
  }
  return out;
}

// Straight code over r6 and r7, which start unknown; every conditional jump has a landing of its own.
std::vector<Insn> random_program(Random& random, unsigned steps) {
  using namespace abi;
  std::vector<Insn> out = {
      {BPF_JMP | BPF_CALL, 0, 0, 0, 7},  // bpf_get_prandom_u32: 64 unknown bits to the verifier
      {BPF_ALU64 | BPF_MOV | BPF_X, r6, 0, 0, 0},
      {BPF_JMP | BPF_CALL, 0, 0, 0, 7},
      {BPF_ALU64 | BPF_MOV | BPF_X, r7, 0, 0, 0},
      {BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0}};
  static const uint8_t alu[] = {BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR,   BPF_AND, BPF_LSH,
                                BPF_RSH, BPF_NEG, BPF_MOD, BPF_XOR, BPF_ARSH, BPF_MOV, BPF_END};
  static const uint8_t jumps[] = {BPF_JEQ,  BPF_JNE,  BPF_JGT,  BPF_JGE,  BPF_JLT, BPF_JLE,
                                  BPF_JSET, BPF_JSGT, BPF_JSGE, BPF_JSLT, BPF_JSLE};
  for (unsigned i = 0; i < steps; i++) {
    uint8_t dst = random() % 2 ? r6 : r7, other = r6 + r7 - dst;
    bool is64 = random() % 2, with_register = random() % 3 == 0;
    auto imm = static_cast<int32_t>(interesting_number(random));
    Insn insn{};
    insn.dst = dst;
    if (random() % 2) {
      insn.code = (is64 ? BPF_JMP : BPF_JMP32) | jumps[random() % std::size(jumps)];
    } else {
      uint8_t op = alu[random() % std::size(alu)];
      insn.code = (is64 ? BPF_ALU64 : BPF_ALU) | op;
      unsigned most = is64 ? 63 : 31;
      if (op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH) imm &= most;
      if ((op == BPF_DIV || op == BPF_MOD) && imm == 0) imm = 3;
      if ((op == BPF_DIV || op == BPF_MOD) && random() % 2) insn.off = 1;
      if (op == BPF_NEG) with_register = false, imm = 0;
      if (op == BPF_MOV) {
        with_register = true, other = dst;
        static const int16_t widths[] = {0, 8, 16, 32};
        insn.off = widths[random() % (is64 ? 4 : 3)];
      }
      if (op == BPF_END) with_register = !is64 && random() % 2, other = 0, imm = 16 << random() % 3;
    }
    if (with_register) {
      insn.code |= BPF_X;
      insn.src = other;
    }
    if (!with_register || (insn.code & 0xf7) == (BPF_ALU | BPF_END)) insn.imm = imm;
    out.push_back(insn);
  }
  size_t body = out.size();
  out.push_back({BPF_JMP | BPF_EXIT});
  for (size_t i = 5; i < body; i++) {
    if (!is_jump_class(out[i])) continue;
    out[i].off = static_cast<int16_t>(out.size() - i - 1);
    out.push_back({BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1});
    out.push_back({BPF_JMP | BPF_EXIT});
  }
  return out;
}

Scalar step(Insn insn, const Scalar& dst, const Scalar& src) {
  bool is64 = insn_class(insn) == abi::BPF_ALU64;
  uint8_t op = insn_op(insn);
  if (op == abi::BPF_NEG) return scalar_neg(is64, dst);
  if (op == abi::BPF_END) return scalar_byte_swap(insn.imm, is64 || uses_register(insn), dst);
  return scalar_alu(op, is64, insn.off, dst, src);
}

class Comparison {
 public:
  Comparison(const std::vector<Insn>& program, const Log& log) : program_(program), log_(log) {}

  void run() {
    state_[r6] = state_[r7] = Scalar::unknown();
    for (unsigned i = 5; !is_exit(program_[i]); i++) {
      Insn insn = program_[i];
      Scalar src = uses_register(insn) && insn.src
                       ? state_[insn.src]
                       : Scalar::constant(static_cast<uint64_t>(int64_t{insn.imm}));
      if (is_jump_class(insn)) {
        if (!jump(i, insn, src)) return;
      } else {
        if (forks(insn)) return;
        state_[insn.dst] = step(insn, state_[insn.dst], src);
        compare(i, "after", log_.after, state_);
      }
    }
  }
  unsigned compared = 0, same_text = 0;
  std::vector<std::string> worse;

 private:
  using State = std::map<uint8_t, Scalar>;

  // Linux goes on twice, with 0 and with -1, where an AND or OR follows an arithmetic shift that leaves only
  // those. That is an exploration of states, not knowledge of a scalar.
  bool forks(Insn insn) {
    const Scalar& dst = state_[insn.dst];
    return (insn_op(insn) == abi::BPF_AND || insn_op(insn) == abi::BPF_OR) &&
           ((dst.smin >= -1 && dst.smax <= 0) || (dst.s32_min >= -1 && dst.s32_max <= 0));
  }

  // False: the straight path ends here, for us or for Linux.
  bool jump(unsigned i, Insn insn, const Scalar& src) {
    bool is64 = insn_class(insn) == abi::BPF_JMP;
    auto stays = scalar_assume(insn_op(insn), is64, false, state_[insn.dst], src);
    auto goes = scalar_assume(insn_op(insn), is64, true, state_[insn.dst], src);
    if (goes && log_.target.contains(i)) {
      State target = state_;
      target[insn.dst] = goes->first;
      if (uses_register(insn)) target[insn.src] = goes->second;
      compare(i, "target of", log_.target, target);
    }
    auto next = log_.next.find(i);
    bool linux_stays = next != log_.next.end() && next->second == i + 1;
    if (goes && linux_stays && !log_.target.contains(i))
      worse.push_back("Linux knows that " + name(i) + " stays");
    if (stays && !linux_stays) worse.push_back("Linux knows that " + name(i) + " jumps");
    if (!stays || !linux_stays) return false;
    state_[insn.dst] = stays->first;
    if (uses_register(insn)) state_[insn.src] = stays->second;
    compare(i, "after", log_.after, state_);
    return true;
  }

  void compare(unsigned i, const char* where, const std::map<unsigned, Registers>& logged,
               const State& ours) {
    auto found = logged.find(i);
    if (found == logged.end()) return;
    for (auto& [reg, theirs] : found->second) {
      const Scalar& mine = ours.at(reg);
      compared++;
      if (!theirs.first.covers(mine)) {
        worse.push_back(std::string(where) + " " + name(i) + ": r" + std::to_string(reg) + " is " +
                        theirs.second + " to Linux, " + mine.text() + " to us");
      } else if (theirs.first == mine) {
        std::string text = theirs.second;
        size_t id = text.find("id=");
        if (id != text.npos)
          text.erase(id, text.find_first_of(",)", id) + (text.find(',', id) != text.npos) - id);
        EXPECT_EQ(text, mine.text()) << theirs.second;
        same_text++;
      }
    }
  }
  std::string name(unsigned i) const {
    char text[64];
    Insn insn = program_[i];
    snprintf(text, sizeof text, "%u: code %02x dst r%u src r%u off %d imm %#x", i, insn.code, insn.dst,
             insn.src, insn.off, insn.imm);
    return text;
  }

  const std::vector<Insn>& program_;
  const Log& log_;
  State state_;
};

TEST(DomainAgainstLinux, KnowsNoLess) {
  if (!host_unavailable().empty()) GTEST_SKIP() << host_unavailable();
  const char* given = getenv("RING3_SEED");
  uint64_t first = given ? strtoull(given, nullptr, 0) : 1;
  const char* count = getenv("RING3_PROGRAMS");
  uint64_t programs = given ? 1 : count ? strtoull(count, nullptr, 0) : 2000;
  unsigned compared = 0, same = 0, reported = 0;
  for (uint64_t seed = first; seed < first + programs; seed++) {
    Random random(seed);
    auto program = random_program(random, 10);
    auto verdict = host_verify(program, 2);
    ASSERT_TRUE(verdict.accepted) << "seed " << seed << ": " << verdict.log;
    Log log = parse_log(verdict.log);
    Comparison comparison(program, log);
    comparison.run();
    compared += comparison.compared;
    same += comparison.same_text;
    for (auto& worse : comparison.worse) {
      if (reported++ < 20) ADD_FAILURE() << "seed " << seed << ": " << worse;
      if (given) printf("%s", verdict.log.c_str());
    }
  }
  EXPECT_EQ(reported, 0u) << "of " << compared << " registers";
  EXPECT_GT(compared, programs * 2);
  RecordProperty("compared", compared);
  RecordProperty("same_text", same);
  printf("compared %u registers, %u of them equal\n", compared, same);
}

}  // namespace
}  // namespace ring3::bpf::test
