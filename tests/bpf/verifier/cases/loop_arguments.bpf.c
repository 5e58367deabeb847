/* What a loop_step is given and gives on, in asm where C would not. */
#include "cases.h"

#define ASM(text) asm volatile(text)

// RULE: program-arguments, not-a-pointer, program-result
BARE_STEP(each_argument_read) {  // ACCEPTED
  ASM("r6 = *(u64 *)(r1 + 0)");
  ASM("r7 = *(u64 *)(r1 + 8)");
  ASM("r0 = *(u32 *)(r7 + 0)");
  ASM("r0 &= 1");
  ASM("exit");
}

BARE_STEP(between_two_arguments) {
  ASM("r0 = *(u64 *)(r1 + 4)");  // REFUSED: func 'loop_step' offset 4 is not multiple of 8
  ASM("exit");
}

BARE_STEP(before_the_arguments) {
  ASM("r0 = *(u64 *)(r1 - 8)");  // REFUSED: func 'loop_step' offset -8 is not multiple of 8
  ASM("exit");
}

BARE_STEP(argument_at_an_unknown_place) {
  ASM("r6 = r1");
  ASM("call 7");
  ASM("r0 &= 8");
  ASM("r6 += r0");
  ASM("r0 = *(u64 *)(r6 + 0)");  // REFUSED: variable ctx access var_off=(0x0; 0x8) disallowed
  ASM("exit");
}

BARE_STEP(arguments_added_to_atomically) {
  ASM("r2 = 1");
  ASM("lock *(u64 *)(r1 + 0) += r2");  // REFUSED: BPF_ATOMIC stores into R1 ctx is not allowed
  ASM("exit");
}

BARE_STEP(arguments_returned) {
  ASM("r0 = r1");
  ASM("exit");  // REFUSED: At program exit the register R0 is not a known value (ctx)
}

BARE_STEP(stack_returned) {
  ASM("r0 = r10");
  ASM("exit");  // REFUSED: At program exit the register R0 is not a known value (fp)
}

// RULE: structure, permission
STEP(parameters_read_and_written) {  // ACCEPTED
  params->cq_wait_idx = params->cq_wait_idx + 1;
  return IOU_LOOP_CONTINUE;
}

// RULE: kfunc-argument, kfunc-constant, constant-sizes, sleeping-kfunc
STEP(regions_by_constants) {  // ACCEPTED
  __u32* words = bpf_io_uring_get_region(ctx, IOU_REGION_SQ, 64);
  if (!words) return IOU_LOOP_STOP;
  words[15] = 1;
  return bpf_io_uring_submit_sqes(ctx, 1) < 0 ? IOU_LOOP_STOP : IOU_LOOP_CONTINUE;
}

STEP(region_of_the_parameters) {
  return bpf_io_uring_get_region((void*)params, IOU_REGION_SQ, 64) != 0;  // REFUSED: kernel function bpf_io_uring_get_region args#0 expected pointer to STRUCT io_ring_ctx but R1 has a pointer to STRUCT iou_loop_params
}

STEP(region_of_the_stack) {
  long local = 0;
  return bpf_io_uring_get_region((void*)&local, IOU_REGION_SQ, 64) != 0;  // REFUSED: arg#0 is fp expected ptr_ or sock
}

STEP(region_by_a_pointer) {
  return bpf_io_uring_get_region(ctx, (long)params, 64) != 0;  // REFUSED: R2 is not a scalar
}

STEP(region_of_a_pointer_as_size) {
  return bpf_io_uring_get_region(ctx, IOU_REGION_SQ, (size_t)params) != 0;  // REFUSED: R3 is not a scalar
}

STEP(region_used_without_check) {
  __u32* words = bpf_io_uring_get_region(ctx, IOU_REGION_SQ, 64);
  words[0] = 1;  // REFUSED: R0 invalid mem access 'mem_or_null'
  return IOU_LOOP_STOP;
}

STEP(region_checked_after_use) {
  __u32* words = bpf_io_uring_get_region(ctx, IOU_REGION_SQ, 64);
  __u32 word = *(volatile __u32*)words;  // REFUSED: R0 invalid mem access 'mem_or_null'
  return words ? word & 1 : IOU_LOOP_STOP;
}

STEP(region_by_an_index_of_its_own) {
  __u32* words = bpf_io_uring_get_region(ctx, IOU_REGION_CQ, 64);
  if (!words) return IOU_LOOP_STOP;
  return words[words[0]] & 1;  // REFUSED: R0 unbounded memory access, make sure to bounds check any such access
}

// RULE: known-bits
STEP(region_by_a_masked_index_of_its_own) {  // ACCEPTED
  __u32* words = bpf_io_uring_get_region(ctx, IOU_REGION_CQ, 64);
  if (!words) return IOU_LOOP_STOP;
  return words[words[0] & 15] & 1;
}

// RULE: known-bits
STEP(region_by_a_mask_too_wide) {
  __u32* words = bpf_io_uring_get_region(ctx, IOU_REGION_CQ, 64);
  if (!words) return IOU_LOOP_STOP;
  return words[words[0] & 31] & 1;  // REFUSED: invalid access to memory, mem_size=64 off=124 size=4
}
