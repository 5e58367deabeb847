/* struct bpf_spin_lock in map values: one at a time, nothing called meanwhile, dropped on every path, not looked at. */
#include "cases.h"

struct account {
  __u64 sum;
  struct bpf_spin_lock lock;
  __u32 count;
};
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16);
  __type(key, __u64);
  __type(value, struct account);
} accounts SEC(".maps");
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 2);
  __type(key, __u32);
  __type(value, struct { __u64 first; struct { __u32 at; struct bpf_spin_lock lock; } inner; });
} nested SEC(".maps");

extern int bpf_iter_num_new(struct bpf_iter_num* it, int start, int end) __weak __ksym;
extern int* bpf_iter_num_next(struct bpf_iter_num* it) __weak __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num* it) __weak __ksym;

static __always_inline struct account* account(__u64 key) { return bpf_map_lookup_elem(&accounts, &key); }

// RULE: lock
PROGRAM(adds_under_the_lock) {  // ACCEPTED
  struct account* a = account(1);
  if (!a) return 0;
  bpf_spin_lock(&a->lock);
  a->sum += 5;
  a->count++;
  bpf_spin_unlock(&a->lock);
  return 0;
}

PROGRAM(lock_in_a_structure_within) {  // ACCEPTED
  __u32 key = NUMBER();
  struct { __u64 first; struct { __u32 at; struct bpf_spin_lock lock; } inner; }* v = bpf_map_lookup_elem(&nested, &key);
  if (!v) return 0;
  bpf_spin_lock(&v->inner.lock);
  v->first = v->inner.at++;
  bpf_spin_unlock(&v->inner.lock);
  return 0;
}

PROGRAM(branches_under_the_lock) {  // ACCEPTED
  struct account* a = account(1);
  __u64 n = NUMBER(), sum;
  if (!a) return 0;
  bpf_spin_lock(&a->lock);
  if (a->sum > n) {
    a->sum -= n;
    bpf_spin_unlock(&a->lock);
    return 1;
  }
  for (int i = 0; i < 8; i++) a->sum += n >> i;
  sum = a->sum;
  bpf_spin_unlock(&a->lock);
  return sum == 1;
}

static __noinline int add_locked(struct account* a, __u64 n) {
  if (!a) return 0;
  a->sum += n;
  return 1;
}

PROGRAM(static_function_under_the_lock) {  // ACCEPTED
  struct account* a = account(1);
  if (!a) return 0;
  bpf_spin_lock(&a->lock);
  int n = add_locked(a, 7);
  bpf_spin_unlock(&a->lock);
  return n;
}

static __noinline int take(struct account* a) {
  bpf_spin_lock(&a->lock);
  return 0;
}

PROGRAM(taken_in_a_function) {  // ACCEPTED
  struct account* a = account(1);
  if (!a) return 0;
  take(a);
  a->sum++;
  bpf_spin_unlock(&a->lock);
  return 0;
}

PROGRAM(iterates_under_the_lock) {  // ACCEPTED
  struct account* a = account(1);
  struct bpf_iter_num it;
  int* i;
  if (!a) return 0;
  bpf_spin_lock(&a->lock);
  bpf_iter_num_new(&it, 0, 10);
  while ((i = bpf_iter_num_next(&it))) a->sum += *i;
  bpf_iter_num_destroy(&it);
  bpf_spin_unlock(&a->lock);
  return 0;
}

PROGRAM(one_after_the_other) {  // ACCEPTED
  struct account *a = account(1), *b = account(2);
  if (!a || !b) return 0;
  bpf_spin_lock(&a->lock);
  __u64 sum = a->sum;
  bpf_spin_unlock(&a->lock);
  bpf_spin_lock(&b->lock);
  b->sum += sum;
  bpf_spin_unlock(&b->lock);
  return 0;
}

static int in_loop(__u32 i, __u64* context) {
  struct account* a = account(i);
  if (!a) return 1;
  bpf_spin_lock(&a->lock);
  a->sum++;
  bpf_spin_unlock(&a->lock);
  return 0;
}

PROGRAM(taken_in_a_callback) {  // ACCEPTED
  return bpf_loop(16, in_loop, 0, 0);
}

static int in_walk(void* map, __u64* key, struct account* a, void* context) {
  bpf_spin_lock(&a->lock);
  a->sum = 0;
  bpf_spin_unlock(&a->lock);
  return 0;
}

PROGRAM(taken_in_a_walk) {  // ACCEPTED
  return bpf_for_each_map_elem(&accounts, in_walk, 0, 0);
}

PROGRAM(makes_an_element) {  // ACCEPTED
  struct account fresh = {.sum = 1};
  __u64 key = 7;
  return bpf_map_update_elem(&accounts, &key, &fresh, BPF_NOEXIST);
}

PROGRAM(not_dropped) {
  struct account* a = account(1);
  if (!a) return 0;
  bpf_spin_lock(&a->lock);
  a->sum++;
  return 0;
}  // REFUSED: BPF_EXIT instruction in main prog cannot be used inside bpf_spin_lock-ed region

PROGRAM(not_dropped_on_one_path) {
  struct account* a = account(1);
  int n = NUMBER();
  if (!a) return 0;
  bpf_spin_lock(&a->lock);
  if (n == 5) goto out;
  bpf_spin_unlock(&a->lock);
out:
  return 0;
}  // REFUSED: cannot be used inside bpf_spin_lock-ed region

PROGRAM(taken_twice) {
  struct account* a = account(1);
  if (!a) return 0;
  bpf_spin_lock(&a->lock);
  bpf_spin_lock(&a->lock);  // REFUSED: function calls are not allowed while holding a lock
  bpf_spin_unlock(&a->lock);
  return 0;
}

