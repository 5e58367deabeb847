// Arithmetic on Scalars: known bits and ranges are computed each on their own, then normalised against each
// other.
#include <algorithm>
#include <bit>
#include <limits>
#include <tuple>

#include "abi/bpf.hpp"
#include "bpf/verifier/bounds.hpp"
#include "bpf/verifier/scalar.hpp"
#include "bpf/verifier/tnum.hpp"

namespace ring3::bpf {

namespace {

// Amounts of a shift, after the mask that BPF applies.
struct Amounts {
  unsigned low, high;
  bool fixed() const { return low == high; }
};

template <typename U>
Bounds<U> single(U value) {
  using S = std::make_signed_t<U>;
  return {value, value, static_cast<S>(value), static_cast<S>(value)};
}

// -1, 0 or 1: which way a + b (subtract: a - b) leaves the signed range.
template <typename S>
int overflow_direction(S a, S b, bool subtract, S& result) {
  bool overflows = subtract ? __builtin_sub_overflow(a, b, &result) : __builtin_add_overflow(a, b, &result);
  if (!overflows) return 0;
  return a < 0 ? -1 : 1;
}

// Sums wrap. A range survives if all of it wraps, or none.
template <typename U>
Bounds<U> add(const Bounds<U>& a, const Bounds<U>& b) {
  Bounds<U> out, sum;
  bool low_wraps = __builtin_add_overflow(a.umin, b.umin, &sum.umin);
  bool high_wraps = __builtin_add_overflow(a.umax, b.umax, &sum.umax);
  if (low_wraps == high_wraps) out.umin = sum.umin, out.umax = sum.umax;
  if (overflow_direction(a.smin, b.smin, false, sum.smin) ==
      overflow_direction(a.smax, b.smax, false, sum.smax)) {
    out.smin = sum.smin, out.smax = sum.smax;
  }
  return out;
}

template <typename U>
Bounds<U> sub(const Bounds<U>& a, const Bounds<U>& b) {
  Bounds<U> out, difference;
  bool low_wraps = __builtin_sub_overflow(a.umin, b.umax, &difference.umin);
  bool high_wraps = __builtin_sub_overflow(a.umax, b.umin, &difference.umax);
  if (low_wraps == high_wraps) out.umin = difference.umin, out.umax = difference.umax;
  if (overflow_direction(a.smin, b.smax, true, difference.smin) ==
      overflow_direction(a.smax, b.smin, true, difference.smax)) {
    out.smin = difference.smin, out.smax = difference.smax;
  }
  return out;
}

template <typename U>
Bounds<U> mul(const Bounds<U>& a, const Bounds<U>& b) {
  using S = typename Bounds<U>::S;
  Bounds<U> out;
  U low, high;
  if (!__builtin_mul_overflow(a.umax, b.umax, &high)) {
    low = a.umin * b.umin;
    out.umin = low, out.umax = high;
  }
  S corners[4];
  if (!__builtin_mul_overflow(a.smin, b.smin, &corners[0]) &&
      !__builtin_mul_overflow(a.smin, b.smax, &corners[1]) &&
      !__builtin_mul_overflow(a.smax, b.smin, &corners[2]) &&
      !__builtin_mul_overflow(a.smax, b.smax, &corners[3])) {
    std::tie(out.smin, out.smax) = std::minmax({corners[0], corners[1], corners[2], corners[3]});
  }
  return out;
}

// The smallest 2^k - 1 that is not less than x; for negative x, the mirror image: the smallest range of
// sign-extended numbers around 0 and -1 that holds x.
template <typename S>
S fill_right(S x) {
  using U = std::make_unsigned_t<S>;
  unsigned width = std::bit_width(static_cast<U>(x < 0 ? ~x : x));
  return static_cast<S>(width == 0 ? 0 : static_cast<U>(~U{0}) >> (sizeof(U) * 8 - width));
}

template <typename U>
Bounds<U> bit_and(const Bounds<U>& a, const Bounds<U>& b) {
  Bounds<U> out;
  out.umax = std::min(a.umax, b.umax);
  out.smin = a.smin >= 0 || b.smin >= 0 ? 0 : ~fill_right(std::min(a.smin, b.smin));
  out.smax = std::max(a.smax, b.smax);  // both negative or not: the smaller one; mixed: the other one
  return out;
}

template <typename U>
Bounds<U> bit_or(const Bounds<U>& a, const Bounds<U>& b) {
  Bounds<U> out;
  out.umin = std::max(a.umin, b.umin);
  out.smin = std::min(a.smin, b.smin);
  out.smax = a.smax < 0 || b.smax < 0 ? -1 : fill_right(std::max(a.smax, b.smax));
  return out;
}

template <typename U>
Bounds<U> bit_xor(const Bounds<U>& a, const Bounds<U>& b) {
  Bounds<U> out;
  auto widest = std::max({fill_right(a.smin), fill_right(a.smax), fill_right(b.smin), fill_right(b.smax)});
  out.smin = ~widest, out.smax = widest;
  return out;
}

template <typename U>
Bounds<U> lsh(const Bounds<U>& a, Amounts by) {
  using S = typename Bounds<U>::S;
  Bounds<U> out;
  if (a.umax <= Bounds<U>::all >> by.high) out.umin = a.umin << by.low, out.umax = a.umax << by.high;
  auto fits = [&](S x) { return static_cast<S>(static_cast<U>(x) << by.high) >> by.high == x; };
  auto shifted = [&](S x, bool far) { return static_cast<S>(static_cast<U>(x) << (far ? by.high : by.low)); };
  if (fits(a.smin) && fits(a.smax)) {
    out.smin = shifted(a.smin, a.smin < 0);
    out.smax = shifted(a.smax, a.smax >= 0);
  }
  return out;
}

template <typename U>
Bounds<U> rsh(const Bounds<U>& a, Amounts by) {
  Bounds<U> out;
  out.umin = a.umin >> by.high, out.umax = a.umax >> by.low;
  return out;
}

template <typename U>
Bounds<U> arsh(const Bounds<U>& a, Amounts by) {
  Bounds<U> out;
  out.smin = a.smin >> (a.smin < 0 ? by.low : by.high);
  out.smax = a.smax >> (a.smax < 0 ? by.high : by.low);
  return out;
}

// Division by zero gives 0, and modulo zero leaves the dividend.
template <typename U>
Bounds<U> divide_unsigned(const Bounds<U>& a, const Bounds<U>& b) {
  Bounds<U> out;
  out.umin = b.umin == 0 ? 0 : a.umin / b.umax;
  out.umax = b.umax == 0 ? 0 : a.umax / std::max<U>(b.umin, 1);
  return out;
}
template <typename U>
Bounds<U> modulo_unsigned(const Bounds<U>& a, const Bounds<U>& b) {
  if (b.umax == 0 || a.umax < b.umin) return a;
  if (a.umin == a.umax && b.umin == b.umax) return single<U>(a.umin % b.umin);
  Bounds<U> out;
  out.umax = b.umin == 0 ? a.umax : std::min<U>(a.umax, b.umax - 1);
  return out;
}

// The most negative number divided by -1 is itself.
template <typename U>
Bounds<U> divide_signed(const Bounds<U>& a, const Bounds<U>& b) {
  using S = typename Bounds<U>::S;
  constexpr S lowest = std::numeric_limits<S>::min();
  if (a.smin == lowest && b.smin <= -1 && b.smax >= -1) {
    return a.smax == lowest && b.smin == b.smax ? a : Bounds<U>{};
  }
  Bounds<U> out;
  out.smin = out.smax = 0;
  bool first = b.smin > 0 || b.smax < 0;  // without zero among the divisors, 0 need not be a quotient
  auto corner = [&](S divisor) {
    for (S dividend : {a.smin, a.smax}) {
      S quotient = dividend / divisor;
      out.smin = first ? quotient : std::min(out.smin, quotient);
      out.smax = first ? quotient : std::max(out.smax, quotient);
      first = false;
    }
  };
  // A quotient is monotonic in each operand as long as the divisor keeps its sign.
  if (b.smin < 0) corner(b.smin), corner(std::min<S>(b.smax, -1));
  if (b.smax > 0) corner(b.smax), corner(std::max<S>(b.smin, 1));
  return out;
}
// The sign is the dividend's.
template <typename U>
Bounds<U> modulo_signed(const Bounds<U>& a, const Bounds<U>& b) {
  using S = typename Bounds<U>::S;
  Bounds<U> out;
  out.smin = std::min<S>(a.smin, 0), out.smax = std::max<S>(a.smax, 0);
  if (b.smin <= 0 && b.smax >= 0) return b.smin == b.smax ? a : out;
  if (a.smin == a.smax && b.smin == b.smax) return single<U>(b.smin == -1 ? 0 : a.smin % b.smin);
  // At most one less than the largest divisor, taken without its sign; ~x is -x - 1.
  S most = b.smin > 0 ? static_cast<S>(b.smax - 1) : static_cast<S>(~b.smin);
  out.smin = std::max<S>(out.smin, static_cast<S>(-most));
  out.smax = std::min<S>(out.smax, most);
  return out;
}

template <typename U>
Bounds<U> divide(bool is_modulo, bool is_signed, const Bounds<U>& a, const Bounds<U>& b) {
  if (is_signed) return is_modulo ? modulo_signed(a, b) : divide_signed(a, b);
  return is_modulo ? modulo_unsigned(a, b) : divide_unsigned(a, b);
}

template <typename U>
Bounds<U> arithmetic(uint8_t op, const Bounds<U>& a, const Bounds<U>& b) {
  switch (op) {
    case abi::BPF_ADD:
      return add(a, b);
    case abi::BPF_SUB:
      return sub(a, b);
    case abi::BPF_MUL:
      return mul(a, b);
    case abi::BPF_AND:
      return bit_and(a, b);
    case abi::BPF_OR:
      return bit_or(a, b);
    case abi::BPF_XOR:
      return bit_xor(a, b);
    default:
      return {};
  }
}

Tnum arithmetic(uint8_t op, Tnum a, Tnum b) {
  switch (op) {
    case abi::BPF_ADD:
      return tnum_add(a, b);
    case abi::BPF_SUB:
      return tnum_sub(a, b);
    case abi::BPF_MUL:
      return tnum_mul(a, b);
    case abi::BPF_AND:
      return tnum_and(a, b);
    case abi::BPF_OR:
      return tnum_or(a, b);
    case abi::BPF_XOR:
      return tnum_xor(a, b);
    default:
      return {};
  }
}

Amounts shift_amounts(bool is64, const Scalar& src) {
  unsigned most = is64 ? 63 : 31;
  Tnum masked = tnum_and(src.bits, Tnum::constant(most));
  Amounts by{static_cast<unsigned>(tnum_min(masked)), static_cast<unsigned>(tnum_max(masked))};
  uint64_t low = is64 ? src.umin : src.u32_min, high = is64 ? src.umax : src.u32_max;
  if (high <= most) {
    by.low = std::max(by.low, static_cast<unsigned>(low));
    by.high = std::min(by.high, static_cast<unsigned>(high));
  }
  return by;
}

template <typename U>
Bounds<U> shift(uint8_t op, const Bounds<U>& a, Amounts by) {
  if (op == abi::BPF_LSH) return lsh(a, by);
  return op == abi::BPF_RSH ? rsh(a, by) : arsh(a, by);
}

Tnum shift(uint8_t op, bool is64, Tnum a, Amounts by) {
  if (op == abi::BPF_LSH) return tnum_lsh(a, by.low, by.high);
  if (op == abi::BPF_RSH) return tnum_rsh(a, by.low, by.high);
  return by.fixed() ? tnum_arsh(a, by.low, is64) : Tnum{};
}

bool is_shift(uint8_t op) { return op == abi::BPF_LSH || op == abi::BPF_RSH || op == abi::BPF_ARSH; }
bool is_division(uint8_t op) { return op == abi::BPF_DIV || op == abi::BPF_MOD; }

// A number whose upper half is zero, from what is known of its low half.
Scalar zero_extended(Tnum bits, const Bounds<uint32_t>& low) {
  Scalar out;
  out.bits = tnum_truncate(bits, 4);
  set_bounds(out, low);
  out.normalise();
  return out;
}

Scalar alu32(uint8_t op, bool is_signed, const Scalar& dst, const Scalar& src) {
  auto a = bounds32(dst), b = bounds32(src);
  Tnum a_bits = tnum_truncate(dst.bits, 4), b_bits = tnum_truncate(src.bits, 4);
  if (is_shift(op)) {
    Amounts by = shift_amounts(false, src);
    return zero_extended(shift(op, false, a_bits, by), shift(op, a, by));
  }
  if (is_division(op)) {
    return zero_extended({}, divide(op == abi::BPF_MOD, is_signed, a, b));
  }
  return zero_extended(arithmetic(op, a_bits, b_bits), arithmetic(op, a, b));
}

Scalar alu64(uint8_t op, bool is_signed, const Scalar& dst, const Scalar& src) {
  auto a = bounds64(dst), b = bounds64(src);
  Scalar out;
  if (is_shift(op)) {
    Amounts by = shift_amounts(true, src);
    auto whole = shift(op, a, by);
    if (op == abi::BPF_LSH && by.low >= 32) {
      // Only the low half is left of the operand, so that it may be taken for sign-extended.
      Bounds<uint64_t> low{dst.u32_min, dst.u32_max, dst.s32_min, dst.s32_max};
      whole.meet(lsh(low, by));
    }
    set_bounds(out, whole);
    if (op == abi::BPF_LSH && by.high < 32) set_bounds(out, lsh(bounds32(dst), by));
    out.bits = shift(op, true, dst.bits, by);
  } else if (is_division(op)) {
    set_bounds(out, divide(op == abi::BPF_MOD, is_signed, a, b));
  } else {
    set_bounds(out, arithmetic(op, a, b));
    set_bounds(out, arithmetic(op, bounds32(dst), bounds32(src)));
    out.bits = arithmetic(op, dst.bits, src.bits);
  }
  out.normalise();
  return out;
}

}  // namespace

Scalar scalar_alu(uint8_t op, bool is64, int16_t offset, const Scalar& dst, const Scalar& src) {
  if (op == abi::BPF_MOV) {
    Scalar moved = offset == 0 ? src : scalar_truncate(src, static_cast<unsigned>(offset) / 8, true);
    return is64 ? moved : scalar_truncate(moved, 4, false);
  }
  return is64 ? alu64(op, offset == 1, dst, src) : alu32(op, offset == 1, dst, src);
}

Scalar scalar_neg(bool is64, const Scalar& dst) {
  return scalar_alu(abi::BPF_SUB, is64, 0, Scalar::constant(0), dst);
}

Scalar scalar_byte_swap(unsigned bits, bool swap, const Scalar& dst) {
  Scalar low = scalar_truncate(dst, bits / 8, false);
  if (!swap) return low;
  Scalar out;
  out.bits = {__builtin_bswap64(low.bits.value) >> (64 - bits),
              __builtin_bswap64(low.bits.mask) >> (64 - bits)};
  out.normalise();
  return out;
}

Scalar scalar_truncate(const Scalar& value, unsigned bytes, bool sign_extend) {
  if (bytes == 8) return value;
  Scalar out;
  unsigned unused = 64 - bytes * 8;
  auto cut = [&](uint64_t x) {
    return sign_extend ? static_cast<uint64_t>(static_cast<int64_t>(x << unused) >> unused)
                       : x << unused >> unused;
  };
  out.bits = sign_extend ? tnum_sign_extend(value.bits, bytes) : tnum_truncate(value.bits, bytes);
  auto whole = bounds64(out);
  if (sign_extend) whole.smin = INT64_MIN >> unused, whole.smax = INT64_MAX >> unused;
  // The low bytes of a range that is shorter than a lap of them are an arc, and cutting keeps their order.
  auto learn = [&](uint64_t first, uint64_t last) {
    if ((last - first) >> (64 - unused) != 0) return;
    uint64_t low = cut(first), high = cut(last);
    if (sign_extend && static_cast<int64_t>(low) <= static_cast<int64_t>(high)) {
      whole.smin = std::max(whole.smin, static_cast<int64_t>(low));
      whole.smax = std::min(whole.smax, static_cast<int64_t>(high));
    } else if (!sign_extend && low <= high) {
      whole.umin = std::max(whole.umin, low);
      whole.umax = std::min(whole.umax, high);
    }
  };
  learn(value.umin, value.umax);
  learn(static_cast<uint64_t>(value.smin), static_cast<uint64_t>(value.smax));
  learn(value.u32_min, value.u32_max);
  learn(static_cast<uint64_t>(int64_t{value.s32_min}), static_cast<uint64_t>(int64_t{value.s32_max}));
  set_bounds(out, whole);
  if (bytes == 4) set_bounds(out, bounds32(value));
  out.normalise();
  return out;
}

}  // namespace ring3::bpf
