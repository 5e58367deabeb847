// Whether an object and a world mean the same kfunc by one name.
#pragma once

#include "bpf/object/object.hpp"
#include "bpf/world/world.hpp"

namespace ring3::bpf {

// EINVAL if the number of parameters, or whether one is a number or a pointer, differs. Names and sizes may
// differ: the verifier goes by the world's prototype.
Result<void> check_prototype(const Btf& btf, const Extern& from, const Kfunc& kfunc,
                             const std::string& place);

// "; did you mean X?" or nothing.
std::string near(const World& world, std::string_view kfunc);

}  // namespace ring3::bpf
