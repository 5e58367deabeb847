#include "agreement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <vector>

#include "bpf/verifier/verify.hpp"

namespace ring3::bpf::oracle {
using namespace abi;

namespace {
// Numbers in messages differ from program to program.
std::string without_numbers(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (std::isdigit(static_cast<unsigned char>(text[i]))) {
      if (out.empty() || out.back() != 'N') out += 'N';
    } else if (text[i] == 'x' && !out.empty() && out.back() == 'N') {
      while (i + 1 < text.size() && std::isxdigit(static_cast<unsigned char>(text[i + 1]))) ++i;
    } else {
      out += text[i];
    }
  }
  return out;
}

// The last line of the log that is not a statistic: what the kernel has against the program.
std::string reason_in(const std::string& log) {
  std::string reason;
  for (size_t at = 0; at < log.size();) {
    const size_t end = std::min(log.find('\n', at), log.size());
    const std::string_view line(log.data() + at, end - at);
    if (line.starts_with("processed ")) break;
    if (!line.empty()) reason = line;
    at = end + 1;
  }
  return reason;
}

// The kernel lets only some types of programs have writable slices of dynptrs.
HostType type_for(const Generated& generated, uint64_t seed) {
  for (Insn insn : generated.insns)
    if (is_call(insn) && insn.src == abi::BPF_PSEUDO_KFUNC_CALL && insn.imm == SLICE_RDWR)
      return HostType::SchedCls;
  return seed % 2 ? HostType::Syscall : HostType::SchedCls;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }
}  // namespace

Agreement::Pair Agreement::verdicts(const Generated& generated, HostType type) {
  auto program = setting_.program(generated);
  program->sleepable = type == HostType::Syscall;
  const Verdict ours = verify(program, {.insns_max = VISITS_MAX});
  if (!ours && ours.error().stats.insns_visited > VISITS_MAX) return {.too_long = true};
  HostVerdict theirs = host_.verify(generated, type, 0);
  Pair pair{.ours = ours.has_value(), .theirs = theirs.accepted};
  if (pair.ours == pair.theirs) return pair;
  if (!pair.ours)
    pair.message = without_numbers(first_line(ours.error().linux_message));
  else
    pair.message = without_numbers(reason_in(host_.verify(generated, type, 1).log));
  return pair;
}

// Would ring3 refuse it, too, if it knew as little as Linux of quotients and of shifts by a register? Their
// results become numbers of which nobody knows anything: stack that was never written.
bool Agreement::knows_more(Generated generated, HostType type) const {
  for (Insn& insn : generated.insns) {
    const uint8_t cls = insn_class(insn), op = insn_op(insn);
    if (cls != BPF_ALU && cls != BPF_ALU64) continue;
    const bool shifts = op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH;
    if (op != BPF_DIV && op != BPF_MOD && !(shifts && uses_register(insn))) continue;
    const uint8_t width = cls == BPF_ALU64 ? BPF_DW : BPF_W;
    insn = {static_cast<uint8_t>(BPF_LDX | BPF_MEM | width), insn.dst, 10, -72};
  }
  auto program = setting_.program(generated);
  program->sleepable = type == HostType::Syscall;
  return !verify(program, {.insns_max = VISITS_MAX});
}

void Agreement::ask(uint64_t seed) {
  const Generated generated = generate(seed);
  Pair pair = verdicts(generated, type_for(generated, seed));
  // A kernel that trips over itself gives no verdict.
  if (pair.message.starts_with("verifier bug")) return;
  if (pair.too_long) return void(++too_long_);
  ++asked_;
  both_ += pair.ours && pair.theirs;
  if (pair.ours == pair.theirs) return;
  ++differ_;
  if (pair.ours && !soundness_.try_program(generated, Draw(~seed)).empty()) ++unsafe_;
  const bool known = pair.ours && knows_more(generated, type_for(generated, seed));
  if (known) pair.message = "it knows nothing of quotients, and less of shifts";
  Class& one = classes_[fmt::format("{}: {}", pair.ours ? "only the kernel refuses" : "only ring3 refuses",
                                    pair.message)];
  if (one.count++ == 0) one.seed = seed;
}

std::string Agreement::report() const {
  std::string out = fmt::format(
      "{} programs, {} accepted by both ({:.1f} %), {} verdicts agree ({:.2f} %), {} too long to ask about\n",
      asked_, both_, 100.0 * static_cast<double>(both_) / static_cast<double>(asked_), agreed(),
      100.0 * static_cast<double>(agreed()) / static_cast<double>(asked_), too_long_);
  if (unsafe_) out += fmt::format("{} of what only the kernel refuses is UNSAFE\n", unsafe_);
  std::vector<std::pair<std::string, Class>> sorted(classes_.begin(), classes_.end());
  std::ranges::sort(sorted, [](const auto& a, const auto& b) { return a.second.count > b.second.count; });
  for (const auto& [message, one] : sorted)
    out += fmt::format("{:>6}  {} (seed {})\n", one.count, message, one.seed);
  return out;
}

std::string Agreement::show(uint64_t seed) {
  const Generated whole = generate(seed);
  const HostType type = type_for(whole, seed);
  const Pair pair = verdicts(whole, type);
  Generated small = whole;
  if (pair.ours != pair.theirs)
    small = shrink(whole, [&](const Generated& attempt) {
      if (verify(setting_.program(attempt)).has_value() != pair.ours)
        return false;  // the cheap question first
      const Pair now = verdicts(attempt, type);
      return now.ours == pair.ours && now.theirs == pair.theirs && now.message == pair.message;
    });
  auto program = setting_.program(small);
  program->sleepable = type == HostType::Syscall;
  const Verdict ours = verify(program, {.log = true});
  const HostVerdict theirs = host_.verify(small, type, 2);
  return fmt::format(
      "{}\nring3: {}\n{}\nkernel: {}\n{}", listing(small), ours ? "accepts" : ours.error().text(),
      ours ? ours->stats().log : ours.error().stats.log, theirs.accepted ? "accepts" : "refuses", theirs.log);
}

}  // namespace ring3::bpf::oracle
