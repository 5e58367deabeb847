// For tests of what comes after the verifier: takes a Program as verified without looking at it. Such a
// program must be safe by construction, or be run by the checking interpreter.
#pragma once

#include <memory>
#include <utility>

#include "bpf/verifier/verify.hpp"

namespace ring3::bpf {

struct TrustForTests {
  static VerifiedProgram trust(std::shared_ptr<const Program> program,
                               std::vector<uint32_t> stack_bytes = {}) {
    VerifiedProgram verified;
    verified.stack_bytes_ = std::move(stack_bytes);
    verified.stack_bytes_.resize(program->subprograms.size(), abi::BPF_STACK_BYTES);
    verified.program_ = std::move(program);
    return verified;
  }
};

}  // namespace ring3::bpf
