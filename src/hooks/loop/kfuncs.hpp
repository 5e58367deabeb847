// The loop's kfuncs: what a program may ask of the ring that runs it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bpf/world/world.hpp"

namespace ring3::hooks {

// Machine::context is the Loop; the handle that the program passes is not looked at.
int submit_sqes(bpf::Machine& machine, const void* ctx, uint32_t count);
std::byte* get_region(bpf::Machine& machine, const void* ctx, uint32_t region_id, uint64_t size);

}  // namespace ring3::hooks
