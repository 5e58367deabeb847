// Scalars as sets: construction, membership, union, and normalise(), which makes the five descriptions agree.
#include "bpf/verifier/scalar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "bpf/verifier/bounds.hpp"
#include "bpf/verifier/tnum.hpp"

namespace ring3::bpf {

namespace {

constexpr uint64_t low_half = UINT32_MAX;

// Raises `x` to the next number whose low half is on the arc first…last, in an order that starts at 0 and
// ends at `top` (signed order: with the sign bit flipped, which leaves the low half alone). False: there is
// none.
bool raise_to_arc(uint64_t& x, uint32_t first, uint32_t last) {
  uint32_t low = x;
  if (first <= last ? first <= low && low <= last : first <= low || low <= last) return true;
  if (low > last && first <= last) {
    if (x >> 32 == UINT32_MAX) return false;
    x += uint64_t{1} << 32;
  }
  x = (x & ~low_half) | first;
  return true;
}
bool lower_to_arc(uint64_t& x, uint32_t first, uint32_t last) {
  uint64_t mirrored = ~x;
  bool some = raise_to_arc(mirrored, ~last, ~first);
  x = ~mirrored;
  return some;
}

// The whole learns from its low half, which is on the arc first…last.
bool learn_from_low(Bounds<uint64_t>& whole, uint32_t first, uint32_t last) {
  constexpr uint64_t sign = Bounds<uint64_t>::sign;
  uint64_t low = static_cast<uint64_t>(whole.smin) ^ sign, high = static_cast<uint64_t>(whole.smax) ^ sign;
  if (!raise_to_arc(whole.umin, first, last) || !lower_to_arc(whole.umax, first, last)) return false;
  if (!raise_to_arc(low, first, last) || !lower_to_arc(high, first, last)) return false;
  whole.smin = static_cast<int64_t>(low ^ sign);
  whole.smax = static_cast<int64_t>(high ^ sign);
  return !whole.is_empty();
}

// The low half learns from a range of the whole that spans less than 2^32.
bool learn_from_whole(Bounds<uint32_t>& low, const Bounds<uint64_t>& whole) {
  if (whole.umax - whole.umin <= low_half && !low.meet_arc(whole.umin, whole.umax)) return false;
  uint64_t span = static_cast<uint64_t>(whole.smax) - static_cast<uint64_t>(whole.smin);
  return span > low_half || low.meet_arc(whole.smin, whole.smax);
}

// The ends of the ranges move inwards to numbers that the known bits allow.
bool learn_from_bits(Bounds<uint64_t>& whole, Tnum bits) {
  constexpr uint64_t sign = Bounds<uint64_t>::sign;
  auto first = tnum_next(bits, whole.umin), last = tnum_previous(bits, whole.umax);
  if (!first || !last) return false;
  Tnum flipped{bits.mask & sign ? bits.value : bits.value ^ sign, bits.mask};
  auto lowest = tnum_next(flipped, static_cast<uint64_t>(whole.smin) ^ sign);
  auto highest = tnum_previous(flipped, static_cast<uint64_t>(whole.smax) ^ sign);
  if (!lowest || !highest) return false;
  whole = {*first, *last, static_cast<int64_t>(*lowest ^ sign), static_cast<int64_t>(*highest ^ sign)};
  return !whole.is_empty();
}
bool learn_from_bits(Bounds<uint32_t>& low, Tnum bits) {
  constexpr uint32_t sign = Bounds<uint32_t>::sign;
  bits = tnum_truncate(bits, 4);
  auto first = tnum_next(bits, low.umin), last = tnum_previous(bits, low.umax);
  if (!first || !last) return false;
  Tnum flipped{bits.mask & sign ? bits.value : bits.value ^ sign, bits.mask};
  auto lowest = tnum_next(flipped, static_cast<uint32_t>(low.smin) ^ sign);
  auto highest = tnum_previous(flipped, static_cast<uint32_t>(low.smax) ^ sign);
  if (!lowest || !highest) return false;
  low = {static_cast<uint32_t>(*first), static_cast<uint32_t>(*last),
         static_cast<int32_t>(static_cast<uint32_t>(*lowest) ^ sign),
         static_cast<int32_t>(static_cast<uint32_t>(*highest) ^ sign)};
  return !low.is_empty();
}

bool bits_learn(Tnum& bits, const Bounds<uint64_t>& whole, const Bounds<uint32_t>& low) {
  auto met = tnum_meet(bits, tnum_range(whole.umin, whole.umax));
  if (!met) return false;
  Tnum of_low = tnum_range(low.umin, low.umax);
  of_low.mask |= ~low_half;
  of_low.value &= low_half;
  met = tnum_meet(*met, of_low);
  if (!met) return false;
  bits = *met;
  return true;
}

}  // namespace

Scalar Scalar::constant(uint64_t value) {
  Scalar s;
  s.bits = Tnum::constant(value);
  s.umin = s.umax = value;
  s.smin = s.smax = static_cast<int64_t>(value);
  s.u32_min = s.u32_max = static_cast<uint32_t>(value);
  s.s32_min = s.s32_max = static_cast<int32_t>(value);
  return s;
}

Scalar Scalar::range(uint64_t umin, uint64_t umax) {
  Scalar s;
  s.umin = umin;
  s.umax = umax;
  s.normalise();
  return s;
}

Scalar Scalar::of_size(unsigned bytes, bool sign_extended) {
  return scalar_truncate(unknown(), bytes, sign_extended);
}

bool Scalar::contains(uint64_t x) const {
  return bits.contains(x) && bounds64(*this).contains(x) && bounds32(*this).contains(x);
}

bool Scalar::covers(const Scalar& inner) const {
  return bounds64(*this).covers(bounds64(inner)) && bounds32(*this).covers(bounds32(inner)) &&
         tnum_covers(bits, inner.bits);
}

bool Scalar::normalise() {
  if (bits.is_constant()) {
    uint64_t value = bits.value;
    if (!contains(value)) return false;
    *this = constant(value);
    return true;
  }
  auto whole = bounds64(*this);
  auto low = bounds32(*this);
  for (;;) {
    auto whole_before = whole;
    auto low_before = low;
    auto bits_before = bits;
    if (!whole.meet_each_other() || !low.meet_each_other()) return false;
    if (!learn_from_bits(whole, bits) || !learn_from_bits(low, bits)) return false;
    if (!learn_from_whole(low, whole)) return false;
    if (!learn_from_low(whole, low.umin, low.umax) ||
        !learn_from_low(whole, static_cast<uint32_t>(low.smin), static_cast<uint32_t>(low.smax))) {
      return false;
    }
    if (!bits_learn(bits, whole, low)) return false;
    if (whole == whole_before && low == low_before && bits == bits_before) break;
  }
  set_bounds(*this, whole);
  set_bounds(*this, low);
  return true;
}

Scalar scalar_join(const Scalar& a, const Scalar& b) {
  Scalar s;
  s.bits = tnum_join(a.bits, b.bits);
  s.umin = std::min(a.umin, b.umin), s.umax = std::max(a.umax, b.umax);
  s.smin = std::min(a.smin, b.smin), s.smax = std::max(a.smax, b.smax);
  s.u32_min = std::min(a.u32_min, b.u32_min), s.u32_max = std::max(a.u32_max, b.u32_max);
  s.s32_min = std::min(a.s32_min, b.s32_min), s.s32_max = std::max(a.s32_max, b.s32_max);
  s.normalise();
  return s;
}

namespace {

// Small numbers in decimal, large ones in hexadecimal, as Linux's log has them.
bool in_decimal(int64_t number) { return INT16_MIN <= number && number <= INT16_MAX; }
std::string signed_text(int64_t number) {
  return in_decimal(number) ? fmt::format("{}", number) : fmt::format("{:#x}", static_cast<uint64_t>(number));
}

struct Limit {
  std::string_view name;
  int64_t value;
  bool trivial;  // says nothing
  bool is_negative() const { return name[0] == 's' && value < 0; }
  std::string text() const {
    if (name[0] == 's') return signed_text(value);
    auto number = static_cast<uint64_t>(value);
    return number <= UINT16_MAX ? fmt::format("{}", number) : fmt::format("{:#x}", number);
  }
};

int64_t shown(int32_t value) { return in_decimal(value) ? value : int64_t{static_cast<uint32_t>(value)}; }

}  // namespace

std::string Scalar::text() const {
  if (is_constant()) return signed_text(static_cast<int64_t>(value()));
  Limit limits[] = {
      {"smin", smin, smin == INT64_MIN},
      {"smax", smax, smax == INT64_MAX},
      {"umin", static_cast<int64_t>(umin), umin == 0},
      {"umax", static_cast<int64_t>(umax), umax == UINT64_MAX},
      {"smin32", shown(s32_min), s32_min == INT32_MIN},
      {"smax32", shown(s32_max), s32_max == INT32_MAX},
      {"umin32", u32_min, u32_min == 0},
      {"umax32", u32_max, u32_max == UINT32_MAX},
  };
  std::string out;
  for (Limit* limit = limits; limit != std::end(limits); limit++) {
    if (limit->trivial) continue;
    out += fmt::format("{}{}=", out.empty() ? "" : ",", limit->name);
    // Limits of the same side with the same number share it.
    for (Limit* other = limit + 2; other < std::end(limits); other += 2) {
      if (other->trivial || other->value != limit->value) continue;
      if (other->is_negative() != limit->is_negative()) continue;
      other->trivial = true;
      out += fmt::format("{}=", other->name);
    }
    out += limit->text();
  }
  if (bits.mask != UINT64_MAX) {
    out += fmt::format("{}var_off=({:#x}; {:#x})", out.empty() ? "" : ",", bits.value, bits.mask);
  }
  return fmt::format("scalar({})", out);
}

}  // namespace ring3::bpf
