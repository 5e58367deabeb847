/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Helpers by their numbers, maps, and the kernel functions that are not io_uring's own. */
#ifndef RING3_BPF_HELPERS_H
#define RING3_BPF_HELPERS_H

#include "ring3/bpf/types.h"

/* A map is a variable in section .maps whose members say what it is:
 *
 *   struct {
 *     __uint(type, BPF_MAP_TYPE_ARRAY);
 *     __uint(max_entries, 64);
 *     __type(key, __u32);
 *     __type(value, struct slot);
 *   } slots SEC(".maps");
 */
#define __uint(name, number) int(*name)[number]
#define __type(name, ctype) __typeof__(ctype)* name
#define __ulong(name, number) enum { RING3_PASTE(ulong_, __COUNTER__) = number } name
#define RING3_PASTE_(a, b) a##b
#define RING3_PASTE(a, b) RING3_PASTE_(a, b)

enum bpf_map_type {
  BPF_MAP_TYPE_HASH = 1,
  BPF_MAP_TYPE_ARRAY = 2,
  BPF_MAP_TYPE_PERCPU_HASH = 5,
  BPF_MAP_TYPE_PERCPU_ARRAY = 6,
  BPF_MAP_TYPE_LRU_HASH = 9,
  BPF_MAP_TYPE_RINGBUF = 27,
  BPF_MAP_TYPE_ARENA = 33,
};
enum {
  BPF_F_NO_PREALLOC = 1u << 0,
  BPF_F_RDONLY_PROG = 1u << 7,
  BPF_F_MMAPABLE = 1u << 10,
  BPF_F_SEGV_ON_FAULT = 1u << 17,
};
enum { BPF_ANY = 0, BPF_NOEXIST = 1, BPF_EXIST = 2, BPF_F_LOCK = 4 };
enum { BPF_RB_NO_WAKEUP = 1, BPF_RB_FORCE_WAKEUP = 2 };

/* On parameters of functions that are not static: what the verifier, which looks at each such function by itself, may
 * suppose of the argument, and asks of every call. Without a tag a pointer is to memory of its type's size, or NULL. */
#define __arg_ctx __attribute__((btf_decl_tag("arg:ctx")))           /* the program's own argument */
#define __arg_nonnull __attribute__((btf_decl_tag("arg:nonnull")))   /* memory, not NULL */
#define __arg_trusted __attribute__((btf_decl_tag("arg:trusted")))   /* what a callback was given: struct iou_ctx * */
#define __arg_nullable __attribute__((btf_decl_tag("arg:nullable"))) /* the same, or NULL */

/* Opaque to programs; on the stack, and handed to the functions below. */
struct bpf_dynptr {
  __u64 opaque[2];
} __aligned(8);

/* A member of a map's values: held by one program at a time, for the few instructions that must not be mixed
 * with others'. While it is held nothing else is called, and every path drops it. */
struct bpf_spin_lock {
  __u32 val;
};

/* RING3_HELPER(number, result, name, parameters): calling it is the instruction `call number`. */
#define RING3_HELPER(number, result, name, ...) \
  static result (*const name)(__VA_ARGS__) __attribute__((unused)) = (void*)number

RING3_HELPER(1, void*, bpf_map_lookup_elem, void* map, const void* key);
RING3_HELPER(2, long, bpf_map_update_elem, void* map, const void* key, const void* value, __u64 flags);
RING3_HELPER(3, long, bpf_map_delete_elem, void* map, const void* key);
RING3_HELPER(5, __u64, bpf_ktime_get_ns, void);
RING3_HELPER(6, long, bpf_trace_printk, const char* format, __u32 format_size, ...);
RING3_HELPER(7, __u32, bpf_get_prandom_u32, void);
RING3_HELPER(8, __u32, bpf_get_smp_processor_id, void);
RING3_HELPER(14, __u64, bpf_get_current_pid_tgid, void);
RING3_HELPER(93, void, bpf_spin_lock, struct bpf_spin_lock* lock);
RING3_HELPER(94, void, bpf_spin_unlock, struct bpf_spin_lock* lock);
RING3_HELPER(112, long, bpf_probe_read_user, void* destination, __u32 size, const void* source);
RING3_HELPER(114, long, bpf_probe_read_user_str, void* destination, __u32 size, const void* source);
RING3_HELPER(125, __u64, bpf_ktime_get_boot_ns, void);
RING3_HELPER(130, long, bpf_ringbuf_output, void* ringbuf, void* data, __u64 size, __u64 flags);
RING3_HELPER(131, void*, bpf_ringbuf_reserve, void* ringbuf, __u64 size, __u64 flags);
RING3_HELPER(132, void, bpf_ringbuf_submit, void* record, __u64 flags);
RING3_HELPER(133, void, bpf_ringbuf_discard, void* record, __u64 flags);
RING3_HELPER(134, __u64, bpf_ringbuf_query, void* ringbuf, __u64 flags);
/* Sleepable programs only. */
RING3_HELPER(148, long, bpf_copy_from_user, void* destination, __u32 size, const void* source);
RING3_HELPER(164, long, bpf_for_each_map_elem, void* map, void* callback, void* context, __u64 flags);
RING3_HELPER(177, long, bpf_trace_vprintk, const char* format, __u32 format_size, const void* data,
             __u32 data_size);
