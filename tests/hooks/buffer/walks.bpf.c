// Operations on the buffers that the descriptors at sqe->addr name.
#include <ring3/bpf/ring3.h>

enum { SLICE = 512, CHUNKS = 4096 };

// What the last request saw.
__u32 chunks;
__u32 sizes[CHUNKS];
int new_result, second_new_result, dynptr_result, dynptr_rdwr_result, write_result, early_dynptr_result;
__u64 dynptr_size, read_only, was_null, next_after_end;
long copied;

// How often a chunk is gone over: for tests that want to be met in the middle.
__u32 rounds = 1;

struct plan {
  __u64 descriptors;
  __u32 count;
};

static struct plan* plan_of(struct uring_bpf_data* data) { return (void*)data->pdu; }

SEC("struct_ops/prep")
int BPF_PROG(prep, struct uring_bpf_data* data, const struct io_uring_sqe* sqe) {
  struct plan* plan = plan_of(data);
  plan->descriptors = sqe->addr;
  plan->count = sqe->len;
  chunks = 0;
  return 0;
}

static __always_inline int descriptor(struct uring_bpf_data* data, int which,
                                      struct io_bpf_buf_desc* descriptor) {
  return bpf_probe_read_user(descriptor, sizeof *descriptor,
                             (void*)(plan_of(data)->descriptors + which * sizeof *descriptor));
}

// The sum of all bytes, read by pieces of up to 64 of them, whatever the chunks are.
SEC("struct_ops/sum")
int BPF_PROG(sum, struct uring_bpf_data* data) {
  struct io_bpf_buf_desc desc;
  if (descriptor(data, 0, &desc)) return -14;
  struct bpf_iter_uring_buf it;
  __u32 total = 0;
  int* bytes;
  int result = bpf_iter_uring_buf_new(&it, data, &desc, ITER_SOURCE);
  new_result = result;
  while ((bytes = bpf_iter_uring_buf_next(&it))) {
    struct bpf_dynptr chunk;
    __u32 size = *bytes;
    if (chunks < CHUNKS) sizes[chunks] = size;
    chunks++;
    if (bpf_uring_buf_dynptr(&it, &chunk)) break;
    for (__u32 at = 0; at < 4096 && at < size; at += 64) {
      __u8 piece[64] = {};
      __u32 length = size - at;
      if (length > 64) length = 64;
      if (bpf_dynptr_read(piece, length, &chunk, at, 0)) break;
      for (int i = 0; i < 64; i++) total += piece[i];
    }
  }
  bpf_iter_uring_buf_destroy(&it);
  if (!result) uring_bpf_set_result(data, total & 0x7fffffff);
  return result;
}

// Every byte becomes the low byte of the request's flags, through slices.
SEC("struct_ops/fill")
int BPF_PROG(fill, struct uring_bpf_data* data) {
  struct io_bpf_buf_desc desc;
  if (descriptor(data, 0, &desc)) return -14;
  __u64 word = (data->opf & 255) * 0x0101010101010101ull;
  struct bpf_iter_uring_buf it;
  int result = bpf_iter_uring_buf_new(&it, data, &desc, ITER_DEST);
  while (bpf_iter_uring_buf_next(&it)) {
    struct bpf_dynptr chunk;
    if (bpf_uring_buf_dynptr_rdwr(&it, &chunk)) break;
    for (__u32 at = 0; at < 4096; at += SLICE) {
      __u64* slice = bpf_dynptr_slice_rdwr(&chunk, at, 0, SLICE);
      if (!slice) break;
      __u32 round;
      bpf_for(round, 0, rounds) for (int i = 0; i < SLICE / 8; i++) slice[i] = word;
    }
    chunks++;
  }
  bpf_iter_uring_buf_destroy(&it);
  return result;
}

// Descriptor 0 becomes the sum of 1 and 2, in one pass over all three.
SEC("struct_ops/parity")
int BPF_PROG(parity, struct uring_bpf_data* data) {
  struct io_bpf_buf_desc to, from[2];
  if (descriptor(data, 0, &to) || descriptor(data, 1, &from[0]) || descriptor(data, 2, &from[1])) return -14;
  struct bpf_iter_uring_buf out, a, b;
  int result = bpf_iter_uring_buf_new(&out, data, &to, ITER_DEST);
  int failed_a = bpf_iter_uring_buf_new(&a, data, &from[0], ITER_SOURCE);
  int failed_b = bpf_iter_uring_buf_new(&b, data, &from[1], ITER_SOURCE);
  if (!result) result = failed_a;
  if (!result) result = failed_b;
  while (bpf_iter_uring_buf_next(&out)) {
    struct bpf_dynptr to_chunk, a_chunk, b_chunk;
    if (!bpf_iter_uring_buf_next(&a) || !bpf_iter_uring_buf_next(&b)) break;
    if (bpf_uring_buf_dynptr_rdwr(&out, &to_chunk) || bpf_uring_buf_dynptr(&a, &a_chunk) ||
        bpf_uring_buf_dynptr(&b, &b_chunk))
      break;
    for (__u32 at = 0; at < 4096; at += SLICE) {
      __u64* sum = bpf_dynptr_slice_rdwr(&to_chunk, at, 0, SLICE);
      const __u64* x = bpf_dynptr_slice(&a_chunk, at, 0, SLICE);
      const __u64* y = bpf_dynptr_slice(&b_chunk, at, 0, SLICE);
      if (!sum || !x || !y) break;
      for (int i = 0; i < SLICE / 8; i++) sum[i] = x[i] ^ y[i];
    }
    chunks++;
  }
  bpf_iter_uring_buf_destroy(&b);
  bpf_iter_uring_buf_destroy(&a);
  bpf_iter_uring_buf_destroy(&out);
  return result;
}

