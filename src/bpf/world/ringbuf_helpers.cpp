#include <algorithm>
#include <cerrno>

#include "bpf/world/common.hpp"

namespace ring3::bpf::common {

namespace {

// BPF_RB_NO_WAKEUP and BPF_RB_FORCE_WAKEUP: accepted, without effect, since consumers look by themselves.
constexpr uint64_t kWakeupFlags = 3;

// The verifier admits no other kind of map here.
RingBuffer* ring_buffer(Map* map) { return static_cast<RingBuffer*>(map); }

void* reserve(Machine& machine, Map* map, uint64_t size) {
  void* const record = ring_buffer(map)->reserve(size);
  if (record) machine.records.push_back(record);
  return record;
}

void finish(Machine& machine, void* record, bool discard) {
  const auto mark = std::ranges::find(machine.records, record);
  if (mark != machine.records.end()) {
    *mark = machine.records.back();
    machine.records.pop_back();
  }
  RingBuffer::owner(record).commit(record, discard);
}

void finish_dynptr(Machine& machine, Dynptr* dynptr, bool discard) {
  if (dynptr->is_null()) return;  // the reservation had failed
  finish(machine, dynptr->base(), discard);
  *dynptr = Dynptr();
}

}  // namespace

long ringbuf_output(Map* map, const void* data, uint64_t size, uint64_t flags) {
  if (flags & ~kWakeupFlags) return -EINVAL;
  return ring_buffer(map)->output(data, size);
}

void* ringbuf_reserve(Machine& machine, Map* map, uint64_t size, uint64_t flags) {
  return flags == 0 ? reserve(machine, map, size) : nullptr;
}

void ringbuf_submit(Machine& machine, void* record, uint64_t) { finish(machine, record, false); }
void ringbuf_discard(Machine& machine, void* record, uint64_t) { finish(machine, record, true); }

uint64_t ringbuf_query(Map* map, uint64_t flags) { return ring_buffer(map)->query(flags); }

long ringbuf_reserve_dynptr(Machine& machine, Map* map, uint32_t size, uint64_t flags, Dynptr* dynptr) {
  *dynptr = Dynptr();
  if (flags != 0) return -EINVAL;
  if (size > Dynptr::kSizeMax) return -E2BIG;
  void* record = reserve(machine, map, size);
  if (!record) return -EINVAL;
  *dynptr = Dynptr(record, size, Dynptr::Kind::Ringbuf, false);
  return 0;
}

void ringbuf_submit_dynptr(Machine& machine, Dynptr* dynptr, uint64_t) {
  finish_dynptr(machine, dynptr, false);
}
void ringbuf_discard_dynptr(Machine& machine, Dynptr* dynptr, uint64_t) {
  finish_dynptr(machine, dynptr, true);
}

}  // namespace ring3::bpf::common
