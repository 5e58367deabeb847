// engines: generated programs, compiled and interpreted, until they differ or enough were compared.
#include "oracle/engines.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <random>

#include "bpf/exec/native.hpp"

int main(int argc, char** argv) {
  CLI::App app("Runs generated programs compiled and interpreted, and compares what they do");
  uint64_t programs = 100'000, seed = std::random_device{}();
  app.add_option("--programs", programs, "To compare")->capture_default_str();
  app.add_option("--seed", seed,
                 "Of the first program; each has the seed of the one before, plus one (default: any)");
  CLI11_PARSE(app, argc, argv);
  if (!ring3::bpf::jit()) return fmt::print("{}\n", ring3::bpf::jit().error().text()), 1;

  fmt::print("seed {}\n", seed);
  std::fflush(stdout);
  ring3::bpf::oracle::Engines engines;
  std::string found;
  while (found.empty() && engines.compared() < programs) found = engines.try_seed(seed++);
  fmt::print("{} programs, {} compared\n{}\n", engines.programs(), engines.compared(),
             found.empty() ? "no difference" : found);
  return !found.empty();
}
