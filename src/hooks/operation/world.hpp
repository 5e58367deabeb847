// What programs of operations may name: uring_bpf_ops and its kfuncs.
#pragma once

#include "bpf/world/world.hpp"

namespace ring3::hooks {

// Puts the operation's types, kfuncs and struct_ops type into a world.
void add_operation(bpf::World::Builder& builder);

}  // namespace ring3::hooks
