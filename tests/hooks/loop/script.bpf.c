/* A loop whose steps are written by the test: what each does, and what it saw. */
#include <ring3/bpf/ring3.h>

#define STEPS_MAX 64

struct action {
  __s32 submit;    /* so many; negative: none */
  __u32 wait_mode; /* how `wait` changes the index: 0 not at all, 1 CQ tail + wait, 2 as it is */
  __u32 wait;
  __u32 reap;          /* move the CQ head on by so many, as far as there are CQEs */
  __u32 spin;          /* iterations to burn first */
  __u32 forge_tail;    /* write CQ tail + forge_tail into the CQ's tail */
  __u32 break_sq_head; /* write nonsense into the SQ's head */
  __s32 result;
};
struct note {
  __s32 submitted;
  __u32 cq_head, cq_tail; /* when the step began */
  __u32 cq_tail_after;    /* after the submission */
  __u32 sq_head_after;
  __u32 sq_flags, overflow;
  __u32 wait_idx; /* when the step began */
  __s32 last_res; /* of the newest CQE when the step began */
};

const volatile struct ring3_layout ring = {};
const volatile __u32 sq_flags_at = 0;
const volatile __u32 overflow_at = 0;

/* Each step takes the next action; the last one repeats. */
struct action actions[STEPS_MAX];
struct note notes[STEPS_MAX];
__u32 actions_count = 1;
__u32 steps;
__u32 spinning; /* the step that burns time at the moment, counted from 1 */
__u64 burnt;

static void burn(__u32 iterations) {
  __u32 i;
  bpf_for(i, 0, iterations) burnt += i;
}

SEC("struct_ops.s/script")
int BPF_PROG(script, struct iou_ctx* ctx, struct iou_loop_params* params) {
  __u8* rings =
      bpf_io_uring_get_region(ctx, IOU_REGION_CQ, ring.cqes + ring.cq_entries * sizeof(struct io_uring_cqe));
  if (!rings) return -1;
  __u32 step = steps++;
  if (step >= actions_count) step = actions_count - 1;
  if (step >= STEPS_MAX) return -2;
  struct action* action = &actions[step];
  struct note* note = &notes[step];

  __u32* head = ring3_word(rings, ring.cq_head);
  __u32* tail = ring3_word(rings, ring.cq_tail);
  note->cq_head = READ_ONCE(*head);
  note->cq_tail = READ_ONCE(*tail);
  note->wait_idx = params->cq_wait_idx;
  note->sq_flags = READ_ONCE(*ring3_word(rings, sq_flags_at));
  note->overflow = READ_ONCE(*ring3_word(rings, overflow_at));
  const struct io_uring_cqe* cqes = (void*)(rings + ring.cqes);
  note->last_res = cqes[(note->cq_tail - 1) & (ring.cq_entries - 1)].res;

  if (action->spin) {
    WRITE_ONCE(spinning, step + 1);
    burn(action->spin);
    WRITE_ONCE(spinning, 0);
  }
  __u32 reap = note->cq_tail - note->cq_head;
  if (reap > action->reap) reap = action->reap;
  WRITE_ONCE(*head, note->cq_head + reap);
  if (action->break_sq_head) WRITE_ONCE(*ring3_word(rings, ring.sq_head), 0x5a5a5a5a);
  if (action->submit >= 0) note->submitted = bpf_io_uring_submit_sqes(ctx, action->submit);
  if (action->forge_tail) WRITE_ONCE(*tail, READ_ONCE(*tail) + action->forge_tail);
  note->cq_tail_after = READ_ONCE(*tail);
  note->sq_head_after = READ_ONCE(*ring3_word(rings, ring.sq_head));
  if (action->wait_mode == 1) params->cq_wait_idx = READ_ONCE(*tail) + action->wait;
  if (action->wait_mode == 2) params->cq_wait_idx = action->wait;
  return action->result;
}

SEC(".struct_ops.link")
struct io_uring_bpf_ops script_ops = {.loop_step = (void*)script};

/* A second variable with the same callback. */
SEC(".struct_ops.link")
struct io_uring_bpf_ops other_ops = {.loop_step = (void*)script};

char LICENSE[] SEC("license") = "Dual MIT/GPL";
