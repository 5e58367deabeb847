// Programs that C can't express: malformed instructions, odd control flow.
#pragma once

#include <string>
#include <vector>

#include "bpf/isa/insn.hpp"

namespace ring3::bpf::test {

struct RawCase {
  const char* name;
  std::vector<Insn> insns;     // calls of subprograms as displacements, as the kernel has them
  const char* message;         // part of Linux's message; nullptr: accepted
  const char* ours = nullptr;  // of ring3's, where it refuses the program for another reason
};

std::vector<RawCase> raw_cases();

}  // namespace ring3::bpf::test
