#include "bpf/verifier/rules.hpp"

#include <cerrno>
#include <cstddef>
#include <iterator>

namespace ring3::bpf {

namespace {
constexpr RuleRow ROWS[] = {
    {Rule::Malformed, "malformed", EINVAL, "Leave it to the compiler, which makes no such instruction."},
    {Rule::Unreachable, "unreachable", EINVAL, "Remove what no path leads to, or the jump around it."},
    {Rule::Recursion, "recursion", EINVAL,
     "Make it a loop: no function may call itself, not even through others."},
    {Rule::Relocation, "relocation", EINVAL,
     "Guard it with bpf_core_field_exists() or bpf_core_type_exists(), or do without it."},
    {Rule::Unsupported, "unsupported", ENOTSUP,
     "Do without it: docs/verifier.md lists what is not modelled."},
    {Rule::Hook, "hook", EINVAL, "Attach the program to a callback that takes it."},

    {Rule::EndlessLoop, "endless-loop", EINVAL,
     "Let each turn change what the loop's condition tests, or use bpf_for() or bpf_loop()."},
    {Rule::TooComplex, "too-complex", E2BIG,
     "Bound the loops by less, or let them run under bpf_for() or bpf_loop()."},
    {Rule::CallDepth, "call-depth", E2BIG, "Inline some of them (__always_inline)."},
    {Rule::StackDepth, "stack-depth", EACCES,
     "Move large variables into a map, or call the functions one after the other."},

    {Rule::Unset, "unset-register", EACCES,
     "Give {} a value on every path that leads here; over a call only r6 to r9 keep theirs."},
    {Rule::FramePointer, "frame-pointer", EACCES, "Copy r10 to another register, and change that."},
    {Rule::PointerArithmetic, "pointer-arithmetic", EACCES,
     "Only add numbers to pointers to memory, or subtract them, in 64 bits."},
    {Rule::PointerRange, "pointer-range", EINVAL,
     "Check the number, as an unsigned one, against the size of what the pointer points to before adding "
     "it."},

    {Rule::NotAPointer, "not-a-pointer", EACCES,
     "Take the address of a variable, or what a call returned, unchanged but for offsets."},
    {Rule::MaybeNull, "maybe-null", EACCES, "Compare {} with NULL before."},
    {Rule::Bounds, "out-of-bounds", EACCES, "Bound the offset by the size of what {} points to."},
    {Rule::Permission, "permission", EACCES,
     "Write to memory that is the program's, such as a variable or a map value."},
    {Rule::Misaligned, "misaligned", EACCES, "Use an address that is a multiple of the size of the access."},
    {Rule::Arguments, "program-arguments", EACCES,
     "Read each argument plainly and whole, at 8 times its number, as BPF_PROG() does."},
    {Rule::Object, "structure", EACCES, "Read a member of the structure by its name, through its type."},
    {Rule::AtomicTarget, "atomic-target", EACCES,
     "Use atomics on the stack, on map values, and on plain memory."},
    {Rule::StackBounds, "stack-bounds", EACCES,
     "Bound what is added to r10, or move large variables into a map."},
    {Rule::StackOverrun, "stack-overrun", EINVAL, "Pass a variable that is as large as what is accessed."},
    {Rule::PartialPointer, "partial-pointer", EACCES, "Store and load pointers whole: all 8 bytes of them."},
    {Rule::StackEscape, "stack-escape", EINVAL,
     "Let the caller own the variable, and pass its address to the function."},
    {Rule::SpecialSlot, "opaque-stack", EACCES, "Use it through the functions that are made for it."},

    {Rule::UnknownFunction, "unknown-function", EINVAL, "Use a function that docs/support.md lists."},
    {Rule::Licence, "licence", EINVAL, "Declare a licence compatible with the GPL in section `license`."},
    {Rule::SleepingHelper, "sleeping-helper", EINVAL, "Put the program in a section struct_ops.s/NAME."},
    {Rule::SleepingKfunc, "sleeping-kfunc", EACCES, "Put the program in a section struct_ops.s/NAME."},
    {Rule::HelperArgument, "helper-argument", EACCES, "Pass that in {}, unchanged but for offsets."},
    {Rule::KfuncArgument, "kfunc-argument", EINVAL, "Pass what the function's prototype says."},
    {Rule::HelperConstant, "constant-argument", EACCES,
     "Pass in {} a literal, or what is computed from const volatile globals."},
    {Rule::KfuncConstant, "kfunc-constant", EINVAL,
     "Pass in {} a literal, or what is computed from const volatile globals."},
    {Rule::SizeArgument, "size-argument", EACCES,
     "Check that {} is at most the size of the memory before the call."},
    {Rule::MapArgument, "map-argument", EINVAL, "Use a map of a type that the function works on."},
    {Rule::ConstantString, "constant-string", EACCES, "Pass a string literal."},
    {Rule::UnterminatedString, "unterminated-string", EINVAL, "Leave room for the NUL in the array."},
    {Rule::DynptrSource, "dynptr-source", EACCES, "Make it over a map value."},
    {Rule::StaticCallback, "static-callback", EINVAL, "Make the callback static."},
    {Rule::CallbackNumber, "callback-number", EACCES, "Return 0 or 1."},
    {Rule::CallbackResult, "callback-result", EINVAL, "Return 0 or 1."},
    {Rule::GlobalFunction, "global-function", EINVAL,
     "Make it static, or let it take up to five numbers and pointers to memory of known size, and return a "
     "number."},
    {Rule::GlobalCall, "global-call", EINVAL, "Pass what the function's prototype says, or make it static."},
    {Rule::ProgramResult, "program-result", EINVAL, "Return a number."},

    {Rule::ReleaseArgument, "release-argument", EINVAL, "Pass what was acquired, unchanged, and once."},
    {Rule::Leak, "leak", EINVAL, "Give it back on every path to the end, also on those that stop early."},
    {Rule::Lock, "lock", EINVAL,
     "Hold one lock at a time, call nothing while holding it, and drop it on every path to the end."},
    {Rule::Iterator, "iterator", EINVAL,
     "Make the iterator in a variable on the stack before using it, and destroy it once."},
    {Rule::Dynptr, "dynptr", EINVAL, "Make the dynptr in a variable on the stack before using it."},
    {Rule::ForeignMemory, "foreign-memory", EACCES,
     "Copy what {} points to to the stack or into a map before, with bpf_dynptr_read()."},
    {Rule::Arena, "arena", EINVAL,
     "Use one arena, and different instructions for pointers into it and for other pointers."},

    {Rule::ShownAddress, "shown-address", EACCES,
     "Strict verification keeps addresses from becoming numbers: use {} as a pointer only."},
    {Rule::UnwrittenStack, "unwritten-stack", EACCES,
     "Strict verification: give the variable a value on every path that leads here."},
    {Rule::StrictRange, "strict-range", EACCES,
     "Strict verification wants a pointer to stay inside what it points to, also when nothing is accessed "
     "through it: check the index, as an unsigned number, before adding it."},
    {Rule::TrustedHelper, "trusted-helper", EINVAL, "Do without it, or verify the program as one of trust."},
};

consteval bool in_order() {
  for (size_t i = 0; i < std::size(ROWS); ++i)
    if (static_cast<size_t>(ROWS[i].rule) != i) return false;
  return std::size(ROWS) == static_cast<size_t>(Rule::TrustedHelper) + 1;
}
static_assert(in_order(), "a row for each rule, in the order of the enumeration");
}  // namespace

std::span<const RuleRow> rules() { return ROWS; }
const RuleRow& row(Rule rule) { return ROWS[static_cast<size_t>(rule)]; }

}  // namespace ring3::bpf
