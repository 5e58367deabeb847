// agreement: generated programs before ring3's verifier and the host kernel's. Prints how often they agree,
// and the classes of disagreement: pairs of messages, with a seed of each.
#include "oracle/agreement.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

using namespace ring3::bpf::oracle;

int main(int argc, char** argv) {
  CLI::App app("Compares verdicts on generated programs with the host kernel's");
  uint64_t programs = 20'000, seed = 1;
  bool one = false;
  app.add_option("--programs", programs, "How many")->capture_default_str();
  app.add_option("--seed", seed, "Of the first program; each has the seed of the one before, plus one")
      ->capture_default_str();
  app.add_flag("--show", one,
               "Shrink the program of --seed as long as the verdicts differ, and show both verdicts");
  CLI11_PARSE(app, argc, argv);

  Agreement agreement;
  if (!agreement.unavailable().empty()) return fmt::print("{}\n", agreement.unavailable()), 77;
  if (one) return fmt::print("{}\n", agreement.show(seed)), 0;
  for (uint64_t i = 0; i < programs; ++i) agreement.ask(seed + i);
  fmt::print("{}", agreement.report());
  return agreement.holds() && agreement.unsafe() == 0 ? 0 : 1;
}
