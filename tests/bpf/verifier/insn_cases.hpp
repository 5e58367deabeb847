// Programs with what must be said of them: one table entry each, run by insn_cases.cpp, which also asks the
// kernel that runs the tests where it has all that the program needs.
#pragma once

#include <span>

#include "insns.hpp"

namespace ring3::bpf::test {

struct InsnCase {
  const char* name;
  Source source;
  const char* refused = nullptr;  // part of Linux's wording; null: accepted
  int code = 0;
  // Why the kernel is not asked, or says something else; null: it must agree.
  const char* unlike_linux = nullptr;
};

std::span<const InsnCase> basic_cases();
std::span<const InsnCase> memory_cases();
std::span<const InsnCase> call_cases();
std::span<const InsnCase> loop_cases();

}  // namespace ring3::bpf::test
