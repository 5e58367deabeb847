#include "bpf/map/arena.hpp"
#include "bpf/world/common.hpp"

namespace ring3::bpf::common {

namespace {
// Programs may pass any map.
Arena* arena(Map* map) {
  return map->definition().type == abi::BPF_MAP_TYPE_ARENA ? static_cast<Arena*>(map) : nullptr;
}
}  // namespace

// Memory is of whatever node the kernel takes it from.
uint64_t arena_alloc_pages(Map* map, uint64_t pointer, uint32_t count, int32_t, uint64_t flags) {
  return arena(map) && flags == 0 ? arena(map)->allocate(pointer, count) : 0;
}

void arena_free_pages(Map* map, uint64_t pointer, uint32_t count) {
  if (arena(map) && pointer != 0) arena(map)->free(pointer, count);
}

}  // namespace ring3::bpf::common
