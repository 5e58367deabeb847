// What programs of the loop may name: io_uring_bpf_ops and its kfuncs.
#pragma once

#include "bpf/world/world.hpp"

namespace ring3::hooks {

// Puts the loop's types, kfuncs and struct_ops type into a world.
void add_loop(bpf::World::Builder& builder);

}  // namespace ring3::hooks
