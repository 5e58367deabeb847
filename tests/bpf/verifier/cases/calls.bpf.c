/* Helpers, kernel functions and subprograms: who may call what, with what. */
#include "cases.h"

RING3_HELPER(36, long, bpf_probe_write_user, void* to, const void* from, __u32 size);
RING3_HELPER(9999, long, no_such_helper, void);
extern int ring3_no_such_kfunc(int) __weak __ksym;

PROGRAM(unknown_helper) {
  return no_such_helper();  // REFUSED: invalid func unknown#9999
}

PROGRAM(key_from_a_number) {
  return bpf_map_lookup_elem(&hash, (void*)bpf_ktime_get_ns()) != 0;  // REFUSED: R2 type=scalar expected=fp
}

PROGRAM(map_from_the_stack) {
  __u64 key = 0;
  return bpf_map_lookup_elem(&key, &key) != 0;  // REFUSED: R1 type=fp expected=map_ptr
}

PROGRAM(key_too_short) {
  __u32 key = 0;
  asm volatile("r2 = r10\n r2 += -4\n *(u32 *)(r2 + 0) = 0\n r1 = %[map] ll\n call 1" : : [map] "i"(&hash) : "r0", "r1", "r2", "r3", "r4", "r5");  // REFUSED: invalid read from stack R2 off=-4 size=8
  return 0;
}

PROGRAM(read_user_too_long) {
  char bytes[16];
  return bpf_probe_read_user(bytes, 1024, 0);  // REFUSED: invalid write to stack R1 off=-16 size=1024
}

PROGRAM(read_user_of_unknown_length) {
  char bytes[16];
  return bpf_probe_read_user(bytes, NUMBER(), 0);  // REFUSED: R2 unbounded memory access
}

PROGRAM(read_user_of_negative_length) {
  char bytes[16];
  long length = (int)NUMBER();
  barrier_var(length);
  if (length > 16) return 0;
  asm volatile("r1 = %[to]\n r2 = %[n]\n r3 = 0\n call 112" : : [to] "r"(bytes), [n] "r"(length) : "r0", "r1", "r2", "r3", "r4", "r5");  // REFUSED: R2 min value is negative, either use unsigned or 'var &= const'
  return 0;
}

const volatile char place[16] = {};

PROGRAM(read_user_into_rodata) {
  return bpf_probe_read_user((void*)place, 16, 0);  // REFUSED: write into map forbidden
}

PROGRAM(missing_weak_function) {
  return ring3_no_such_kfunc(1);  // REFUSED: invalid kernel function call not eliminated in verifier pass LINUX: refused, in other words: libbpf makes it a call of nothing
}

/* Behind a test for its presence the call is dead. */
// RULE: unknown-function
PROGRAM(missing_weak_function_tested) {  // ACCEPTED
  if (!ring3_no_such_kfunc) return 0;
  return ring3_no_such_kfunc(1);
}

static __noinline int deep9(int n) { return NUMBER() + n; }
static __noinline int deep8(int n) { return deep9(n) + 1; }  // REFUSED(too_deep): the call stack of 9 frames is too deep
static __noinline int deep7(int n) { return deep8(n) + 1; }
static __noinline int deep6(int n) { return deep7(n) + 1; }
static __noinline int deep5(int n) { return deep6(n) + 1; }
static __noinline int deep4(int n) { return deep5(n) + 1; }
static __noinline int deep3(int n) { return deep4(n) + 1; }
static __noinline int deep2(int n) { return deep3(n) + 1; }

PROGRAM(too_deep) { return deep2(1) + 1; }

static __noinline int much_stack(int n) {
  volatile char bytes[400];
  barrier_var(n);
  bytes[n & 255] = 1;
  return bytes[0];
}

PROGRAM(too_much_stack) {
  volatile char bytes[200];
  bytes[NUMBER() & 127] = 1;
  return bytes[3] + much_stack(1);  // REFUSED: combined stack size of 2 calls is
}

