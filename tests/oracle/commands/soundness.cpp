// soundness: as many accepted programs as asked for, none of which may do what the verifier did not foresee.
#include "oracle/soundness.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <csignal>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

using namespace ring3::bpf::oracle;

namespace {
std::atomic<bool> interrupted = false;

struct Shared {
  std::atomic<uint64_t> next_seed, accepted = 0;
  std::atomic<bool> stop = false;
  std::mutex mutex;
  Soundness::Counts counts;  // with `mutex`
  std::string found;
};

void work(Shared& shared, uint64_t wanted) {
  Soundness soundness;
  uint64_t accepted = 0;
  std::string found;
  while (found.empty() && !shared.stop && !interrupted && shared.accepted < wanted) {
    found = soundness.try_seed(shared.next_seed++);
    if (soundness.counts().accepted != accepted) ++shared.accepted, ++accepted;
  }
  const std::lock_guard lock(shared.mutex);
  shared.counts += soundness.counts();
  if (found.empty()) return;
  shared.found += found + "\n";
  shared.stop = true;
}
}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Runs generated programs and compares every step with what the verifier claimed");
  uint64_t programs = 5'000'000, seed = std::random_device{}();
  unsigned threads = std::max(1u, std::thread::hardware_concurrency());
  app.add_option("--programs", programs, "Accepted programs to run")->capture_default_str();
  app.add_option("--seed", seed,
                 "Of the first program; each has the seed of the one before, plus one (default: any)");
  app.add_option("--threads", threads)->capture_default_str()->check(CLI::Range(1, 256));
  CLI11_PARSE(app, argc, argv);

  fmt::print("seed {}\n", seed);
  std::fflush(stdout);
  for (int signal : {SIGINT, SIGTERM}) std::signal(signal, [](int) { interrupted = true; });
  Shared shared;
  shared.next_seed = seed;
  const auto start = std::chrono::steady_clock::now();
  const auto seconds = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  std::vector<std::thread> workers;
  for (unsigned i = 0; i < threads; ++i) workers.emplace_back([&] { work(shared, programs); });
  if (isatty(STDERR_FILENO)) {
    while (!shared.stop && !interrupted && shared.accepted < programs) {
      std::this_thread::sleep_for(std::chrono::milliseconds(500));
      const auto done = static_cast<double>(shared.accepted);
      fmt::print(stderr, "\r\033[K{} of {} accepted programs, {:.0f} a second", shared.accepted.load(),
                 programs, done / seconds());
    }
    fmt::print(stderr, "\r\033[K");
  }
  for (std::thread& worker : workers) worker.join();
  const Soundness::Counts& c = shared.counts;
  fmt::print(
      "{} programs, {} accepted, {} runs of {} instructions, {:.0f} s ({:.0f} accepted programs a second)\n",
      c.programs, c.accepted, c.runs, c.steps, seconds(), static_cast<double>(c.accepted) / seconds());
  if (!shared.found.empty()) return fmt::print("{}", shared.found), 1;
  fmt::print("no escape\n");
  return 0;
}
