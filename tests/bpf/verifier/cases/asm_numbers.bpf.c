/* What is known of numbers: each program reads bytes[r0], and is accepted only if r0 is known to be at most 63. */
#include "asm.h"

// RULE: known-bits, out-of-bounds
BARE_PROGRAM(masked) {  // ACCEPTED
  ASM("call 7");
  ASM("r0 &= 63");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: known-bits, out-of-bounds
BARE_PROGRAM(masked_too_far) {
  ASM("call 7");
  ASM("r0 &= 64");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: known-bits
BARE_PROGRAM(shifted_left) {  // ACCEPTED
  ASM("call 7");
  ASM("r0 &= 7");
  ASM("r0 <<= 3");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: known-bits
BARE_PROGRAM(shifted_left_too_far) {
  ASM("call 7");
  ASM("r0 &= 8");
  ASM("r0 <<= 3");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: known-bits
BARE_PROGRAM(shifted_right) {  // ACCEPTED
  ASM("call 7");
  ASM("r0 >>= 58");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: known-bits
BARE_PROGRAM(shifted_right_too_far) {
  ASM("call 7");
  ASM("r0 >>= 57");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=127 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: known-bits
BARE_PROGRAM(shifted_right_by_a_register) {  // ACCEPTED
  ASM("call 7");
  ASM("r6 = 58");
  ASM("r0 >>= r6");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: known-bits
BARE_PROGRAM(shifted_right_by_a_register_too_far) {
  ASM("call 7");
  ASM("r6 = 57");
  ASM("r0 >>= r6");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=127 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: known-bits
BARE_PROGRAM(shifted_right_half) {  // ACCEPTED
  ASM("call 7");
  ASM("w0 >>= 26");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: known-bits
BARE_PROGRAM(shifted_right_half_too_far) {
  ASM("call 7");
  ASM("w0 >>= 25");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=127 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: known-bits
BARE_PROGRAM(bit_added) {  // ACCEPTED
  ASM("call 7");
  ASM("r0 &= 31");
  ASM("r0 |= 32");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: known-bits
BARE_PROGRAM(bit_added_too_far) {
  ASM("call 7");
  ASM("r0 &= 31");
  ASM("r0 |= 64");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: known-bits
BARE_PROGRAM(bits_flipped) {  // ACCEPTED
  ASM("call 7");
  ASM("r0 &= 63");
  ASM("r0 ^= 63");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: known-bits
BARE_PROGRAM(bits_flipped_too_far) {
  ASM("call 7");
  ASM("r0 &= 63");
  ASM("r0 ^= 64");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: known-bits
BARE_PROGRAM(masked_by_a_masked_register) {  // ACCEPTED
  ASM("call 7");
  ASM("r6 = r0");
  ASM("r6 &= 63");
  ASM("call 7");
  ASM("r0 &= r6");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: known-bits
BARE_PROGRAM(masked_by_a_masked_register_too_far) {
  ASM("call 7");
  ASM("r6 = r0");
  ASM("r6 &= 127");
  ASM("call 7");
  ASM("r0 &= r6");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=127 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: known-bits
BARE_PROGRAM(low_byte_only) {  // ACCEPTED
  ASM("call 7");
  ASM("r0 &= 255");
  ASM("r0 >>= 2");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: known-bits
BARE_PROGRAM(low_byte_only_too_far) {
  ASM("call 7");
  ASM("r0 &= 511");
  ASM("r0 >>= 2");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=127 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: known-bits
BARE_PROGRAM(aligned_down) {  // ACCEPTED
  ASM("call 7");
  ASM("r0 &= 0x7f");
  ASM("r0 >>= 3");
  ASM("r0 <<= 2");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: known-bits
BARE_PROGRAM(aligned_down_too_far) {
  ASM("call 7");
  ASM("r0 &= 0x7f");
  ASM("r0 >>= 2");
  ASM("r0 <<= 2");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=124 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-64
BARE_PROGRAM(added) {  // ACCEPTED
  ASM("call 7");
  ASM("r0 &= 31");
  ASM("r0 += 32");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-64
BARE_PROGRAM(added_too_far) {
  ASM("call 7");
  ASM("r0 &= 31");
  ASM("r0 += 33");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-64
BARE_PROGRAM(subtracted_from) {  // ACCEPTED
  ASM("call 7");
  ASM("r0 &= 63");
  ASM("r6 = 63");
  ASM("r6 -= r0");
  ASM("r0 = r6");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-64
BARE_PROGRAM(subtracted_from_too_far) {
  ASM("call 7");
  ASM("r0 &= 63");
  ASM("r6 = 64");
  ASM("r6 -= r0");
  ASM("r0 = r6");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-64
BARE_PROGRAM(below_zero) {  // ACCEPTED
  ASM("call 7");
  ASM("r0 &= 31");
  ASM("r0 += -8");
  ASM("r0 += 8");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-64
BARE_PROGRAM(below_zero_too_far) {
  ASM("call 7");
  ASM("r0 &= 31");
  ASM("r0 += -8");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: R1 min value is negative, either use unsigned index or do a if (index >=0) check.
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-64
BARE_PROGRAM(multiplied) {  // ACCEPTED
  ASM("call 7");
  ASM("r0 &= 7");
  ASM("r0 *= 9");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-64
BARE_PROGRAM(multiplied_too_far) {
  ASM("call 7");
  ASM("r0 &= 7");
  ASM("r0 *= 10");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=70 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-64
BARE_PROGRAM(sum_of_two) {  // ACCEPTED
  ASM("call 7");
  ASM("r0 &= 31");
  ASM("r6 = r0");
  ASM("call 7");
  ASM("r0 &= 31");
  ASM("r0 += r6");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-64
BARE_PROGRAM(sum_of_two_too_far) {
  ASM("call 7");
  ASM("r0 &= 31");
  ASM("r6 = r0");
  ASM("call 7");
  ASM("r0 &= 63");
  ASM("r0 += r6");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=94 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-64, refinement-64
BARE_PROGRAM(signed_on_both_sides) {  // ACCEPTED
  ASM("call 7");
  ASM("if r0 s< 0 goto 9f");
  ASM("if r0 s> 63 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-64, refinement-64
BARE_PROGRAM(signed_on_both_sides_too_far) {
  ASM("call 7");
  ASM("if r0 s< 0 goto 9f");
  ASM("if r0 s> 64 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-64
BARE_PROGRAM(signed_above_only) {  // ACCEPTED
  ASM("call 7");
  ASM("if r0 s< 0 goto 9f");
  ASM("if r0 s>= 64 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-64
BARE_PROGRAM(signed_above_only_too_far) {
  ASM("call 7");
  ASM("if r0 s>= 64 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");  // REFUSED: math between map_value pointer and register with unbounded min value is not allowed
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-64
BARE_PROGRAM(sign_shifted) {  // ACCEPTED
  ASM("call 7");
  ASM("if r0 s< 0 goto 9f");
  ASM("r0 s>>= 57");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-64
BARE_PROGRAM(sign_shifted_too_far) {
  ASM("call 7");
  ASM("r0 s>>= 57");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: R1 min value is negative, either use unsigned index or do a if (index >=0) check.
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-64
BARE_PROGRAM(minus_minus) {  // ACCEPTED
  ASM("call 7");
  ASM("r0 &= 63");
  ASM("r0 = -r0");
  ASM("r0 = -r0");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-64
BARE_PROGRAM(minus_minus_too_far) {
  ASM("call 7");
  ASM("r0 &= 63");
  ASM("r0 = -r0");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: R1 min value is negative, either use unsigned index or do a if (index >=0) check.
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-32
BARE_PROGRAM(half_added) {  // ACCEPTED
  ASM("call 7");
  ASM("w0 &= 31");
  ASM("w0 += 32");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-32
BARE_PROGRAM(half_added_too_far) {
  ASM("call 7");
  ASM("w0 &= 31");
  ASM("w0 += 33");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-32
BARE_PROGRAM(half_subtracted) {  // ACCEPTED
  ASM("call 7");
  ASM("w0 &= 31");
  ASM("w0 += 32");
  ASM("w0 -= 32");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-32
BARE_PROGRAM(half_subtracted_too_far) {
  ASM("call 7");
  ASM("w0 &= 31");
  ASM("w0 -= 32");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");  // REFUSED: value 4294967264 makes map_value pointer be out of bounds
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-32
BARE_PROGRAM(half_multiplied) {  // ACCEPTED
  ASM("call 7");
  ASM("w0 &= 7");
  ASM("w0 *= 9");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-32
BARE_PROGRAM(half_multiplied_too_far) {
  ASM("call 7");
  ASM("w0 &= 7");
  ASM("w0 *= 10");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=70 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-32
BARE_PROGRAM(half_zero_extends) {  // ACCEPTED
  ASM("call 7");
  ASM("r0 = -1");
  ASM("w0 >>= 26");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-32
BARE_PROGRAM(half_zero_extends_too_far) {
  ASM("call 7");
  ASM("r0 = -1");
  ASM("w0 >>= 25");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=127 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-32, refinement-32
BARE_PROGRAM(half_signed_on_both_sides) {  // ACCEPTED
  ASM("call 7");
  ASM("if w0 s< 0 goto 9f");
  ASM("if w0 s> 63 goto 9f");
  ASM("w0 = w0");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-32, refinement-32
BARE_PROGRAM(half_signed_on_both_sides_too_far) {
  ASM("call 7");
  ASM("if w0 s< 0 goto 9f");
  ASM("if w0 s> 64 goto 9f");
  ASM("w0 = w0");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-32
BARE_PROGRAM(half_sign_shifted) {  // ACCEPTED
  ASM("call 7");
  ASM("w0 &= 0x7fffffff");
  ASM("w0 s>>= 25");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-32
BARE_PROGRAM(half_sign_shifted_too_far) {
  ASM("call 7");
  ASM("w0 &= 0x7fffffff");
  ASM("w0 s>>= 24");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=127 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-32, refinement-32
BARE_PROGRAM(half_bounds_the_whole) {  // ACCEPTED
  ASM("call 7");
  ASM("w0 = w0");
  ASM("if w0 > 63 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: ranges-32, refinement-32
BARE_PROGRAM(half_bounds_the_whole_too_far) {
  ASM("call 7");
  ASM("if w0 > 63 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");  // REFUSED: math between map_value pointer and register with unbounded min value is not allowed
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-64
BARE_PROGRAM(if_above) {  // ACCEPTED
  ASM("call 7");
  ASM("if r0 > 63 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-64
BARE_PROGRAM(if_above_too_far) {
  ASM("call 7");
  ASM("if r0 > 64 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-32
BARE_PROGRAM(if_half_above) {  // ACCEPTED
  ASM("call 7");
  ASM("w0 = w0");
  ASM("if w0 > 63 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-32
BARE_PROGRAM(if_half_above_too_far) {
  ASM("call 7");
  ASM("w0 = w0");
  ASM("if w0 > 64 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-64
BARE_PROGRAM(if_at_least) {  // ACCEPTED
  ASM("call 7");
  ASM("if r0 >= 64 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-64
BARE_PROGRAM(if_at_least_too_far) {
  ASM("call 7");
  ASM("if r0 >= 65 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-32
BARE_PROGRAM(if_half_at_least) {  // ACCEPTED
  ASM("call 7");
  ASM("w0 = w0");
  ASM("if w0 >= 64 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-32
BARE_PROGRAM(if_half_at_least_too_far) {
  ASM("call 7");
  ASM("w0 = w0");
  ASM("if w0 >= 65 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-64
BARE_PROGRAM(if_below) {  // ACCEPTED
  ASM("call 7");
  ASM("if r0 < 64 goto 1f");
  ASM("goto 9f");
  ASM("1: r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-64
BARE_PROGRAM(if_below_too_far) {
  ASM("call 7");
  ASM("if r0 < 65 goto 1f");
  ASM("goto 9f");
  ASM("1: r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-32
BARE_PROGRAM(if_half_below) {  // ACCEPTED
  ASM("call 7");
  ASM("w0 = w0");
  ASM("if w0 < 64 goto 1f");
  ASM("goto 9f");
  ASM("1: r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-32
BARE_PROGRAM(if_half_below_too_far) {
  ASM("call 7");
  ASM("w0 = w0");
  ASM("if w0 < 65 goto 1f");
  ASM("goto 9f");
  ASM("1: r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-64
BARE_PROGRAM(if_at_most) {  // ACCEPTED
  ASM("call 7");
  ASM("if r0 <= 63 goto 1f");
  ASM("goto 9f");
  ASM("1: r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-64
BARE_PROGRAM(if_at_most_too_far) {
  ASM("call 7");
  ASM("if r0 <= 64 goto 1f");
  ASM("goto 9f");
  ASM("1: r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-32
BARE_PROGRAM(if_half_at_most) {  // ACCEPTED
  ASM("call 7");
  ASM("w0 = w0");
  ASM("if w0 <= 63 goto 1f");
  ASM("goto 9f");
  ASM("1: r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-32
BARE_PROGRAM(if_half_at_most_too_far) {
  ASM("call 7");
  ASM("w0 = w0");
  ASM("if w0 <= 64 goto 1f");
  ASM("goto 9f");
  ASM("1: r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-64
BARE_PROGRAM(if_equal) {  // ACCEPTED
  ASM("call 7");
  ASM("if r0 == 63 goto 1f");
  ASM("goto 9f");
  ASM("1: r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-64
BARE_PROGRAM(if_equal_too_far) {
  ASM("call 7");
  ASM("if r0 == 64 goto 1f");
  ASM("goto 9f");
  ASM("1: r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-32
BARE_PROGRAM(if_half_equal) {  // ACCEPTED
  ASM("call 7");
  ASM("w0 = w0");
  ASM("if w0 == 63 goto 1f");
  ASM("goto 9f");
  ASM("1: r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-32
BARE_PROGRAM(if_half_equal_too_far) {
  ASM("call 7");
  ASM("w0 = w0");
  ASM("if w0 == 64 goto 1f");
  ASM("goto 9f");
  ASM("1: r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-64
BARE_PROGRAM(if_not_equal) {  // ACCEPTED
  ASM("call 7");
  ASM("if r0 != 63 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-64
BARE_PROGRAM(if_not_equal_too_far) {
  ASM("call 7");
  ASM("if r0 != 64 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-32
BARE_PROGRAM(if_half_not_equal) {  // ACCEPTED
  ASM("call 7");
  ASM("w0 = w0");
  ASM("if w0 != 63 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-32
BARE_PROGRAM(if_half_not_equal_too_far) {
  ASM("call 7");
  ASM("w0 = w0");
  ASM("if w0 != 64 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-64
BARE_PROGRAM(if_bits) {  // ACCEPTED
  ASM("call 7");
  ASM("if r0 & -64 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-64
BARE_PROGRAM(if_bits_too_far) {
  ASM("call 7");
  ASM("if r0 & -128 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=127 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-32
BARE_PROGRAM(if_half_bits) {  // ACCEPTED
  ASM("call 7");
  ASM("w0 = w0");
  ASM("if w0 & -64 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-32
BARE_PROGRAM(if_half_bits_too_far) {
  ASM("call 7");
  ASM("w0 = w0");
  ASM("if w0 & -128 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=127 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-64
BARE_PROGRAM(if_above_a_register) {  // ACCEPTED
  ASM("call 7");
  ASM("r6 = 63");
  ASM("if r0 > r6 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-64
BARE_PROGRAM(if_above_a_register_too_far) {
  ASM("call 7");
  ASM("r6 = 64");
  ASM("if r0 > r6 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-64
BARE_PROGRAM(if_above_a_bounded_register) {  // ACCEPTED
  ASM("call 7");
  ASM("r6 = r0");
  ASM("r6 &= 63");
  ASM("call 7");
  ASM("if r0 > r6 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-64
BARE_PROGRAM(if_above_a_bounded_register_too_far) {
  ASM("call 7");
  ASM("r6 = r0");
  ASM("r6 &= 127");
  ASM("call 7");
  ASM("if r0 > r6 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=127 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-64
BARE_PROGRAM(if_register_below) {  // ACCEPTED
  ASM("call 7");
  ASM("r6 = 64");
  ASM("if r6 > r0 goto 1f");
  ASM("goto 9f");
  ASM("1: r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-64
BARE_PROGRAM(if_register_below_too_far) {
  ASM("call 7");
  ASM("r6 = 65");
  ASM("if r6 > r0 goto 1f");
  ASM("goto 9f");
  ASM("1: r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-64
BARE_PROGRAM(if_equal_to_a_bounded_register) {  // ACCEPTED
  ASM("call 7");
  ASM("r6 = r0");
  ASM("r6 &= 63");
  ASM("call 7");
  ASM("if r0 != r6 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: refinement-64
BARE_PROGRAM(if_equal_to_a_bounded_register_too_far) {
  ASM("call 7");
  ASM("r6 = r0");
  ASM("r6 &= 127");
  ASM("call 7");
  ASM("if r0 != r6 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=127 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: linked-numbers
BARE_PROGRAM(copy_checked) {  // ACCEPTED
  ASM("call 7");
  ASM("r6 = r0");
  ASM("if r6 > 63 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: linked-numbers
BARE_PROGRAM(copy_checked_too_far) {
  ASM("call 7");
  ASM("r6 = r0");
  ASM("r0 += 1");
  ASM("if r6 > 63 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: linked-numbers
BARE_PROGRAM(original_checked) {  // ACCEPTED
  ASM("call 7");
  ASM("r6 = r0");
  ASM("if r0 > 63 goto 9f");
  ASM("r0 = r6");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: linked-numbers
BARE_PROGRAM(original_checked_too_far) {
  ASM("call 7");
  ASM("r6 = r0");
  ASM("r6 += 1");
  ASM("if r0 > 63 goto 9f");
  ASM("r0 = r6");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: linked-numbers
BARE_PROGRAM(copy_and_constant) {  // ACCEPTED
  ASM("call 7");
  ASM("r0 &= 255");
  ASM("r6 = r0");
  ASM("r6 += 10");
  ASM("if r6 > 73 goto 9f");
  ASM("if r6 < 10 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: linked-numbers
BARE_PROGRAM(copy_and_constant_too_far) {
  ASM("call 7");
  ASM("r0 &= 255");
  ASM("r6 = r0");
  ASM("r6 += 10");
  ASM("if r6 > 74 goto 9f");
  ASM("if r6 < 10 goto 9f");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: linked-numbers, spills
BARE_PROGRAM(spilled_copy_checked) {  // ACCEPTED
  ASM("call 7");
  ASM("*(u64 *)(r10 - 8) = r0");
  ASM("if r0 > 63 goto 9f");
  ASM("r0 = *(u64 *)(r10 - 8)");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: linked-numbers, spills
BARE_PROGRAM(spilled_copy_checked_too_far) {
  ASM("call 7");
  ASM("*(u64 *)(r10 - 8) = r0");
  ASM("if r0 > 64 goto 9f");
  ASM("r0 = *(u64 *)(r10 - 8)");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: spills
BARE_PROGRAM(spilled_and_filled) {  // ACCEPTED
  ASM("call 7");
  ASM("r0 &= 63");
  ASM("*(u64 *)(r10 - 8) = r0");
  ASM("r0 = 99");
  ASM("r0 = *(u64 *)(r10 - 8)");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: spills
BARE_PROGRAM(spilled_and_filled_too_far) {
  ASM("call 7");
  ASM("r0 &= 63");
  ASM("*(u64 *)(r10 - 8) = r0");
  ASM("*(u8 *)(r10 - 8) = 99");
  ASM("r0 = *(u64 *)(r10 - 8)");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");  // REFUSED: math between map_value pointer and register with unbounded min value is not allowed
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: spills
BARE_PROGRAM(spilled_half) {  // ACCEPTED
  ASM("call 7");
  ASM("w0 &= 63");
  ASM("*(u32 *)(r10 - 8) = r0");
  ASM("r0 = *(u32 *)(r10 - 8)");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: spills
BARE_PROGRAM(spilled_half_too_far) {
  ASM("call 7");
  ASM("w0 &= 127");
  ASM("*(u32 *)(r10 - 8) = r0");
  ASM("r0 = *(u32 *)(r10 - 8)");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=127 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: spills
BARE_PROGRAM(spilled_byte_is_small) {  // ACCEPTED
  ASM("call 7");
  ASM("*(u8 *)(r10 - 8) = r0");
  ASM("r0 = *(u8 *)(r10 - 8)");
  ASM("r0 >>= 2");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: spills
BARE_PROGRAM(spilled_byte_is_small_too_far) {
  ASM("call 7");
  ASM("*(u16 *)(r10 - 8) = r0");
  ASM("r0 = *(u16 *)(r10 - 8)");
  ASM("r0 >>= 2");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=16383 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: spills
BARE_PROGRAM(zeroes_stored) {  // ACCEPTED
  ASM("call 7");
  ASM("*(u64 *)(r10 - 8) = 0");
  ASM("r0 = *(u32 *)(r10 - 4)");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: spills
BARE_PROGRAM(zeroes_stored_too_far) {
  ASM("call 7");
  ASM("*(u64 *)(r10 - 8) = -1");
  ASM("r0 = *(u32 *)(r10 - 4)");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: R1 unbounded memory access, make sure to bounds check any such access
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: spills
BARE_PROGRAM(constant_stored) {  // ACCEPTED
  ASM("call 7");
  ASM("*(u64 *)(r10 - 8) = 63");
  ASM("r0 = *(u64 *)(r10 - 8)");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: spills
BARE_PROGRAM(constant_stored_too_far) {
  ASM("call 7");
  ASM("*(u64 *)(r10 - 8) = 64");
  ASM("r0 = *(u64 *)(r10 - 8)");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: precision
BARE_PROGRAM(value_of_either_way) {  // ACCEPTED
  ASM("call 7");
  ASM("r6 = 63");
  ASM("if r0 == 0 goto 1f");
  ASM("r6 = 1");
  ASM("1: r0 = r6");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: precision
BARE_PROGRAM(value_of_either_way_too_far) {
  ASM("call 7");
  ASM("r6 = 64");
  ASM("if r0 == 0 goto 1f");
  ASM("r6 = 1");
  ASM("1: r0 = r6");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: precision
BARE_PROGRAM(value_of_the_other_way) {  // ACCEPTED
  ASM("call 7");
  ASM("r6 = 1");
  ASM("if r0 == 0 goto 1f");
  ASM("r6 = 63");
  ASM("1: r0 = r6");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: precision
BARE_PROGRAM(value_of_the_other_way_too_far) {
  ASM("call 7");
  ASM("r6 = 1");
  ASM("if r0 == 0 goto 1f");
  ASM("r6 = 64");
  ASM("1: r0 = r6");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: precision
BARE_PROGRAM(value_through_two_joins) {  // ACCEPTED
  ASM("call 7");
  ASM("r6 = 1");
  ASM("if r0 == 0 goto 1f");
  ASM("r6 = 2");
  ASM("1: r7 = r6");
  ASM("if r0 == 3 goto 2f");
  ASM("r7 += 61");
  ASM("2: r0 = r7");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: precision
BARE_PROGRAM(value_through_two_joins_too_far) {
  ASM("call 7");
  ASM("r6 = 1");
  ASM("if r0 == 0 goto 1f");
  ASM("r6 = 2");
  ASM("1: r7 = r6");
  ASM("if r0 == 3 goto 2f");
  ASM("r7 += 62");
  ASM("2: r0 = r7");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=64 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: frozen-constants
BARE_PROGRAM(frozen) {  // ACCEPTED
  ASM("call 7");
  ASM("r1 = constants ll");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("r0 *= 12");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: frozen-constants
BARE_PROGRAM(frozen_too_far) {
  ASM("call 7");
  ASM("r1 = constants ll");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("r0 *= 13");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=65 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: frozen-constants
BARE_PROGRAM(frozen_beyond) {  // ACCEPTED
  ASM("call 7");
  ASM("r1 = constants ll");
  ASM("r0 = *(u8 *)(r1 + 7)");
  ASM("r0 += 58");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");
  ASM("9: r0 = 0");
  ASM("exit");
}

// RULE: frozen-constants
BARE_PROGRAM(frozen_beyond_too_far) {
  ASM("call 7");
  ASM("r1 = bytes ll");
  ASM("r0 = *(u8 *)(r1 + 7)");
  ASM("r1 = bytes ll");
  ASM("r1 += r0");
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: invalid access to map value, value_size=64 off=255 size=1
  ASM("9: r0 = 0");
  ASM("exit");
}
