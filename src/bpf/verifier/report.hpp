// Makes what a stage found into what people are told.
#pragma once

#include "bpf/verifier/fault.hpp"
#include "bpf/verifier/verify.hpp"

namespace ring3::bpf {

Rejection make_rejection(std::shared_ptr<const Program> program, const Fault& fault,
                         const VerifyStats& stats);

// The value as people say it: "a number from 0 to 64", "a pointer to a value of map counts, 8 bytes, or
// NULL".
std::string describe(const Program& program, const Value& value);

// A C line without its indentation.
std::string_view trimmed(std::string_view line);

}  // namespace ring3::bpf
