// The ways to run a program, for tests that want each to do the same.
#pragma once

#include <ostream>

#include "bpf/exec/native.hpp"

namespace ring3::test {

struct Engine {
  const char* name;
  bpf::ExecutableOptions options;

  // Why it can't be used here; nullptr: it can.
  const char* missing() const { return options.compiled && !bpf::jit() ? "there is no JIT" : nullptr; }
};
inline std::ostream& operator<<(std::ostream& out, const Engine& engine) { return out << engine.name; }

inline constexpr Engine kEngines[] = {
    {"fast", {}}, {"checked", {.checked = true}}, {"compiled", {.compiled = true}}};

}  // namespace ring3::test
