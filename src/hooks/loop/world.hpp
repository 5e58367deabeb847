// What programs of the loop may name: the common world, and io_uring_bpf_ops with its kfuncs.
#pragma once

#include <memory>

#include "bpf/world/world.hpp"

namespace ring3::hooks {

// Puts the loop's types, kfuncs and struct_ops type into a world.
void add_loop(bpf::World::Builder& builder);

// The world of loop programs: one for the whole process, built at the first call.
const std::shared_ptr<const bpf::World>& loop_world();

}  // namespace ring3::hooks
