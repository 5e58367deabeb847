// The world of loop programs without the ring behind it: the same types, the same rules, kfuncs that do
// nothing. So that the verifier's tests need no ring.
#pragma once

#include <memory>

#include "bpf/world/world.hpp"

namespace ring3::bpf::test {

const std::shared_ptr<const World>& test_world();

}  // namespace ring3::bpf::test
