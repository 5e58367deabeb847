/* Records of a ring buffer are owed until submitted or discarded. */
#include "cases.h"

PROGRAM(record_leaked) {
  __u64* record = bpf_ringbuf_reserve(&records, 16, 0);
  if (!record) return 0;
  *record = 1;
  return 0;
}  // REFUSED: Unreleased reference id=

PROGRAM(record_leaked_on_one_path) {
  __u64* record = bpf_ringbuf_reserve(&records, 16, 0);
  if (!record) return 0;
  if (NUMBER() == 7) return 1;
  bpf_ringbuf_submit(record, 0);
  return 0;
}  // REFUSED: Unreleased reference id=

PROGRAM(record_used_after_submit) {
  __u64* record = bpf_ringbuf_reserve(&records, 16, 0);
  if (!record) return 0;
  bpf_ringbuf_submit(record, 0);
  *(volatile __u64*)record = 1;  // REFUSED: invalid mem access 'scalar'
  return 0;
}

PROGRAM(record_submitted_twice) {
  __u64* record = bpf_ringbuf_reserve(&records, 16, 0);
  if (!record) return 0;
  bpf_ringbuf_submit(record, 0);
  bpf_ringbuf_discard(record, 0);  // REFUSED: R1 type=scalar expected=ringbuf_mem
  return 0;
}

PROGRAM(record_past_end) {
  __u64* record = bpf_ringbuf_reserve(&records, 16, 0);
  if (!record) return 0;
  record[2] = 1;  // REFUSED: invalid access to memory, mem_size=16 off=16 size=8
  bpf_ringbuf_submit(record, 0);
  return 0;
}

PROGRAM(record_of_unknown_size) {
  __u64* record = bpf_ringbuf_reserve(&records, NUMBER(), 0);  // REFUSED: R2 is not a known constant
  if (record) bpf_ringbuf_discard(record, 0);
  return 0;
}

PROGRAM(record_submitted_from_its_middle) {
  char* record = bpf_ringbuf_reserve(&records, 16, 0);
  if (!record) return 0;
  bpf_ringbuf_submit(record + 8, 0);  // REFUSED: R1 must have zero offset when passed to release func
  return 0;
}

PROGRAM(value_submitted) {
  struct value* value = array_value();
  if (!value) return 0;
  bpf_ringbuf_submit(value, 0);  // REFUSED: R1 type=map_value expected=ringbuf_mem
  return 0;
}

PROGRAM(stack_submitted) {
  __u64 local = 0;
  bpf_ringbuf_submit(&local, 0);  // REFUSED: R1 type=fp expected=ringbuf_mem
  return 0;
}

PROGRAM(reserved_from_array) {
  void* record = bpf_ringbuf_reserve(&array, 16, 0);  // REFUSED: cannot pass map_type 2 into func bpf_ringbuf_reserve#131
  if (record) bpf_ringbuf_discard(record, 0);
  return 0;
}

PROGRAM(lookup_in_ringbuf) {
  __u64 key = 0;
  return bpf_map_lookup_elem(&records, &key) != 0;  // REFUSED: cannot pass map_type 27 into func bpf_map_lookup_elem#1 LINUX: refused, for the key that has no size
}

// RULE: leak, release-argument
PROGRAM(record_submitted) {  // ACCEPTED
  __u64* record = bpf_ringbuf_reserve(&records, 16, 0);
  if (!record) return 1;
  record[0] = bpf_get_current_pid_tgid();
  record[1] = bpf_ktime_get_ns();
  if (record[1] & 1)
    bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
  else
    bpf_ringbuf_discard(record, 0);
  return 0;
}

// RULE: map-argument
PROGRAM(output) {  // ACCEPTED
  struct value event = {.words = {1, 2}};
  return bpf_ringbuf_output(&records, &event, sizeof(event), 0) < 0;
}
