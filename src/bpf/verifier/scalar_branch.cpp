// What a conditional jump says about its operands. Every comparison comes down to a few relations that hold.
#include <algorithm>
#include <bit>

#include "abi/bpf.hpp"
#include "bpf/verifier/bounds.hpp"
#include "bpf/verifier/scalar.hpp"
#include "bpf/verifier/tnum.hpp"

namespace ring3::bpf {

namespace {

enum class Relation : uint8_t {
  Equal,
  Different,
  Below,
  BelowOrEqual,
  Less,
  LessOrEqual,
  CommonBit,
  NoCommonBit
};

struct Condition {
  Relation relation;
  bool swapped;  // of (src, dst)
};

// The relation that holds if the jump is taken, or if it isn't. Below is unsigned, less is signed.
Condition condition(uint8_t op, bool taken) {
  switch (op) {
    case abi::BPF_JEQ:
      return {taken ? Relation::Equal : Relation::Different, false};
    case abi::BPF_JNE:
      return {taken ? Relation::Different : Relation::Equal, false};
    case abi::BPF_JSET:
      return {taken ? Relation::CommonBit : Relation::NoCommonBit, false};
    case abi::BPF_JLT:
      return taken ? Condition{Relation::Below, false} : Condition{Relation::BelowOrEqual, true};
    case abi::BPF_JGE:
      return taken ? Condition{Relation::BelowOrEqual, true} : Condition{Relation::Below, false};
    case abi::BPF_JGT:
      return taken ? Condition{Relation::Below, true} : Condition{Relation::BelowOrEqual, false};
    case abi::BPF_JLE:
      return taken ? Condition{Relation::BelowOrEqual, false} : Condition{Relation::Below, true};
    case abi::BPF_JSLT:
      return taken ? Condition{Relation::Less, false} : Condition{Relation::LessOrEqual, true};
    case abi::BPF_JSGE:
      return taken ? Condition{Relation::LessOrEqual, true} : Condition{Relation::Less, false};
    case abi::BPF_JSGT:
      return taken ? Condition{Relation::Less, true} : Condition{Relation::LessOrEqual, false};
    default:  // BPF_JSLE
      return taken ? Condition{Relation::LessOrEqual, false} : Condition{Relation::Less, true};
  }
}

// An operand at the width of the comparison.
template <typename U>
struct Operand {
  Bounds<U> bounds;
  Tnum bits;

