/* Operations can't sleep. */
#include <ring3/bpf/ring3.h>

SEC("struct_ops.s/issue")
int BPF_PROG(issue, struct uring_bpf_data* data) { return 0; }

SEC(".struct_ops.link")
struct uring_bpf_ops ops = {.issue_fn = (void*)issue};

char LICENSE[] SEC("license") = "Dual MIT/GPL";
