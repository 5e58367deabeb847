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

/* What a pass does to the parity: one or two sources a pass, the first pass overwrites what was there. */
enum pass { SET_ONE, SET_TWO, ADD_ONE, ADD_TWO };

static __always_inline __u64 mix(enum pass pass, __u64 parity, __u64 a, __u64 b) {
  switch (pass) {
    case SET_ONE:
      return a;
    case SET_TWO:
      return a ^ b;
    case ADD_ONE:
      return parity ^ a;
    case ADD_TWO:
      return parity ^ a ^ b;
  }
}

static __always_inline void mix_words(enum pass pass, __u64* parity, const __u64* a, const __u64* b,
                                      __u32 bytes) {
  __u32 i;
#pragma unroll 8
  for (i = 0; i < bytes / 8; i++) parity[i] = mix(pass, parity[i], a[i], b[i]);
}

/* The three streams' next `bytes`, a constant. */
static __always_inline void mix_slices(enum pass pass, const struct stream* parity, const struct stream* a,
                                       const struct stream* b, __u32 bytes) {
  __u64* to = bpf_dynptr_slice_rdwr(&parity->chunk, 0, NULL, bytes);
  const __u64* one = bpf_dynptr_slice(&a->chunk, 0, NULL, bytes);
  const __u64* two = pass & 1 ? bpf_dynptr_slice(&b->chunk, 0, NULL, bytes) : one;
  if (!to || !one || !two) return;
  switch (pass) {
    case SET_ONE:
      mix_words(SET_ONE, to, one, two, bytes);
      break;
    case SET_TWO:
      mix_words(SET_TWO, to, one, two, bytes);
      break;
    case ADD_ONE:
      mix_words(ADD_ONE, to, one, two, bytes);
      break;
    case ADD_TWO:
      mix_words(ADD_TWO, to, one, two, bytes);
      break;
  }
}

/* 0, or -EFAULT if a buffer could not be had. */
static __noinline int run_pass(struct uring_bpf_data* data, __u32 source, enum pass pass) {
  STREAM(parity);
  STREAM(a);
  STREAM(b);
  int error = stream_open(&parity, data, 0, ITER_DEST);
  error |= stream_open(&a, data, source, ITER_SOURCE);
  error |= stream_open(&b, data, pass & 1 ? source + 1 : source, ITER_SOURCE);
  if (error) return -EFAULT;

  __u32 step;
  request_of(data)->done = 0;
  bpf_for(step, 0, STEPS_MAX) {
    if (!stream_fill(&parity, ITER_DEST) || !stream_fill(&a, ITER_SOURCE) || !stream_fill(&b, ITER_SOURCE))
      break;
    __u32 bytes = min(stream_left(&parity), min(stream_left(&a), stream_left(&b)));
    if (bytes >= PAGE) {
      bytes = PAGE;
      mix_slices(pass, &parity, &a, &b, PAGE);
    } else if (bytes >= BLOCK) {
      bytes = BLOCK;
      mix_slices(pass, &parity, &a, &b, BLOCK);
    } else {
      bytes = small_step(bytes);
      stream_set_word(&parity,
                      mix(pass, stream_word(&parity, bytes), stream_word(&a, bytes), stream_word(&b, bytes)),
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
    if (run_pass(data, source, (i ? ADD_ONE : SET_ONE) + two) || request_of(data)->done != bytes)
      return -EFAULT;
  }
  uring_bpf_set_result(data, bytes);
  return 0;
}

SEC(".struct_ops.link")
struct uring_bpf_ops xor_parity_ops = {
    .id = 2, .prep_fn = (void*)xor_parity_prep, .issue_fn = (void*)xor_parity_issue};

char LICENSE[] SEC("license") = "Dual MIT/GPL";
