/* Global functions that take what a loop_step is given. */
#include "cases.h"

__noinline __weak int submits(struct iou_ctx* ctx __arg_trusted, __u32 count) {
  return bpf_io_uring_submit_sqes(ctx, count);
}

// RULE: global-arguments
STEP(passes_the_context) {  // ACCEPTED
  return submits(ctx, 1) < 0;
}

STEP(passes_the_parameters_for_the_context) {
  return submits((void*)params, 1);  // REFUSED: is expected
}

STEP(passes_memory_for_the_context) {
  struct value* value = array_value();
  return value ? submits((void*)value, 1) : 0;  // REFUSED: R1 type=map_value expected=ptr_, trusted_ptr_, rcu_ptr_
}

STEP(passes_null_for_the_context) {
  return submits(0, 1);  // REFUSED: arg#0 is expected to be non-NULL
}

// RULE: global-arguments
STEP(passes_the_context_moved) {
  return submits((void*)((char*)ctx + 8), 1);  // REFUSED: R1
}

__noinline __weak int waits_for(struct iou_loop_params* params __arg_trusted, __u32 count) {
  params->cq_wait_idx = count;
  return 0;
}

STEP(writes_the_parameters) {  // ACCEPTED
  return waits_for(params, 3);
}

__noinline __weak int writes_beyond(struct iou_loop_params* params __arg_trusted) {
  ((volatile __u32*)params)[1] = 5;  // REFUSED(writes_beyond_the_parameters): cannot write into ptr_iou_loop_params at off=4 size=4
  return 0;
}

STEP(writes_beyond_the_parameters) { return writes_beyond(params); }

__noinline __weak int looks_into(struct iou_ctx* ctx __arg_trusted) {
  return *(volatile __u32*)ctx;  // REFUSED(looks_into_the_context): access beyond struct io_ring_ctx
}

STEP(looks_into_the_context) { return looks_into(ctx); }

__noinline __weak int submits_if_any(struct iou_ctx* ctx __arg_trusted __arg_nullable) {
  return ctx ? bpf_io_uring_submit_sqes(ctx, 1) : 0;
}

STEP(passes_null_where_it_may) {  // ACCEPTED
  return submits_if_any(ctx) + submits_if_any(0) > 100;
}

__noinline __weak int submits_unchecked(struct iou_ctx* ctx __arg_trusted __arg_nullable) {
  return bpf_io_uring_submit_sqes(ctx, 1);  // REFUSED(does_not_check_for_null): Possibly NULL pointer passed to trusted arg0
}

STEP(does_not_check_for_null) { return submits_unchecked(ctx); }

__noinline __weak int reads_arguments(__u64* arguments __arg_ctx) {
  return bpf_io_uring_submit_sqes((void*)arguments[0], 1);
}

BARE_STEP(passes_its_own_argument) {  // ACCEPTED
  asm volatile("call reads_arguments\n r0 = 0\n exit");
}

BARE_STEP(passes_something_for_its_own_argument) {
  asm volatile("r1 = r10\n r1 += -8\n *(u64 *)(r10 - 8) = 0\n call reads_arguments\n r0 = 0\n exit");  // REFUSED: arg#0 expects pointer to ctx
}

__noinline __weak int reads_a_third(__u64* arguments __arg_ctx) {
  return arguments[2] == 0;  // REFUSED(argument_that_is_not_there): doesn't have 3-th argument
}

BARE_STEP(argument_that_is_not_there) {
  asm volatile("call reads_a_third\n r0 = 0\n exit");
}

__noinline __weak int untagged(struct iou_ctx* ctx) {
  return bpf_io_uring_submit_sqes(ctx, 1);
}

STEP(context_without_a_tag) {
  return untagged(ctx);  // REFUSED: size cannot be determined
}

/* Without a tag it is memory of that size. */
__noinline __weak int untagged_parameters(struct iou_loop_params* params) {
  return params ? params->cq_wait_idx : 0;
}

STEP(parameters_without_a_tag) {
  return untagged_parameters(params);  // REFUSED: R1 type=ptr_ expected=
}
