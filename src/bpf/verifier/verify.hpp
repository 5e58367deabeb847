// The verifier's door: a Program becomes a VerifiedProgram here or nowhere. Only verify() makes one, and only
// a VerifiedProgram can be run or compiled.
//
// Promise: a verified program, entered as its Attachment says, reads and writes only memory that it was
// given, ends within a bounded number of steps, calls helpers and kfuncs only as their prototypes allow, and
// leaves nothing acquired behind. Whatever is not modelled is refused.
#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "bpf/link/program.hpp"

namespace ring3::bpf {

struct VerifyOptions {
  uint32_t insns_max = 1'000'000;  // instructions visited
  bool log = false;                // keep a line per instruction visited, with the state (VerifyStats::log)
};

struct VerifyStats {
  uint32_t insns_visited = 0, states_peak = 0, states_total = 0;
  uint64_t time_ns = 0;
  std::string log;
};

// Why a program was refused. A normal result, not an Error.
struct Rejection {
  int code = 0;               // positive errno, as Linux's: EACCES, EINVAL, E2BIG, …
  uint32_t insn = 0;          // slot
  std::string function;       // the subprogram that it is in
  SourceLine source;          // line 0: unknown
  std::string instruction;    // disassembled
  std::string linux_message;  // Linux's own wording, for those who search for it
  std::string
      reason;  // for a person: the value at fault, where it came from, and what would satisfy the check
  VerifyStats stats;

  // Several lines: place, C line with a caret, reason, Linux's wording.
  std::string text() const;
};

class VerifiedProgram {
 public:
  const Program& program() const { return *program_; }
  const std::shared_ptr<const Program>& shared() const { return program_; }
  const VerifyStats& stats() const { return stats_; }
  // Bytes of stack that subprogram i needs.
  std::span<const uint32_t> stack_bytes() const { return stack_bytes_; }

 private:
  friend class Verifier;
  friend struct TrustForTests;  // defined by tests only (tests/bpf/trust.hpp)
  VerifiedProgram() = default;
  std::shared_ptr<const Program> program_;
  VerifyStats stats_;
  std::vector<uint32_t> stack_bytes_;
};

using Verdict = std::expected<VerifiedProgram, Rejection>;

Verdict verify(std::shared_ptr<const Program> program, const VerifyOptions& options = {});

}  // namespace ring3::bpf
