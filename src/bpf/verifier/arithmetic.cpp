// ALU instructions: on numbers by the domain of scalar.hpp, on pointers by the few rules under which an
// offset stays known.
#include <fmt/format.h>

#include <cerrno>

#include "bpf/isa/disassemble.hpp"
#include "bpf/verifier/verifier.hpp"

namespace ring3::bpf {
using namespace abi;

namespace {
constexpr int64_t OFFSET_MAX = int64_t{1} << 29;  // of a pointer from its base, as Linux
}  // namespace

bool Verifier::alu(Insn insn) {
  const uint8_t op = insn_op(insn);
  if (op == BPF_MOV) return move(insn);
  if (op == BPF_NEG || op == BPF_END) return byte_swap_or_negate(insn);
  if (uses_register(insn) && !readable(insn.src)) return false;
  if (!readable(insn.dst) || !writable(insn.dst)) return false;
  const bool is64 = insn_class(insn) == BPF_ALU64;
  const Value dst = reg(insn.dst);
  const Value src =
      uses_register(insn) ? reg(insn.src) : Value::number(Scalar::constant(static_cast<int64_t>(insn.imm)));

  if (dst.kind == Kind::Arena || src.kind == Kind::Arena) return arena_arithmetic(insn);
  if (dst.is_pointer() && src.is_pointer()) {
    if (op == BPF_SUB && !options_.strict) return set(insn.dst, Value::unknown());
    return reject(Rule::PointerArithmetic, insn.dst,
                  fmt::format("R{} pointer {} pointer prohibited", +insn.dst, alu_operator(op)),
                  fmt::format("The other operand, r{}, is a pointer too.", +insn.src),
                  "Two pointers can only be subtracted from each other: add a number instead.");
  }
  if (dst.is_pointer() || src.is_pointer()) {
    const bool swapped = src.is_pointer();
    if (swapped || uses_register(insn)) need(swapped ? insn.dst : insn.src);
    // The low half of a difference is a number like any other.
    if (!is64 && op == BPF_SUB && !options_.strict) return set(insn.dst, Value::number(Scalar::of_size(4)));
    if (!is64)
      return reject(Rule::PointerArithmetic, insn.dst,
                    fmt::format("R{} 32-bit pointer arithmetic prohibited", +insn.dst),
                    "A pointer has 64 bits: arithmetic on its low half loses what it points to.");
    if (op != BPF_ADD && op != BPF_SUB) {
      const bool bitwise = op == BPF_AND || op == BPF_OR || op == BPF_XOR;
      return reject(Rule::PointerArithmetic, swapped ? insn.src : insn.dst,
                    fmt::format(fmt::runtime(bitwise ? "R{} bitwise operator {} on pointer prohibited"
                                                     : "R{} pointer arithmetic with {} operator prohibited"),
                                +insn.dst, alu_operator(op)),
                    "The result would point nowhere.");
    }
    if (swapped && op == BPF_SUB)
      return reject(Rule::PointerArithmetic, insn.src,
                    fmt::format("R{} tried to subtract pointer from scalar", +insn.dst),
                    "A number minus a pointer points nowhere.");
    return pointer_arithmetic(insn, swapped ? src : dst, swapped ? dst.scalar : src.scalar);
  }

  if (has_arena_) pointer_uses_[pc_] |= OfOther;
  if ((op == BPF_AND || op == BPF_OR) && src.is_constant() && !split_sign(insn)) return false;
  const Scalar& left = reg(insn.dst).scalar;
  Value result = Value::number(scalar_alu(op, is64, insn.off, left, src.scalar));
  if ((op == BPF_ADD || op == BPF_SUB) && src.is_constant()) keep_link(insn, dst, src, result);
  return set(insn.dst, result);
}

// x + constant stays linked to x: a bound found for one later is a bound for the other.
void Verifier::keep_link(Insn insn, const Value& x, const Value& constant, Value& sum) {
  const bool low = insn_class(insn) == BPF_ALU;
  if (x.id == 0 || (!low && x.low)) return;
  // With 32 bits, only if nothing of x is cut off.
  if (low && !x.low && (x.delta != 0 || x.scalar.umax > UINT32_MAX)) return;
  const auto step = static_cast<int64_t>(constant.scalar.value());
  if (!low && step != static_cast<int32_t>(step)) return;
  const int64_t change =
      insn_op(insn) == BPF_ADD ? static_cast<int32_t>(step) : -int64_t{static_cast<int32_t>(step)};
  const int64_t delta = x.delta + change;
  if (!low && delta != static_cast<int32_t>(delta)) return;
  sum.id = x.id;
  sum.delta = static_cast<int32_t>(delta);
  sum.low = low;
}

// `x s>>= 31; x &= C` is how compilers choose between 0 and C. 0 and -1 have nothing in common that the
// domain could describe, so each is followed on its own: 0 later, -1 now.
bool Verifier::split_sign(Insn insn) {
  const Scalar& dst = reg(insn.dst).scalar;
  const bool is64 = insn_class(insn) == BPF_ALU64;
  const bool sign = is64 ? dst.smin == -1 && dst.smax == 0
                         : dst.s32_min == -1 && dst.s32_max == 0 && dst.umax <= UINT32_MAX;
  if (!sign) return true;
  State zero = current_;
  zero.insn = pc_;
  zero.top().registers[insn.dst] = Value::number(Scalar::constant(0), pc_);
  if (!push_branch(std::move(zero))) return false;
  reg(insn.dst) = Value::number(Scalar::constant(is64 ? UINT64_MAX : UINT32_MAX), pc_);
  return true;
}

bool Verifier::byte_swap_or_negate(Insn insn) {
  if (!readable(insn.dst) || !writable(insn.dst)) return false;
  const Value& dst = reg(insn.dst);
  if (dst.is_pointer() && options_.strict)
    return reject(Rule::ShownAddress, insn.dst, fmt::format("R{} pointer arithmetic prohibited", +insn.dst),
                  "The result would show what the address is.");
  if (dst.is_pointer()) return set(insn.dst, Value::unknown());
  const bool is64 = insn_class(insn) == BPF_ALU64;
  const Scalar result = insn_op(insn) == BPF_NEG
                            ? scalar_neg(is64, dst.scalar)
                            : scalar_byte_swap(insn.imm, is64 || uses_register(insn), dst.scalar);
  return set(insn.dst, Value::number(result));
}

// Anything can be done to a pointer into an arena, or with one: it can't lead out.
bool Verifier::arena_arithmetic(Insn insn) {
  pointer_uses_[pc_] |= OfArena;
  return set(insn.dst, Value::pointer(Kind::Arena));
}

// Between what programs access and what they store and share; any number is a pointer into the arena.
bool Verifier::cast_address_space(Insn insn) {
  if (!has_arena_)
    return reject(Rule::Arena, insn.src,
                  "addr_space_cast insn can only be used in a program that has an associated arena",
                  "The program refers to no arena.", "Define a map of type BPF_MAP_TYPE_ARENA, and use it.");
  return set(insn.dst, insn.imm == 1 ? Value::pointer(Kind::Arena) : Value::unknown());
}

bool Verifier::move(Insn insn) {
  const bool is64 = insn_class(insn) == BPF_ALU64;
  if (!uses_register(insn)) {
    const auto imm = static_cast<int64_t>(insn.imm);
    return set(insn.dst, Value::number(Scalar::constant(is64 ? imm : static_cast<uint32_t>(imm))));
  }
  if (!readable(insn.src) || !writable(insn.dst)) return false;
  if (is64 && insn.off == 1) return cast_address_space(insn);
  Value& src = reg(insn.src);
  const bool plain = is64 && insn.off == 0;
  if (src.is_pointer()) {
    if (!plain && options_.strict)
      return reject(
          Rule::ShownAddress, insn.src,
          fmt::format("R{} {} of pointer", +insn.src, is64 ? "sign-extension part" : "partial copy"),
          "The copy would show a part of the address.");
    if (!plain) return set(insn.dst, Value::number(Scalar::of_size(is64 ? 8 : 4)));
    const uint32_t origin = src.origin;
    if (!set(insn.dst, src)) return false;
    reg(insn.dst).origin = origin;
    return true;
  }
  // A copy of a number stays linked to it while both have all of its bits.
  const bool whole = insn.off == 0 && (is64 || src.scalar.umax <= UINT32_MAX);
  if (whole) {
    if (src.id == 0 && !src.is_constant()) src.id = fresh_id();
    const Value copy = src;
    if (!set(insn.dst, copy)) return false;
    reg(insn.dst).origin = copy.origin;
    return true;
  }
  return set(insn.dst, Value::number(scalar_alu(BPF_MOV, is64, insn.off, reg(insn.dst).scalar, src.scalar)));
}

// Linux's limits on how far a pointer may be moved.
bool Verifier::sane_offset(unsigned at_fault, const Value& pointer, const Scalar& number, bool is_result) {
  const auto name = [&] { return kind_name(pointer); };
  std::string message;
  const auto value = static_cast<int64_t>(number.value());
  if (number.is_constant() && (value >= OFFSET_MAX || value <= -OFFSET_MAX))
    message = fmt::format("math between {} pointer and {} is not allowed", name(), value);
  else if (is_result && (pointer.offset >= OFFSET_MAX || pointer.offset <= -OFFSET_MAX))
    message = fmt::format("{} pointer offset {} is not allowed", name(), pointer.offset);
  else if (number.smin == INT64_MIN)
    message =
        fmt::format("math between {} pointer and register with unbounded min value is not allowed", name());
  else if (number.smin >= OFFSET_MAX || number.smin <= -OFFSET_MAX)
    message = fmt::format("value {} makes {} pointer be out of bounds", number.smin, name());
  else
    return true;
  return reject(Rule::PointerRange, at_fault, message,
                "It would take the pointer further than 512 MiB from what it points to, or nothing says that "
                "it doesn't.",
                check_before(at_fault, pointer, "adding it"));
}

bool Verifier::pointer_arithmetic(Insn insn, const Value& pointer, const Scalar& number) {
  const uint8_t op = insn_op(insn);
  const unsigned at_fault = reg(insn.dst).is_pointer() ? insn.dst : insn.src;
  if (pointer.or_null)
    return reject(Rule::MaybeNull, at_fault,
                  fmt::format("R{} pointer arithmetic on {} prohibited, null-check it first", +insn.dst,
                              kind_name(pointer)),
                  "It may be NULL.");
  const bool adds_nothing = number.is_constant() && number.value() == 0 && op == BPF_ADD;
  if (pointer.kind == Kind::Function || (pointer.kind == Kind::Map && !adds_nothing))
    return reject(Rule::PointerArithmetic, at_fault,
                  fmt::format("R{} pointer arithmetic on {} prohibited", +insn.dst, kind_name(pointer)),
                  "It names a thing, not memory: it can only be passed on.");
  const unsigned added = at_fault == insn.src ? insn.dst : uses_register(insn) ? insn.src : at_fault;
  if (!sane_offset(added, pointer, number, false)) return false;
  if (op == BPF_SUB && pointer.kind == Kind::Stack)
    return reject(Rule::PointerArithmetic, at_fault,
                  fmt::format("R{} subtraction from stack pointer prohibited", +insn.dst),
                  "Subtraction from a pointer to the stack is refused.", "Add a negative number instead.");

  Value result = pointer;
  const auto value = static_cast<int64_t>(number.value());
  const int64_t moved = op == BPF_ADD ? pointer.offset + value : pointer.offset - value;
  if (number.is_constant() && moved == static_cast<int32_t>(moved)) {
    result.offset = static_cast<int32_t>(moved);
  } else {
    result.scalar = scalar_alu(op, true, 0, pointer.scalar, number);
  }
  if (!sane_offset(added, result, result.scalar, true)) return false;
  if (options_.strict && !stays_inside(insn.dst, added, result, number)) return false;
  return set(insn.dst, result);
}

// Strict: a pointer that was moved still points into what it pointed into, at every offset that it may have.
bool Verifier::stays_inside(unsigned r, unsigned added, const Value& pointer, const Scalar& number) {
  if (!number.is_constant() && (number.smin < 0) != (number.smax < 0))
    return reject(Rule::StrictRange, added,
                  fmt::format("R{} has unknown scalar with mixed signed bounds, pointer arithmetic with it "
                              "prohibited for !root",
                              added),
                  "It is added to a pointer, and may be positive or negative.");
  const int64_t low = pointer.offset + pointer.scalar.smin, high = pointer.offset + pointer.scalar.smax;
  std::string message;
  if (pointer.kind == Kind::Stack) {
    if (!pointer.has_constant_offset())
      message = fmt::format("R{} variable stack access prohibited for !root, var_off=({:#x}; {:#x}) off={}",
                            r, pointer.scalar.bits.value, pointer.scalar.bits.mask, pointer.offset);
    else if (low < -BPF_STACK_BYTES || low >= 0)
      message = fmt::format("R{} stack pointer arithmetic goes out of range, prohibited for !root", r);
  } else if (pointer.kind == Kind::MapValue || pointer.kind == Kind::Memory) {
    const bool map = pointer.kind == Kind::MapValue;
    const int64_t size = map ? program_->maps[pointer.index]->definition().value_size : pointer.size;
    if (low < 0 || high >= size)
      message = fmt::format("R{} pointer arithmetic of {} goes out of range, prohibited for !root", r,
                            map ? "map value" : "memory");
  }
  if (message.empty()) return true;
  return reject(Rule::StrictRange, added, message, "It may take the pointer out of what it points to.");
}

}  // namespace ring3::bpf
