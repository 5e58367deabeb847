#include "hooks/loop/kfuncs.hpp"

#include "hooks/loop/loop.hpp"

namespace ring3::hooks {

[[gnu::hot]] int submit_sqes(bpf::Machine& machine, const void*, uint32_t count) {
  return static_cast<Loop*>(machine.context)->driven().submit(count);
}

[[gnu::hot]] std::byte* get_region(bpf::Machine& machine, const void*, uint32_t region_id, uint64_t size) {
  const std::span<std::byte> region = static_cast<Loop*>(machine.context)->region(region_id);
  return size <= region.size() ? region.data() : nullptr;
}

}  // namespace ring3::hooks
