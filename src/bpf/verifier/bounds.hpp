// The signed and unsigned range of a number of one width (U is uint64_t or uint32_t), and how the two teach
// each other. A set of consecutive numbers, wrapping or not, is an arc of the circle of all 2^n values; both
// ranges are arcs, and so is the low half of a 64-bit range that spans less than 2^32.
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

#include "bpf/verifier/scalar.hpp"

namespace ring3::bpf {

template <typename U>
struct Bounds {
  using S = std::make_signed_t<U>;
  static constexpr U sign = U{1} << (sizeof(U) * 8 - 1);
  static constexpr U all = std::numeric_limits<U>::max();

  U umin = 0, umax = all;
  S smin = std::numeric_limits<S>::min(), smax = std::numeric_limits<S>::max();

  bool operator==(const Bounds&) const = default;
  bool is_empty() const { return umin > umax || smin > smax; }
  bool contains(U x) const {
    return umin <= x && x <= umax && smin <= static_cast<S>(x) && static_cast<S>(x) <= smax;
  }
  bool covers(const Bounds& inner) const {
    return umin <= inner.umin && inner.umax <= umax && smin <= inner.smin && inner.smax <= smax;
  }
  void meet(const Bounds& other) {
    if (other.umin > umin) umin = other.umin;
    if (other.umax < umax) umax = other.umax;
    if (other.smin > smin) smin = other.smin;
    if (other.smax < smax) smax = other.smax;
  }
  // The number is on the arc that starts at `first` and ends at `last`. False: there is none.
  bool meet_arc(U first, U last) {
    // Signed order is unsigned order with the sign bit flipped.
    U low = static_cast<U>(smin) ^ sign, high = static_cast<U>(smax) ^ sign;
    bool some = cut(umin, umax, first, last) && cut(low, high, first ^ sign, last ^ sign);
    smin = static_cast<S>(low ^ sign);
    smax = static_cast<S>(high ^ sign);
    return some;
  }
  // Each range learns from the other.
  bool meet_each_other() {
    return meet_arc(static_cast<U>(smin), static_cast<U>(smax)) && meet_arc(umin, umax);
  }

 private:
  static bool cut(U& low, U& high, U first, U last) {
    if (first <= last) {
      if (first > low) low = first;
      if (last < high) high = last;
    } else {  // The arc wraps: all but the gap between last and first.
      if (low > last && low < first) low = first;
      if (high > last && high < first) high = last;
    }
    return low <= high;
  }
};

inline Bounds<uint64_t> bounds64(const Scalar& s) { return {s.umin, s.umax, s.smin, s.smax}; }
inline Bounds<uint32_t> bounds32(const Scalar& s) { return {s.u32_min, s.u32_max, s.s32_min, s.s32_max}; }
inline void set_bounds(Scalar& s, const Bounds<uint64_t>& b) {
  s.umin = b.umin, s.umax = b.umax, s.smin = b.smin, s.smax = b.smax;
}
inline void set_bounds(Scalar& s, const Bounds<uint32_t>& b) {
  s.u32_min = b.umin, s.u32_max = b.umax, s.s32_min = b.smin, s.s32_max = b.smax;
}

}  // namespace ring3::bpf