  static constexpr unsigned bytes = sizeof(U);
  explicit Operand(const Scalar& s) : bits(tnum_truncate(s.bits, bytes)) {
    if constexpr (bytes == 8) {
      bounds = bounds64(s);
    } else {
      bounds = bounds32(s);
    }
  }
  // `s` with what was learned here. False: no such number.
  bool apply(Scalar& s) const {
    if (bounds.is_empty()) return false;
    set_bounds(s, bounds);
    Tnum all = bits;
    if (bytes == 4) all.mask |= ~uint64_t{UINT32_MAX};
    auto met = tnum_meet(s.bits, all);
    if (!met) return false;
    s.bits = *met;
    return s.normalise();
  }
  void know_bits(uint64_t mask, bool ones) {
    bits.value = ones ? bits.value | mask : bits.value & ~mask;
    bits.mask &= ~mask;
  }
  bool is_constant() const { return bits.is_constant(); }
  // It is not `x`: moves the ends that are.
  bool exclude(U x) {
    using S = typename Bounds<U>::S;
    if (bounds.umin == bounds.umax || bounds.smin == bounds.smax) return !bounds.contains(x);
    if (bounds.umin == x) bounds.umin++;
    if (bounds.umax == x) bounds.umax--;
    if (bounds.smin == static_cast<S>(x)) bounds.smin++;
    if (bounds.smax == static_cast<S>(x)) bounds.smax--;
    return true;
  }
};

// a and b are the same number, in all of their bits or in the low half.
bool assume_equal(bool is64, Scalar& a, Scalar& b) {
  Operand<uint32_t> left(a), right(b);
  auto bits = tnum_meet(left.bits, right.bits);
  if (!bits) return false;
  left.bounds.meet(right.bounds);
  left.bits = *bits;
  if (!is64) return left.apply(a) && left.apply(b);
  auto all_bits = tnum_meet(a.bits, b.bits);
  if (!all_bits) return false;
  auto whole = bounds64(a);
  whole.meet(bounds64(b));
  if (whole.is_empty()) return false;
  set_bounds(a, whole);
  a.bits = *all_bits;
  if (!left.apply(a)) return false;
  b = a;
  return true;
}

template <typename U>
bool assume_different(Operand<U>& a, Operand<U>& b) {
  if (b.is_constant()) return a.exclude(static_cast<U>(b.bits.value));
  if (a.is_constant()) return b.exclude(static_cast<U>(a.bits.value));
  return true;
}

// low < high, or low <= high: each end is a limit for the other operand.
template <typename T>
bool assume_ordered(T& low_min, T& low_max, T& high_min, T& high_max, bool or_equal) {
  if (or_equal) {
    low_max = std::min(low_max, high_max);
    high_min = std::max(high_min, low_min);
    return low_min <= low_max && high_min <= high_max;
  }
  if (low_min >= high_max) return false;
  low_max = std::min<T>(low_max, high_max - 1);
  high_min = std::max<T>(high_min, low_min + 1);
  return true;
}

template <typename U>
bool assume_common_bit(Operand<U>& a, Operand<U>& b) {
  uint64_t candidates = tnum_max(a.bits) & tnum_max(b.bits);
  if (!candidates) return false;
  U least = U{1} << std::countr_zero(candidates);
  for (auto* operand : {&a, &b}) {
    if (std::has_single_bit(candidates)) operand->know_bits(candidates, true);
    operand->bounds.umin = std::max(operand->bounds.umin, least);
  }
  return true;
}

template <typename U>
bool assume_no_common_bit(Operand<U>& a, Operand<U>& b) {
  if (a.bits.value & b.bits.value) return false;
  a.know_bits(b.bits.value, false);
  b.know_bits(a.bits.value, false);
  return true;
}

template <typename U>
bool assume(Relation relation, Operand<U>& a, Operand<U>& b) {
  switch (relation) {
    case Relation::Different:
      return assume_different(a, b);
    case Relation::Below:
    case Relation::BelowOrEqual:
      return assume_ordered(a.bounds.umin, a.bounds.umax, b.bounds.umin, b.bounds.umax,
                            relation == Relation::BelowOrEqual);
    case Relation::Less:
    case Relation::LessOrEqual:
      return assume_ordered(a.bounds.smin, a.bounds.smax, b.bounds.smin, b.bounds.smax,
                            relation == Relation::LessOrEqual);
    case Relation::CommonBit:
      return assume_common_bit(a, b);
    default:
      return assume_no_common_bit(a, b);
  }
}

template <typename U>
bool refine(Relation relation, Scalar& a, Scalar& b) {
  if (relation == Relation::Equal) return assume_equal(sizeof(U) == 8, a, b);
  Operand<U> left(a), right(b);
  if (!assume(relation, left, right)) return false;
  return left.apply(a) && right.apply(b);
}

}  // namespace

std::optional<std::pair<Scalar, Scalar>> scalar_assume(uint8_t op, bool is64, bool taken, const Scalar& dst,
                                                       const Scalar& src) {
  auto [relation, swapped] = condition(op, taken);
  std::pair<Scalar, Scalar> both{dst, src};
  Scalar& a = swapped ? both.second : both.first;
  Scalar& b = swapped ? both.first : both.second;
  if (!(is64 ? refine<uint64_t>(relation, a, b) : refine<uint32_t>(relation, a, b))) return std::nullopt;
  return both;
}

std::optional<bool> scalar_decide(uint8_t op, bool is64, const Scalar& dst, const Scalar& src) {
  if (!scalar_assume(op, is64, true, dst, src)) return false;
  if (!scalar_assume(op, is64, false, dst, src)) return true;
  return std::nullopt;
}

}  // namespace ring3::bpf
