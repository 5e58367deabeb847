// The implementations behind the tables of common.cpp. Each has the arguments,
// result and errors of its namesake in Linux (bpf-helpers(7)); arguments are what the verifier checked.
// Addresses called `user` are nobody's promise: they are only copied from, with faults contained.
#pragma once

#include <cstdint>

#include "bpf/map/map.hpp"
#include "bpf/world/dynptr.hpp"
#include "bpf/world/world.hpp"

namespace ring3::bpf::common {

// map_helpers.cpp
void* map_lookup_elem(Machine& machine, Map* map, const void* key);
long map_update_elem(Machine& machine, Map* map, const void* key, const void* value, uint64_t flags);
long map_delete_elem(Map* map, const void* key);
void* map_lookup_percpu_elem(Map* map, const void* key, uint32_t cpu);
void spin_lock(Machine& machine, SpinLock* lock);
void spin_unlock(Machine& machine, SpinLock* lock);
long for_each_map_elem(Machine& machine, Map* map, uint64_t callback, uint64_t context, uint64_t flags);
long loop(Machine& machine, uint32_t count, uint64_t callback, uint64_t context, uint64_t flags);

// ringbuf_helpers.cpp
long ringbuf_output(Map* map, const void* data, uint64_t size, uint64_t flags);
void* ringbuf_reserve(Machine& machine, Map* map, uint64_t size, uint64_t flags);
void ringbuf_submit(Machine& machine, void* record, uint64_t flags);
void ringbuf_discard(Machine& machine, void* record, uint64_t flags);
uint64_t ringbuf_query(Map* map, uint64_t flags);
long ringbuf_reserve_dynptr(Machine& machine, Map* map, uint32_t size, uint64_t flags, Dynptr* dynptr);
void ringbuf_submit_dynptr(Machine& machine, Dynptr* dynptr, uint64_t flags);
void ringbuf_discard_dynptr(Machine& machine, Dynptr* dynptr, uint64_t flags);

// dynptr.cpp
long dynptr_from_mem(void* data, uint64_t size, uint64_t flags, Dynptr* dynptr);
long dynptr_read(void* out, uint64_t length, const Dynptr* dynptr, uint64_t offset, uint64_t flags);
long dynptr_write(const Dynptr* dynptr, uint64_t offset, const void* data, uint64_t length, uint64_t flags);
void* dynptr_data(const Dynptr* dynptr, uint64_t offset, uint64_t length);
void* dynptr_slice(const Dynptr* dynptr, uint64_t offset, void* buffer, uint64_t size);
void* dynptr_slice_rdwr(const Dynptr* dynptr, uint64_t offset, void* buffer, uint64_t size);
int dynptr_adjust(Dynptr* dynptr, uint64_t start, uint64_t end);
bool dynptr_is_null(const Dynptr* dynptr);
bool dynptr_is_rdonly(const Dynptr* dynptr);
uint64_t dynptr_size(const Dynptr* dynptr);
int dynptr_clone(const Dynptr* dynptr, Dynptr* clone);

// arena_kfuncs.cpp: pointers are those of the application's view, as programs store and pass them
uint64_t arena_alloc_pages(Map* map, uint64_t pointer, uint32_t count, int32_t node, uint64_t flags);
void arena_free_pages(Map* map, uint64_t pointer, uint32_t count);

// task_helpers.cpp: time, the running task, user memory, text
uint64_t ktime_get_ns();
uint64_t ktime_get_boot_ns();
uint64_t ktime_get_coarse_ns();
uint32_t get_prandom_u32();
uint32_t get_smp_processor_id(Machine& machine);
uint64_t get_current_pid_tgid();
uint64_t get_current_uid_gid();
long get_current_comm(void* out, uint32_t size);
long probe_read_user(void* out, uint32_t size, uint64_t user);
long probe_read_user_str(void* out, uint32_t size, uint64_t user);
long copy_from_user(void* out, uint32_t size, uint64_t user);
long trace_printk(Machine& machine, const char* format, uint32_t size, uint64_t a, uint64_t b, uint64_t c);
long trace_vprintk(Machine& machine, const char* format, uint32_t size, const uint64_t* data, uint32_t bytes);
long snprintf(char* out, uint32_t size, const char* format, const uint64_t* data, uint32_t bytes);
long strncmp(const char* a, uint32_t size, const char* b);

// num_iterator.cpp
struct NumIterator {
  int32_t current, end;
};
static_assert(sizeof(NumIterator) == 8);
int iter_num_new(NumIterator* iterator, int32_t start, int32_t end);
int32_t* iter_num_next(NumIterator* iterator);
void iter_num_destroy(NumIterator* iterator);

}  // namespace ring3::bpf::common
