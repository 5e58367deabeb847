// The command `ring3`: one file per subcommand. Each registers its options with CLI11 and returns what to run.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "ring3/error.hpp"

namespace ring3::cli {

// Exit statuses, the same for every subcommand.
enum Exit : int {
  Done = 0,
  Failed = 1,    // the loop ended with an error, a check failed
  BadUsage = 2,  // options, files or variables that don't exist
  Refused = 3,   // the object is broken, or the verifier refused a program
};

// A subcommand registers itself here; `action` is called after parsing and returns the exit status.
using Action = std::function<int()>;
void add_run(CLI::App& app, Action& action);
void add_verify(CLI::App& app, Action& action);
void add_inspect(CLI::App& app, Action& action);
void add_bench(CLI::App& app, Action& action);
void add_doctor(CLI::App& app, Action& action);

// "ring3: …" on stderr, in red on a terminal. Returns `status`.
int complain(int status, const std::string& text);
int complain(int status, const Error& error);

// True if stdout (or stderr) is a terminal and NO_COLOR is not set.
bool colour_stdout();
bool colour_stderr();

// "1.25 ms", "3.1 s": three digits and the unit that fits.
std::string duration_text(double seconds);

}  // namespace ring3::cli
