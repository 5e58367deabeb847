#include "soundness.hpp"

#include <fmt/format.h>

#include "bpf/exec/executable.hpp"

namespace ring3::bpf::oracle {

Soundness::Counts& Soundness::Counts::operator+=(const Counts& other) {
  programs += other.programs;
  accepted += other.accepted;
  runs += other.runs;
  steps += other.steps;
  return *this;
}

std::string Soundness::try_seed(uint64_t seed) {
  std::string found = try_program(generate(seed), Draw(~seed));
  return found.empty() ? found : fmt::format("seed {}: {}", seed, found);
}

std::string Soundness::try_program(const Generated& generated, Draw inputs) {
  const std::string found = try_program(setting_.program(generated), inputs);
  return found.empty() ? found : found + "\n" + listing(generated);
}

std::string Soundness::try_program(const std::shared_ptr<const Program>& program, Draw inputs) {
  claims_.start(*program);
  ++counts_.programs;
  const Verdict verdict = verify(program, {.insns_max = VISITS_MAX, .observer = observer_});
  if (!verdict) return {};
  ++counts_.accepted;
  Follower follower(claims_);
  const auto executable = Executable::create(*verdict, {.checked = true, .observer = &follower});
  if (!executable) return executable.error().text();
  Execution execution(**executable);
  for (unsigned run = 0; run < RUNS; ++run) {
    setting_.fill(inputs);
    follower.start(STEPS_MAX);
    const RunResult result = execution.run();
    ++counts_.runs;
    counts_.steps += follower.steps();
    const bool ended = follower.steps() > STEPS_MAX;
    if (result.violation.empty() || (ended && follower.is_content())) continue;
    return follower.is_content() ? std::string(result.violation) : follower.escape();
  }
  return {};
}

}  // namespace ring3::bpf::oracle
