// The back-end that needs no io_uring.
#include <cerrno>

#include "backend/backend.hpp"

namespace ring3::backend {

Result<std::unique_ptr<Backend>> create_threads(const Config&) {
  return fail(ENOSYS, "threads", "this build has no threads back-end yet");
}

}  // namespace ring3::backend
