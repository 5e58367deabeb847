/* For cases that say each instruction: asm, a statement an instruction, so that each has a line of its own. Labels are
 * local: `1:`, `goto 1f`, `goto 1b`. Maps, globals and FUNCTIONs go by their names: `r1 = numbers ll`. */
#ifndef RING3_TESTS_CASES_ASM_H
#define RING3_TESTS_CASES_ASM_H

#include "cases.h"

#define ASM(text) asm volatile(text)
/* A call of a kfunc. */
#define CALL(kfunc) asm volatile("call %[function]" : : [function] "i"(kfunc))
/* An instruction that no assembler makes. */
#define INSN(code, dst, src, off, imm)                                                                   \
  asm volatile(".8byte %[bits]" : : [bits] "i"((unsigned long long)(code) | (dst) << 8 | (src) << 12 |   \
                                               (unsigned long long)((off) & 0xffff) << 16 |              \
                                               (unsigned long long)(imm) << 32))
/* A function of the program's own. */
#define FUNCTION(name) static __attribute__((naked, noinline, used)) int name(void)

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 4);
  __type(key, __u32);
  __type(value, __u64);
} numbers SEC(".maps");
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16);
  __type(key, __u64);
  __type(value, char[48]);
} entries SEC(".maps");
char bytes[64];
const volatile char constants[64] = {5, 5, 5, 5, 5, 5, 5, 5};

/* Nobody calls it: clang describes the types of functions that C calls. */
static __attribute__((used)) void describe_kfuncs(void) {
  bpf_iter_num_new(0, 0, 0);
  bpf_iter_num_next(0);
  bpf_iter_num_destroy(0);
  bpf_dynptr_slice(0, 0, 0, 0);
}

#endif
