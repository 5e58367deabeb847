// LLVM's passes over a lifted program.
#pragma once

#include <llvm/Target/TargetMachine.h>

#include "bpf/jit/lift.hpp"

namespace ring3::bpf {

void optimise(Lifted& lifted, llvm::TargetMachine& machine);

}  // namespace ring3::bpf
