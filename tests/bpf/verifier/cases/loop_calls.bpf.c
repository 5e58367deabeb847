/* What a loop_step may call, and with what. */
#include "cases.h"

RING3_HELPER(36, long, bpf_probe_write_user, void* to, const void* from, __u32 size);
extern int ring3_no_such_kfunc(struct iou_ctx* ctx) __weak __ksym;

// RULE: sleepable
FAST_STEP(submit_without_sleep) {
  return bpf_io_uring_submit_sqes(ctx, 1);  // REFUSED: program must be sleepable to call sleepable kfunc
}

FAST_STEP(copy_without_sleep) {
  char bytes[8];
  return bpf_copy_from_user(bytes, 8, 0);  // REFUSED: helper call might sleep in a non-sleepable prog
}

// RULE: sleepable, sleeping-kfunc, sleeping-helper
FAST_STEP(region_without_sleep) {  // ACCEPTED
  return bpf_io_uring_get_region(ctx, IOU_REGION_CQ, 64) != 0;
}

STEP(writes_to_the_user) {
  __u64 word = 0;
  return bpf_probe_write_user((void*)word, &word, 8);  // REFUSED: #36
}

STEP(context_is_a_number) {
  return bpf_io_uring_submit_sqes((void*)bpf_ktime_get_ns(), 1);  // REFUSED: arg#0
}

STEP(context_is_null) {
  return bpf_io_uring_submit_sqes(0, 1);  // REFUSED: Possibly NULL pointer passed to trusted arg0
}

STEP(context_is_the_parameters) {
  return bpf_io_uring_submit_sqes((void*)params, 1);  // REFUSED: args#0 expected pointer to STRUCT io_ring_ctx but R1 has a pointer to STRUCT iou_loop_params
}

STEP(context_is_the_stack) {
  __u64 local = 0;
  return bpf_io_uring_submit_sqes((void*)&local, 1);  // REFUSED: arg#0
}

STEP(context_is_off) {
  return bpf_io_uring_submit_sqes((void*)((char*)ctx + 8), 1);  // REFUSED: R1 must have zero offset when passed to
}

STEP(count_is_a_pointer) {
  return bpf_io_uring_submit_sqes(ctx, (__u64)params);  // REFUSED: R2 is not a scalar
}

STEP(missing_function) {
  return ring3_no_such_kfunc(ctx);  // REFUSED: invalid kernel function call not eliminated in verifier pass
}

STEP(context_kept_in_a_map) {
  struct value* value = array_value();
  if (!value) return 0;
  value->words[0] = (__u64)ctx;
  return bpf_io_uring_submit_sqes((void*)*(volatile __u64*)value->words, 1);  // REFUSED: arg#0
}

STEP(context_spilled) {  // ACCEPTED
  asm volatile("*(u64 *)(r10 - 8) = %[c]\n" "%[c] = *(u64 *)(r10 - 8)" : [c] "+r"(ctx));
  return bpf_io_uring_submit_sqes(ctx, 1) < 0;
}

static __noinline int submit(struct iou_ctx* ctx, __u32 n) { return bpf_io_uring_submit_sqes(ctx, n); }

// RULE: static-functions, kfunc-argument
STEP(context_passed_on) {  // ACCEPTED
  return submit(ctx, 4) != 4;
}

struct work {
  struct iou_ctx* ctx;
  __u32 submitted;
};

static int submit_one(__u32 i, struct work* work) {
  work->submitted++;
  return work->submitted > 3;
}

// RULE: callback-loops
STEP(callback_with_context) {  // ACCEPTED
  struct work work = {.ctx = ctx};
  bpf_loop(10, submit_one, &work, 0);
  return bpf_io_uring_submit_sqes(work.ctx, work.submitted) != 4;
}

STEP(endless_step) {
  for (;;) *(volatile __u32*)params = 1;  // REFUSED: infinite loop detected
  return 0;
}

STEP(record_leaked) {  // REFUSED: Unreleased reference id=
  __u64* record = bpf_ringbuf_reserve(&records, 8, 0);
  return record != 0;
}

BARE_STEP(no_return_value) {
  asm volatile("exit");  // REFUSED: R0 !read_ok
}

BARE_STEP(pointer_returned) {
  asm volatile("r0 = *(u64 *)(r1 + 8)");
  asm volatile("exit");  // REFUSED: At program exit the register R0 is not a known value
}

const volatile struct ring3_layout layout = {0, 4, 8, 64, 68, 16, 128};

STEP(queues) {  // ACCEPTED
  struct ring3_queues queues;
  struct io_uring_cqe* cqe;
  __u32 i, seen = 0;
  if (ring3_begin(&queues, ctx, &layout)) return IOU_LOOP_STOP;
  bpf_for(i, 0, 16) {
    cqe = ring3_next_cqe(&queues);
    if (!cqe) break;
    seen += cqe->res;
  }
  struct io_uring_sqe* sqe = ring3_next_sqe(&queues);
  if (sqe) sqe->user_data = seen;
  if (ring3_submit(&queues, ctx) < 0) return IOU_LOOP_STOP;
  ring3_wait(&queues, params, 1);
  return IOU_LOOP_CONTINUE;
}
