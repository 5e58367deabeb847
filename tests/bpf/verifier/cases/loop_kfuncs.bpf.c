/* Arguments and results of kernel functions, by their types and the suffixes of their names: tests/bpf/verifier/kfuncs. */
#include "cases.h"

struct thing {
  __u32 number;
  __u8 bytes[10];
  struct {
    __u32 first, second;
  } inner;
  struct thing* next;
  __u64 last;
};

extern struct thing* ring3_test_acquire(__u32 number) __ksym;
extern void ring3_test_release(struct thing* thing) __ksym;
extern int ring3_test_look(struct thing* thing) __ksym;
extern int ring3_test_maybe(struct thing* thing) __ksym;
extern int ring3_test_read(const void* data, __u32 size) __ksym;
extern int ring3_test_fill(void* data, __u32 size) __ksym;
extern int ring3_test_read_constant(const void* data, __u32 size) __ksym;
extern int ring3_test_constant(__u32 number) __ksym;
extern int ring3_test_make(__u64* number) __ksym;
extern int ring3_test_change(__u64* number) __ksym;
extern int ring3_test_see(const __u64* number) __ksym;
extern int ring3_test_ignore(void* anything, int number) __ksym;
extern int ring3_test_string(const char* text) __ksym;
extern int ring3_test_map(void* map) __ksym;
extern void* ring3_test_rdonly(__u32 size) __ksym;
extern void* ring3_test_rdwr(__u32 size) __ksym;

const volatile char text[] = "text";
char no_text[8];

STEP(acquired_and_released) {  // ACCEPTED
  struct thing* thing = ring3_test_acquire(1);
  if (!thing) return 0;
  int n = ring3_test_look(thing) + thing->number;
  ring3_test_release(thing);
  return n & 1;
}

STEP(acquired_twice) {  // ACCEPTED
  struct thing *one = ring3_test_acquire(1), *other = ring3_test_acquire(2);
  if (one) ring3_test_release(one);
  if (other) ring3_test_release(other);
  return 0;
}

STEP(not_released) {  // REFUSED: Unreleased reference
  struct thing* thing = ring3_test_acquire(1);
  return thing ? thing->number & 1 : 0;
}

STEP(released_unchecked) {
  ring3_test_release(ring3_test_acquire(1));  // REFUSED: Possibly NULL pointer passed to trusted arg0
  return 0;
}

STEP(used_after_release) {
  struct thing* thing = ring3_test_acquire(1);
  if (!thing) return 0;
  ring3_test_release(thing);
  return *(volatile __u32*)&thing->number;  // REFUSED: invalid mem access 'scalar'
}

STEP(released_twice) {
  struct thing* thing = ring3_test_acquire(1);
  if (!thing) return 0;
  ring3_test_release(thing);
  ring3_test_release(thing);  // REFUSED: arg#0
  return 0;
}

STEP(released_in_the_middle) {
  struct thing* thing = ring3_test_acquire(1);
  if (!thing) return 0;
  ring3_test_release((void*)((char*)thing + 8));  // REFUSED: R1 must have zero offset when passed to release func
  return 0;
}

static __noinline void gives_back(struct thing* thing) {
  if (thing) ring3_test_release(thing);
}

STEP(released_by_a_function) {  // ACCEPTED
  gives_back(ring3_test_acquire(1));
  return 0;
}

static __noinline struct thing* gets(__u32 n) { return n > 5 ? ring3_test_acquire(n) : 0; }

STEP(acquired_by_a_function) {  // ACCEPTED
  struct thing* thing = gets(NUMBER());
  if (thing) ring3_test_release(thing);
  return 0;
}

static int acquires(__u32 i, void* context) {
  struct thing* thing = ring3_test_acquire(i);
  if (!thing) return 1;
  ring3_test_release(thing);
  return 0;
}

STEP(acquired_in_a_callback) {  // ACCEPTED
  return bpf_loop(10, acquires, 0, 0) < 0;
}

