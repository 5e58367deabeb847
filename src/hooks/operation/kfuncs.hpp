// The operation's kfuncs: what a program may do to its request.
#pragma once

#include <cstdint>

#include "hooks/operation/data.hpp"

namespace ring3::hooks {

void set_result(UringBpfData* data, int32_t res);

}  // namespace ring3::hooks