static __noinline int returns_local(char** out) {
  char local = 1;
  *out = &local;  // REFUSED(pointer_to_a_frame_that_ended): cannot spill pointers to stack into stack frame of the caller
  return local;
}

PROGRAM(pointer_to_a_frame_that_ended) {
  char* dangling = 0;
  asm volatile("" : "+m"(dangling));
  int n = returns_local(&dangling);
  return n + *(volatile char*)dangling;
}

static int forever(__u32 i, void* unused) {
  for (;;) barrier();  // REFUSED(callback_never_ends): infinite loop detected
  return 0;
}

PROGRAM(callback_never_ends) { return bpf_loop(10, forever, 0, 0); }

static int strange_return(__u32 i, void* unused) {
  return 7;  // REFUSED(callback_returns_seven): At callback return the register R0 has
}

PROGRAM(callback_returns_seven) { return bpf_loop(10, strange_return, 0, 0); }

static int writes_past(__u32 i, __u64* context) {
  context[1] = i;  // REFUSED(callback_context_past_end): invalid write to stack
  return 0;
}

PROGRAM(callback_context_past_end) {
  asm volatile("r3 = r10\n r3 += -8\n *(u64 *)(r3 + 0) = 0\n r1 = 10\n r2 = %[f] ll\n r4 = 0\n call 181" : : [f] "i"(writes_past) : "r0", "r1", "r2", "r3", "r4", "r5", "memory");
  return 0;
}

PROGRAM(callback_is_a_number) {
  return bpf_loop(10, (void*)bpf_ktime_get_ns(), 0, 0);  // REFUSED: R2 type=scalar expected=func
}

__noinline int global_reads(char* bytes) {
  return bytes[0];  // REFUSED(global_function_without_check): R1 invalid mem access 'mem_or_null'
}

PROGRAM(global_function_without_check) {
  char byte = 1;
  return global_reads(&byte);
}

__noinline int global_checked(struct value* value, int n) {
  if (!value) return -1;
  return value->bytes[n & 31];
}

// RULE: global-function, global-call
PROGRAM(global_function) {  // ACCEPTED
  return global_checked(array_value(), NUMBER());
}

PROGRAM(global_function_of_a_number) {
  return global_checked((void*)bpf_ktime_get_ns(), 1);  // REFUSED: R1 type=scalar expected=
}

static __noinline int clamp(struct value* value, __u64 index) {
  if (index > 47) return 0;
  return value->bytes[index];
}

// RULE: static-functions
PROGRAM(static_function_in_context) {  // ACCEPTED
  struct value* value = array_value();
  if (!value) return 0;
  return clamp(value, NUMBER()) + clamp(value, 3);
}

// RULE: helper-argument
PROGRAM(helpers) {  // ACCEPTED
  __u64 key = 3;
  struct value value = {.words = {1, 2}};
  char text[16];
  bpf_map_update_elem(&hash, &key, &value, BPF_ANY);
  struct value* found = bpf_map_lookup_elem(&hash, &key);
  if (found) found->words[0] += bpf_ktime_get_boot_ns();
  bpf_map_delete_elem(&hash, &key);
  bpf_printk("%d of %llu", 1, key);  // STRICT: program of this type cannot use helper bpf_trace_vprintk#177
  return bpf_copy_from_user(text, sizeof(text), (void*)key) + bpf_probe_read_user(text, 8, (void*)key) +
         bpf_probe_read_user_str(text, sizeof(text), (void*)key) + bpf_get_smp_processor_id() +
         (bpf_get_current_pid_tgid() >> 32);
}

// RULE: size-argument
PROGRAM(length_checked) {  // ACCEPTED
  char bytes[64];
  __u32 length = NUMBER();
  if (length > sizeof(bytes)) return 0;
  return bpf_copy_from_user(bytes, length, (void*)bpf_ktime_get_ns());  // STRICT: program of this type cannot use helper bpf_copy_from_user#148
}
