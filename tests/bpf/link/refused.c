/* One object for each CASE_… that must be refused, compiled by refused.cmake; the test has the reasons. */
typedef unsigned int u32;
typedef unsigned long long u64;
#define SEC(name) __attribute__((section(name), used))
#define __ksym __attribute__((section(".ksyms")))
#define __weak __attribute__((weak))
#define __uint(name, number) int(*name)[number]
#define __type(name, ctype) __typeof__(ctype)* name

struct ctx_handle;
struct step_params {
  u32 wait;
};
struct test_ops {
  int (*step)(struct ctx_handle *ctx, struct step_params *params);
  int (*stay_awake)(struct ctx_handle *ctx);
  u32 ring_fd;
  u32 reserved;
  void (*unknown_here)(void);
  long not_in_the_world;
#ifdef CASE_member_size
  void *priv_, *gap;
  u32 priv;
#else
  void *priv;
#endif
};
SEC("struct_ops.s/step") int step(u64 *ctx) { return 0; }
SEC("struct_ops/awake") int awake(u64 *ctx) { return 0; }

#if defined(CASE_no_step)
SEC(".struct_ops") struct test_ops ops = {.stay_awake = (void *)awake};
SEC(".struct_ops") struct test_ops other = {.step = (void *)step};
#elif defined(CASE_sleeper)
SEC(".struct_ops") struct test_ops ops = {.step = (void *)step, .stay_awake = (void *)step};
SEC(".struct_ops") struct test_ops other = {.step = (void *)awake};
#elif defined(CASE_unused_program)
SEC(".struct_ops") struct test_ops ops = {.step = (void *)step};
#elif defined(CASE_reserved)
SEC(".struct_ops") struct test_ops ops = {.step = (void *)step, .stay_awake = (void *)awake, .reserved = 1};
#elif defined(CASE_unknown_member)
SEC(".struct_ops")
struct test_ops ops = {.step = (void *)step, .stay_awake = (void *)awake, .not_in_the_world = 1};
#elif defined(CASE_unknown_callback)
SEC(".struct_ops")
struct test_ops ops = {.step = (void *)step, .stay_awake = (void *)awake, .unknown_here = (void *)awake};
#elif defined(CASE_number_as_callback)
SEC(".struct_ops") struct test_ops ops = {.step = (void *)step, .stay_awake = (void *)awake, .unknown_here = (void *)8};
#elif defined(CASE_plain_callback)
SEC("test") int plain(u64 *ctx) { return 0; }
SEC(".struct_ops") struct test_ops ops = {.step = (void *)plain, .stay_awake = (void *)awake};
#elif defined(CASE_data_pointer)
int global = 1;
SEC(".struct_ops") struct test_ops ops = {.step = (void *)step, .stay_awake = (void *)awake, .priv = &global};
#elif defined(CASE_unknown_type)
struct no_such_ops {
  int (*step)(struct ctx_handle *ctx);
};
SEC(".struct_ops") struct no_such_ops ops = {.step = (void *)step};
#elif defined(CASE_optional_section)
SEC("?.struct_ops") struct test_ops ops = {.step = (void *)step, .stay_awake = (void *)awake};
#else
SEC(".struct_ops") struct test_ops ops = {.step = (void *)step, .stay_awake = (void *)awake};
#endif

#if defined(CASE_no_kfunc)
extern int test_kfunk(struct ctx_handle *ctx, u32 number) __ksym;
SEC("test") int call(void *ctx) { return test_kfunk(ctx, 1); }
#elif defined(CASE_kfunc_count)
extern int test_kfunc(struct ctx_handle *ctx) __ksym __weak;
SEC("test") int call(void *ctx) { return test_kfunc(ctx); }
#elif defined(CASE_kfunc_parameter)
extern int test_kfunc(struct ctx_handle *ctx, void *number) __ksym;
SEC("test") int call(void *ctx) { return test_kfunc(ctx, ctx); }
#elif defined(CASE_kfunc_return)
extern int test_pointer(int number) __ksym;
SEC("test") int call(void *ctx) { return test_pointer(1); }
#elif defined(CASE_undefined_function)
extern int nowhere(int number);
SEC("test") int call(void *ctx) { return nowhere(1); }
#elif defined(CASE_kconfig)
extern int CONFIG_HZ __attribute__((section(".kconfig")));
SEC("test") int call(void *ctx) { return CONFIG_HZ; }
#elif defined(CASE_kernel_variable)
extern const int runqueues __ksym;
SEC("test") int call(void *ctx) { return runqueues; }
#elif defined(CASE_old_maps)
struct {
  u32 type, key, value, entries;
} old SEC("maps") = {1, 4, 4, 1};
#elif defined(CASE_pinned)
struct {
  __uint(type, 1);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, u32);
  __uint(pinning, 1);
} pinned SEC(".maps");
#elif defined(CASE_map_of_maps)
struct inner {
  __uint(type, 2);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, u32);
};
struct {
  __uint(type, 13);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, u32);
  struct inner *values[];
} outer SEC(".maps");
#elif defined(CASE_key_size_twice)
struct {
  __uint(type, 1);
  __uint(max_entries, 1);
  __type(key, u32);
  __uint(key_size, 8);
  __type(value, u32);
} twice SEC(".maps");
#elif defined(CASE_map_property)
struct {
  __uint(type, 1);
  __uint(max_entries, 1);
  __uint(colour, 1);
} coloured SEC(".maps");
#elif defined(CASE_map_type)
struct {
  __uint(type, 4);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, u32);
} events SEC(".maps");
#elif defined(CASE_map_refused)
struct {
  __uint(type, 2);
  __uint(max_entries, 0);
  __type(key, u32);
  __type(value, u32);
} empty SEC(".maps");
#elif defined(CASE_address_in_data)
int target;
int *pointer = &target;
SEC("test") int call(void *ctx) { return *pointer; }
#elif defined(CASE_common)
int tentative;
SEC("test") int call(void *ctx) { return tentative; }
#elif defined(CASE_custom_section)
int elsewhere SEC("custom");
SEC("test") int call(void *ctx) { return elsewhere; }
#elif defined(CASE_huge_bss)
char huge[100 << 20];
SEC("test") int call(void *ctx) { return huge[5]; }
#elif defined(CASE_reads_ops)
SEC("test") int call(void *ctx) { return ops.ring_fd; }
#endif
char LICENSE[] SEC("license") = "GPL";
