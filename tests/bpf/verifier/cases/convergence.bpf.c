/* Loops that only the machine bounds (iterators, callbacks, may_goto): numbers that change from turn to turn are forgotten
 * until nothing new is learned, unless something depends on them. */
#include "cases.h"

extern int bpf_iter_num_new(struct bpf_iter_num* it, int start, int end) __weak __ksym;
extern int* bpf_iter_num_next(struct bpf_iter_num* it) __weak __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num* it) __weak __ksym;

#define EACH(i, from, to) \
  for (struct bpf_iter_num it __attribute__((cleanup(bpf_iter_num_destroy))), *once = (bpf_iter_num_new(&it, from, to), &it); once; once = 0) \
    for (int* i; (i = bpf_iter_num_next(&it));)
#define MAY_GOTO(label) asm volatile goto("may_goto %l[" #label "]" : : : : label)

struct progress {
  __u64 count, bytes;
  __u32 index;
};

PROGRAM(counts) {  // ACCEPTED
  __u64 n = 0;
  EACH(i, 0, 1000000) n++;
  return n;
}

PROGRAM(counts_two_ways) {  // ACCEPTED
  __u64 up = 0;
  __s64 down = 1000;
  EACH(i, 0, 1000000) {
    up += 3;
    down -= *i & 1;
  }
  return up + down;
}

PROGRAM(count_that_is_an_index) {
  struct value* value = array_value();
  __u64 n = 0;
  if (!value) return 0;
  EACH(i, 0, 1000000) {
    asm volatile("" : "+r"(n));
    value->bytes[n] = 1;  // REFUSED: value_size=64 off=64 size=1
    n++;
  }
  return 0;
}

PROGRAM(count_that_is_a_checked_index) {  // ACCEPTED
  struct value* value = array_value();
  __u64 n = 0;
  if (!value) return 0;
  EACH(i, 0, 1000000) {
    if (n >= sizeof(value->bytes)) break;
    value->bytes[n] = 1;
    n++;
  }
  return n;
}

PROGRAM(count_on_the_stack) {  // ACCEPTED
  volatile __u64 n = 0;
  volatile __u32 small = 0;
  EACH(i, 0, 1000000) {
    n++;
    small += 2;
  }
  return n + small;
}

PROGRAM(structure_on_the_stack) {  // ACCEPTED
  struct progress p = {};
  EACH(i, 0, 1000) {
    asm volatile("" : : "r"(&p) : "memory");
    p.count++;
    p.bytes += *i;
    p.index = (p.index + 1) & 7;
  }
  return p.count + p.bytes + p.index;
}

