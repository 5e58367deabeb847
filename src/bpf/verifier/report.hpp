// Makes what a stage found into what people are told.
#pragma once

#include "bpf/verifier/fault.hpp"
#include "bpf/verifier/verify.hpp"

namespace ring3::bpf {

Rejection make_rejection(const Program& program, const Fault& fault, const VerifyStats& stats);

}  // namespace ring3::bpf
