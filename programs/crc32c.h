/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* CRC32C (Castagnoli; polynomial 0x82f63b78, bits reflected), eight bytes at a time.
 *
 * TABLE[j][n] is what byte n contributes when j bytes follow it. A CRC is linear: the entry of n is the XOR
 * of those of its bits, so each table is spelled out from the eight entries of 1, 2, 4, … 128. */
#ifndef RING3_PROGRAMS_CRC32C_H
#define RING3_PROGRAMS_CRC32C_H

#include <ring3/bpf/ring3.h>

#define CRC1(n, b0, b1, b2, b3, b4, b5, b6, b7)                                                   \
  ((n)&1 ? b0 : 0) ^ ((n)&2 ? b1 : 0) ^ ((n)&4 ? b2 : 0) ^ ((n)&8 ? b3 : 0) ^ ((n)&16 ? b4 : 0) ^ \
      ((n)&32 ? b5 : 0) ^ ((n)&64 ? b6 : 0) ^ ((n)&128 ? b7 : 0)
#define CRC4(n, ...) \
  CRC1(n, __VA_ARGS__), CRC1(n + 1, __VA_ARGS__), CRC1(n + 2, __VA_ARGS__), CRC1(n + 3, __VA_ARGS__)
#define CRC16(n, ...) \
  CRC4(n, __VA_ARGS__), CRC4(n + 4, __VA_ARGS__), CRC4(n + 8, __VA_ARGS__), CRC4(n + 12, __VA_ARGS__)
#define CRC64(n, ...) \
  CRC16(n, __VA_ARGS__), CRC16(n + 16, __VA_ARGS__), CRC16(n + 32, __VA_ARGS__), CRC16(n + 48, __VA_ARGS__)
#define CRC256(...) \
  { CRC64(0, __VA_ARGS__), CRC64(64, __VA_ARGS__), CRC64(128, __VA_ARGS__), CRC64(192, __VA_ARGS__) }

/* clang-format off */
static const __u32 crc32c_table[8][256] = {
    CRC256(0xf26b8303, 0xe13b70f7, 0xc79a971f, 0x8ad958cf, 0x105ec76f, 0x20bd8ede, 0x417b1dbc, 0x82f63b78),
    CRC256(0x13a29877, 0x274530ee, 0x4e8a61dc, 0x9d14c3b8, 0x3fc5f181, 0x7f8be302, 0xff17c604, 0xfbc3faf9),
    CRC256(0xa541927e, 0x4f6f520d, 0x9edea41a, 0x38513ec5, 0x70a27d8a, 0xe144fb14, 0xc76580d9, 0x8b277743),
    CRC256(0xdd45aab8, 0xbf672381, 0x7b2231f3, 0xf64463e6, 0xe964b13d, 0xd725148b, 0xaba65fe7, 0x52a0c93f),
    CRC256(0x38116fac, 0x7022df58, 0xe045beb0, 0xc5670b91, 0x8f2261d3, 0x1ba8b557, 0x37516aae, 0x6ea2d55c),
    CRC256(0xef306b19, 0xdb8ca0c3, 0xb2f53777, 0x6006181f, 0xc00c303e, 0x85f4168d, 0x0e045beb, 0x1c08b7d6),
    CRC256(0x68032cc8, 0xd0065990, 0xa5e0c5d1, 0x4e2dfd53, 0x9c5bfaa6, 0x3d5b83bd, 0x7ab7077a, 0xf56e0ef4),
    CRC256(0x493c7d27, 0x9278fa4e, 0x211d826d, 0x423b04da, 0x847609b4, 0x0d006599, 0x1a00cb32, 0x34019664),
};
/* clang-format on */

/* A CRC starts as all ones and ends inverted; these are the steps between. */
static __always_inline __u32 crc32c_byte(__u32 crc, __u8 byte) {
  return crc >> 8 ^ crc32c_table[0][(crc ^ byte) & 0xff];
}
static __always_inline __u32 crc32c_word(__u32 crc, __u64 word) {
  word ^= crc;
  return crc32c_table[7][word & 0xff] ^ crc32c_table[6][word >> 8 & 0xff] ^
         crc32c_table[5][word >> 16 & 0xff] ^ crc32c_table[4][word >> 24 & 0xff] ^
         crc32c_table[3][word >> 32 & 0xff] ^ crc32c_table[2][word >> 40 & 0xff] ^
         crc32c_table[1][word >> 48 & 0xff] ^ crc32c_table[0][word >> 56];
}

#endif
