// What the verifier checks, a row for each check: its name, the errno of a refusal, and what would satisfy
// it. Every refusal names its rule; tests/bpf/verifier/cases has programs on both sides of each.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace ring3::bpf {

enum class Rule : uint8_t {
  // The shape of the program.
  Malformed,
  Unreachable,
  Recursion,
  Relocation,
  Unsupported,
  Hook,
  // Termination.
  EndlessLoop,
  TooComplex,
  CallDepth,
  StackDepth,
  // Registers and pointers.
  Unset,
  FramePointer,
  PointerArithmetic,
  PointerRange,
  // Memory.
  NotAPointer,
  MaybeNull,
  Bounds,
  Permission,
  Misaligned,
  Arguments,
  Object,
  AtomicTarget,
  StackBounds,
  StackOverrun,
  PartialPointer,
  StackEscape,
  SpecialSlot,
  // Calls.
  UnknownFunction,
  Licence,
  SleepingHelper,
  SleepingKfunc,
  HelperArgument,
  KfuncArgument,
  HelperConstant,
  KfuncConstant,
  SizeArgument,
  MapArgument,
  ConstantString,
  UnterminatedString,
  DynptrSource,
  StaticCallback,
  CallbackNumber,
  CallbackResult,
  GlobalFunction,
  GlobalCall,
  ProgramResult,
  // Lifetimes.
  ReleaseArgument,
  Leak,
  Lock,
  Iterator,
  Dynptr,
  ForeignMemory,
  Arena,
  // Of strict verification only.
  ShownAddress,
  UnwrittenStack,
  StrictRange,
  TrustedHelper,
};

struct RuleRow {
  Rule rule;
  std::string_view name;    // "maybe-null"
  int code;                 // positive errno, as Linux's
  std::string_view remedy;  // what would satisfy it, where the refusal doesn't know better; {}: the register
};

// One row for each rule, in their order.
std::span<const RuleRow> rules();
const RuleRow& row(Rule rule);

}  // namespace ring3::bpf
