/* struct_ops variables, kfuncs and variables of many shapes. */
typedef unsigned int u32;
typedef unsigned long long u64;
#define SEC(name) __attribute__((section(name), used))
#define __ksym __attribute__((section(".ksyms")))
#define __weak __attribute__((weak))
#define __noinline __attribute__((noinline))

struct other_name_of_handle;
struct step_params {
  u32 wait;
};
/* Another order than the world's, a member that the world lacks, a flavour. */
struct test_ops___v2 {
  int (*step)(struct other_name_of_handle *ctx, struct step_params *params);
  u32 ring_fd;
  long not_in_the_world;
  void *priv;
  int (*stay_awake)(struct other_name_of_handle *ctx);
};

extern int test_kfunc(struct other_name_of_handle *ctx, u32 number) __ksym;
extern int missing_kfunc(int a) __ksym __weak;
extern void *test_pointer___flavour(int number) __ksym __weak;

struct nested {
  struct {
    int x;
    u64 y;
  } pair[3];
  u32 low : 5, high : 20;
};
volatile struct nested nested = {.pair = {{1, 2}, {3, 4}, {5, 6}}, .low = 9, .high = 1000};
volatile u64 counter;
const volatile u32 depth = 32;
volatile char text[16] = "hello";

static __noinline int leaf(int a) { return a * (int)depth; }
__noinline int branch(int a) { return leaf(a) + leaf(a + 1); }

SEC("struct_ops.s/step") int step(u64 *ctx) {
  struct step_params *params = (void *)ctx[1];
  if (missing_kfunc) return missing_kfunc(1);
  if (test_pointer___flavour) counter++;
  params->wait = branch(nested.pair[1].x);
  return test_kfunc((void *)ctx[0], depth);
}
SEC("struct_ops/awake") int awake(u64 *ctx) { return leaf(1); }
SEC("?struct_ops/unused") int unused(u64 *ctx) { return leaf(2); }
SEC("syscall") int plain(void *ctx) { return branch(1); }

SEC(".struct_ops.link") struct test_ops___v2 first = {.step = (void *)step, .ring_fd = 5, .stay_awake = (void *)awake};
SEC(".struct_ops") struct test_ops___v2 second = {.step = (void *)step, .priv = (void *)0x1122334455667788};
char LICENSE[] SEC("license") = "GPL";
