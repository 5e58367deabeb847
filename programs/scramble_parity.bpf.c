/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* scramble_parity: encrypts 1 to 16 data buffers with ChaCha20, in place, and makes the XOR parity of the
 * result, in one pass: what was encrypted is added to the parity while it is still in the cache.
 *
 *   struct io_bpf_buf_desc descs[1 + k] = {PARITY, DATA…};
 *   io_uring_prep_bpf(sqe, op, 0, descs, 1 + k);
 *   sqe->off = nonce;
 *
 * The key is the program's variable `key`, 32 bytes. The 12 bytes of ChaCha20's nonce are the number of the
 * buffer, counted from 0 (4 bytes), and sqe->off (8 bytes), little-endian; the block counter starts at 0. As
 * with every stream cipher, a nonce is used once with a key, or what is written shows how two texts differ.
 * The same request again decrypts. To keep the plain text, link the request behind memcpy.
 *
 * Buffers of any kind and alignment, but of the same length; none overlaps with another. cqe->res: the
 * length. -EINVAL: lengths differ, or are beyond 2 GiB - 1; -EFAULT: memory isn't there; what is written is
 * then half done. `op` is scramble_parity_ops.id, which the application may change before it loads the
 * object. */
#include "streams.h"

#define SOURCES_MAX 16
#define CHACHA_BLOCK 64 /* bytes */
#define PAGES 64        /* requests that run at the same time, which takes as many rings */

__u32 key[8];

/* Keystream as it is used, a page at a time; the stack has no room for it. A request has one while it runs.
 */
struct keystream {
  __u32 words[PAGE / 4];
  __u64 padding; /* so that whole words can be read anywhere */
};
static struct keystream pages[PAGES];
static __u32 busy[PAGES];

struct scramble {
  struct request request;
  __u64 nonce;
  __u32 page; /* counted from 1; 0: none */
} __attribute__((packed, aligned(4)));
_Static_assert(sizeof(struct scramble) <= sizeof(((struct uring_bpf_data*)0)->pdu), "fits");

static __always_inline struct scramble* scramble_of(struct uring_bpf_data* data) { return (void*)data->pdu; }

SEC("struct_ops/scramble_parity_prep")
int BPF_PROG(scramble_parity_prep, struct uring_bpf_data* data, const struct io_uring_sqe* sqe) {
  scramble_of(data)->nonce = sqe->off;
  return keep_descs(data, sqe, 2, 1 + SOURCES_MAX);
}

static __always_inline __u32 rotate(__u32 word, __u32 bits) { return word << bits | word >> (32 - bits); }

/* In memory from step to step: 16 words have no room in the registers, and each spilled one costs 8 bytes of
 * stack. */
static __always_inline void quarter_round(__u32* x, int a, int b, int c, int d) {
  __u32 va = x[a], vb = x[b], vc = x[c], vd = x[d];
  va += vb, vd = rotate(vd ^ va, 16);
  vc += vd, vb = rotate(vb ^ vc, 12);
  va += vb, vd = rotate(vd ^ va, 8);
  vc += vd, vb = rotate(vb ^ vc, 7);
  x[a] = va, x[b] = vb, x[c] = vc, x[d] = vd;
  barrier();
}

struct chacha_block {
  __u32 words[CHACHA_BLOCK / 4];
};

/* A global function: the verifier looks at it once. */
__noinline int chacha20_rounds(struct chacha_block* block) {
  if (!block) return -EINVAL;
  __u32* x = block->words;
  int i;
  for (i = 0; i < 10; i++) {
    quarter_round(x, 0, 4, 8, 12);
    quarter_round(x, 1, 5, 9, 13);
    quarter_round(x, 2, 6, 10, 14);
    quarter_round(x, 3, 7, 11, 15);
    quarter_round(x, 0, 5, 10, 15);
    quarter_round(x, 1, 6, 11, 12);
    quarter_round(x, 2, 7, 8, 13);
    quarter_round(x, 3, 4, 9, 14);
  }
  return 0;
}

/* "expand 32-byte k", the key, the counter, the nonce. */
static __always_inline __u32 state_word(struct uring_bpf_data* data, __u32 buffer, __u32 counter, __u32 i) {
  switch (i) {
    case 0:
      return 0x61707865;
    case 1:
      return 0x3320646e;
    case 2:
      return 0x79622d32;
    case 3:
      return 0x6b206574;
    case 12:
      return counter;
    case 13:
      return buffer;
    case 14:
      return scramble_of(data)->nonce;
    case 15:
      return scramble_of(data)->nonce >> 32;
    default:
      return key[(i - 4) & 7];
  }
}

/* Fills a page with the keystream from byte `at`, a multiple of a page, as far as it is needed. */
static __noinline int fill_page(struct uring_bpf_data* data, struct keystream* page, __u32 buffer, __u32 at,
                                __u32 needed) {
  __u32 block, i;
  bpf_for(block, 0, PAGE / CHACHA_BLOCK) {
    if (block * CHACHA_BLOCK >= needed) break;
    struct chacha_block* x = (void*)&page->words[block * CHACHA_BLOCK / 4];
    const __u32 counter = at / CHACHA_BLOCK + block;
#pragma unroll
    for (i = 0; i < CHACHA_BLOCK / 4; i++) x->words[i] = state_word(data, buffer, counter, i);
    chacha20_rounds(x);
#pragma unroll
    for (i = 0; i < CHACHA_BLOCK / 4; i++) x->words[i] += state_word(data, buffer, counter, i);
  }
  return 0;
}

