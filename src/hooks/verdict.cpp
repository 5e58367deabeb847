#include "hooks/verdict.hpp"

#include <fmt/format.h>

namespace ring3::hooks {

namespace {
// The kfuncs by which a program submits requests, and which requests those are.
struct Submission {
  std::string_view kfunc, requests;
};
constexpr Submission SUBMISSIONS[] = {
    {"bpf_io_uring_submit_sqes", "whatever it puts into the ring's SQ, checked there as an application's"},
};

SourcePlace place(const bpf::SourceLine& line) {
  return {std::string(line.file), std::string(line.text), line.line, line.column};
}

std::string counted(uint32_t number, std::string_view what) {
  return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

std::string memory_text(const bpf::Proof& proof) {
  const std::pair<uint32_t, std::string_view> kinds[] = {{proof.stack, "the stack"},
                                                         {proof.map_values, "map values"},
                                                         {proof.memory, "other memory"},
                                                         {proof.structures, "the world's structures"},
                                                         {proof.arguments, "its arguments"}};
  std::string text;
  for (const auto& [number, name] : kinds)
    if (number) text += fmt::format("{}{} of {}", text.empty() ? "" : ", ", number, name);
  if (text.empty()) text = "there are none";
  return fmt::format("every access stays in bounds: {}; at most {} bytes of stack", text, proof.stack_bytes);
}

std::string termination_text(const bpf::Proof& proof) {
  std::string text = fmt::format("every path ends: {} followed", counted(proof.paths, "path"));
  if (proof.open_loops)
    text += fmt::format(
        "; {} by an iterator, a helper or may_goto",
        proof.open_loops == 1 ? "1 loop is ended" : fmt::format("{} loops are ended", proof.open_loops));
  if (proof.unreached) text += fmt::format("; {} never reached", counted(proof.unreached, "instruction"));
  return text;
}

std::string references_text(const bpf::Proof& proof) {
  if (proof.acquiring == 0) return "none are acquired";
  return fmt::format("what {} is given back on every path",
                     proof.acquiring == 1 ? "1 instruction acquires"
                                          : fmt::format("{} instructions acquire", proof.acquiring));
}

std::string submits_text(const bpf::Proof& proof) {
  std::string text;
  for (const bpf::Kfunc* kfunc : proof.kfuncs)
    for (const Submission& submission : SUBMISSIONS)
      if (submission.kfunc == kfunc->name)
        text += fmt::format("{}{}, by {}()", text.empty() ? "" : "; ", submission.requests, submission.kfunc);
  return text.empty() ? "nothing" : text;
}

Refusal describe(const bpf::Rejection& rejection) {
  Refusal refusal;
  refusal.rule = std::string(bpf::row(rejection.rule).name);
  refusal.code = rejection.code;
  refusal.function = rejection.function;
  refusal.source = place(rejection.source);
  refusal.insn = rejection.insn;
  refusal.instruction = rejection.instruction;
  refusal.reason = rejection.reason;
  refusal.remedy = rejection.remedy;
  refusal.linux_message = rejection.linux_message;
  if (!rejection.value) return refusal;
  const bpf::FaultyValue& value = *rejection.value;
  refusal.value = RefusedValue{.reg = value.reg,
                               .type = value.type,
                               .description = value.description,
                               .linux_text = value.linux_text,
                               .offset = value.offset,
                               .umin = value.range.umin,
                               .umax = value.range.umax,
                               .smin = value.range.smin,
                               .smax = value.range.smax,
                               .bits_set = value.range.bits.value,
                               .bits_unknown = value.range.bits.mask,
                               .made_by = value.made_by,
                               .made_by_instruction = value.made_by_instruction,
                               .made_at = place(value.made_at)};
  return refusal;
}
}  // namespace

ProgramVerdict describe(const bpf::Program& program, const bpf::Verdict& verdict) {
  const bpf::VerifyStats& stats = verdict ? verdict->stats() : verdict.error().stats;
  ProgramVerdict result;
  result.program = program.name;
  result.accepted = verdict.has_value();
  result.insns = static_cast<uint32_t>(program.insns.size());
  result.insns_visited = stats.insns_visited;
  result.states_peak = stats.states_peak;
  result.states_total = stats.states_total;
  result.time_ns = stats.time_ns;
  if (verdict) {
    const bpf::Proof& proof = verdict->proof();
    result.proven = {memory_text(proof), termination_text(proof), references_text(proof),
                     submits_text(proof)};
    return result;
  }
  const bpf::Rejection& rejection = verdict.error();
  result.refusal = describe(rejection);
  result.text = rejection.text();
  for (const bpf::PathStep& step : rejection.path)
    result.path.push_back(
        {step.insn, step.skipped, step.function, place(step.source), step.instruction, step.note});
  return result;
}

}  // namespace ring3::hooks
