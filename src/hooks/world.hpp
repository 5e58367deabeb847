// What programs may name: the common world, and what the hooks add to it. One world for all, because one
// object may hold a loop and operations.
#pragma once

#include <memory>

#include "bpf/world/world.hpp"

namespace ring3::hooks {

// The world of all programs: one for the whole process, built at the first call.
const std::shared_ptr<const bpf::World>& world();

}  // namespace ring3::hooks
