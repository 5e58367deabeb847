/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* xor_parity: the parity of RAID-5: the XOR of 1 to 16 data buffers, in a chain between the reads of the data
 * and the writes of a stripe. Also what a lost buffer is rebuilt with: the XOR of all others.
 *
 *   struct io_bpf_buf_desc descs[1 + k] = {PARITY, DATA…};
 *   io_uring_prep_bpf(sqe, op, 0, descs, 1 + k);
 *
 * Buffers of any kind and alignment, but of the same length; the parity's overlaps with none of the others.
 * cqe->res: the length. -EINVAL: lengths differ, or are beyond 2 GiB - 1; -EFAULT: memory isn't there; the
 * parity is then half done. `op` is xor_parity_ops.id, which the application may change before it loads the
 * object. */
#include "streams.h"

#define SOURCES_MAX 16

SEC("struct_ops/xor_parity_prep")
int BPF_PROG(xor_parity_prep, struct uring_bpf_data* data, const struct io_uring_sqe* sqe) {
  return keep_descs(data, sqe, 2, 1 + SOURCES_MAX);
}

/* What a pass adds to the parity: one or two sources. What was there counts as far as `keep` says, the second
 * source as far as `both` says: all bits or none. In the request, since the verifier would follow each pass
 * that it can tell from another. */
struct xor {
  struct request request;
  __u32 source, second;
  __s32 keep, both;
} __attribute__((packed, aligned(4)));
_Static_assert(sizeof(struct xor) <= sizeof(((struct uring_bpf_data*)0)->pdu), "fits");

static __always_inline struct xor *xor_of(struct uring_bpf_data* data) { return (void*)data->pdu; }

static __always_inline __u64 mix(__s64 keep, __s64 both, __u64 parity, __u64 a, __u64 b) {
  return (parity & keep) ^ a ^ (b & both);
}

/* The three streams' next `bytes`, a constant. */
static __always_inline void mix_slices(__s64 keep, __s64 both, const struct stream* parity,
                                       const struct stream* a, const struct stream* b, __u32 bytes) {
  __u64* to = bpf_dynptr_slice_rdwr(&parity->chunk, 0, NULL, bytes);
  const __u64* one = bpf_dynptr_slice(&a->chunk, 0, NULL, bytes);
  const __u64* two = bpf_dynptr_slice(&b->chunk, 0, NULL, bytes);
  __u32 block, i;
  if (!to || !one || !two) return;
  EACH_BLOCK(block, bytes) {
#pragma unroll
    for (i = 0; i < BLOCK / 8; i++) {
      const __u32 at = block * (BLOCK / 8) + i;
      to[at] = mix(keep, both, to[at], one[at], two[at]);
    }
  }
}

/* 0, or -EFAULT if a buffer could not be had. */
static __noinline int run_pass(struct uring_bpf_data* data) {
  const __s64 keep = xor_of(data)->keep, both = xor_of(data)->both;
  STREAM(parity);
  STREAM(a);
  STREAM(b);
  int error = stream_open(&parity, data, 0, ITER_DEST);
  error |= stream_open(&a, data, xor_of(data)->source, ITER_SOURCE);
  error |= stream_open(&b, data, xor_of(data)->second, ITER_SOURCE);
  if (error) return -EFAULT;

  __u32 step;
  request_of(data)->done = 0;
  bpf_for(step, 0, STEPS_MAX) {
    if (!stream_fill(&parity, ITER_DEST) || !stream_fill(&a, ITER_SOURCE) || !stream_fill(&b, ITER_SOURCE))
      break;
    __u32 bytes = min(stream_left(&parity), min(stream_left(&a), stream_left(&b)));
    if (bytes >= PAGE) {
      bytes = PAGE;
      mix_slices(keep, both, &parity, &a, &b, PAGE);
    } else if (bytes >= BLOCK) {
      bytes = BLOCK;
      mix_slices(keep, both, &parity, &a, &b, BLOCK);
    } else {
      bytes = small_step(bytes);
      stream_set_word(
          &parity,
          mix(keep, both, stream_word(&parity, bytes), stream_word(&a, bytes), stream_word(&b, bytes)),
          bytes);
    }
    stream_advance(&parity, bytes);
    stream_advance(&a, bytes);
    stream_advance(&b, bytes);
    request_of(data)->done += bytes;
  }
  return 0;
}

SEC("struct_ops/xor_parity_issue")
int BPF_PROG(xor_parity_issue, struct uring_bpf_data* data) {
  const __u32 buffers = request_of(data)->count;
  const int bytes = common_bytes(data, buffers);
  if (bytes < 0) return bytes;
  __u32 i;
  bpf_for(i, 0, SOURCES_MAX / 2) {
    const __u32 source = 1 + 2 * i;
    if (source >= buffers) break;
    const bool two = source + 1 < buffers;
    xor_of(data)->source = source;
    xor_of(data)->second = two ? source + 1 : source;
    xor_of(data)->keep = i ? ~0 : 0;
    xor_of(data)->both = two ? ~0 : 0;
    if (run_pass(data) || request_of(data)->done != bytes) return -EFAULT;
  }
  uring_bpf_set_result(data, bytes);
  return 0;
}

SEC(".struct_ops.link")
struct uring_bpf_ops xor_parity_ops = {
    .id = 2, .prep_fn = (void*)xor_parity_prep, .issue_fn = (void*)xor_parity_issue};

char LICENSE[] SEC("license") = "Dual MIT/GPL";