static int releases(__u32 i, struct thing** thing) {
  ring3_test_release(*thing);
  return 0;
}

/* It might run twice, or never. */
STEP(released_in_a_callback) {  // REFUSED: Unreleased reference
  struct thing* thing = ring3_test_acquire(1);
  if (!thing) return 0;
  bpf_loop(2, releases, &thing, 0);
  return 0;
}

STEP(members) {  // ACCEPTED
  struct thing* thing = ring3_test_acquire(1);
  if (!thing) return 0;
  __u64 n = thing->number + thing->bytes[9] + thing->inner.second + thing->last + *(volatile __u8*)&thing->last + *(volatile __u32*)(thing->bytes + 4);
  ring3_test_release(thing);
  return n & 1;
}

STEP(across_two_members) {
  struct thing* thing = ring3_test_acquire(1);
  if (!thing) return 0;
  return *(volatile __u64*)&thing->number;  // REFUSED: access beyond the end of member number (mend:4) in struct thing with off 0 size 8
}

STEP(past_an_array) {
  struct thing* thing = ring3_test_acquire(1);
  if (!thing) return 0;
  return *(volatile __u32*)(thing->bytes + 8);  // REFUSED: access beyond the end of member bytes (mend:14) in struct thing with off 12 size 4
}

STEP(between_members) {
  struct thing* thing = ring3_test_acquire(1);
  if (!thing) return 0;
  return *((volatile __u8*)thing + 15);  // REFUSED: struct thing doesn't have field at offset 15
}

STEP(past_the_structure) {
  struct thing* thing = ring3_test_acquire(1);
  if (!thing) return 0;
  return *(volatile __u64*)(thing + 1);  // REFUSED: access beyond struct thing at off 40 size 8
}

STEP(part_of_a_pointer) {
  struct thing* thing = ring3_test_acquire(1);
  if (!thing) return 0;
  return *(volatile __u32*)&thing->next;  // REFUSED: cannot access ptr member next with moff 24 in struct thing with off 24 size 4
}

/* Linux lets the pointer be followed, with faults contained; here it is a number. */
STEP(pointer_member) {  // ACCEPTED
  struct thing* thing = ring3_test_acquire(1);
  if (!thing) return 0;
  int last = thing->next == 0;  // STRICT: 'struct thing' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN
  ring3_test_release(thing);
  return last;
}

STEP(pointer_member_followed) {
  struct thing* thing = ring3_test_acquire(1);
  if (!thing) return 0;
  return *(volatile __u32*)&thing->next->number;  // REFUSED: invalid mem access 'scalar'
}

STEP(member_written) {
  struct thing* thing = ring3_test_acquire(1);
  if (!thing) return 0;
  thing->number = 5;  // REFUSED: cannot write into ptr_thing at off=0 size=4
  ring3_test_release(thing);
  return 0;
}

STEP(null_where_it_may_be) {  // ACCEPTED
  struct thing* thing = ring3_test_acquire(1);
  int n = ring3_test_maybe(0);
  if (!thing) return n & 1;
  n += ring3_test_maybe(thing);
  ring3_test_release(thing);
  return n & 1;
}

STEP(null_where_it_must_not) {
  return ring3_test_look(0);  // REFUSED: Possibly NULL pointer passed to trusted arg0
}

STEP(memory_for_a_thing) {
  struct thing local = {};
  return ring3_test_look(&local);  // REFUSED: arg#0 is fp expected ptr_ or sock
}

STEP(memory_and_size) {  // ACCEPTED
  char bytes[32] = {};
  __u32 size = NUMBER() & 31;
  return ring3_test_read(bytes, size) + ring3_test_fill(bytes, size) + ring3_test_read((void*)text, sizeof(text)) == 7;
}

STEP(memory_smaller_than_its_size) {
  char bytes[32] = {};
  return ring3_test_read(bytes, 33 + (NUMBER() & 7));  // REFUSED: invalid read from stack R1
}

STEP(size_without_bound) {
  char bytes[32] = {};
  return ring3_test_read(bytes, NUMBER());  // REFUSED: R2 unbounded memory access
}

