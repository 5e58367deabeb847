// Operations that do what their SQEs say, and count what was run for whom.
#include <ring3/bpf/ring3.h>

enum { REQUESTS = 4096 };

// Of the request whose sqe->len is the index.
struct counts {
  __u32 prep, issue, fail, cleanup;
} counts[REQUESTS];
__u32 dirty;       // a pdu was not zero when prep_fn ran, or did not keep what was put into it
__u32 cpu;         // where issue_fn ran
__u32 opf, total;  // of the last request; callbacks run

// The program's own flags, in sqe->bpf_op_flags.
enum {
  PREP_FAILS = 1,   // with sqe->fd
  SET_IN_PREP = 2,  // sets sqe->fd as the result
  SET_IN_ISSUE = 4,
  SET_IN_FAIL = 8,
  ISSUE_RETURNS = 16,  // sqe->file_index
  SET_TWICE = 32,      // in issue_fn: -5, and then sqe->fd
};

// In the pdu.
struct plan {
  __u32 request;
  __s32 set, returned;
  __u32 mark[6];
};
_Static_assert(sizeof(struct plan) == sizeof(((struct uring_bpf_data*)0)->pdu), "fills the pdu");

static struct plan* plan_of(struct uring_bpf_data* data) {
  struct plan* plan = (void*)data->pdu;
  for (int i = 0; i < 6; i++)
    if (plan->mark[i] != plan->request + i) dirty++;
  return plan;
}

static struct counts* counts_of(__u32 request) { return &counts[request % REQUESTS]; }

SEC("struct_ops/prep")
int BPF_PROG(prep, struct uring_bpf_data* data, const struct io_uring_sqe* sqe) {
  for (int i = 0; i < 36; i++)
    if (data->pdu[i]) dirty++;
  struct plan* plan = (void*)data->pdu;
  plan->request = sqe->len;
  plan->set = sqe->fd;
  plan->returned = (__s32)sqe->file_index;
  for (int i = 0; i < 6; i++) plan->mark[i] = plan->request + i;
  counts_of(plan->request)->prep++;
  opf = data->opf;
  total++;
  if (data->opf & SET_IN_PREP) uring_bpf_set_result(data, plan->set);
  return data->opf & PREP_FAILS ? plan->set : 0;
}

SEC("struct_ops/issue")
int BPF_PROG(issue, struct uring_bpf_data* data) {
  struct plan* plan = plan_of(data);
  counts_of(plan->request)->issue++;
  cpu = bpf_get_smp_processor_id();
  total++;
  if (data->opf & SET_TWICE) uring_bpf_set_result(data, -5);
  if (data->opf & (SET_IN_ISSUE | SET_TWICE)) uring_bpf_set_result(data, plan->set);
  return data->opf & ISSUE_RETURNS ? plan->returned : 0;
}

SEC("struct_ops/fail")
int BPF_PROG(fail, struct uring_bpf_data* data) {
  struct plan* plan = plan_of(data);
  counts_of(plan->request)->fail++;
  total++;
  if (data->opf & SET_IN_FAIL) uring_bpf_set_result(data, plan->set);
  return 0;
}

SEC("struct_ops/cleanup")
int BPF_PROG(cleanup, struct uring_bpf_data* data) {
  counts_of(plan_of(data)->request)->cleanup++;
  total++;
  return 0;
}

SEC(".struct_ops.link")
struct uring_bpf_ops scripted = {.id = 7,
                                 .prep_fn = (void*)prep,
                                 .issue_fn = (void*)issue,
                                 .fail_fn = (void*)fail,
                                 .cleanup_fn = (void*)cleanup};

// The least that there can be.
SEC(".struct_ops.link")
struct uring_bpf_ops plain = {.id = 8, .prep_fn = (void*)prep, .issue_fn = (void*)issue};
SEC(".struct_ops.link")
struct uring_bpf_ops without_prep = {.id = 9, .issue_fn = (void*)issue};
SEC(".struct_ops.link")
struct uring_bpf_ops without_issue = {.id = 10, .prep_fn = (void*)prep, .cleanup_fn = (void*)cleanup};
SEC(".struct_ops.link")
struct uring_bpf_ops last = {.id = 255, .prep_fn = (void*)prep, .issue_fn = (void*)issue};
SEC(".struct_ops.link")
struct uring_bpf_ops beyond = {.id = 256, .prep_fn = (void*)prep, .issue_fn = (void*)issue};

char LICENSE[] SEC("license") = "Dual MIT/GPL";
