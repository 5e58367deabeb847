// The verifier's verdict as the public header has it, which knows nothing of the verifier.
#pragma once

#include "bpf/verifier/verify.hpp"
#include "ring3/verdict.hpp"

namespace ring3::hooks {

ProgramVerdict describe(const bpf::Program& program, const bpf::Verdict& verdict);

}  // namespace ring3::hooks
