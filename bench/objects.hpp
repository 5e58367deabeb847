// The BPF objects that benchmarks run.
#pragma once

#include <string>

#include "ring3/error.hpp"
#include "ring3/module.hpp"

namespace ring3::bench {

// The object `folder`/NAME.bpf.o beside the command, or where it was installed.
std::string object_path(const char* folder, const char* name);

// Module::load(), where a refusal is an error too.
Result<void> load(Module& module);

}  // namespace ring3::bench
