/* Globals of every type that a user may set by name. */
#include <ring3/bpf/ring3.h>

enum color { RED, GREEN = 5, BLUE = -3 };

struct inner {
  __u16 low;
  __s64 high;
};
struct outer {
  __u32 first;
  struct inner inner[3];
  union {
    __u32 as_u32;
    __u8 as_bytes[4];
  };
  unsigned narrow : 3;
  signed below : 5;
  unsigned long long across : 33;
};

const volatile __u8 u8_constant = 7;
const volatile __u32 frozen_array[4] = {1, 2, 3, 4};
__s8 s8_value;
__u16 u16_value;
__s32 s32_value = -5;
__u64 u64_value;
bool flag;
enum color color;
char name[8] = "initial";
void* pointer;
struct outer outer;
struct outer many[2];
static volatile int hidden = 3;

SEC("struct_ops.s/step")
int BPF_PROG(step, struct iou_ctx* ctx, struct iou_loop_params* params) {
  hidden++;
  s32_value += u8_constant + frozen_array[2];
  u64_value++;
  return IOU_LOOP_STOP;
}

SEC(".struct_ops.link")
struct io_uring_bpf_ops ops = {.loop_step = (void*)step, .ring_fd = 3};

char LICENSE[] SEC("license") = "Dual MIT/GPL";