/* The page that the request has, or a free one: NULL if there is none. */
static __always_inline struct keystream* take_page(struct uring_bpf_data* data) {
  __u32 i;
  bpf_for(i, 0, PAGES) {
    if (__sync_val_compare_and_swap(&busy[i], 0, 1)) continue;
    scramble_of(data)->page = 1 + i;
    return &pages[i];
  }
  return NULL;
}

/* Also when the program met memory that was not there, and ended in the middle. */
SEC("struct_ops/scramble_parity_cleanup")
int BPF_PROG(scramble_parity_cleanup, struct uring_bpf_data* data) {
  const __u32 page = scramble_of(data)->page;
  if (page > 0 && page <= PAGES) __sync_lock_test_and_set(&busy[page - 1], 0);
  return 0;
}

static __always_inline void scramble_words(bool first, __u64* parity, __u64* text, const __u64* keystream,
                                           __u32 bytes) {
  __u32 block, i;
  EACH_BLOCK(block, bytes) {
#pragma unroll
    for (i = 0; i < BLOCK / 8; i++) {
      const __u32 at = block * (BLOCK / 8) + i;
      const __u64 word = text[at] ^ keystream[at];
      text[at] = word;
      parity[at] = first ? word : parity[at] ^ word;
    }
  }
}

/* Both streams' next `bytes`, a constant. */
static __always_inline void scramble_slices(bool first, const struct stream* parity,
                                            const struct stream* text, const void* keystream, __u32 bytes) {
  __u64* parity_words = bpf_dynptr_slice_rdwr(&parity->chunk, 0, NULL, bytes);
  __u64* text_words = bpf_dynptr_slice_rdwr(&text->chunk, 0, NULL, bytes);
  if (!parity_words || !text_words) return;
  if (first) {
    scramble_words(true, parity_words, text_words, keystream, bytes);
  } else {
    scramble_words(false, parity_words, text_words, keystream, bytes);
  }
}

/* 0, or -EFAULT if a buffer could not be had. */
static __noinline int run_pass(struct uring_bpf_data* data, struct keystream* page, __u32 buffer,
                               __u32 expected) {
  STREAM(parity);
  STREAM(text);
  int error = stream_open(&parity, data, 0, ITER_DEST);
  error |= stream_open(&text, data, 1 + buffer, ITER_DEST);
  if (error) return -EFAULT;

  const bool first = buffer == 0;
  __u32 step;
  request_of(data)->done = 0;
  bpf_for(step, 0, STEPS_MAX) {
    if (!stream_fill(&parity, ITER_DEST) || !stream_fill(&text, ITER_DEST)) break;
    __u32 bytes = min(stream_left(&parity), stream_left(&text));
    const __u32 done = request_of(data)->done, at = done % PAGE;
    if (at == 0) fill_page(data, page, buffer, done, expected - done);
    if (bytes >= PAGE && at == 0) {
      bytes = PAGE;
      scramble_slices(first, &parity, &text, page, PAGE);
    } else if (bytes >= BLOCK && at <= PAGE - BLOCK) {
      bytes = BLOCK;
      scramble_slices(first, &parity, &text, (void*)page + at, BLOCK);
    } else {
      bytes = small_step(min(bytes, PAGE - at));
      const __u64 word = *(const __u64*)((void*)page + at) ^ stream_word(&text, bytes);
      stream_set_word(&text, word, bytes);
      stream_set_word(&parity, first ? word : stream_word(&parity, bytes) ^ word, bytes);
    }
    stream_advance(&parity, bytes);
    stream_advance(&text, bytes);
    request_of(data)->done += bytes;
  }
  return 0;
}

SEC("struct_ops/scramble_parity_issue")
int BPF_PROG(scramble_parity_issue, struct uring_bpf_data* data) {
  const __u32 buffers = request_of(data)->count;
  const int bytes = common_bytes(data, buffers);
  if (bytes < 0) return bytes;
  struct keystream* page = take_page(data);
  if (!page) return -EBUSY;
  __u32 i;
  bpf_for(i, 0, SOURCES_MAX) {
    if (1 + i >= buffers) break;
    if (run_pass(data, page, i, bytes) || request_of(data)->done != bytes) return -EFAULT;
  }
  uring_bpf_set_result(data, bytes);
  return 0;
}

SEC(".struct_ops.link")
struct uring_bpf_ops scramble_parity_ops = {
    .id = 5,
    .prep_fn = (void*)scramble_parity_prep,
    .issue_fn = (void*)scramble_parity_issue,
    .cleanup_fn = (void*)scramble_parity_cleanup,
};

char LICENSE[] SEC("license") = "Dual MIT/GPL";
