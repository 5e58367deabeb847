// Tristate numbers: for each bit, whether it is known and what it is. Each operation returns the bits that
// are the same in all results; it may know less than there is to know, never more.
#pragma once

#include <cstdint>
#include <optional>

#include "bpf/verifier/scalar.hpp"

namespace ring3::bpf {

inline uint64_t tnum_min(Tnum a) { return a.value; }
inline uint64_t tnum_max(Tnum a) { return a.value | a.mask; }

// The bits that all numbers from `low` to `high` share: those above the highest in which the two differ.
Tnum tnum_range(uint64_t low, uint64_t high);
// What is known if both are true of the same number; nothing if they contradict each other.
std::optional<Tnum> tnum_meet(Tnum a, Tnum b);
Tnum tnum_join(Tnum a, Tnum b);
// Every member of `inner` is one of `outer`.
bool tnum_covers(Tnum outer, Tnum inner);

Tnum tnum_add(Tnum a, Tnum b);
Tnum tnum_sub(Tnum a, Tnum b);
Tnum tnum_mul(Tnum a, Tnum b);
Tnum tnum_and(Tnum a, Tnum b);
Tnum tnum_or(Tnum a, Tnum b);
Tnum tnum_xor(Tnum a, Tnum b);
// By any amount from `low` to `high`, both less than the width.
Tnum tnum_lsh(Tnum a, unsigned low, unsigned high);
Tnum tnum_rsh(Tnum a, unsigned low, unsigned high);
Tnum tnum_arsh(Tnum a, unsigned amount, bool is64);
// The low `bytes` bytes, upper ones zero.
Tnum tnum_truncate(Tnum a, unsigned bytes);
Tnum tnum_sign_extend(Tnum a, unsigned bytes);

// The smallest member that is not less than x; the largest that is not more.
std::optional<uint64_t> tnum_next(Tnum a, uint64_t x);
std::optional<uint64_t> tnum_previous(Tnum a, uint64_t x);

}  // namespace ring3::bpf
