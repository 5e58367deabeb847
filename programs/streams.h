/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* What the programs that work on buffers share: the descriptors of a request, and streams, which walk several
 * buffers in step, whatever their kinds and alignments.
 *
 * sqe->addr points to sqe->len descriptors. They are read as the request runs, so they stay where they are
 * until it completes. */
#ifndef RING3_PROGRAMS_STREAMS_H
#define RING3_PROGRAMS_STREAMS_H

#include <ring3/bpf/ring3.h>

#define PAGE 4096
#define BLOCK 256 /* bytes of a step where there is no whole page */
/* As many as bpf_for() does: enough for 256 MiB, however little the buffers line up. */
#define STEPS_MAX (1 << 23)
#define VECTORS_MAX 1024       /* of a buffer */
#define RESULT_MAX 0x7fffffffu /* cqe->res is signed */

/* The start of a request's pdu. */
struct request {
  __u64 descs;
  __u32 count;
  /* Bytes of the current pass; here, where the verifier has nothing to follow from turn to turn. */
  __u32 done;
} __attribute__((packed, aligned(4)));

static __always_inline struct request* request_of(struct uring_bpf_data* data) { return (void*)data->pdu; }

/* For prep_fn: 0, or -EINVAL if there are fewer or more descriptors than that. */
static __always_inline int keep_descs(struct uring_bpf_data* data, const struct io_uring_sqe* sqe,
                                      __u32 count_min, __u32 count_max) {
  const __u32 count = sqe->len;
  if (count < count_min || count > count_max) return -EINVAL;
  request_of(data)->descs = sqe->addr;
  request_of(data)->count = count;
  return 0;
}

/* 0 or -EFAULT; the descriptor is then that of no bytes. */
static __always_inline int read_desc(struct uring_bpf_data* data, __u32 index, struct io_bpf_buf_desc* desc) {
  const __u64 at = request_of(data)->descs + index * sizeof(*desc);
  return bpf_probe_read_user(desc, sizeof(*desc), (const void*)at) ? -EFAULT : 0;
}

/* The bytes of the buffer that a descriptor names: what it says, whether they are there or not. -EFAULT: it
 * can't be read, or its iovecs can't; -EINVAL: too many of them, or more bytes than cqe->res can say. */
static __noinline int desc_bytes(struct uring_bpf_data* data, __u32 index) {
  struct io_bpf_buf_desc desc;
  if (read_desc(data, index, &desc)) return -EFAULT;
  __u64 total = desc.len;
  if (desc.type == IO_BPF_BUF_VEC || desc.type == IO_BPF_BUF_REG_VEC) {
    __u32 i;
    if (desc.len > VECTORS_MAX) return -EINVAL;
    total = 0;
    bpf_for(i, 0, desc.len) {
      struct {
        __u64 base, bytes;
      } vector;
      if (bpf_probe_read_user(&vector, sizeof(vector), (const void*)(desc.addr + i * sizeof(vector))))
        return -EFAULT;
      if (vector.bytes > RESULT_MAX) return -EINVAL;
      total += vector.bytes;
      if (total > RESULT_MAX) return -EINVAL; /* here: so that it has a bound from turn to turn */
    }
  }
  return total > RESULT_MAX ? -EINVAL : (int)total;
}

/* The bytes of each of the first `count` buffers; -EINVAL if they differ. */
static __always_inline int common_bytes(struct uring_bpf_data* data, __u32 count) {
  const int bytes = desc_bytes(data, 0);
  __u32 i;
  if (bytes < 0) return bytes;
  bpf_for(i, 1, count) {
    const int others = desc_bytes(data, i);
    if (others != bytes) return others < 0 ? others : -EINVAL;
  }
  return bytes;
}

/* A buffer on its way through a program, a chunk at a time. How far it is is in the dynptr, and asked for
 * anew wherever it is needed: a number that was kept would have another range on each path, and the verifier
 * follow each of them. Stack is dear: 512 bytes have room for three of these, no more. */
struct stream {
  struct bpf_iter_uring_buf buffer;
  struct bpf_dynptr chunk; /* what is left of it */
};

static __always_inline void stream_close(struct stream* stream) {
  bpf_iter_uring_buf_destroy(&stream->buffer);
}

/* STREAM(name): one that closes when its scope ends. Has to be opened at once. */
#define STREAM(name) struct stream name __attribute__((cleanup(stream_close)))

/* The buffer of descriptor `index`: 0, or what bpf_iter_uring_buf_new() said. An empty stream then. */
static __always_inline int stream_open(struct stream* stream, struct uring_bpf_data* data, __u32 index,
                                       int direction) {
  struct io_bpf_buf_desc desc;
  const int fault = read_desc(data, index, &desc);
  const int error = bpf_iter_uring_buf_new(&stream->buffer, data, &desc, direction);
  bpf_uring_buf_dynptr(&stream->buffer, &stream->chunk); /* of nothing yet */
  return fault ? fault : error;
}

/* Goes on to the next chunk if nothing is left of the current one. False: the end, or memory that isn't
 * there. */
static __always_inline bool stream_fill(struct stream* stream, int direction) {
  if ((__s64)bpf_dynptr_size(&stream->chunk) > 0) return true;
  if (!bpf_iter_uring_buf_next(&stream->buffer)) return false;
  return !(direction == ITER_DEST ? bpf_uring_buf_dynptr_rdwr(&stream->buffer, &stream->chunk)
                                  : bpf_uring_buf_dynptr(&stream->buffer, &stream->chunk));
}

/* The bytes left of the current chunk. */
static __always_inline __u64 stream_left(const struct stream* stream) {
  return bpf_dynptr_size(&stream->chunk);
}

/* Steps over `bytes` of those left. */
static __always_inline void stream_advance(struct stream* stream, __u32 bytes) {
  bpf_dynptr_adjust(&stream->chunk, bytes, bpf_dynptr_size(&stream->chunk));
}

/* EACH_BLOCK(block, bytes) { … }: for the numbers of the blocks in so many bytes. An iterator, because the
 * verifier would follow a plain loop over a page turn by turn. */
#define EACH_BLOCK(block, bytes) bpf_for(block, 0, (bytes) / BLOCK)

static __always_inline __u64 min(__u64 a, __u64 b) { return a < b ? a : b; }

/* The bytes of a step that is not worth a slice: 8 or 1, constants to the verifier. */
static __always_inline __u32 small_step(__u32 left) { return left >= 8 ? 8 : 1; }

/* So many from the start of what is left, as the low bytes of a word. */
static __always_inline __u64 stream_word(const struct stream* stream, __u32 bytes) {
  __u64 word = 0;
  bpf_dynptr_read(&word, bytes, &stream->chunk, 0, 0);
  return word;
}
static __always_inline void stream_set_word(const struct stream* stream, __u64 word, __u32 bytes) {
  bpf_dynptr_write(&stream->chunk, 0, &word, bytes, 0);
}

#endif
