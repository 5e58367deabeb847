/* The arguments of a loop_step: four bytes may be written, the context is a handle. */
#include "cases.h"

// RULE: permission, structure, program-arguments
STEP(params_written) {  // ACCEPTED
  params->cq_wait_idx = params->cq_wait_idx + 1;
  return IOU_LOOP_CONTINUE;
}

STEP(params_written_in_part) {  // ACCEPTED
  *(volatile __u8*)params = 1;
  *(volatile __u16*)((char*)params + 2) = 1;
  return IOU_LOOP_CONTINUE;
}

STEP(params_written_beyond) {
  *(volatile __u32*)((char*)params + 4) = 1;  // REFUSED: R1 cannot write into ptr_iou_loop_params at off=4 size=4
  return IOU_LOOP_CONTINUE;
}

STEP(params_written_wide) {
  *(volatile __u64*)params = 1;  // REFUSED: R1 cannot write into ptr_iou_loop_params at off=0 size=8
  return IOU_LOOP_CONTINUE;
}

STEP(params_written_across) {
  asm volatile("*(u32 *)(%[p] + 2) = 1" : : [p] "r"(params));  // REFUSED: cannot write into ptr_iou_loop_params at off=2 size=4
  return IOU_LOOP_CONTINUE;
}

STEP(params_written_before) {
  *(volatile __u32*)((char*)params - 4) = 1;  // REFUSED: R1 is ptr_iou_loop_params invalid negative access: off=-4
  return IOU_LOOP_CONTINUE;
}

STEP(params_written_at_unknown_place) {
  __u64 at = NUMBER() & 3;
  asm volatile("%[p] += %[a]\n" "*(u8 *)(%[p] + 0) = 1" : [p] "+r"(params) : [a] "r"(at));  // REFUSED: is ptr_iou_loop_params invalid variable offset: off=0, var_off=(0x0; 0x3)
  return IOU_LOOP_CONTINUE;
}

STEP(params_read_beyond) {
  return *(volatile __u32*)((char*)params + 8);  // REFUSED: access beyond struct iou_loop_params at off 8 size 4
}

STEP(params_added_atomically) {
  __sync_fetch_and_add(&params->cq_wait_idx, 1);  // REFUSED: BPF_ATOMIC stores into R
  return IOU_LOOP_CONTINUE;
}

STEP(context_read) {
  return *(volatile int*)ctx;  // REFUSED: access beyond struct
}

STEP(context_written) {
  *(volatile __u64*)ctx = 0;  // REFUSED: cannot write into ptr_
  return IOU_LOOP_CONTINUE;
}

STEP(context_multiplied) {
  asm volatile("%[c] *= 2" : [c] "+r"(ctx));  // REFUSED: pointer arithmetic with *= operator prohibited
  return bpf_io_uring_submit_sqes(ctx, 1);
}

STEP(context_at_unknown_place) {
  __u64 at = bpf_ktime_get_ns();
  asm volatile("%[c] += %[a]" : [c] "+r"(ctx) : [a] "r"(at));  // REFUSED: math between ptr_
  return bpf_io_uring_submit_sqes(ctx, 1);
}

BARE_STEP(no_third_argument) {
  asm volatile("r0 = *(u64 *)(r1 + 16)");  // REFUSED: func 'loop_step' doesn't have 3-th argument
  asm volatile("r0 = 0");
  asm volatile("exit");
}

BARE_STEP(arguments_written) {
  asm volatile("r0 = 0");
  asm volatile("*(u64 *)(r1 + 0) = r0");  // REFUSED: invalid bpf_context access off=0 size=8
  asm volatile("exit");
}

BARE_STEP(half_an_argument) {
  asm volatile("r0 = *(u32 *)(r1 + 0)");  // REFUSED: invalid bpf_context access off=0 size=4
  asm volatile("exit");
}
