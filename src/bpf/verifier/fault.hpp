// Why a program is refused, as the stage that found it knows it; report.cpp makes a Rejection of it.
#pragma once

#include <cstdint>
#include <string>

namespace ring3::bpf {

struct Fault {
  int code = 0;  // positive errno
  uint32_t insn = 0;
  std::string linux_message;
  std::string reason;
};

}  // namespace ring3::bpf
