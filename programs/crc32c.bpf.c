/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* crc32c: the CRC32C of a buffer, of any kind and alignment.
 *
 *   struct io_bpf_buf_desc descs[1] = {DATA};        // just the CQE
 *   struct io_bpf_buf_desc descs[2] = {CRC, DATA};   // and all 32 bits, as 4 bytes of another buffer
 *   io_uring_prep_bpf(sqe, op, 0, descs, n);
 *   io_uring_prep_bpf(sqe, op, CRC32C_CHECK, descs, 2);   // (1) compares with those 4 bytes
 *
 * cqe->res is signed, and a negative one is an error that breaks the chain: it has the lower 31 bits of the
 * CRC. All 32 are in the buffer CRC, little-endian. With CRC32C_CHECK that is read, and -EBADMSG says that it
 * does not fit: a chain "read, check, write" then writes nothing.
 *
 * Other errors: -EINVAL: a bad descriptor, or data beyond 2 GiB - 1; -EFAULT: memory isn't there. `op` is
 * crc32c_ops.id, which the application may change before it loads the object. */
#include "crc32c.h"

#include "streams.h"

#define CRC32C_CHECK 1u
#define EBADMSG 74

SEC("struct_ops/crc32c_prep")
int BPF_PROG(crc32c_prep, struct uring_bpf_data* data, const struct io_uring_sqe* sqe) {
  const __u32 flags = IORING_BPF_OP_FLAGS(data->opf);
  if (flags & ~CRC32C_CHECK) return -EINVAL;
  return keep_descs(data, sqe, flags & CRC32C_CHECK ? 2 : 1, 2);
}

static __always_inline __u32 add_slice(__u32 crc, const struct stream* stream, __u32 bytes) {
  const __u64* words = bpf_dynptr_slice(&stream->chunk, 0, NULL, bytes);
  __u32 block, i;
  if (!words) return crc;
  bpf_for(block, 0, bytes / 32) {
#pragma unroll
    for (i = 0; i < 4; i++) crc = crc32c_word(crc, words[block * 4 + i]);
  }
  return crc;
}

/* The CRC of a buffer of `expected` bytes: 0, or -EFAULT if they aren't there. */
static __noinline int sum_up(struct uring_bpf_data* data, __u32 index, __u32 expected, __u32* result) {
  STREAM(stream);
  const int error = stream_open(&stream, data, index, ITER_SOURCE);
  if (error) return error;
  __u32 crc = ~0u, step;
  request_of(data)->done = 0;
  bpf_for(step, 0, STEPS_MAX) {
    if (!stream_fill(&stream, ITER_SOURCE)) break;
    const __u64 left = stream_left(&stream);
    __u32 bytes;
    if (left >= PAGE) {
      bytes = PAGE;
      crc = add_slice(crc, &stream, PAGE);
    } else if (left >= BLOCK) {
      bytes = BLOCK;
      crc = add_slice(crc, &stream, BLOCK);
    } else {
      bytes = small_step(left);
      const __u64 word = stream_word(&stream, bytes);
      crc = bytes == 1 ? crc32c_byte(crc, word) : crc32c_word(crc, word);
    }
    stream_advance(&stream, bytes);
    request_of(data)->done += bytes;
  }
  *result = ~crc;
  return request_of(data)->done == expected ? 0 : -EFAULT;
}

/* Reads or writes the 4 bytes of the buffer CRC, which may lie in several chunks. */
static __noinline int transfer(struct uring_bpf_data* data, int direction, __u32* crc) {
  STREAM(stream);
  const int error = stream_open(&stream, data, 0, direction);
  if (error) return error;
  __u32 step, value = *crc;
  bpf_for(step, 0, 4) {
    __u8 byte = value;
    if (!stream_fill(&stream, direction)) return -EFAULT;
    if (direction == ITER_DEST) {
      bpf_dynptr_write(&stream.chunk, 0, &byte, 1, 0);
    } else {
      bpf_dynptr_read(&byte, 1, &stream.chunk, 0, 0);
    }
    stream_advance(&stream, 1);
    value = value >> 8 | (__u32)byte << 24;
  }
  *crc = value;
  return 0;
}

SEC("struct_ops/crc32c_issue")
int BPF_PROG(crc32c_issue, struct uring_bpf_data* data) {
  const __u32 index = request_of(data)->count - 1; /* of the data */
  const int bytes = desc_bytes(data, index);
  if (bytes < 0) return bytes;
  __u32 crc = 0, there = 0;
  int result = sum_up(data, index, bytes, &crc);
  if (!result && IORING_BPF_OP_FLAGS(data->opf) & CRC32C_CHECK) {
    result = transfer(data, ITER_SOURCE, &there);
    if (!result && there != crc) result = -EBADMSG;
  } else if (!result && index) {
    there = crc;
    result = transfer(data, ITER_DEST, &there);
  }
  if (!result) uring_bpf_set_result(data, crc & RESULT_MAX);
  return result;
}

SEC(".struct_ops.link")
struct uring_bpf_ops crc32c_ops = {.id = 4, .prep_fn = (void*)crc32c_prep, .issue_fn = (void*)crc32c_issue};

char LICENSE[] SEC("license") = "Dual MIT/GPL";