RING3_HELPER(181, long, bpf_loop, __u32 count, void* callback, void* context, __u64 flags);
RING3_HELPER(182, long, bpf_strncmp, const char* string, __u32 size, const char* with);
RING3_HELPER(195, void*, bpf_map_lookup_percpu_elem, void* map, const void* key, __u32 cpu);
RING3_HELPER(197, long, bpf_dynptr_from_mem, void* data, __u32 size, __u64 flags, struct bpf_dynptr* pointer);
RING3_HELPER(201, long, bpf_dynptr_read, void* destination, __u32 size, const struct bpf_dynptr* source,
             __u32 offset, __u64 flags);
RING3_HELPER(202, long, bpf_dynptr_write, const struct bpf_dynptr* destination, __u32 offset, void* source,
             __u32 size, __u64 flags);
RING3_HELPER(203, void*, bpf_dynptr_data, const struct bpf_dynptr* pointer, __u32 offset, __u32 size);

/* A window of `size` bytes (a constant) on a dynptr's memory, or NULL: outside it, or to be written when it
 * may only be read. `buffer` is for memory that is not in one piece: NULL, or as large. The window ends with
 * the dynptr, that of a buffer's chunk with the chunk. Memory of a buffer can go away at any time: a program
 * that touches it then ends, and its request fails with -EFAULT. */
extern void* bpf_dynptr_slice(const struct bpf_dynptr* pointer, __u64 offset, void* buffer,
                              __u64 size) __weak __ksym;
extern void* bpf_dynptr_slice_rdwr(const struct bpf_dynptr* pointer, __u64 offset, void* buffer,
                                   __u64 size) __weak __ksym;
/* Narrows it to [start, end): 0, -EINVAL, -ERANGE. */
extern int bpf_dynptr_adjust(const struct bpf_dynptr* pointer, __u64 start, __u64 end) __weak __ksym;
extern bool bpf_dynptr_is_null(const struct bpf_dynptr* pointer) __weak __ksym;
extern bool bpf_dynptr_is_rdonly(const struct bpf_dynptr* pointer) __weak __ksym;
extern __u64 bpf_dynptr_size(const struct bpf_dynptr* pointer) __weak __ksym;
extern int bpf_dynptr_clone(const struct bpf_dynptr* pointer, struct bpf_dynptr* clone) __weak __ksym;

/* Arenas: pages that the program and the application share, at the same addresses. A map of type
 * BPF_MAP_TYPE_ARENA with BPF_F_MMAPABLE, whose max_entries are pages and whose map_extra is where it lies
 * (optional here, needed by Linux unless the application maps it). A pointer into it is declared with
 * __arena, and so is a variable that lives in it (clang 19). No pointer leads out of the arena; where no page
 * is, programs read zeroes and writes are lost. */
#define __arena __attribute__((address_space(1)))
/* Zeroed pages at that address, or anywhere if it is NULL: NULL if there are none. node_id -1: any. flags 0.
 */
extern void __arena* bpf_arena_alloc_pages(void* map, void __arena* address, __u32 page_count, int node_id,
                                           __u64 flags) __weak __ksym;
extern void bpf_arena_free_pages(void* map, void __arena* pointer, __u32 page_count) __weak __ksym;

/* bpf_printk("read %d bytes at %llu", res, offset): to the kernel's trace pipe, or where the host of ring3
 * says. Up to twelve arguments. */
#define bpf_printk(format, ...)                                                                              \
  ({                                                                                                         \
    static const char format_[] = format;                                                                    \
    __u64 arguments_[] = {RING3_EACH(__VA_ARGS__)};                                                          \
    bpf_trace_vprintk(format_, sizeof(format_), sizeof(arguments_) ? arguments_ : NULL, sizeof(arguments_)); \
  })
