// An operation that does nothing: what is left is what a request costs.
#include <ring3/bpf/ring3.h>

SEC("struct_ops/prep")
int BPF_PROG(prep, struct uring_bpf_data* data, const struct io_uring_sqe* sqe) { return 0; }

SEC("struct_ops/issue")
int BPF_PROG(issue, struct uring_bpf_data* data) { return 0; }

SEC(".struct_ops.link")
struct uring_bpf_ops nop = {.prep_fn = (void*)prep, .issue_fn = (void*)issue};

char LICENSE[] SEC("license") = "Dual MIT/GPL";
