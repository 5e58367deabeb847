/* Regions of a ring: NULL checks, bounds, constant sizes. */
#include "cases.h"

const volatile __u32 size = 4096;
__u32 size_not_frozen = 4096;

STEP(region_unchecked) {
  __u8* region = bpf_io_uring_get_region(ctx, IOU_REGION_CQ, 64);
  return region[0];  // REFUSED: R0 invalid mem access 'mem_or_null'
}

STEP(region_past_end) {
  volatile __u8* region = bpf_io_uring_get_region(ctx, IOU_REGION_CQ, 64);
  if (!region) return IOU_LOOP_STOP;
  return region[64];  // REFUSED: invalid access to memory, mem_size=64 off=64 size=1
}

STEP(region_before_start) {
  volatile __u8* region = bpf_io_uring_get_region(ctx, IOU_REGION_CQ, 64);
  if (!region) return IOU_LOOP_STOP;
  return region[-1];  // REFUSED: invalid access to memory, mem_size=64 off=-1 size=1
}

STEP(region_index_unchecked) {
  volatile __u8* region = bpf_io_uring_get_region(ctx, IOU_REGION_CQ, 64);
  if (!region) return IOU_LOOP_STOP;
  return region[NUMBER()];  // REFUSED: unbounded memory access
}

STEP(region_index_off_by_one) {
  volatile __u8* region = bpf_io_uring_get_region(ctx, IOU_REGION_CQ, 64);
  __u64 index = NUMBER();
  if (!region || index > 64) return IOU_LOOP_STOP;
  return region[index];  // REFUSED: invalid access to memory, mem_size=64 off=64 size=1
}

STEP(region_index_negative) {
  volatile __u8* region = bpf_io_uring_get_region(ctx, IOU_REGION_CQ, 64);
  long index = (int)NUMBER();
  barrier_var(index);
  if (!region || index >= 64) return IOU_LOOP_STOP;
  return region[index];  // REFUSED: value -2147483648 makes mem pointer be out of bounds
}

STEP(region_masked_too_wide) {
  volatile __u64* region = (__u64*)bpf_io_uring_get_region(ctx, IOU_REGION_CQ, 64);
  if (!region) return IOU_LOOP_STOP;
  return region[NUMBER() & 15];  // REFUSED: invalid access to memory, mem_size=64
}

STEP(region_of_unknown_size) {
  return bpf_io_uring_get_region(ctx, IOU_REGION_CQ, NUMBER()) != 0;  // REFUSED: R3 is not a const
}

STEP(region_of_writable_size) {
  return bpf_io_uring_get_region(ctx, IOU_REGION_CQ, size_not_frozen) != 0;  // REFUSED: R3 is not a const
}

STEP(region_too_large) {
  return bpf_io_uring_get_region(ctx, IOU_REGION_CQ, 1ul << 32) != 0;  // REFUSED: rdonly/rdwr_buf_size exceeds u32 max
}

// RULE: kfunc-constant, constant-sizes, frozen-constants
STEP(region_of_frozen_size) {  // ACCEPTED
  volatile __u8* region = bpf_io_uring_get_region(ctx, IOU_REGION_CQ, size);
  if (!region) return IOU_LOOP_STOP;
  return region[4095] & 1;
}

STEP(region_read_and_written) {  // ACCEPTED
  __u8* region = bpf_io_uring_get_region(ctx, IOU_REGION_MEM, 4096);
  if (!region) return IOU_LOOP_STOP;
  __u32* word = (__u32*)(region + (NUMBER() & 0xff0));
  *word += 1;
  __sync_fetch_and_add(word, 1);
  return IOU_LOOP_CONTINUE;
}

STEP(two_regions) {  // ACCEPTED
  __u8* cq = bpf_io_uring_get_region(ctx, IOU_REGION_CQ, 4096);
  struct io_uring_sqe* sqes = (void*)bpf_io_uring_get_region(ctx, IOU_REGION_SQ, 64 * 64);
  __u32 i;
  if (!cq || !sqes) return IOU_LOOP_STOP;
  bpf_for(i, 0, 64) {
    struct io_uring_sqe* sqe = &sqes[i & 63];
    *sqe = (struct io_uring_sqe){.opcode = IORING_OP_NOP, .user_data = i};
  }
  return bpf_io_uring_submit_sqes(ctx, 64) < 0 ? IOU_LOOP_STOP : IOU_LOOP_CONTINUE;
}
