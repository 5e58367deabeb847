// What is known of a number: the verifier's domain. A Scalar stands for a set of 64-bit values, described by
// known bits (a tristate number) and by signed and unsigned ranges of the whole and of the low 32 bits. Pure
// functions over sets: each result holds every value that the operation can give for members of its operands
// (soundness), and is as small as Linux's verifier makes it (so that what Linux accepts is accepted).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace ring3::bpf {

// Bits that are known (mask 0: as in value) and unknown (mask 1; value is 0 there).
struct Tnum {
  uint64_t value = 0;
  uint64_t mask = ~uint64_t{0};

  static Tnum constant(uint64_t value) { return {value, 0}; }
  bool is_constant() const { return mask == 0; }
  bool contains(uint64_t x) const { return (x & ~mask) == value; }
  bool operator==(const Tnum&) const = default;
};

struct Scalar {
  Tnum bits;
  int64_t smin = INT64_MIN, smax = INT64_MAX;
  uint64_t umin = 0, umax = UINT64_MAX;
  int32_t s32_min = INT32_MIN, s32_max = INT32_MAX;
  uint32_t u32_min = 0, u32_max = UINT32_MAX;

  static Scalar unknown() { return {}; }
  static Scalar constant(uint64_t value);
  static Scalar range(uint64_t umin, uint64_t umax);  // unsigned, inclusive
  // Any value of `bytes` bytes, zero- or sign-extended to 64 bits.
  static Scalar of_size(unsigned bytes, bool sign_extended = false);

  bool is_constant() const { return bits.is_constant(); }
  uint64_t value() const { return bits.value; }  // if constant
  bool contains(uint64_t x) const;
  // Every member of `inner` is a member of this.
  bool covers(const Scalar& inner) const;
  // Draws conclusions from each description to the others until nothing changes. False: the set is empty.
  bool normalise();
  bool operator==(const Scalar&) const = default;
  // As Linux's log spells it: "R1=scalar(smin=0,smax=umax=255,var_off=(0x0; 0xff))" without the "R1=".
  std::string text() const;
};

// dst = dst op src. `op` is insn_op() of an ALU instruction (BPF_ADD … BPF_ARSH, BPF_MOV), `offset` the
// instruction's off (1: signed division or modulo; 8, 16, 32: sign-extending move). !is64: on the low halves,
// upper half zeroed. Division and shifts obey BPF's rules for zero and oversized operands.
Scalar scalar_alu(uint8_t op, bool is64, int16_t offset, const Scalar& dst, const Scalar& src);
// BPF_NEG, and BPF_END with `bits` 16, 32, 64 (swap: unconditional bswap or to big endian; else truncation).
Scalar scalar_neg(bool is64, const Scalar& dst);
Scalar scalar_byte_swap(unsigned bits, bool swap, const Scalar& dst);
// The low `bytes` bytes of it, zero- or sign-extended: a narrow load of a spilled value.
Scalar scalar_truncate(const Scalar& value, unsigned bytes, bool sign_extend);
// The union, or more: what holds of both.
Scalar scalar_join(const Scalar& a, const Scalar& b);

// Conditional jumps. `op` is insn_op() of a jump (BPF_JEQ …, BPF_JSET).
// Which way it must go, if that is known.
std::optional<bool> scalar_decide(uint8_t op, bool is64, const Scalar& dst, const Scalar& src);
// What is known of both operands once it went that way; nothing if it can't.
std::optional<std::pair<Scalar, Scalar>> scalar_assume(uint8_t op, bool is64, bool taken, const Scalar& dst,
                                                       const Scalar& src);

}  // namespace ring3::bpf
