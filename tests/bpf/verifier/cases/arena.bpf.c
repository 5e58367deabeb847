/* Pointers into an arena. */
#include "asm.h"

struct {
  __uint(type, BPF_MAP_TYPE_ARENA);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 16);
} arena SEC(".maps");
struct {
  __uint(type, BPF_MAP_TYPE_ARENA);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 16);
} second SEC(".maps");

/* dst = addr_space_cast(src): 1 to what programs access, 1 << 16 back to what they store. */
#define CAST(dst, src, imm) INSN(0xbf, dst, src, 1, imm)
/* Makes the arena the program's. */
#define USES(map) asm volatile("" : : "r"(&map))

// RULE: arena
PROGRAM(page) {  // ACCEPTED
  int __arena* page = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0);  // STRICT: CAP_BPF and CAP_PERFMON are required to use arena
  if (!page) return 1;
  page[3] = 7;
  int result = page[3];
  bpf_arena_free_pages(&arena, page, 1);
  return result;
}

PROGRAM(anywhere) {  // ACCEPTED
  USES(arena);  // STRICT: CAP_BPF and CAP_PERFMON are required to use arena
  volatile int __arena* wild = (int __arena*)(__u64)NUMBER();
  wild[NUMBER()] = 1;
  return wild[-5];
}

PROGRAM(unchecked) {  // ACCEPTED
  int __arena* page = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0);  // STRICT: CAP_BPF and CAP_PERFMON are required to use arena
  return *page;
}

struct node {
  struct node __arena* next;
  __u64 value;
};
PROGRAM(list) {  // ACCEPTED
  struct node __arena* node = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0);  // STRICT: CAP_BPF and CAP_PERFMON are required to use arena
  node->next = node + 1;
  node->next->value = 5;
  __u64 sum = 0;
  for (int i = 0; i < 10 && node; i++, node = node->next) sum += node->value;
  return sum;
}

PROGRAM(atomics_of_an_arena) {  // ACCEPTED
  __u64 __arena* page = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0);  // STRICT: CAP_BPF and CAP_PERFMON are required to use arena
  __sync_fetch_and_add(page, 1);
  return __sync_val_compare_and_swap(page, 1, 2);
}

PROGRAM(spilled_pointer) {  // ACCEPTED
  USES(arena);  // STRICT: CAP_BPF and CAP_PERFMON are required to use arena
  int __arena* volatile page = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0);
  return page[1];
}

PROGRAM(pointer_kept_in_a_map) {  // ACCEPTED
  struct value* value = array_value();
  int __arena* page = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0);  // STRICT: CAP_BPF and CAP_PERFMON are required to use arena
  if (!value) return 0;
  value->words[0] = (__u64)page;
  return *(int __arena*)*(volatile __u64*)value->words;
}

static __noinline int third(int __arena* page) {
  return page[2];
}
PROGRAM(pointer_to_a_static_function) {  // ACCEPTED
  return third(bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0));  // STRICT: CAP_BPF and CAP_PERFMON are required to use arena
}

PROGRAM(pointer_as_it_was_returned) {
  int* page = (int*)(__u64)bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0);
  return *page;  // REFUSED: R0 invalid mem access 'scalar'
}

BARE_PROGRAM(cast_without_an_arena) {
  ASM("r1 = 5");
  CAST(1, 1, 1);  // REFUSED: addr_space_cast insn can only be used in a program that has an associated arena
  ASM("r0 = 0");
  ASM("exit");
}

// RULE: arena
PROGRAM(two_arenas) {
  USES(arena);
  USES(second);  // REFUSED: Only one arena per program
  return 0;
}

BARE_PROGRAM(arena_or_stack) {
  ASM("r1 = arena ll");
  ASM("call 7");
  ASM("r1 = r10");
  ASM("r1 += -8");
  ASM("if r0 == 0 goto 1f");
  CAST(1, 0, 1);
  ASM("1: *(u64 *)(r1 + 0) = r0");  // REFUSED: same insn cannot be used with different pointers
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(arithmetic_with_arena_pointers) {  // ACCEPTED
  ASM("r1 = arena ll");  // STRICT: CAP_BPF and CAP_PERFMON are required to use arena
  ASM("call 7");
  CAST(1, 0, 1);
  ASM("r1 *= 3");
  ASM("r1 -= r0");
  ASM("r1 ^= r1");
  ASM("r1 >>= 2");
  ASM("r0 = *(u8 *)(r1 + 32767)");
  ASM("r0 = *(u8 *)(r1 - 32768)");
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(arena_pointer_to_a_helper) {
  ASM("r1 = arena ll");
  ASM("call 7");
  CAST(2, 0, 1);
  ASM("r1 = hash ll");
  ASM("call 1");  // REFUSED: R2 type=arena expected=fp
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(number_plus_arena_pointer) {  // ACCEPTED
  ASM("r1 = arena ll");  // STRICT: CAP_BPF and CAP_PERFMON are required to use arena
  ASM("call 7");
  CAST(1, 0, 1);
  ASM("r0 += r1");
  ASM("*(u64*)(r0 + 0) = 5");
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(pointer_plus_arena_pointer) {  // ACCEPTED
  ASM("r1 = arena ll");  // STRICT: CAP_BPF and CAP_PERFMON are required to use arena
  ASM("call 7");
  CAST(1, 0, 1);
  ASM("r2 = r10");
  ASM("r2 += r1");
  ASM("*(u64*)(r2 + 0) = 5");
  ASM("r0 = 0");
  ASM("exit");
}

BARE_PROGRAM(cast_back_to_a_number) {
  ASM("r1 = arena ll");
  ASM("call 7");
  CAST(1, 0, 1);
  CAST(1, 1, 1 << 16);
  ASM("r0 = *(u8 *)(r1 + 0)");  // REFUSED: R1 invalid mem access 'scalar'
  ASM("exit");
}

BARE_PROGRAM(narrow_sign_extending_load) {  // ACCEPTED
  ASM("r1 = arena ll");  // STRICT: CAP_BPF and CAP_PERFMON are required to use arena
  ASM("call 7");
  CAST(1, 0, 1);
  ASM("r0 = *(s8 *)(r1 + 0)");
  ASM("r0 = 0");
  ASM("exit");
}

PROGRAM(null_check_goes_both_ways) {
  int __arena* page = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0);
  int set = *page;
  if (!page) return *(volatile int*)(__u64)set;  // REFUSED: invalid mem access 'scalar'
  return 0;
}