STEP(fills_a_constant) {
  char* at = (char*)text;
  barrier_var(at);
  return ring3_test_fill(at, sizeof(text));  // REFUSED: write into map forbidden
}

STEP(constant_size) {  // ACCEPTED
  char bytes[32] = {};
  return ring3_test_read_constant(bytes, 32) + ring3_test_read_constant(0, 32) == 7;
}

STEP(size_that_is_no_constant) {
  char bytes[32] = {};
  return ring3_test_read_constant(bytes, NUMBER() & 31);  // REFUSED: R2 must be a known constant
}

STEP(constant) {  // ACCEPTED
  return ring3_test_constant(7) == 7;
}

STEP(number_that_is_no_constant) {
  return ring3_test_constant(NUMBER());  // REFUSED: R1 must be a known constant
}

STEP(constant_on_each_path) {
  __u32 n = NUMBER() & 1 ? 5 : 9;
  barrier_var(n);
  asm volatile("" : "+r"(n));
  n &= 12;
  return ring3_test_constant(n + (NUMBER() & 1));  // REFUSED: R1 must be a known constant
}

STEP(room_for_a_result) {  // ACCEPTED
  __u64 made;
  ring3_test_make(&made);
  return made & 1;
}

STEP(number_in_memory) {  // ACCEPTED
  __u64 number = 5;
  ring3_test_change(&number);
  return ring3_test_see(&number) + number == 7;
}

/* What a call may have written is not known any more. */
STEP(number_that_was_changed) {
  struct value* value = array_value();
  __u64 number = 5;
  if (!value) return 0;
  ring3_test_change(&number);
  return value->bytes[number];  // REFUSED: math between map_value pointer and register with unbounded min value is not allowed
}

STEP(number_that_was_seen) {  // ACCEPTED
  struct value* value = array_value();
  __u64 number = 5;
  if (!value) return 0;
  barrier();
  ring3_test_see(&number);
  return value->bytes[number] & 1;
}

STEP(changes_a_constant) {
  __u64* at = (__u64*)text;
  barrier_var(at);
  return ring3_test_change(at);  // REFUSED: write into map forbidden
}

STEP(number_from_a_register) {
  return ring3_test_see((void*)bpf_ktime_get_ns());  // REFUSED: arg#0 pointer type
}

STEP(whatever_is_ignored) {  // ACCEPTED
  return ring3_test_ignore(ctx, 5) + ring3_test_ignore((void*)7, 5) == 7;
}

STEP(string) {  // ACCEPTED
  return ring3_test_string("text") == 7;
}

STEP(string_that_may_change) {
  char* at = no_text;
  barrier_var(at);
  return ring3_test_string(at);  // REFUSED: R1 does not point to a readonly map
}

STEP(map) {  // ACCEPTED
  return ring3_test_map(&array) == 7;
}

STEP(no_map) {
  char local = 0;
  return ring3_test_map(&local);  // REFUSED: R1 type=fp expected=map_ptr
}

STEP(buffer_to_read) {  // ACCEPTED
  char* buffer = ring3_test_rdonly(64);
  return buffer ? buffer[63] & 1 : 0;
}

STEP(buffer_to_read_is_written) {
  char* buffer = ring3_test_rdonly(64);
  if (buffer) buffer[63] = 1;  // REFUSED: R0 cannot write into rdonly_mem
  return 0;
}

STEP(buffer_to_write) {  // ACCEPTED
  char* buffer = ring3_test_rdwr(64);
  if (buffer) buffer[63] = 1;
  return 0;
}

STEP(buffer_overrun) {
  volatile char* buffer = ring3_test_rdwr(64);
  return buffer ? buffer[64] : 0;  // REFUSED: invalid access to memory, mem_size=64 off=64 size=1
}

STEP(buffer_of_unknown_size) {
  return ring3_test_rdwr(NUMBER()) != 0;  // REFUSED: R1 is not a const
}
