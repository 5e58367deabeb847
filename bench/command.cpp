// `ring3 bench`: runs benchmarks in rounds — ours, theirs, ours, theirs, … — and prints the median of the ratios of the
// pairs, so that a machine whose speed drifts disturbs both sides alike.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/error.hpp"
#include "bench/benchmark.hpp"
#include "cli/cli.hpp"

namespace ring3::bench {

namespace {

struct Statistics {
  double median, min, max;
};

Statistics statistics(std::vector<double> values) {
  std::ranges::sort(values);
  return {values[values.size() / 2], values.front(), values.back()};
}

struct Measured {
  Statistics ours, theirs, ratio;
};

Result<Measured> measure(const Benchmark& benchmark, unsigned rounds) {
  std::vector<double> ours, theirs, ratios;
  TRY(benchmark.measure_ours());  // warm-up: page cache, code, frequency
  for (unsigned round = 0; round < rounds; ++round) {
    ours.push_back(TRY(benchmark.measure_ours()));
    theirs.push_back(TRY(benchmark.measure_theirs()));
    ratios.push_back(benchmark.ratio == Quotient::TheirsByOurs ? theirs.back() / ours.back() : ours.back() / theirs.back());
  }
  return Measured{statistics(ours), statistics(theirs), statistics(ratios)};
}

nlohmann::ordered_json to_json(const Benchmark& benchmark, const Measured& measured) {
  auto side = [](const char* what, const Statistics& s) {
    return nlohmann::ordered_json{{"what", what}, {"median", s.median}, {"min", s.min}, {"max", s.max}};
  };
  return {{"name", benchmark.name},
          {"ratio", measured.ratio.median},
          {"ratio_min", measured.ratio.min},
          {"ratio_max", measured.ratio.max},
          {"unit", benchmark.unit},
          {"ours", side(benchmark.ours, measured.ours)},
          {"theirs", side(benchmark.theirs, measured.theirs)}};
}

struct BenchCommand {
  std::vector<std::string> names;
  unsigned rounds = 7;
  bool json = false;
};

int bench(const BenchCommand& command) {
  std::vector<Benchmark> all;
  for (const auto& some : {loop_benchmarks(), operation_benchmarks(), verify_benchmarks()}) all.insert(all.end(), some.begin(), some.end());
  std::string known;
  for (const Benchmark& benchmark : all) known += fmt::format(" {}", benchmark.name);
  for (const std::string& name : command.names)
    if (std::ranges::none_of(all, [&](const Benchmark& benchmark) { return name == benchmark.name; }))
      return cli::complain(cli::BadUsage, fmt::format("there is no benchmark {}; there are:{}", name, known));
  auto json = nlohmann::ordered_json::array();
  int status = cli::Done;
  if (!command.json)
    fmt::print("{:<20} {:>6}  {:<13} {:>10} {:>10}  {}\n", "benchmark", "ratio", "spread", "ours", "theirs", "unit");
  for (const Benchmark& benchmark : all) {
    if (!command.names.empty() && std::ranges::find(command.names, benchmark.name) == command.names.end()) continue;
    if (!command.json && isatty(STDOUT_FILENO)) {
      fmt::print("{:<20} …", benchmark.name);
      std::fflush(stdout);
    }
    auto measured = measure(benchmark, command.rounds);
    if (!command.json && isatty(STDOUT_FILENO)) fmt::print("\r\033[K");
    if (!measured) {
      status = cli::complain(cli::Failed, fmt::format("{}: {}", benchmark.name, measured.error().text()));
      continue;
    }
    if (command.json) {
      json.push_back(to_json(benchmark, *measured));
    } else {
      fmt::print("{:<20} {:>6.2f}  {:<13} {:>10.1f} {:>10.1f}  {}: {} against {}\n", benchmark.name,
                 measured->ratio.median, fmt::format("{:.2f}…{:.2f}", measured->ratio.min, measured->ratio.max),
                 measured->ours.median, measured->theirs.median, benchmark.unit, benchmark.ours, benchmark.theirs);
    }
    std::fflush(stdout);
  }
  if (command.json) fmt::print("{}\n", json.dump(2));
  return status;
}

}  // namespace

}  // namespace ring3::bench

namespace ring3::cli {

void add_bench(CLI::App& app, Action& action) {
  auto command = std::make_shared<bench::BenchCommand>();
  CLI::App* sub = app.add_subcommand("bench", "Measure ratios against what you would have instead");
  sub->add_option("NAME", command->names, "Benchmarks to run (default: all)");
  sub->add_option("--rounds", command->rounds, "Pairs to measure of each")->capture_default_str()->check(CLI::Range(1, 1000));
  sub->add_flag("--json", command->json, "Report as JSON");
  sub->callback([command, &action] { action = [command] { return bench::bench(*command); }; });
}

}  // namespace ring3::cli
