#include "backend/select/select.hpp"

namespace ring3::backend {

Result<std::unique_ptr<Backend>> create(BackendKind kind, const Config& config) {
  switch (kind) {
    case BackendKind::Host:
      return create_host(config);
    case BackendKind::Threads:
      return create_threads(config);
    case BackendKind::Auto:
      break;
  }
  auto host = create_host(config);
  return host ? std::move(host) : create_threads(config);
}

}  // namespace ring3::backend
