// What the last two arguments of io_uring_enter(2) say of a wait.
#pragma once

#include <signal.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "backend/backend.hpp"

namespace ring3::ring {

struct EnterArgument {
  sigset_t signal_mask{};
  bool has_mask = false;
  std::optional<uint64_t> deadline_ns;
  // After so long a wait, one completion will do.
  std::optional<uint64_t> min_wait_deadline_ns;
};

// Reads them; the addresses are untrusted. 0, -EINVAL (sizes, flags), -EFAULT.
int read_enter_argument(unsigned flags, const void* argument, size_t size, EnterArgument& result);

}  // namespace ring3::ring
