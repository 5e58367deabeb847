/* Open-coded iterators: made, walked, destroyed, on every path. */
#include "cases.h"

PROGRAM(iterator_leaked) {
  struct bpf_iter_num it;
  bpf_iter_num_new(&it, 0, 10);
  return 0;  // REFUSED: Unreleased reference id=
}

PROGRAM(iterator_leaked_on_one_path) {
  struct bpf_iter_num it;
  int* i;
  bpf_iter_num_new(&it, 0, 10);
  while ((i = bpf_iter_num_next(&it))) {
    if (*i == 5) return 1;
  }
  bpf_iter_num_destroy(&it);
  return 0;
}  // REFUSED: Unreleased reference id=

PROGRAM(next_without_new) {
  struct bpf_iter_num it = {};
  bpf_iter_num_next(&it);  // REFUSED: expected an initialized iter_num as arg #0
  return 0;
}

PROGRAM(destroy_without_new) {
  struct bpf_iter_num it = {};
  bpf_iter_num_destroy(&it);  // REFUSED: expected an initialized iter_num as arg #0
  return 0;
}

PROGRAM(next_after_destroy) {
  struct bpf_iter_num it;
  bpf_iter_num_new(&it, 0, 10);
  bpf_iter_num_destroy(&it);
  bpf_iter_num_next(&it);  // REFUSED: expected an initialized iter_num as arg #0
  return 0;
}

PROGRAM(new_twice) {
  struct bpf_iter_num it;
  bpf_iter_num_new(&it, 0, 10);
  bpf_iter_num_new(&it, 0, 10);  // REFUSED: expected uninitialized iter_num as arg #0
  bpf_iter_num_destroy(&it);
  return 0;
}

PROGRAM(iterator_overwritten) {
  struct bpf_iter_num it;
  bpf_iter_num_new(&it, 0, 10);
  ((volatile struct bpf_iter_num*)&it)->opaque[0] = 0;
  bpf_iter_num_destroy(&it);  // REFUSED: expected an initialized iter_num as arg #0
  return 0;
}

PROGRAM(iterator_read) {
  struct bpf_iter_num it;
  bpf_iter_num_new(&it, 0, 10);
  __u64 inside = ((volatile struct bpf_iter_num*)&it)->opaque[0];  // REFUSED: invalid read from stack
  bpf_iter_num_destroy(&it);
  return inside;
}

PROGRAM(iterator_in_a_map) {
  struct value* value = array_value();
  if (!value) return 0;
  bpf_iter_num_new((void*)value, 0, 10);  // REFUSED: arg#0 expected pointer to an iterator on stack
  return 0;
}

PROGRAM(iterator_from_a_number) {
  bpf_iter_num_new((void*)bpf_ktime_get_ns(), 0, 10);  // REFUSED: arg#0 expected pointer to an iterator on stack
  return 0;
}

PROGRAM(element_unchecked) {
  struct bpf_iter_num it;
  bpf_iter_num_new(&it, 0, 10);
  int first = *(volatile int*)bpf_iter_num_next(&it);  // REFUSED: R0 invalid mem access 'scalar'
  bpf_iter_num_destroy(&it);
  return first;
}

PROGRAM(element_written) {
  struct bpf_iter_num it;
  int* i;
  bpf_iter_num_new(&it, 0, 10);
  while ((i = bpf_iter_num_next(&it))) *(volatile int*)i = 1;  // REFUSED: R0 cannot write into rdonly_mem
  bpf_iter_num_destroy(&it);
  return 0;
}

// RULE: iterator-loops
PROGRAM(walked) {  // ACCEPTED
  struct bpf_iter_num it;
  int *i, sum = 0;
  bpf_iter_num_new(&it, 0, NUMBER() & 0xffff);
  while ((i = bpf_iter_num_next(&it))) sum += *i;
  bpf_iter_num_destroy(&it);
  return sum;
}

// RULE: iterator
PROGRAM(walked_twice) {  // ACCEPTED
  struct bpf_iter_num it;
  int *i, sum = 0;
  bpf_iter_num_new(&it, 0, 10);
  while ((i = bpf_iter_num_next(&it))) sum += *i;
  bpf_iter_num_destroy(&it);
  bpf_iter_num_new(&it, 0, 20);
  while ((i = bpf_iter_num_next(&it))) sum += *i;
  bpf_iter_num_destroy(&it);
  return sum;
}

PROGRAM(search) {  // ACCEPTED
  __u32 i, found = 16;
  struct value* value = array_value();
  if (!value) return 0;
  bpf_for(i, 0, 48) {
    if (i < 48 && value->bytes[i] == '/') {
      found = i;
      break;
    }
  }
  if (found < 48) value->bytes[found] = 0;
  return found;
}
