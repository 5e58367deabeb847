// Rejections for people: what was found and where, the C line with a caret, the value at fault and what made
// it.
#include "bpf/verifier/report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bpf/isa/disassemble.hpp"
#include "bpf/verifier/verifier.hpp"

namespace ring3::bpf {
using namespace abi;

bool Verifier::reject(int code, std::string linux_message, std::string reason) {
  if (!fault_) fault_ = Fault{code, pc_, std::move(linux_message), std::move(reason)};
  return false;
}

std::string Verifier::made_at(const Value& value) const {
  const SourceLine* line = program_->source_at(value.origin);
  if (!line || line->line == 0) return fmt::format("since instruction {}", value.origin);
  const auto start = std::min(line->text.find_first_not_of(" \t"), line->text.size());
  return fmt::format("since line {}: `{}`", line->line, line->text.substr(start));
}

// "r1 is map_value_or_null (since line 12: `v = bpf_map_lookup_elem(&m, &key)`)."
std::string Verifier::about(unsigned r) const {
  const Value& value = reg(r);
  if (value.kind == Kind::NotInit) return fmt::format("r{} holds nothing.", r);
  const char* what = value.is_scalar() ? (value.is_constant() ? "the number " : "a number: ") : "";
  return fmt::format("r{} is {}{} ({}).", r, what, value_text(value), made_at(value));
}

namespace {
std::string name_of(const Program& program, Insn insn) {
  const auto i = static_cast<size_t>(static_cast<uint32_t>(insn.imm));
  if (is_call(insn)) {
    if (insn.src == BPF_HELPER_CALL) {
      const Helper* helper = program.world ? program.world->helper(insn.imm) : nullptr;
      return helper ? std::string(helper->name) : std::string();
    }
    if (insn.src == BPF_PSEUDO_CALL) return i < program.subprograms.size() ? program.subprograms[i].name : "";
    return i < program.kfuncs.size() ? program.kfuncs[i]->name : "";
  }
  if (insn.src == BPF_PSEUDO_FUNC) return i < program.subprograms.size() ? program.subprograms[i].name : "";
  if (insn.src == BPF_PSEUDO_MAP_IDX || insn.src == BPF_PSEUDO_MAP_IDX_VALUE)
    return i < program.maps.size() ? program.maps[i]->definition().name : "";
  return "";
}

std::string instruction_text(const Program& program, uint32_t slot) {
  if (slot >= program.insns.size()) return "";
  return disassemble(program.insns, slot, [&](uint32_t, Insn insn) { return name_of(program, insn); });
}
}  // namespace

Rejection make_rejection(const Program& program, const Fault& fault, const VerifyStats& stats) {
  Rejection rejection;
  rejection.code = fault.code;
  rejection.insn = fault.insn;
  for (const Subprogram& sub : program.subprograms)
    if (fault.insn >= sub.start && fault.insn < sub.end) rejection.function = sub.name;
  if (!program.insns.empty() && fault.insn < program.insns.size())
    if (const SourceLine* line = program.source_at(fault.insn)) rejection.source = *line;
  rejection.instruction = instruction_text(program, fault.insn);
  rejection.linux_message = fault.linux_message;
  rejection.reason = fault.reason;
  rejection.stats = stats;
  return rejection;
}

void Verifier::log_insn() {
  stats_.log += fmt::format("{}: {}  ; {}\n", pc_, instruction_text(*program_, pc_), state_text(current_));
}

std::string Rejection::text() const {
  std::string text;
  if (source.line != 0)
    text += fmt::format("{}:{}: in {}():\n", source.file, source.line, function);
  else
    text += fmt::format("in {}(), instruction {}:\n", function, insn);
  if (!source.text.empty()) {
    const std::string number = fmt::format("{:>5} | ", source.line);
    text += fmt::format("{}{}\n", number, source.text);
    const size_t column = std::min<size_t>(source.column > 0 ? source.column - 1 : 0, source.text.size());
    std::string blank(number.size() - 2, ' ');
    blank += "| ";
    for (char c : source.text.substr(0, column)) blank += c == '\t' ? '\t' : ' ';
    text += fmt::format("{}^\n", blank);
  }
  text += fmt::format("  {}\n", reason);
  if (!instruction.empty()) text += fmt::format("  instruction {}: {}\n", insn, instruction);
  text += fmt::format("  Linux says: {} ({})", linux_message, errno_name(code));
  return text;
}

}  // namespace ring3::bpf
