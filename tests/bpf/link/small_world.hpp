// A world of a few types, for tests of linking.
#pragma once

#include <memory>

#include "bpf/link/collection.hpp"
#include "bpf/world/world.hpp"

namespace ring3::test {

// The types of world.bpf.c, its kfuncs, and struct_ops type test_ops: step must be there and may sleep,
// stay_awake must not, ring_fd and priv can be set.
std::shared_ptr<const bpf::World> small_world();

// The object that NAME.bpf.c of this folder was compiled to.
std::shared_ptr<const bpf::Object> fixture(const std::string& name);

}  // namespace ring3::test
