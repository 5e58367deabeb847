/* The types and prototypes of the world that these tests link against. */
#include "world_types.h"

struct ctx_handle {};
struct step_params {
  unsigned int wait;
};
struct test_ops {
  void *priv;
  int (*stay_awake)(struct ctx_handle *ctx);
  unsigned int ring_fd;
  int (*step)(struct ctx_handle *ctx, struct step_params *params);
  void (*unknown_here)(void);
  unsigned int reserved;
};

struct test_ops keep_ops;
struct shape keep_shape;
enum mood keep_mood;
struct sized keep_sized;
named_by_typedef keep_typedef;

int test_kfunc(struct ctx_handle *ctx, unsigned int number) { return 0; }
void *test_pointer(int number) { return 0; }
