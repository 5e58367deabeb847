// The types and kfunc prototypes of IORING_OP_BPF, as they were posted for Linux. Only the BTF of this file is used;
// bodies are there because clang describes nothing but definitions.

#include "ring3/bpf/io_uring.h"

struct uring_bpf_ops;

struct uring_bpf_data {
  void* req_data;
  const struct uring_bpf_ops* ops;
  __u32 opf;
  __u32 issue_flags;
  unsigned int lock_depth;
  __u8 pdu[36];
};

struct uring_bpf_ops {
  unsigned short id;
  int ring_fd;
  int (*prep_fn)(struct uring_bpf_data* data, const struct io_uring_sqe* sqe);
  int (*issue_fn)(struct uring_bpf_data* data);
  void (*fail_fn)(struct uring_bpf_data* data);
  void (*cleanup_fn)(struct uring_bpf_data* data);
};

// Keeps what no prototype refers to in the BTF.
struct uring_bpf_ops ring3_ops;

void uring_bpf_set_result(struct uring_bpf_data* data, int res) {}
