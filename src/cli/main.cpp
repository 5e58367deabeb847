#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "cli/cli.hpp"

namespace ring3::cli {

namespace {
bool colour(int fd) { return isatty(fd) && std::getenv("NO_COLOR") == nullptr; }
}  // namespace

bool colour_stdout() { return colour(STDOUT_FILENO); }
bool colour_stderr() { return colour(STDERR_FILENO); }

int complain(int status, const std::string& text) {
  const char* red = colour_stderr() ? "\033[31m" : "";
  const char* plain = colour_stderr() ? "\033[0m" : "";
  fmt::print(stderr, "{}ring3:{} {}\n", red, plain, text);
  return status;
}

int complain(int status, const Error& error) { return complain(status, error.text()); }

std::string duration_text(double seconds) {
  if (seconds < 1e-6) return fmt::format("{:.0f} ns", seconds * 1e9);
  if (seconds < 1e-3) return fmt::format("{:.1f} µs", seconds * 1e6);
  if (seconds < 1) return fmt::format("{:.2f} ms", seconds * 1e3);
  return fmt::format("{:.2f} s", seconds);
}

}  // namespace ring3::cli

int main(int argc, char** argv) {
  using namespace ring3::cli;
  CLI::App app{"io_uring programmed with BPF, in user space", "ring3"};
  app.require_subcommand(1);
  app.set_version_flag("--version", RING3_VERSION);
  app.footer(
      "Exit status: 0 done; 1 the loop or a check ended with an error; 2 bad usage; 3 the object was refused.");
  Action action;
  add_run(app, action);
  add_verify(app, action);
  add_inspect(app, action);
  add_bench(app, action);
  add_doctor(app, action);
  const auto named = [&](const CLI::App* subcommand) { return subcommand->get_name() == argv[1]; };
  if (argc > 1 && argv[1][0] != '-' && app.get_subcommands(named).empty())
    return complain(Exit::BadUsage,
                    fmt::format("there is no subcommand {}; `ring3 --help` lists those that there are", argv[1]));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? Exit::Done : Exit::BadUsage;
  }
  return action();
}
