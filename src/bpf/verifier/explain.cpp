// How the failing path got where it was refused, for VerifyOptions::explain: what each branch decided, and
// each instruction that had a part in the value at fault, found by following that value backwards as
// precision.cpp does.
#include <fmt/format.h>

#include <algorithm>

#include "bpf/verifier/report.hpp"
#include "bpf/verifier/verifier.hpp"

namespace ring3::bpf {
using namespace abi;

namespace {
constexpr size_t STEPS_MAX = 60;  // longer stories have their middle left out

// The register whose new value says what the instruction did; a branch tells something of the one it tests.
std::optional<unsigned> written(Insn insn) {
  switch (insn_class(insn)) {
    case BPF_ALU:
    case BPF_ALU64:
    case BPF_LD:
    case BPF_LDX:
      return +insn.dst;
    case BPF_ST:
    case BPF_STX:
      if (insn_mode(insn) != BPF_ATOMIC || !(insn.imm & BPF_FETCH)) return std::nullopt;
      return insn.imm == BPF_CMPXCHG ? 0u : +insn.src;
    default:
      if (is_call(insn)) return 0u;
      return Cfg::is_conditional_jump(insn) && !Cfg::is_may_goto(insn) ? std::optional(+insn.dst)
                                                                       : std::nullopt;
  }
}

bool has_part_in(const Step& step, Insn insn, const Demand& demand) {
  const bool stores = insn_class(insn) == BPF_ST || insn_class(insn) == BPF_STX;
  if (stores && step.access_frame != Step::NONE)
    return demand.slots[step.access_frame] >> step.access_slot & 1;
  const auto r = written(insn);
  return r && !Cfg::is_conditional_jump(insn) && demand.registers[step.frame] >> *r & 1;
}
}  // namespace

// The instruction before has been done: keeps what it left in its register. Also where a branch is taken up
// that was left for later.
void Verifier::record() {
  after_.resize(log_.size() + 1);
  if (log_.empty()) return;
  const Step& last = log_.back();
  const Insn insn = program_->insns[last.insn];
  const auto r = written(insn);
  if (!r || last.frame >= current_.frames.size()) return;
  const auto& registers = current_.frames[last.frame].registers;
  // Of a branch on two registers, the one that it told something of.
  const bool other = Cfg::is_conditional_jump(insn) && uses_register(insn) && registers[*r].is_constant();
  const unsigned told = other ? insn.src : *r;
  after_[log_.size() - 1] = {told, registers[told]};
}

std::string Verifier::note(size_t i) const {
  const Insn insn = program_->insns[log_[i].insn];
  const uint32_t next = i + 1 < log_.size() ? log_[i + 1].insn : pc_;
  std::string text;
  if (log_[i].enters) return "enters";
  if (is_exit(insn)) return "returns";
  if (Cfg::is_conditional_jump(insn))
    text = next == Cfg::target(*program_, log_[i].insn) ? "taken" : "not taken";
  const auto& [r, value] = after_[i];
  if (value.kind == Kind::NotInit) return text;
  return fmt::format("{}{}r{} = {}", text, text.empty() ? "" : "; ", r, describe(*program_, value));
}

std::vector<PathStep> Verifier::story() const {
  // Backwards: who had a part in it.
  std::vector<bool> matters(log_.size());
  Demand demand;
  if (fault_->reg >= 0) demand.registers[frame_index()] = static_cast<uint16_t>(1u << fault_->reg & 0x3ff);
  for (size_t i = log_.size() - std::min<size_t>(log_.size(), 1); i-- > 0;) {
    const Insn insn = program_->insns[log_[i].insn];
    matters[i] = has_part_in(log_[i], insn, demand) || Cfg::is_conditional_jump(insn) || log_[i].enters ||
                 (is_exit(insn) && log_[i].frame > 0);
    backwards(std::span(log_).subspan(i, 1), demand);
  }
  if (!log_.empty()) matters.back() = true;

  // Of what comes again and again, the first time and the last.
  std::vector<size_t> last(program_->insns.size());
  std::vector<bool> seen(program_->insns.size());
  for (size_t i = 0; i < log_.size(); ++i) last[log_[i].insn] = i;
  std::vector<size_t> told;
  for (size_t i = 0; i < log_.size(); ++i) {
    const uint32_t insn = log_[i].insn;
    if (matters[i] && (!seen[insn] || last[insn] == i)) told.push_back(i);
    seen[insn] = seen[insn] || matters[i];
  }
  if (told.size() > STEPS_MAX) told.erase(told.begin() + STEPS_MAX / 2, told.end() - STEPS_MAX / 2);

  std::vector<PathStep> path;
  size_t next = 0;
  const auto tell = [&](size_t i, uint32_t insn, std::string note) {
    PathStep step{.insn = insn, .skipped = static_cast<uint32_t>(i - next), .note = std::move(note)};
    step.function = program_->subprogram_at(insn).name;
    if (const SourceLine* line = program_->source_at(insn)) step.source = *line;
    step.instruction = disassemble(*program_, insn);
    path.push_back(std::move(step));
    next = i + 1;
  };
  // The last step is the one refused, unless that was refused before it was taken.
  const bool taken = !log_.empty() && log_.back().insn == fault_->insn;
  for (size_t i : told)
    if (!taken || i + 1 != log_.size()) tell(i, log_[i].insn, note(i));
  tell(taken ? log_.size() - 1 : log_.size(), fault_->insn, "refused");
  return path;
}

}  // namespace ring3::bpf