PROGRAM(search_from_both_ends) {  // ACCEPTED
  struct value* value = array_value();
  __u32 low = 0, high = 48;
  if (!value) return 0;
  EACH(i, 0, 64) {
    if (low >= high) break;
    __u32 middle = (low + high) / 2;
    asm volatile("" : "+r"(middle));
    if (middle >= 48) break;
    if (value->bytes[middle] < 5)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

PROGRAM(loop_in_a_loop) {  // ACCEPTED
  __u64 n = 0;
  EACH(i, 0, 1000) {
    EACH(j, 0, 1000) n += *i + *j;
  }
  return n;
}

PROGRAM(loop_after_a_loop) {  // ACCEPTED
  __u64 n = 0;
  EACH(i, 0, 1000) n += *i;
  EACH(i, 0, 1000) n -= *i;
  return n;
}

PROGRAM(bounded_loop_in_an_iterator) {  // ACCEPTED
  __u64 n = 0;
  EACH(i, 0, 1000) {
    for (int j = 0; j < 10; j++) {
      barrier_var(j);
      n += j;
    }
  }
  return n;
}

PROGRAM(pointer_that_moves) {
  struct value* value = array_value();
  if (!value) return 0;
  char* at = value->bytes;
  EACH(i, 0, 100) {
    asm volatile("" : "+r"(at));
    *at = 1;  // REFUSED: value_size=64 off=64 size=1
    at++;
  }
  return 0;
}

PROGRAM(flag_decides) {  // ACCEPTED
  struct value *value = 0, *found = array_value();
  EACH(i, 0, 100) {
    if (*i == 50) value = found;
  }
  if (!value) return 0;
  return value->bytes[0];
}

PROGRAM(state_machine) {  // ACCEPTED
  int state = 0;
  EACH(i, 0, 100) {
    switch (state) {
      case 0: state = NUMBER() & 1 ? 1 : 2; break;
      case 1: state = 2; break;
      default: state = 0;
    }
  }
  return state;
}

PROGRAM(endless_within) {
  EACH(i, 0, 10) {
    asm volatile("1: goto 1b");  // REFUSED: unreachable insn
  }
  return 0;
}

PROGRAM(may_goto_counts) {  // ACCEPTED
  __u64 n = 0;
  for (;;) {
    MAY_GOTO(out);
    n++;
    barrier_var(n);
  }
out:
  return n;
}

PROGRAM(may_goto_with_a_checked_index) {  // ACCEPTED
  struct value* value = array_value();
  __u64 n = 0;
  if (!value) return 0;
  for (;;) {
    MAY_GOTO(out);
    if (n >= sizeof(value->bytes)) break;
    value->bytes[n] = 1;
    n++;
  }
out:
  return n;
}

PROGRAM(while_it_can_loop) {  // ACCEPTED
  struct value* value = array_value();
  __u64 n = 0;
  if (!value) return 0;
  while (n < sizeof(value->bytes) && value->bytes[n] && can_loop) n++;
  return n;
}

PROGRAM(may_goto_with_an_unchecked_index) {
  struct value* value = array_value();
  __u64 n = 0;
  if (!value) return 0;
  for (;;) {
    MAY_GOTO(out);
    asm volatile("" : "+r"(n));
    value->bytes[n] = 1;  // REFUSED: value_size=64 off=64 size=1
    n++;
  }
out:
  return n;
}

static __noinline int may_goto_inside(__u64 n) {
  for (;;) {
    MAY_GOTO(out);
    n += 3;
    barrier_var(n);
  }
out:
  return n;
}

PROGRAM(may_goto_in_a_function) {  // ACCEPTED
  return may_goto_inside(1) + may_goto_inside(NUMBER());
}

struct context {
  struct value* value;
  __u64 index;
  __u32 left;
};

static int counts_up(__u32 i, struct context* c) {
  c->index++;
  return 0;
}

PROGRAM(callback_counts) {  // ACCEPTED
  struct context c = {};
  bpf_loop(100000, counts_up, &c, 0);
  return c.index;
}

static int writes_at(__u32 i, struct context* c) {
  if (c->index >= sizeof(c->value->bytes)) return 1;
  c->value->bytes[c->index++] = 1;
  return 0;
}

PROGRAM(callback_with_a_checked_index) {  // ACCEPTED
  struct context c = {.value = array_value()};
  if (!c.value) return 0;
  return bpf_loop(100000, writes_at, &c, 0);
}

static int writes_unchecked(__u32 i, struct context* c) {
  __u64 n = c->index;
  asm volatile("" : "+r"(n));
  c->value->bytes[n] = 1;  // REFUSED(callback_with_an_unchecked_index): value_size=64 off=64 size=1
  c->index = n + 1;
  return 0;
}

PROGRAM(callback_with_an_unchecked_index) {
  struct context c = {.value = array_value()};
  if (!c.value) return 0;
  return bpf_loop(100000, writes_unchecked, &c, 0);
}

static int drops_the_value(__u32 i, struct context* c) {
  if (i == 5) c->value = 0;
  return 0;
}

PROGRAM(callback_drops_what_was_checked) {
  struct context c = {.value = array_value()};
  if (!c.value) return 0;
  bpf_loop(10, drops_the_value, &c, 0);
  return *(volatile char*)c.value->bytes;  // REFUSED: invalid mem access 'scalar'
}

static int once(__u32 i, struct context* c) {
  c->left = 7;
  return 1;
}

PROGRAM(callback_may_not_run) {
  struct context c = {.value = array_value(), .left = 100};
  if (!c.value) return 0;
  bpf_loop(NUMBER(), once, &c, 0);
  __u64 n = c.left;
  asm volatile("" : "+r"(n));
  return c.value->bytes[n];  // REFUSED: value_size=64 off=100 size=1
}

static int inner(__u32 i, struct context* c) {
  c->index += i;
  return 0;
}

static int outer(__u32 i, struct context* c) {
  bpf_loop(i, inner, c, 0);
  return 0;
}

PROGRAM(callback_in_a_callback) {  // ACCEPTED
  struct context c = {};
  bpf_loop(100, outer, &c, 0);
  return c.index;
}

static int walks(void* map, __u64* key, struct value* value, struct context* c) {
  c->index += value->bytes[3] + *key;
  value->words[0] = c->left++;
  return 0;
}

PROGRAM(walk) {  // ACCEPTED
  struct context c = {};
  bpf_for_each_map_elem(&hash, walks, &c, 0);
  return c.index;
}

static int iterates(__u32 n, struct context* c) {
  EACH(i, 0, n) c->index += *i;
  return 0;
}

PROGRAM(iterator_in_a_callback) {  // ACCEPTED
  struct context c = {};
  bpf_loop(100, iterates, &c, 0);
  return c.index;
}

PROGRAM(callback_in_an_iterator) {  // ACCEPTED
  struct context c = {};
  EACH(i, 0, 100) bpf_loop(*i, counts_up, &c, 0);
  return c.index;
}

static int leaves_an_iterator(__u32 n, struct context* c) {
  struct bpf_iter_num it;
  bpf_iter_num_new(&it, 0, n);
  return 0;  // REFUSED(iterator_left_in_a_callback): Unreleased reference LINUX: refused, at the end of the program
}

PROGRAM(iterator_left_in_a_callback) { return bpf_loop(100, leaves_an_iterator, 0, 0); }