// Descriptor 1 to descriptor 0.
SEC("struct_ops/copy")
int BPF_PROG(copy, struct uring_bpf_data* data) {
  struct io_bpf_buf_desc to, from;
  if (descriptor(data, 0, &to) || descriptor(data, 1, &from)) return -14;
  long result = uring_bpf_memcpy(data, &to, &from);
  copied = result;
  if (result < 0) return result;
  uring_bpf_set_result(data, result);
  return 0;
}

// Each result that the functions can have; in the direction that the flags give.
SEC("struct_ops/results")
int BPF_PROG(results, struct uring_bpf_data* data) {
  struct io_bpf_buf_desc desc;
  if (descriptor(data, 0, &desc)) return -14;
  struct bpf_iter_uring_buf it;
  struct bpf_dynptr chunk, writable;
  new_result = bpf_iter_uring_buf_new(&it, data, &desc, (int)(data->opf & 255) - 1);
  early_dynptr_result = bpf_uring_buf_dynptr(&it, &chunk);
  was_null = bpf_dynptr_is_null(&chunk);
  int* bytes = bpf_iter_uring_buf_next(&it);
  if (bytes) {
    chunks = *bytes;
    dynptr_result = bpf_uring_buf_dynptr(&it, &chunk);
    dynptr_size = bpf_dynptr_size(&chunk);
    read_only = bpf_dynptr_is_rdonly(&chunk);
    dynptr_rdwr_result = bpf_uring_buf_dynptr_rdwr(&it, &writable);
    was_null |= (__u64)bpf_dynptr_is_null(&writable) << 1;
    __u8 byte = 0x5a;
    write_result = bpf_dynptr_write(&writable, 0, &byte, 1, 0);
    while (bpf_iter_uring_buf_next(&it)) chunks++;
    next_after_end = (__u64)bpf_iter_uring_buf_next(&it);
  }
  bpf_iter_uring_buf_destroy(&it);
  return 0;
}

// What dynptrs can do, over the one chunk of descriptor 0: it holds 0, 1, 2, …
__u64 size_after, clone_size, slice_word, data_word, rdonly_slice_is_null, outside[4];
int adjust_result, read_results[3], write_results[3];
SEC("struct_ops/dynptrs")
int BPF_PROG(dynptrs, struct uring_bpf_data* data) {
  struct io_bpf_buf_desc desc;
  if (descriptor(data, 0, &desc)) return -14;
  struct bpf_iter_uring_buf it;
  int result = bpf_iter_uring_buf_new(&it, data, &desc, ITER_DEST);
  int* bytes = bpf_iter_uring_buf_next(&it);
  if (bytes) {
    struct bpf_dynptr chunk, clone, fixed;
    bpf_uring_buf_dynptr_rdwr(&it, &chunk);
    bpf_uring_buf_dynptr(&it, &fixed);
    adjust_result = bpf_dynptr_adjust(&chunk, 16, 116);
    size_after = bpf_dynptr_size(&chunk);
    if (!bpf_dynptr_clone(&chunk, &clone)) clone_size = bpf_dynptr_size(&clone);
    const __u64* slice = bpf_dynptr_slice(&clone, 8, 0, 8);
    if (slice) slice_word = *slice;
    __u64* memory = bpf_dynptr_data(&chunk, 0, 8);
    if (memory) data_word = *memory;
    outside[0] = (__u64)bpf_dynptr_slice(&chunk, 93, 0, 8);
    outside[1] = (__u64)bpf_dynptr_data(&chunk, 100, 1);
    rdonly_slice_is_null = !bpf_dynptr_slice_rdwr(&fixed, 0, 0, 8);
    __u64 word = 0;
    read_results[0] = bpf_dynptr_read(&word, 8, &fixed, 0, 0);
    outside[2] = word;
    read_results[1] = bpf_dynptr_read(&word, 8, &chunk, 93, 0);
    read_results[2] = bpf_dynptr_read(&word, 8, &chunk, 0, 1);
    word = ~0ull;
    write_results[0] = bpf_dynptr_write(&chunk, 8, &word, 8, 0);
    write_results[1] = bpf_dynptr_write(&chunk, 93, &word, 8, 0);
    write_results[2] = bpf_dynptr_write(&fixed, 0, &word, 8, 0);
  }
  bpf_iter_uring_buf_destroy(&it);
  return result;
}

#define OPERATION(number, name) \
  SEC(".struct_ops.link")       \
  struct uring_bpf_ops name##_ops = {.id = number, .prep_fn = (void*)prep, .issue_fn = (void*)name}
OPERATION(1, sum);
OPERATION(2, fill);
OPERATION(3, parity);
OPERATION(4, copy);
OPERATION(5, results);
OPERATION(6, dynptrs);

char LICENSE[] SEC("license") = "Dual MIT/GPL";
