/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* raid6_pq: the two parities of RAID-6 of 1 to 16 data buffers D0, D1, …: P is their XOR, Q the sum of 2^i *
 * Di in GF(2^8) modulo x^8 + x^4 + x^3 + x^2 + 1, as Linux's md and ISA-L have them.
 *
 *   struct io_bpf_buf_desc descs[2 + k] = {P, Q, D0, D1, …};
 *   io_uring_prep_bpf(sqe, op, 0, descs, 2 + k);
 *
 * Buffers of any kind and alignment, but of the same length; P and Q overlap with none of the others.
 * cqe->res: the length. -EINVAL: lengths differ, or are beyond 2 GiB - 1; -EFAULT: memory isn't there; P and
 * Q are then half done. `op` is raid6_pq_ops.id, which the application may change before it loads the object.
 */
#include "streams.h"

#define SOURCES_MAX 16

SEC("struct_ops/raid6_pq_prep")
int BPF_PROG(raid6_pq_prep, struct uring_bpf_data* data, const struct io_uring_sqe* sqe) {
  return keep_descs(data, sqe, 3, 2 + SOURCES_MAX);
}

/* What a pass adds to P and Q, and whether what was there counts: all bits or none. In the request, since the
 * verifier would follow each pass that it can tell from another. */
struct raid6 {
  struct request request;
  __u32 source;
  __s32 keep;
} __attribute__((packed, aligned(4)));
_Static_assert(sizeof(struct raid6) <= sizeof(((struct uring_bpf_data*)0)->pdu), "fits");

static __always_inline struct raid6* raid6_of(struct uring_bpf_data* data) { return (void*)data->pdu; }

/* Twice each of the eight bytes of a word. */
static __always_inline __u64 twice(__u64 word) {
  const __u64 carries = (word >> 7) & 0x0101010101010101;
  return ((word & 0x7f7f7f7f7f7f7f7f) << 1) ^ (carries * 0x1d);
}

/* The three streams' next `bytes`, a constant. What P and Q were counts as far as `keep` says. */
static __always_inline void mix_slices(__u64 keep, const struct stream* p, const struct stream* q,
                                       const struct stream* d, __u32 bytes) {
  __u64* p_words = bpf_dynptr_slice_rdwr(&p->chunk, 0, NULL, bytes);
  __u64* q_words = bpf_dynptr_slice_rdwr(&q->chunk, 0, NULL, bytes);
  const __u64* d_words = bpf_dynptr_slice(&d->chunk, 0, NULL, bytes);
  __u32 block, i;
  if (!p_words || !q_words || !d_words) return;
  EACH_BLOCK(block, bytes) {
#pragma unroll
    for (i = 0; i < BLOCK / 8; i++) {
      const __u32 at = block * (BLOCK / 8) + i;
      const __u64 word = d_words[at];
      p_words[at] = (p_words[at] & keep) ^ word;
      q_words[at] = twice(q_words[at] & keep) ^ word;
    }
  }
}

/* Horner's rule, from the last source to the first: Q = 2 Q + D. 0, or -EFAULT if a buffer could not be had.
 */
static __noinline int run_pass(struct uring_bpf_data* data) {
  const __s64 keep = raid6_of(data)->keep;
  STREAM(p);
  STREAM(q);
  STREAM(d);
  int error = stream_open(&p, data, 0, ITER_DEST);
  error |= stream_open(&q, data, 1, ITER_DEST);
  error |= stream_open(&d, data, raid6_of(data)->source, ITER_SOURCE);
  if (error) return -EFAULT;

  __u32 step;
  request_of(data)->done = 0;
  bpf_for(step, 0, STEPS_MAX) {
    if (!stream_fill(&p, ITER_DEST) || !stream_fill(&q, ITER_DEST) || !stream_fill(&d, ITER_SOURCE)) break;
    __u32 bytes = min(stream_left(&p), min(stream_left(&q), stream_left(&d)));
    if (bytes >= PAGE) {
      bytes = PAGE;
      mix_slices(keep, &p, &q, &d, PAGE);
    } else if (bytes >= BLOCK) {
      bytes = BLOCK;
      mix_slices(keep, &p, &q, &d, BLOCK);
    } else {
      bytes = small_step(bytes);
      const __u64 word = stream_word(&d, bytes);
      stream_set_word(&p, (stream_word(&p, bytes) & keep) ^ word, bytes);
      stream_set_word(&q, twice(stream_word(&q, bytes) & keep) ^ word, bytes);
    }
    stream_advance(&p, bytes);
    stream_advance(&q, bytes);
    stream_advance(&d, bytes);
    request_of(data)->done += bytes;
  }
  return 0;
}

SEC("struct_ops/raid6_pq_issue")
int BPF_PROG(raid6_pq_issue, struct uring_bpf_data* data) {
  const __u32 buffers = request_of(data)->count;
  const int bytes = common_bytes(data, buffers);
  if (bytes < 0) return bytes;
  __u32 i;
  bpf_for(i, 0, SOURCES_MAX) {
    if (i + 2 >= buffers) break;
    raid6_of(data)->source = buffers - 1 - i;
    raid6_of(data)->keep = i ? ~0 : 0;
    if (run_pass(data) || request_of(data)->done != bytes) return -EFAULT;
  }
  uring_bpf_set_result(data, bytes);
  return 0;
}

SEC(".struct_ops.link")
struct uring_bpf_ops raid6_pq_ops = {
    .id = 3, .prep_fn = (void*)raid6_pq_prep, .issue_fn = (void*)raid6_pq_issue};

char LICENSE[] SEC("license") = "Dual MIT/GPL";
