/* What the cases share. A case is a program; the verdict that is expected of it stands beside it:
 *
 *   PROGRAM(name) { // ACCEPTED
 *     ...;          // REFUSED: what Linux says of this line
 *
 * `// RULE: name, name` above a program says which rules of rules.txt or of src/bpf/verifier/rules.cpp it shows: each has
 * programs on both sides. RING3_UPDATE=1 test_bpf_verifier puts verdicts where they belong; look at what it did.
 *
 * REFUSED(name) in a function that several programs call says whose verdict it is. `LINUX: accepted, because …` or
 * `LINUX: refused, because …` beside the verdict: the kernel that runs the tests is known to differ. */
#ifndef RING3_TESTS_CASES_H
#define RING3_TESTS_CASES_H

#include <ring3/bpf/ring3.h>

#pragma clang diagnostic ignored "-Weverything"

/* Needs nothing of ring3's own, so that the kernel that runs the tests is asked as well. Sleepable. */
#define PROGRAM(name) SEC("syscall") int name(void* context)
/* The same, but all of it is in asm: clang adds neither entry nor exit. */
#define BARE_PROGRAM(name) SEC("syscall") __attribute__((naked)) int name(void)
/* A loop_step; FAST_STEP is one that may not sleep. */
#define STEP(name) RING3_STEP("struct_ops.s/" #name, name)
#define FAST_STEP(name) RING3_STEP("struct_ops/" #name, name)
#define RING3_STEP(section, name)                                                             \
  int name(unsigned long long* arguments);                                                    \
  SEC(".struct_ops.link") struct io_uring_bpf_ops name##_ops = {.loop_step = (void*)name};    \
  static __always_inline int name##_body(struct iou_ctx*, struct iou_loop_params*);           \
  SEC(section) int name(unsigned long long* arguments) {                                      \
    return name##_body((void*)arguments[0], (void*)arguments[1]);                             \
  }                                                                                           \
  static __always_inline int name##_body(struct iou_ctx* ctx, struct iou_loop_params* params)

#define BARE_STEP(name)                                                                       \
  int name(unsigned long long* arguments);                                                    \
  SEC(".struct_ops.link") struct io_uring_bpf_ops name##_ops = {.loop_step = (void*)name};    \
  SEC("struct_ops.s/" #name) __attribute__((naked)) int name(unsigned long long* arguments)

/* An issue_fn, which may not sleep. */
#define ISSUE(name)                                                                           \
  int name(unsigned long long* arguments);                                                    \
  SEC(".struct_ops.link") struct uring_bpf_ops name##_ops = {.issue_fn = (void*)name};        \
  static __always_inline int name##_body(struct uring_bpf_data*);                             \
  SEC("struct_ops/" #name) int name(unsigned long long* arguments) {                          \
    return name##_body((void*)arguments[0]);                                                  \
  }                                                                                           \
  static __always_inline int name##_body(struct uring_bpf_data* data)

/* A number that nothing is known of. */
#define NUMBER() bpf_get_prandom_u32()

struct value {
  char bytes[48];
  __u64 words[2];
};
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 4);
  __type(key, __u32);
  __type(value, struct value);
} array SEC(".maps");
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16);
  __type(key, __u64);
  __type(value, struct value);
} hash SEC(".maps");
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4096);
} records SEC(".maps");

static __always_inline struct value* array_value(void) {
  __u32 key = 0;
  return bpf_map_lookup_elem(&array, &key);
}

static __always_inline struct value* hash_value(void) {
  __u64 key = 1;
  return bpf_map_lookup_elem(&hash, &key);
}

#ifndef CASES_LICENSE
#define CASES_LICENSE "Dual MIT/GPL"
#endif
char LICENSE[] SEC("license") = CASES_LICENSE;

#endif
