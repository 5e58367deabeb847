#include <cerrno>

#include "bpf/world/common.hpp"

namespace ring3::bpf::common {

namespace {
constexpr uint32_t kLoopsMax = 1u << 23;
}

void* map_lookup_elem(Machine& machine, Map* map, const void* key) { return map->lookup(key, machine.cpu); }

long map_update_elem(Machine& machine, Map* map, const void* key, const void* value, uint64_t flags) {
  return map->update(key, value, flags, machine.cpu);
}

long map_delete_elem(Map* map, const void* key) { return map->erase(key); }

void* map_lookup_percpu_elem(Map* map, const void* key, uint32_t cpu) {
  return cpu < cpu_count() ? map->lookup(key, cpu) : nullptr;
}

long for_each_map_elem(Machine& machine, Map* map, uint64_t callback, uint64_t context, uint64_t flags) {
  if (flags != 0) return -EINVAL;
  struct Visit {
    Machine& machine;
    Map* map;
    uint64_t callback, context;
  } visit{machine, map, callback, context};
  return map->for_each(
      machine.cpu,
      [](void* opaque, const void* key, void* value) {
        Visit& v = *static_cast<Visit*>(opaque);
        return v.machine.call(v.callback, reinterpret_cast<uint64_t>(v.map), reinterpret_cast<uint64_t>(key),
                              reinterpret_cast<uint64_t>(value), v.context) == 0;
      },
      &visit);
}

long loop(Machine& machine, uint32_t count, uint64_t callback, uint64_t context, uint64_t flags) {
  if (flags != 0) return -EINVAL;
  if (count > kLoopsMax) return -E2BIG;
  for (uint32_t i = 0; i < count; ++i)
    if (machine.call(callback, i, context, 0, 0) != 0) return i + 1;
  return count;
}

// What a program does while it holds one is short (it calls nothing), so who waits does not wait long.
void spin_lock(Machine& machine, SpinLock* lock) {
  lock->lock();
  machine.lock = lock;
}

void spin_unlock(Machine& machine, SpinLock* lock) {
  machine.lock = nullptr;
  lock->unlock();
}

}  // namespace ring3::bpf::common
