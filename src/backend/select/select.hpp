// Which back-end a ring gets: the only place that knows all of them.
#pragma once

#include "backend/backend.hpp"
#include "ring3/ring.hpp"

namespace ring3::backend {

// Auto: `host` where io_uring_setup(2) works, else `threads`.
Result<std::unique_ptr<Backend>> create(BackendKind kind, const Config& config);

}  // namespace ring3::backend
