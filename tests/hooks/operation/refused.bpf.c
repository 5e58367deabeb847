/* Programs of operations that the verifier refuses, each for one reason; the test knows the messages. */
#include <ring3/bpf/ring3.h>

#define OPS(name) SEC(".struct_ops.link") struct uring_bpf_ops name##_ops = {.prep_fn = (void*)name}

SEC("struct_ops/write_opf")
int BPF_PROG(write_opf, struct uring_bpf_data* data, const struct io_uring_sqe* sqe) {
  WRITE_ONCE(data->opf, 0);
  return 0;
}
OPS(write_opf);

SEC("struct_ops/write_ops")
int BPF_PROG(write_ops, struct uring_bpf_data* data, const struct io_uring_sqe* sqe) {
  WRITE_ONCE(data->ops, NULL);
  return 0;
}
OPS(write_ops);

SEC("struct_ops/write_before_pdu")
int BPF_PROG(write_before_pdu, struct uring_bpf_data* data, const struct io_uring_sqe* sqe) {
  WRITE_ONCE(*(__u64*)&data->lock_depth, 0);
  return 0;
}
OPS(write_before_pdu);

SEC("struct_ops/write_behind_pdu")
int BPF_PROG(write_behind_pdu, struct uring_bpf_data* data, const struct io_uring_sqe* sqe) {
  WRITE_ONCE(*((__u32*)data + 16), 0);
  return 0;
}
OPS(write_behind_pdu);

SEC("struct_ops/read_behind_pdu")
int BPF_PROG(read_behind_pdu, struct uring_bpf_data* data, const struct io_uring_sqe* sqe) {
  return READ_ONCE(*((__u8*)data + 64));
}
OPS(read_behind_pdu);

SEC("struct_ops/write_sqe")
int BPF_PROG(write_sqe, struct uring_bpf_data* data, const struct io_uring_sqe* sqe) {
  WRITE_ONCE(((struct io_uring_sqe*)sqe)->len, 1);
  return 0;
}
OPS(write_sqe);

SEC("struct_ops/read_behind_sqe")
int BPF_PROG(read_behind_sqe, struct uring_bpf_data* data, const struct io_uring_sqe* sqe) {
  return READ_ONCE(*((__u8*)sqe + 64));
}
OPS(read_behind_sqe);

/* There is no SQE any more when the request is issued. */
SEC("struct_ops/sqe_in_issue")
int BPF_PROG(sqe_in_issue, struct uring_bpf_data* data, const struct io_uring_sqe* sqe) { return sqe->len; }
SEC(".struct_ops.link") struct uring_bpf_ops sqe_in_issue_ops = {.issue_fn = (void*)sqe_in_issue};

SEC("struct_ops/keep_sqe")
int BPF_PROG(keep_sqe, struct uring_bpf_data* data, const struct io_uring_sqe* sqe) {
  const struct io_uring_sqe* kept = *(const struct io_uring_sqe**)&data->pdu[4];
  return kept->len;
}
SEC(".struct_ops.link") struct uring_bpf_ops keep_sqe_ops = {.issue_fn = (void*)keep_sqe};

SEC("struct_ops/result_of_nothing")
int BPF_PROG(result_of_nothing, struct uring_bpf_data* data, const struct io_uring_sqe* sqe) {
  struct uring_bpf_data own = {};
  uring_bpf_set_result(&own, 1);
  return 0;
}
OPS(result_of_nothing);

SEC("struct_ops/result_of_another_type")
int BPF_PROG(result_of_another_type, struct uring_bpf_data* data, const struct io_uring_sqe* sqe) {
  uring_bpf_set_result((struct uring_bpf_data*)sqe, 1);
  return 0;
}
OPS(result_of_another_type);

SEC("struct_ops/result_beside")
int BPF_PROG(result_beside, struct uring_bpf_data* data, const struct io_uring_sqe* sqe) {
  uring_bpf_set_result((struct uring_bpf_data*)data->pdu, 1);
  return 0;
}
OPS(result_beside);

SEC("struct_ops/sleeps")
int BPF_PROG(sleeps, struct uring_bpf_data* data, const struct io_uring_sqe* sqe) {
  __u64 word;
  return bpf_copy_from_user(&word, sizeof(word), (void*)sqe->addr);
}
OPS(sleeps);

SEC("struct_ops/submits")
int BPF_PROG(submits, struct uring_bpf_data* data, const struct io_uring_sqe* sqe) {
  return bpf_io_uring_submit_sqes((struct iou_ctx*)data, 1);
}
OPS(submits);

SEC("struct_ops/returns_a_pointer")
int BPF_PROG(returns_a_pointer, struct uring_bpf_data* data, const struct io_uring_sqe* sqe) {
  return (long)data;
}
OPS(returns_a_pointer);

char LICENSE[] SEC("license") = "Dual MIT/GPL";
