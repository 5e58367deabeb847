#include "base/error.hpp"

#include <cstring>

namespace ring3 {

std::string errno_name(int code) {
  const char* name = strerrorname_np(code < 0 ? -code : code);
  return name ? name : fmt::format("errno {}", code);
}

std::string Error::text() const {
  return fmt::format("{}{}{} ({})", place, place.empty() ? "" : ": ", message, errno_name(code));
}

}  // namespace ring3
