// What the verifier said of a program, for people and for tools.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ring3 {

// A place in a program's C source. line 0: unknown.
struct SourcePlace {
  std::string file, text;  // text: the line as written
  uint32_t line = 0, column = 0;
};

// The value in a register that a refusal is about.
struct RefusedValue {
  unsigned reg = 0;             // 7: r7
  std::string type;             // Linux's name: "map_value_or_null"
  std::string description;      // "a pointer to a value of map counts (8 bytes), or NULL"
  std::string linux_text;       // as a line of Linux's log has it
  int32_t offset = 0;           // of a pointer, without the part that varies
  uint64_t umin = 0, umax = 0;  // of the number; of a pointer, of the part of its offset that varies
  int64_t smin = 0, smax = 0;
  uint64_t bits_set = 0, bits_unknown = 0;
  uint32_t made_by = 0;             // the instruction that made it
  std::string made_by_instruction;  // empty: none did
  SourcePlace made_at;
};

struct Refusal {
  std::string rule;  // "maybe-null": a row of src/bpf/verifier/rules.cpp
  int code = 0;      // errno as Linux's verifier gives
  std::string function;
  SourcePlace source;
  uint32_t insn = 0;  // slot
  std::string instruction;
  std::optional<RefusedValue> value;
  std::string reason;         // what is wrong
  std::string remedy;         // what would satisfy the rule
  std::string linux_message;  // Linux's wording
};

// An instruction of the path that led to a refusal: a branch, or one that had a part in the value at fault.
struct RefusalStep {
  uint32_t insn = 0;     // slot
  uint32_t skipped = 0;  // instructions of the path between the step before and this one
  std::string function;
  SourcePlace source;
  std::string instruction;
  std::string note;  // "taken; r2 = a number from 0 to 64"
};

// What is proven of an accepted program, a sentence each.
struct Proven {
  std::string memory, termination, references, submits;
};

struct ProgramVerdict {
  std::string program;  // name of the entry function
  bool accepted = false;
  uint32_t insns = 0;  // slots
  uint32_t insns_visited = 0;
  uint32_t states_peak = 0, states_total = 0;
  uint64_t time_ns = 0;
  uint64_t compile_ns = 0;         // 0: it is not compiled
  Proven proven;                   // accepted only
  std::optional<Refusal> refusal;  // refused only
  std::vector<RefusalStep> path;   // refused only, with LoadOptions::explain
  std::string text;                // all of it for a person, several lines; refused only
};

}  // namespace ring3
