// The functions of generated programs, for their BTF: one for each Prototype of generator.hpp.
typedef unsigned long long u64;
typedef unsigned int u32;

struct pair {
  u64 first, second;
};

int program(void* context) { return 0; }
__attribute__((used, noinline)) static u64 with_stack(u64 a, u64 b, void* bytes16) { return a; }
__attribute__((used, noinline)) static int callback(u32 index, void* bytes16) { return 0; }
u64 of_numbers(u64 a, u64 b) { return a; }
u64 of_pair(struct pair* pair, u64 b) { return b; }
