// Types for worlds of the tests.
struct test_context {
  int handle;
};

struct test_ops {
  int (*step)(struct test_context* context, int count);
  unsigned number;
};

struct test_ops* test_kfunc(struct test_context* context, struct test_ops* ops) {
  return ops;
}
