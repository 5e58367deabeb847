// What programs of operations may name to reach the buffers of requests.
#pragma once

#include "bpf/world/world.hpp"

namespace ring3::hooks {

// Puts the buffers' types and kfuncs into a world that has the operation's. They belong to programs whose
// Machine::context is an Operations: no others are handed a struct uring_bpf_data.
void add_buffers(bpf::World::Builder& builder);

}  // namespace ring3::hooks
