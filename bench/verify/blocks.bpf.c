/* Passes over blocks of data: sums, parity, hashes, searches, sorting. */
#include "shared.h"

static const __u32 crc_table[16] = {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
                                    0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
                                    0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};

PROGRAM(sum) {
  struct block* b = block_at(0);
  __u64 total = 0;
  if (!b) return 0;
  for (int i = 0; i < 4096; i += 8) total += *(__u64*)&b->bytes[i];
  return (int)total;
}

PROGRAM(parity_of_three) {
  struct block *a = block_at(0), *b = block_at(1), *c = block_at(2), *p = block_at(3);
  if (!a || !b || !c || !p) return 1;
  for (int i = 0; i < 4096; i += 8)
    *(__u64*)&p->bytes[i] = *(__u64*)&a->bytes[i] ^ *(__u64*)&b->bytes[i] ^ *(__u64*)&c->bytes[i];
  return 0;
}

PROGRAM(crc32c) {
  struct block* b = block_at(0);
  __u32 crc = ~0u;
  int i;
  if (!b) return 0;
  bpf_for(i, 0, 4096) {
    __u8 byte = b->bytes[i & 4095];
    crc = crc_table[(crc ^ byte) & 15] ^ (crc >> 4);
    crc = crc_table[(crc ^ (byte >> 4)) & 15] ^ (crc >> 4);
  }
  return (int)~crc;
}

PROGRAM(adler) {
  struct block* b = block_at(1);
  __u32 low = 1, high = 0;
  if (!b) return 0;
  for (int i = 0; i < 1024; i++) {
    low = (low + b->bytes[i]) % 65521;
    high = (high + low) % 65521;
  }
  return (int)(high << 16 | low);
}

PROGRAM(find_newline) {
  struct block* b = block_at(0);
  if (!b) return -1;
  for (int i = 0; i < 2048; i++)
    if (b->bytes[i] == '\n') return i;
  return -1;
}

PROGRAM(histogram) {
  struct block *b = block_at(0), *h = block_at(4);
  int i;
  if (!b || !h) return 1;
  bpf_for(i, 0, 4096) {
    __u32 at = b->bytes[i & 4095] * 4;
    ++*(__u32*)&h->bytes[at & 1020];
  }
  return 0;
}

PROGRAM(insertion_sort) {
  __u32 v[16];
  struct block* b = block_at(0);
  if (!b) return 1;
  for (int i = 0; i < 16; i++) v[i] = *(__u32*)&b->bytes[i * 4];
#pragma clang loop unroll(disable)
  for (int i = 1; i < 16; i++) {
    int j = i;
#pragma clang loop unroll(disable)
    for (int k = 0; k < 16; k++) {
      if (j <= 0 || j > 15) break;
      if (v[j - 1] <= v[j]) break;
      __u32 t = v[j];
      v[j] = v[j - 1];
      v[j - 1] = t;
      j--;
    }
  }
  return (int)v[0];
}

PROGRAM(base64) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  struct block *b = block_at(0), *out = block_at(5);
  if (!b || !out) return 1;
  for (int i = 0; i < 300; i++) {
    __u32 word = b->bytes[i * 3] << 16 | b->bytes[i * 3 + 1] << 8 | b->bytes[i * 3 + 2];
    out->bytes[i * 4] = digits[word >> 18 & 63];
    out->bytes[i * 4 + 1] = digits[word >> 12 & 63];
    out->bytes[i * 4 + 2] = digits[word >> 6 & 63];
    out->bytes[i * 4 + 3] = digits[word & 63];
  }
  return 0;
}

PROGRAM(siphash) {
  struct block* b = block_at(0);
  __u64 v0 = 0x736f6d6570736575, v1 = 0x646f72616e646f6d, v2 = 0x6c7967656e657261, v3 = 0x7465646279746573;
  if (!b) return 0;
#pragma clang loop unroll(disable)
  for (int i = 0; i < 256; i += 8) {
    __u64 m = *(__u64*)&b->bytes[i];
    v3 ^= m;
#pragma clang loop unroll(full)
    for (int round = 0; round < 2; round++) {
      v0 += v1, v1 = v1 << 13 | v1 >> 51, v1 ^= v0, v0 = v0 << 32 | v0 >> 32;
      v2 += v3, v3 = v3 << 16 | v3 >> 48, v3 ^= v2;
      v0 += v3, v3 = v3 << 21 | v3 >> 43, v3 ^= v0;
      v2 += v1, v1 = v1 << 17 | v1 >> 47, v1 ^= v2, v2 = v2 << 32 | v2 >> 32;
    }
    v0 ^= m;
  }
  return (int)(v0 ^ v1 ^ v2 ^ v3);
}

struct copy {
  struct block *from, *to;
};
static long copy_word(__u32 i, struct copy* copy) {
  i = (i & 511) * 8;
  *(__u64*)&copy->to->bytes[i] = *(__u64*)&copy->from->bytes[i];
  return 0;
}
PROGRAM(copy_in_callback) {
  struct copy copy = {block_at(0), block_at(7)};
  if (!copy.from || !copy.to) return 1;
  return (int)bpf_loop(512, copy_word, &copy, 0);
}

PROGRAM(gf_multiply) {
  struct block *b = block_at(0), *q = block_at(8);
  if (!b || !q) return 1;
  for (int i = 0; i < 2048; i += 8) {
    __u64 x = *(__u64*)&b->bytes[i], y = *(__u64*)&q->bytes[i];
    __u64 high = y >> 7 & 0x0101010101010101;
    *(__u64*)&q->bytes[i] = (y << 1 & 0xfefefefefefefefe) ^ high * 0x1d ^ x;
  }
  return 0;
}
