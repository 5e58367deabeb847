// A benchmark is a ratio: what ring3 does against what a user would have instead, measured in turn in one run.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "ring3/error.hpp"

namespace ring3::bench {

enum class Quotient { OursByTheirs, TheirsByOurs };

struct Benchmark {
  const char* name;    // "loop.cp"
  const char* unit;    // of both sides
  const char* ours;    // what is measured, in a few words
  const char* theirs;
  Quotient ratio;
  Result<double> (*measure_ours)();  // one round, a few tenths of a second
  Result<double> (*measure_theirs)();
};

std::span<const Benchmark> loop_benchmarks();
std::span<const Benchmark> operation_benchmarks();
std::span<const Benchmark> verify_benchmarks();

// Nanoseconds per NOP of a ring that C++ drives as the nops program does: what is left of a NOP without the program.
Result<double> ring_nop_ns(uint64_t nops);

}  // namespace ring3::bench
