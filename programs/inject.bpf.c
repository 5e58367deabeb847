/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* inject: lets requests fail or fall short by a seeded rule, to test the error paths of an application.
 *
 * A request of inject stands behind the request that it plays tricks with, with the user_data and the flags
 * of that one:
 *
 *   io_uring_prep_read(sqe, fd, data, 4096, 0);
 *   sqe->flags = IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
 *   sqe->user_data = mine;
 *   io_uring_prep_bpf(sqe = next, op, 0, NULL, 0);
 *   sqe->off = 4096;                                            // the result if all is well
 *   sqe->flags = IOSQE_IO_LINK;                                 // if the read had a link
 *   sqe->user_data = mine;
 *
 * The application sees one CQE: the read's own if it really failed (skipping ends there, and with it the CQEs
 * of what is linked behind), else inject's, which is `off`, or a fraction of it, or -error. Both break the
 * chain, as a read that failed or fell short does. What was really done is all of it: a short write is one
 * that the application has to repeat without need.
 *
 * The rule is in the variables below; change them at any time. What happens depends on the seed and on the
 * number of requests of inject before this one, counted as they are submitted since the object was loaded.
 * `op` is inject_ops.id, which the application may change before it loads the object. */
#include <ring3/bpf/ring3.h>

__u64 seed;
__u32 fail_ppm = 100000;  /* how many in a million fail */
__u32 short_ppm = 100000; /* how many in a million fall short, if they can: a result of 0 or 1 can't */
__s32 error = EIO;        /* what they fail with */

__u64 requests, failures, shortages; /* so far */

struct injection {
  __s32 result;
  __u32 broken; /* the chain ends here */
};

static __always_inline struct injection* injection_of(struct uring_bpf_data* data) {
  return (void*)data->pdu;
}

/* The n-th of a sequence that looks random (splitmix64). */
static __always_inline __u64 draw(__u64 n) {
  __u64 x = seed + (n + 1) * 0x9e3779b97f4a7c15;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

SEC("struct_ops/inject_prep")
int BPF_PROG(inject_prep, struct uring_bpf_data* data, const struct io_uring_sqe* sqe) {
  struct injection* injection = injection_of(data);
  const __u64 wanted = sqe->off;
  if (wanted > 0x7fffffff) return -EINVAL;
  const __u64 drawn = draw(__sync_fetch_and_add(&requests, 1));
  const __u32 lot = (__u32)drawn % 1000000;
  injection->result = wanted;
  if (lot < fail_ppm) {
    injection->result = -error;
    injection->broken = true;
  } else if (lot - fail_ppm < short_ppm && wanted > 1) {
    injection->result = 1 + (drawn >> 32) % (wanted - 1);
    injection->broken = true;
  }
  return 0;
}

SEC("struct_ops/inject_issue")
int BPF_PROG(inject_issue, struct uring_bpf_data* data) {
  const struct injection* injection = injection_of(data);
  if (injection->broken) return -ECANCELED; /* inject_fail() says how */
  uring_bpf_set_result(data, injection->result);
  return 0;
}

SEC("struct_ops/inject_fail")
int BPF_PROG(inject_fail, struct uring_bpf_data* data) {
  const struct injection* injection = injection_of(data);
  __sync_fetch_and_add(injection->result < 0 ? &failures : &shortages, 1);
  uring_bpf_set_result(data, injection->result);
  return 0;
}

SEC(".struct_ops.link")
struct uring_bpf_ops inject_ops = {
    .id = 6, .prep_fn = (void*)inject_prep, .issue_fn = (void*)inject_issue, .fail_fn = (void*)inject_fail};

char LICENSE[] SEC("license") = "Dual MIT/GPL";
