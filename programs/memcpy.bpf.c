/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* memcpy: copies between two buffers of any kind, in a chain with the requests that fill or drain them.
 *
 *   struct io_bpf_buf_desc descs[2] = {DESTINATION, SOURCE};
 *   io_uring_prep_bpf(sqe, op, 0, descs, 2);
 *
 * cqe->res: the bytes copied, as many as both buffers have; or a negative errno if none could be. `op` is the
 * id, a constant of the program that the application may set before it loads it.
 *
 * More than 2 GiB - 1 are copied, but not counted beyond that. */
#include "streams.h"

SEC("struct_ops/memcpy_prep")
int BPF_PROG(memcpy_prep, struct uring_bpf_data* data, const struct io_uring_sqe* sqe) {
  return keep_descs(data, sqe, 2, 2);
}

SEC("struct_ops/memcpy_issue")
int BPF_PROG(memcpy_issue, struct uring_bpf_data* data) {
  struct io_bpf_buf_desc descs[2];
  if (read_desc(data, 0, &descs[0]) || read_desc(data, 1, &descs[1])) return -EFAULT;
  const ssize_t copied = uring_bpf_memcpy(data, &descs[0], &descs[1]);
  if (copied < 0) return copied;
  uring_bpf_set_result(data, copied > RESULT_MAX ? RESULT_MAX : copied);
  return 0;
}

SEC(".struct_ops.link")
struct uring_bpf_ops memcpy_ops = {.id = 1, .prep_fn = (void*)memcpy_prep, .issue_fn = (void*)memcpy_issue};

char LICENSE[] SEC("license") = "Dual MIT/GPL";