PROGRAM(dropped_twice) {
  struct account* a = account(1);
  if (!a) return 0;
  bpf_spin_lock(&a->lock);
  bpf_spin_unlock(&a->lock);
  bpf_spin_unlock(&a->lock);  // REFUSED: bpf_spin_unlock without taking a lock
  return 0;
}

PROGRAM(never_taken) {
  struct account* a = account(1);
  if (!a) return 0;
  bpf_spin_unlock(&a->lock);  // REFUSED: bpf_spin_unlock without taking a lock
  return 0;
}

PROGRAM(drops_another) {
  struct account *a = account(1), *b = account(2);
  if (!a || !b) return 0;
  bpf_spin_lock(&a->lock);
  bpf_spin_unlock(&b->lock);  // REFUSED: bpf_spin_unlock of different lock
  return 0;
}

PROGRAM(same_element_found_twice) {
  struct account *a = account(1), *b = account(1);
  if (!a || !b) return 0;
  bpf_spin_lock(&a->lock);
  bpf_spin_unlock(&b->lock);  // REFUSED: bpf_spin_unlock of different lock
  return 0;
}

PROGRAM(calls_under_the_lock) {
  struct account* a = account(1);
  if (!a) return 0;
  bpf_spin_lock(&a->lock);
  a->sum = bpf_ktime_get_ns();  // REFUSED: function calls are not allowed while holding a lock
  bpf_spin_unlock(&a->lock);
  return 0;
}

__noinline int global_under_lock(int n) { return n + NUMBER(); }

PROGRAM(calls_a_global_function_under_the_lock) {
  struct account* a = account(1);
  if (!a) return 0;
  bpf_spin_lock(&a->lock);
  a->sum = global_under_lock(5);  // REFUSED: global function calls are not allowed while holding a lock
  bpf_spin_unlock(&a->lock);
  return 0;
}

static __noinline int sleeps(struct account* a) {
  a->sum = bpf_ktime_get_ns();  // REFUSED(calls_in_a_function_under_the_lock): function calls are not allowed while holding a lock
  return 0;
}

PROGRAM(calls_in_a_function_under_the_lock) {
  struct account* a = account(1);
  if (!a) return 0;
  bpf_spin_lock(&a->lock);
  sleeps(a);
  bpf_spin_unlock(&a->lock);
  return 0;
}

static int keeps(__u32 i, __u64* context) {
  struct account* a = account(i);
  if (!a) return 1;
  bpf_spin_lock(&a->lock);
  return 0;
}

PROGRAM(kept_by_a_callback) {
  return bpf_loop(16, keeps, 0, 0);  // REFUSED: function calls are not allowed while holding a lock
}

PROGRAM(reads_the_lock) {
  struct account* a = account(1);
  if (!a) return 0;
  return *(volatile __u32*)&a->lock;  // REFUSED: bpf_spin_lock cannot be accessed directly by load/store
}

PROGRAM(writes_over_the_lock) {
  struct account* a = account(1);
  if (!a) return 0;
  *(volatile __u64*)&a->lock = 0;  // REFUSED: bpf_spin_lock cannot be accessed directly by load/store
  return 0;
}

PROGRAM(index_may_hit_the_lock) {
  struct account* a = account(1);
  __u64 n = NUMBER() & 15;
  if (!a) return 0;
  return ((volatile char*)a)[n];  // REFUSED: bpf_spin_lock cannot be accessed directly by load/store
}

PROGRAM(index_before_the_lock) {  // ACCEPTED
  struct account* a = account(1);
  __u64 n = NUMBER() & 7;
  if (!a) return 0;
  return ((volatile char*)a)[n];
}

PROGRAM(gives_the_lock_away) {
  struct account* a = account(1);
  if (!a) return 0;
  return bpf_ringbuf_output(&records, a, sizeof(*a), 0);  // REFUSED: bpf_spin_lock cannot be accessed directly by load/store
}

PROGRAM(lock_on_the_stack) {
  struct bpf_spin_lock lock = {};
  bpf_spin_lock(&lock);  // REFUSED: R1 type=fp expected=map_value
  return 0;
}

PROGRAM(value_without_a_lock) {
  struct value* value = hash_value();
  if (!value) return 0;
  bpf_spin_lock((void*)value->words);  // REFUSED: map 'hash' has no valid bpf_spin_lock
  return 0;
}

PROGRAM(beside_the_lock) {
  struct account* a = account(1);
  if (!a) return 0;
  bpf_spin_lock((void*)&a->count);  // REFUSED: off 12 doesn't point to 'struct bpf_spin_lock' that is at 8
  return 0;
}

PROGRAM(somewhere_at_the_lock) {
  struct account* a = account(1);
  __u64 n = NUMBER() & 8;
  if (!a) return 0;
  bpf_spin_lock((void*)((char*)a + n));  // REFUSED: R1 doesn't have constant offset. bpf_spin_lock has to be at the constant offset
  return 0;
}

PROGRAM(lock_of_nobody) {
  bpf_spin_lock(&account(1)->lock);  // REFUSED: pointer arithmetic on map_value_or_null prohibited, null-check it first
  return 0;
}

/* A path on which the lock is held does not stand for one on which it isn't. */
PROGRAM(held_on_one_way) {
  struct account* a = account(1);
  int n = NUMBER();
  if (!a) return 0;
  if (n == 5) bpf_spin_lock(&a->lock);
  a->sum++;
  a->count++;
  if (n == 6) a->count++;
  bpf_spin_unlock(&a->lock);  // REFUSED: bpf_spin_unlock without taking a lock
  return 0;
}
