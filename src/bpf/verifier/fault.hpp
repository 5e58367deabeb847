// Why a program is refused, as the stage that found it knows it; report.cpp makes a Rejection of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "bpf/verifier/rules.hpp"
#include "bpf/verifier/value.hpp"

namespace ring3::bpf {

struct Fault {
  Rule rule = Rule::Malformed;
  uint32_t insn = 0;
  std::string linux_message;
  std::string reason;
  std::string remedy = {};  // empty: the rule's
  int reg = -1;             // that holds the value at fault; -1: none
  Value value = {};         // what it held
};

}  // namespace ring3::bpf