#define RING3_EACH(...) RING3_PASTE(RING3_EACH_, RING3_COUNT(__VA_ARGS__))(__VA_ARGS__)
#define RING3_COUNT(...) RING3_COUNT_(, ##__VA_ARGS__, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define RING3_COUNT_(x, a, b, c, d, e, f, g, h, i, j, k, l, n, ...) n
#define RING3_U64(x) ((__u64)(x))
#define RING3_EACH_0()
#define RING3_EACH_1(a) RING3_U64(a)
#define RING3_EACH_2(a, ...) RING3_U64(a), RING3_EACH_1(__VA_ARGS__)
#define RING3_EACH_3(a, ...) RING3_U64(a), RING3_EACH_2(__VA_ARGS__)
#define RING3_EACH_4(a, ...) RING3_U64(a), RING3_EACH_3(__VA_ARGS__)
#define RING3_EACH_5(a, ...) RING3_U64(a), RING3_EACH_4(__VA_ARGS__)
#define RING3_EACH_6(a, ...) RING3_U64(a), RING3_EACH_5(__VA_ARGS__)
#define RING3_EACH_7(a, ...) RING3_U64(a), RING3_EACH_6(__VA_ARGS__)
#define RING3_EACH_8(a, ...) RING3_U64(a), RING3_EACH_7(__VA_ARGS__)
#define RING3_EACH_9(a, ...) RING3_U64(a), RING3_EACH_8(__VA_ARGS__)
#define RING3_EACH_10(a, ...) RING3_U64(a), RING3_EACH_9(__VA_ARGS__)
#define RING3_EACH_11(a, ...) RING3_U64(a), RING3_EACH_10(__VA_ARGS__)
#define RING3_EACH_12(a, ...) RING3_U64(a), RING3_EACH_11(__VA_ARGS__)

/* Number iterators: a loop of any length that the verifier need not walk step by step. */
struct bpf_iter_num {
  __u64 opaque[1];
} __aligned(8);
extern int bpf_iter_num_new(struct bpf_iter_num* it, int start, int end) __weak __ksym;
extern int* bpf_iter_num_next(struct bpf_iter_num* it) __weak __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num* it) __weak __ksym;

static __always_inline struct bpf_iter_num* ring3_iter_num(struct bpf_iter_num* it, int start, int end) {
  bpf_iter_num_new(it, start, end);
  return it;
}

/* while (… && can_loop) { … }: such a loop needs no bound that the verifier sees. After some eight million turns
 * can_loop is false, so that it ends all the same. */
#define can_loop ring3_can_loop()
static __always_inline _Bool ring3_can_loop(void) {
  asm volatile goto("may_goto %l[out]" : : : : out);
  return 1;
out:
  return 0;
}

/* bpf_for(i, start, end) { … }: i, an integer variable declared before, runs from start to end - 1, at most
 * 8M steps; inside, the verifier knows its bounds. `break` and `continue` work, and so does `return`. */
#define bpf_for(i, start, end) RING3_FOR(i, start, end, RING3_PASTE(ring3_it_, __COUNTER__))
#define RING3_FOR(i, start, end, it)                                             \
  for (struct bpf_iter_num it __attribute__((cleanup(bpf_iter_num_destroy))),    \
       *RING3_PASTE(it, _p) = ring3_iter_num(&it, (start), (end));               \
       ({                                                                        \
         int* next_ = bpf_iter_num_next(RING3_PASTE(it, _p));                    \
         if (next_) (i) = *next_;                                                \
         next_ && (i) >= (start) && (i) < (end); /* so that i bounds an index */ \
       });)

/* The arguments of a struct_ops callback arrive as an array of 64-bit words; this spreads them over the
 * parameters that are written here, up to five:
 *
 *   SEC("struct_ops.s/step")
 *   int BPF_PROG(step, struct iou_ctx *ctx, struct iou_loop_params *params) { … }
 */
#define BPF_PROG(name, ...)                                                              \
  name(unsigned long long* ring3_args);                                                  \
  static __always_inline int ring3_body_##name(__VA_ARGS__);                             \
  int name(unsigned long long* ring3_args) {                                             \
    _Pragma("GCC diagnostic push")                                                       \
        _Pragma("GCC diagnostic ignored \"-Wint-conversion\"") return ring3_body_##name( \
            RING3_PASTE(RING3_ARGS_, RING3_COUNT(__VA_ARGS__)));                         \
    _Pragma("GCC diagnostic pop")                                                        \
  }                                                                                      \
  static __always_inline int ring3_body_##name(__VA_ARGS__)
#define RING3_ARGS_1 (void*)ring3_args[0]
#define RING3_ARGS_2 RING3_ARGS_1, (void*)ring3_args[1]
#define RING3_ARGS_3 RING3_ARGS_2, (void*)ring3_args[2]
#define RING3_ARGS_4 RING3_ARGS_3, (void*)ring3_args[3]
#define RING3_ARGS_5 RING3_ARGS_4, (void*)ring3_args[4]

#endif
