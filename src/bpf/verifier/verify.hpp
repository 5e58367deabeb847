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
#include <optional>
#include <string>
#include <vector>

#include "bpf/link/program.hpp"
#include "bpf/verifier/rules.hpp"
#include "bpf/verifier/scalar.hpp"

namespace ring3::bpf {

class VerifyObserver;

struct VerifyOptions {
  uint32_t insns_max = 1'000'000;  // instructions visited
  bool log = false;                // keep a line per instruction visited, with the state (VerifyStats::log)
  bool explain = false;            // keep how a refused path came about (Rejection::path)
  // For programs of people who are not trusted: also refuses what Linux refuses without CAP_PERFMON, whatever
  // shows the program more than it was given: addresses as numbers, stack that it never wrote, helpers that
  // look into the process, pointers that leave what they point to.
  bool strict = false;
  VerifyObserver* observer = nullptr;  // for tests
};

struct VerifyStats {
  uint32_t insns_visited = 0, states_peak = 0, states_total = 0;
  uint64_t time_ns = 0;
  std::string log;
};

// The value that a refusal is about.
struct FaultyValue {
  unsigned reg = 0;
  std::string type;                 // Linux's name: "map_value_or_null"
  std::string description;          // for a person: "a pointer to a value of map counts (8 bytes), or NULL"
  std::string linux_text;           // as a line of Linux's log has it
  Scalar range;                     // of the number; of a pointer, the part of its offset that varies
  int32_t offset = 0;               // of a pointer: the rest
  uint32_t made_by = 0;             // slot of the instruction that made it
  std::string made_by_instruction;  // empty: none did
  SourceLine made_at;               // line 0: unknown

  // "r0 holds …, made at line 12: …"; names the file unless it is `file`.
  std::string text(std::string_view file) const;
};

// An instruction of the path that was refused.
struct PathStep {
  uint32_t insn = 0;     // slot
  uint32_t skipped = 0;  // instructions of the path between the step before and this one
  std::string function;
  SourceLine source;  // line 0: unknown
  std::string instruction;
  std::string note;  // "taken; r2 = a number from 0 to 64"
};

// Why a program was refused. A normal result, not an Error.
struct Rejection {
  Rule rule = Rule::Malformed;
  int code = 0;             // positive errno, as Linux's: EACCES, EINVAL, E2BIG, …
  uint32_t insn = 0;        // slot
  std::string function;     // the subprogram that it is in
  SourceLine source;        // line 0: unknown
  std::string instruction;  // disassembled
  std::optional<FaultyValue> value;
  std::string reason;         // what is wrong, for a person
  std::string remedy;         // what would satisfy the rule
  std::string linux_message;  // Linux's own wording, for those who search for it
  VerifyStats stats;
  std::vector<PathStep> path;              // VerifyOptions::explain
  std::shared_ptr<const Program> program;  // holds the text that source lines show

  // Several lines: place, C line with a caret, reason, value, remedy, instruction, Linux's wording.
  std::string text() const;
};

// What was found out on the way to accepting a program. Numbers are of instructions, each counted once.
struct Proof {
  // That load from, store to, or hand to a call: the stack, map values, other memory of a known size,
  // structures of the world, the program's arguments.
  uint32_t stack = 0, map_values = 0, memory = 0, structures = 0, arguments = 0;
  uint32_t stack_bytes = 0;          // of the deepest chain of calls
  uint32_t unreached = 0;            // that no path gets to, for what is known of constants
  uint32_t paths = 0;                // followed to their ends, or to what was known already
  uint32_t open_loops = 0;           // loops that an iterator, a helper or may_goto ends
  uint32_t acquiring = 0;            // that acquire a reference, an iterator or a record
  std::vector<const Kfunc*> kfuncs;  // that may be called; by name
};

// What an instruction has to do with the program's arena, whatever path leads to it.
enum class ArenaUse : uint8_t {
  None,
  Access,      // its load, store or atomic is of the arena
  Arithmetic,  // its 64-bit operation is on a pointer into the arena, which has 32: only these count
};

class VerifiedProgram {
 public:
  const Program& program() const { return *program_; }
  const std::shared_ptr<const Program>& shared() const { return program_; }
  const VerifyStats& stats() const { return stats_; }
  const Proof& proof() const { return proof_; }
  // Bytes of stack that subprogram i needs.
  std::span<const uint32_t> stack_bytes() const { return stack_bytes_; }
  // Of each instruction; empty if the program has no arena.
  std::span<const ArenaUse> arena_uses() const { return arena_uses_; }

 private:
  friend class Verifier;
  friend struct TrustForTests;  // defined by tests only (tests/bpf/trust.hpp)
  VerifiedProgram() = default;
  std::shared_ptr<const Program> program_;
  VerifyStats stats_;
  Proof proof_;
  std::vector<uint32_t> stack_bytes_;
  std::vector<ArenaUse> arena_uses_;
};

using Verdict = std::expected<VerifiedProgram, Rejection>;

Verdict verify(std::shared_ptr<const Program> program, const VerifyOptions& options = {});

}  // namespace ring3::bpf
