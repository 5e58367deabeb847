/* Buffers of requests: iterators over them, and dynptrs over their chunks. */
#include "cases.h"

#define NEW(it, direction)                \
  struct io_bpf_buf_desc desc_##it = {};  \
  struct bpf_iter_uring_buf it;           \
  bpf_iter_uring_buf_new(&it, data, &desc_##it, direction)

// RULE: iterator
ISSUE(walk) {  // ACCEPTED
  int bytes = 0, *chunk;
  NEW(it, ITER_SOURCE);
  while ((chunk = bpf_iter_uring_buf_next(&it))) bytes += *chunk;
  bpf_iter_uring_buf_destroy(&it);
  uring_bpf_set_result(data, bytes);
  return 0;
}

ISSUE(destroyed_at_once) {  // ACCEPTED
  NEW(it, ITER_SOURCE);
  bpf_iter_uring_buf_destroy(&it);
  return 0;
}

ISSUE(used_although_new_failed) {  // ACCEPTED
  struct io_bpf_buf_desc desc = {.type = 99};
  struct bpf_iter_uring_buf it;
  int error = bpf_iter_uring_buf_new(&it, data, &desc, ITER_DEST);
  if (error) bpf_iter_uring_buf_next(&it);
  bpf_iter_uring_buf_destroy(&it);
  return error;
}

// RULE: iterator
ISSUE(left_open) {  // REFUSED: Unreleased reference
  NEW(it, ITER_SOURCE);
  return 0;
}

ISSUE(left_open_on_error) {  // REFUSED: Unreleased reference
  struct io_bpf_buf_desc desc = {};
  struct bpf_iter_uring_buf it;
  if (bpf_iter_uring_buf_new(&it, data, &desc, ITER_SOURCE)) return 0;
  bpf_iter_uring_buf_destroy(&it);
  return 0;
}

ISSUE(never_made) {
  struct bpf_iter_uring_buf it;
  return bpf_iter_uring_buf_next(&it) != 0;  // REFUSED: expected an initialized iter_uring_buf as arg #0
}

ISSUE(destroyed_twice) {
  NEW(it, ITER_SOURCE);
  bpf_iter_uring_buf_destroy(&it);
  bpf_iter_uring_buf_destroy(&it);  // REFUSED: expected an initialized iter_uring_buf as arg #0
  return 0;
}

ISSUE(made_twice) {
  NEW(it, ITER_SOURCE);
  bpf_iter_uring_buf_new(&it, data, &desc_it, ITER_SOURCE);  // REFUSED: expected uninitialized iter_uring_buf as arg #0
  bpf_iter_uring_buf_destroy(&it);
  return 0;
}

ISSUE(not_on_the_stack) {
  struct io_bpf_buf_desc desc = {};
  struct value* value = array_value();
  if (!value) return 0;
  return bpf_iter_uring_buf_new((void*)value, data, &desc, ITER_SOURCE);  // REFUSED: arg#0 expected pointer to an iterator on stack
}

ISSUE(too_small) {
  struct io_bpf_buf_desc desc = {};
  __u64 half[6];
  return bpf_iter_uring_buf_new((void*)half, data, &desc, ITER_SOURCE);  // REFUSED: invalid write to stack
}

ISSUE(written_to) {
  NEW(it, ITER_SOURCE);
  ((volatile struct bpf_iter_uring_buf*)&it)->__opaque[3] = 0;
  bpf_iter_uring_buf_destroy(&it);  // REFUSED: expected an initialized iter_uring_buf as arg #0
  return 0;
}

ISSUE(looked_into) {
  NEW(it, ITER_SOURCE);
  int result = ((volatile struct bpf_iter_uring_buf*)&it)->__opaque[3];  // REFUSED: invalid read from stack
  bpf_iter_uring_buf_destroy(&it);
  return result;
}

ISSUE(another_kind_of_iterator) {
  struct bpf_iter_num it;
  bpf_iter_num_new(&it, 0, 3);
  bpf_iter_uring_buf_next((void*)&it);  // REFUSED: expected an initialized iter_uring_buf as arg #0
  bpf_iter_num_destroy(&it);
  return 0;
}

ISSUE(size_unchecked) {
  NEW(it, ITER_SOURCE);
  int result = *bpf_iter_uring_buf_next(&it);  // REFUSED: R0 invalid mem access 'scalar'
  bpf_iter_uring_buf_destroy(&it);
  return result;
}

ISSUE(size_written) {
  NEW(it, ITER_SOURCE);
  int* bytes = bpf_iter_uring_buf_next(&it);
  if (bytes) *bytes = 5;  // REFUSED: R0 cannot write into rdonly_mem
  bpf_iter_uring_buf_destroy(&it);
  return 0;
}

ISSUE(size_after_destroy) {
  NEW(it, ITER_SOURCE);
  int* bytes = bpf_iter_uring_buf_next(&it);
  bpf_iter_uring_buf_destroy(&it);
  return bytes ? *bytes : 0;  // REFUSED: invalid mem access 'scalar'
}

ISSUE(data_is_a_number) {
  struct io_bpf_buf_desc desc = {};
  struct bpf_iter_uring_buf it;
  return bpf_iter_uring_buf_new(&it, (void*)(__u64)NUMBER(), &desc, 0);  // REFUSED: arg#1
}

ISSUE(descriptor_is_null) {
  struct bpf_iter_uring_buf it;
  return bpf_iter_uring_buf_new(&it, data, 0, 0);  // REFUSED: Possibly NULL pointer passed to trusted arg2
}

ISSUE(descriptor_is_short) {
  struct bpf_iter_uring_buf it;
  __u64 half = 0;
  asm volatile("" : : "r"(&half) : "memory");
  return bpf_iter_uring_buf_new(&it, data, (void*)&half, 0);  // REFUSED: invalid
}

ISSUE(descriptor_in_the_pdu) {
  struct bpf_iter_uring_buf it;
  return bpf_iter_uring_buf_new(&it, data, (void*)data->pdu, 0);  // REFUSED: args#2 expected pointer to STRUCT io_bpf_buf_desc but R3 has a pointer to STRUCT uring_bpf_data
}

// RULE: several-iterators
ISSUE(several_at_once) {  // ACCEPTED
  int same = 0;
  NEW(a, ITER_SOURCE);
  NEW(b, ITER_SOURCE);
  NEW(c, ITER_DEST);
  for (;;) {
    int* x = bpf_iter_uring_buf_next(&a);
    int* y = bpf_iter_uring_buf_next(&b);
    int* z = bpf_iter_uring_buf_next(&c);
    if (!x || !y || !z) break;
    same += *x == *y && *y == *z;
  }
  bpf_iter_uring_buf_destroy(&a);
  bpf_iter_uring_buf_destroy(&c);
  bpf_iter_uring_buf_destroy(&b);
  return -same;
}

// RULE: several-iterators
ISSUE(one_of_several_left_open) {  // REFUSED: Unreleased reference
  NEW(a, ITER_SOURCE);
  NEW(b, ITER_SOURCE);
  bpf_iter_uring_buf_destroy(&a);
  return 0;
}

#define CHUNK(it, chunk)      \
  struct bpf_dynptr chunk;    \
  bpf_iter_uring_buf_next(&it); \
  bpf_uring_buf_dynptr_rdwr(&it, &chunk)

// RULE: slices
ISSUE(slice_of_a_chunk) {  // ACCEPTED
  NEW(it, ITER_DEST);
  CHUNK(it, chunk);
  __u64* words = bpf_dynptr_slice_rdwr(&chunk, 0, 0, 512);
  if (words) words[63] += words[0];
  bpf_iter_uring_buf_destroy(&it);
  return 0;
}

ISSUE(slice_unchecked) {
  NEW(it, ITER_DEST);
  CHUNK(it, chunk);
  volatile __u64* words = bpf_dynptr_slice_rdwr(&chunk, 0, 0, 512);
  words[0] = 1;  // REFUSED: R0 invalid mem access 'mem_or_null'
  bpf_iter_uring_buf_destroy(&it);
  return 0;
}

ISSUE(beyond_the_slice) {
  NEW(it, ITER_DEST);
  CHUNK(it, chunk);
  volatile __u64* words = bpf_dynptr_slice_rdwr(&chunk, 0, 0, 512);
  if (words) words[64] = 1;  // REFUSED: invalid access to memory, mem_size=512 off=512 size=8
  bpf_iter_uring_buf_destroy(&it);
  return 0;
}

ISSUE(writes_a_slice_to_be_read) {
  NEW(it, ITER_DEST);
  CHUNK(it, chunk);
  volatile __u64* words = bpf_dynptr_slice(&chunk, 0, 0, 512);
  if (words) words[0] = 1;  // REFUSED: R0 cannot write into rdonly_mem
  bpf_iter_uring_buf_destroy(&it);
  return 0;
}

// RULE: slices
ISSUE(slice_after_next) {
  NEW(it, ITER_DEST);
  CHUNK(it, chunk);
  volatile __u64* words = bpf_dynptr_slice_rdwr(&chunk, 0, 0, 512);
  bpf_iter_uring_buf_next(&it);
  if (words) words[0] = 1;  // REFUSED: invalid mem access 'scalar'
  bpf_iter_uring_buf_destroy(&it);
  return 0;
}

// RULE: slices
ISSUE(slice_after_destroy) {
  NEW(it, ITER_DEST);
  CHUNK(it, chunk);
  volatile __u64* words = bpf_dynptr_slice_rdwr(&chunk, 0, 0, 512);
  bpf_iter_uring_buf_destroy(&it);
  if (words) words[0] = 1;  // REFUSED: invalid mem access 'scalar'
  return 0;
}

ISSUE(dynptr_after_next) {
  NEW(it, ITER_DEST);
  CHUNK(it, chunk);
  bpf_iter_uring_buf_next(&it);
  int size = bpf_dynptr_size(&chunk);  // REFUSED: Expected an initialized dynptr as arg #0
  bpf_iter_uring_buf_destroy(&it);
  return size;
}

ISSUE(dynptr_after_destroy) {
  NEW(it, ITER_DEST);
  CHUNK(it, chunk);
  bpf_iter_uring_buf_destroy(&it);
  return bpf_dynptr_size(&chunk);  // REFUSED: Expected an initialized dynptr as arg #0
}

ISSUE(clone_after_next) {
  NEW(it, ITER_DEST);
  CHUNK(it, chunk);
  struct bpf_dynptr clone;
  bpf_dynptr_clone(&chunk, &clone);
  bpf_iter_uring_buf_next(&it);
  int size = bpf_dynptr_size(&clone);  // REFUSED: Expected an initialized dynptr as arg #0
  bpf_iter_uring_buf_destroy(&it);
  return size;
}

// RULE: slices
ISSUE(slice_of_a_clone_after_next) {
  NEW(it, ITER_DEST);
  CHUNK(it, chunk);
  struct bpf_dynptr clone;
  bpf_dynptr_clone(&chunk, &clone);
  volatile __u64* words = bpf_dynptr_slice_rdwr(&clone, 0, 0, 512);
  bpf_iter_uring_buf_next(&it);
  if (words) words[0] = 1;  // REFUSED: invalid mem access 'scalar'
  bpf_iter_uring_buf_destroy(&it);
  return 0;
}

// RULE: slices
ISSUE(dynptr_of_another_iterator_stays) {  // ACCEPTED
  NEW(a, ITER_DEST);
  NEW(b, ITER_SOURCE);
  CHUNK(a, chunk);
  __u64* words = bpf_dynptr_slice_rdwr(&chunk, 0, 0, 512);
  bpf_iter_uring_buf_next(&b);
  bpf_iter_uring_buf_destroy(&b);
  if (words) words[0] = 1;
  bpf_iter_uring_buf_destroy(&a);
  return 0;
}

ISSUE(dynptr_made_again) {  // ACCEPTED
  NEW(it, ITER_DEST);
  struct bpf_dynptr chunk;
  while (bpf_iter_uring_buf_next(&it)) {
    if (bpf_uring_buf_dynptr(&it, &chunk)) break;
    __u8 byte;
    bpf_dynptr_read(&byte, 1, &chunk, 0, 0);
  }
  bpf_iter_uring_buf_destroy(&it);
  return 0;
}

ISSUE(dynptr_without_iterator) {
  struct bpf_dynptr chunk;
  struct bpf_iter_uring_buf it;
  return bpf_uring_buf_dynptr(&it, &chunk);  // REFUSED: expected an initialized iter_uring_buf as arg #0
}

// RULE: foreign-memory
ISSUE(copy_between_slices) {  // ACCEPTED
  NEW(a, ITER_DEST);
  NEW(b, ITER_DEST);
  CHUNK(a, to);
  CHUNK(b, from);
  __u64* words = bpf_dynptr_slice_rdwr(&from, 0, 0, 512);
  if (words) {
    bpf_dynptr_write(&to, 0, words, 512, 0);
    bpf_dynptr_read(words, 512, &to, 0, 0);
  }
  bpf_iter_uring_buf_destroy(&b);
  bpf_iter_uring_buf_destroy(&a);
  return 0;
}

ISSUE(slice_into_a_map) {
  NEW(it, ITER_DEST);
  CHUNK(it, chunk);
  __u32 key = 0;
  struct value* words = bpf_dynptr_slice_rdwr(&chunk, 0, 0, 512);
  if (words) bpf_map_update_elem(&array, &key, words, 0);  // REFUSED: R3 type=mem expected=fp, map_value
  bpf_iter_uring_buf_destroy(&it);
  return 0;
}

ISSUE(slice_as_a_key) {
  NEW(it, ITER_DEST);
  CHUNK(it, chunk);
  void* words = bpf_dynptr_data(&chunk, 0, 8);
  void* found = words ? bpf_map_lookup_elem(&hash, words) : 0;  // REFUSED: R2 type=mem expected=fp, map_value
  bpf_iter_uring_buf_destroy(&it);
  return found != 0;
}

ISSUE(slice_into_a_ring_buffer) {
  NEW(it, ITER_DEST);
  CHUNK(it, chunk);
  void* words = bpf_dynptr_slice(&chunk, 0, 0, 8);
  if (words) bpf_ringbuf_output(&records, words, 8, 0);  // REFUSED: R2 type=mem expected=fp, map_value
  bpf_iter_uring_buf_destroy(&it);
  return 0;
}

ISSUE(slice_as_a_descriptor) {
  NEW(it, ITER_DEST);
  CHUNK(it, chunk);
  struct io_bpf_buf_desc other = {};
  struct io_bpf_buf_desc* desc = bpf_dynptr_slice_rdwr(&chunk, 0, 0, 16);
  if (desc) uring_bpf_memcpy(data, desc, &other);  // REFUSED: R2 type=mem expected=fp, map_value
  bpf_iter_uring_buf_destroy(&it);
  return 0;
}

__noinline int first_word(__u64* word) {
  return word ? (int)*word : 0;
}
ISSUE(slice_to_a_global_function) {
  NEW(it, ITER_DEST);
  CHUNK(it, chunk);
  int result = 0;
  __u64* words = bpf_dynptr_slice_rdwr(&chunk, 0, 0, 16);
  if (words) result = first_word(words);  // REFUSED: R1 type=mem expected=fp, map_value
  bpf_iter_uring_buf_destroy(&it);
  return result;
}

static __noinline void add_up(__u64* words, __u64* sum) {
  for (int i = 0; i < 8; i++) *sum += words[i];
}
// RULE: foreign-memory
ISSUE(slice_to_a_static_function) {  // ACCEPTED
  NEW(it, ITER_DEST);
  CHUNK(it, chunk);
  __u64 sum = 0;
  __u64* words = bpf_dynptr_slice_rdwr(&chunk, 0, 0, 64);
  if (words) add_up(words, &sum);
  bpf_iter_uring_buf_destroy(&it);
  return -(int)(sum & 7);
}

ISSUE(copies) {  // ACCEPTED
  struct io_bpf_buf_desc to = {.type = IO_BPF_BUF_KFIXED, .len = 512}, from = to;
  from.buf_index = 1;
  return uring_bpf_memcpy(data, &to, &from) < 0 ? -5 : 0;
}

ISSUE(copies_to_null) {
  struct io_bpf_buf_desc from = {};
  return uring_bpf_memcpy(data, 0, &from);  // REFUSED: Possibly NULL pointer passed to trusted arg1
}

/* The request's own bytes are there for others to read. */
ISSUE(keeps_an_address) {  // ACCEPTED
  __u64* pdu = (__u64*)data->pdu;
  *pdu = (__u64)data;  // STRICT: leaks addr into mem
  return 0;
}

ISSUE(keeps_a_number) {  // ACCEPTED
  __u64* pdu = (__u64*)data->pdu;
  *pdu = bpf_ktime_get_ns();
  return 0;
}
