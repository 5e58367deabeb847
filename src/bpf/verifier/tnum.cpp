#include "bpf/verifier/tnum.hpp"

#include <bit>

namespace ring3::bpf {

namespace {
// Bits 0…n-1.
uint64_t low_bits(unsigned n) { return n >= 64 ? ~uint64_t{0} : (uint64_t{1} << n) - 1; }
Tnum with_unknown(uint64_t value, uint64_t unknown) { return {value & ~unknown, unknown}; }
}  // namespace

Tnum tnum_range(uint64_t low, uint64_t high) {
  return with_unknown(low, low_bits(std::bit_width(low ^ high)));
}

std::optional<Tnum> tnum_meet(Tnum a, Tnum b) {
  if ((a.value ^ b.value) & ~a.mask & ~b.mask) return std::nullopt;
  return with_unknown(a.value | b.value, a.mask & b.mask);
}

Tnum tnum_join(Tnum a, Tnum b) { return with_unknown(a.value, a.mask | b.mask | (a.value ^ b.value)); }

bool tnum_covers(Tnum outer, Tnum inner) {
  return !(inner.mask & ~outer.mask) && (inner.value & ~outer.mask) == outer.value;
}

// A bit of a sum is known if both operands' bits are, and the carry into it is. Carries only grow with the
// operands: those of the smallest and the largest sum agree where they agree in all sums between.
Tnum tnum_add(Tnum a, Tnum b) {
  uint64_t smallest = a.value + b.value, largest = tnum_max(a) + tnum_max(b);
  return with_unknown(smallest, (smallest ^ largest) | a.mask | b.mask);
}

Tnum tnum_sub(Tnum a, Tnum b) {
  uint64_t smallest = a.value - tnum_max(b), largest = tnum_max(a) - b.value;
  return with_unknown(a.value - b.value, (smallest ^ largest) | a.mask | b.mask);
}

namespace {
// Long multiplication; an unknown bit of `a` leaves open whether its row is added.
Tnum sum_of_rows(Tnum a, Tnum b) {
  Tnum sum = Tnum::constant(0);
  for (uint64_t rows = tnum_max(a); rows; rows &= rows - 1) {
    unsigned bit = std::countr_zero(rows);
    Tnum added = tnum_add(sum, {b.value << bit, b.mask << bit});
    sum = (a.mask >> bit & 1) ? tnum_join(sum, added) : added;
  }
  return sum;
}
}  // namespace

// Neither order of the factors is always better; what both say holds.
Tnum tnum_mul(Tnum a, Tnum b) {
  if (a.is_constant() && b.is_constant()) return Tnum::constant(a.value * b.value);
  Tnum one_way = sum_of_rows(a, b);
  return tnum_meet(one_way, sum_of_rows(b, a)).value_or(one_way);
}

Tnum tnum_and(Tnum a, Tnum b) {
  uint64_t ones = a.value & b.value, maybe = tnum_max(a) & tnum_max(b);
  return {ones, maybe & ~ones};
}

Tnum tnum_or(Tnum a, Tnum b) {
  uint64_t ones = a.value | b.value;
  return {ones, (a.mask | b.mask) & ~ones};
}

Tnum tnum_xor(Tnum a, Tnum b) { return with_unknown(a.value ^ b.value, a.mask | b.mask); }

Tnum tnum_lsh(Tnum a, unsigned low, unsigned high) {
  if (low == high) return {a.value << low, a.mask << low};
  if (!tnum_max(a)) return a;
  unsigned zeros = std::countr_zero(tnum_max(a)) + low;
  return {0, ~low_bits(zeros)};
}

Tnum tnum_rsh(Tnum a, unsigned low, unsigned high) {
  if (low == high) return {a.value >> low, a.mask >> low};
  return tnum_range(tnum_min(a) >> high, tnum_max(a) >> low);
}

Tnum tnum_arsh(Tnum a, unsigned amount, bool is64) {
  if (is64) {
    return {static_cast<uint64_t>(static_cast<int64_t>(a.value) >> amount),
            static_cast<uint64_t>(static_cast<int64_t>(a.mask) >> amount)};
  }
  return {static_cast<uint32_t>(static_cast<int32_t>(a.value) >> amount),
          static_cast<uint32_t>(static_cast<int32_t>(a.mask) >> amount)};
}

Tnum tnum_truncate(Tnum a, unsigned bytes) {
  return {a.value & low_bits(bytes * 8), a.mask & low_bits(bytes * 8)};
}

Tnum tnum_sign_extend(Tnum a, unsigned bytes) {
  unsigned unused = 64 - bytes * 8;
  return {static_cast<uint64_t>(static_cast<int64_t>(a.value << unused) >> unused),
          static_cast<uint64_t>(static_cast<int64_t>(a.mask << unused) >> unused)};
}

std::optional<uint64_t> tnum_next(Tnum a, uint64_t x) {
  uint64_t wrong = (x ^ a.value) & ~a.mask;
  if (!wrong) return x;
  unsigned highest = std::bit_width(wrong) - 1;
  if (!(a.value >> highest & 1)) {
    // A bit of x must be cleared, so the number has to grow further up: by the lowest unknown bit that is 0
    // in x.
    uint64_t room = a.mask & ~x & ~low_bits(highest + 1);
    if (!room) return std::nullopt;
    highest = std::countr_zero(room);
    return (x & ~low_bits(highest + 1)) | uint64_t{1} << highest | (a.value & low_bits(highest));
  }
  return (x & ~low_bits(highest + 1)) | (a.value & low_bits(highest + 1));
}

std::optional<uint64_t> tnum_previous(Tnum a, uint64_t x) {
  Tnum mirrored{~a.value & ~a.mask, a.mask};
  auto next = tnum_next(mirrored, ~x);
  if (!next) return std::nullopt;
  return ~*next;
}

}  // namespace ring3::bpf
