// io_uring_register(2): what belongs to the kernel's ring goes there with its addresses as they are, because
// the kernel checks them itself. What would change the ring under our feet is refused.
#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "backend/host/host.hpp"
#include "base/user_copy.hpp"

namespace ring3::backend::host {

namespace {

constexpr std::array kForwarded = {
    abi::IORING_REGISTER_BUFFERS,
    abi::IORING_UNREGISTER_BUFFERS,
    abi::IORING_REGISTER_FILES,
    abi::IORING_UNREGISTER_FILES,
    abi::IORING_REGISTER_FILES_UPDATE,
    abi::IORING_REGISTER_EVENTFD,
    abi::IORING_UNREGISTER_EVENTFD,
    abi::IORING_REGISTER_EVENTFD_ASYNC,
    abi::IORING_REGISTER_PROBE,
    abi::IORING_REGISTER_PERSONALITY,
    abi::IORING_UNREGISTER_PERSONALITY,
    abi::IORING_REGISTER_IOWQ_AFF,
    abi::IORING_UNREGISTER_IOWQ_AFF,
    abi::IORING_REGISTER_IOWQ_MAX_WORKERS,
    abi::IORING_REGISTER_PBUF_RING,
    abi::IORING_UNREGISTER_PBUF_RING,
    abi::IORING_REGISTER_SYNC_CANCEL,
    abi::IORING_REGISTER_FILE_ALLOC_RANGE,
    abi::IORING_REGISTER_PBUF_STATUS,
    abi::IORING_REGISTER_NAPI,
    abi::IORING_UNREGISTER_NAPI,
    abi::IORING_REGISTER_CLONE_BUFFERS,
};

// Of FILES2 and BUFFERS2 (`length` is that of the whole argument), and of their update forms.
struct ResourceRegister {
  uint32_t count, flags;
  uint64_t reserved, data, tags;
};
struct ResourceUpdate {
  uint32_t offset, reserved;
  uint64_t data, tags;
  uint32_t count, reserved2;
};
static_assert(sizeof(ResourceRegister) == 32 && sizeof(ResourceUpdate) == 32);

// Tags come back as CQEs that carry them as user_data, and would be taken for tokens. 0 (none) is fine.
int check_no_tags(uint64_t tags, uint32_t count) {
  constexpr uint32_t kCountMax = 1u << 20;  // the kernel's own limits are lower
  if (tags == 0 || count > kCountMax) return 0;
  std::array<uint64_t, 64> part;
  for (uint32_t done = 0; done < count; done += part.size()) {
    size_t n = std::min<size_t>(part.size(), count - done);
    if (int result = copy_from_user(part.data(), tags + done * sizeof(uint64_t), n * sizeof(uint64_t));
        result < 0)
      return result;
    if (std::any_of(part.begin(), part.begin() + n, [](uint64_t tag) { return tag != 0; })) return -EINVAL;
  }
  return 0;
}

}  // namespace

int HostBackend::register_op(unsigned opcode, uint64_t argument, unsigned count) {
  switch (opcode) {
    case abi::IORING_REGISTER_ENABLE_RINGS:
      if (argument != 0 || count != 0) return -EINVAL;
      return disabled_ ? enable() : -EBADFD;
    case abi::IORING_REGISTER_FILES2:
    case abi::IORING_REGISTER_BUFFERS2:
    case abi::IORING_REGISTER_FILES_UPDATE2:
    case abi::IORING_REGISTER_BUFFERS_UPDATE:
      return register_resources(opcode, argument, count);
    default:
      if (std::find(kForwarded.begin(), kForwarded.end(), opcode) == kForwarded.end()) return -EINVAL;
      ++counters_.system_calls;
      if (opcode == abi::IORING_REGISTER_SYNC_CANCEL) {
        take_placed();
        disarm_wake();
        offer_places();
      }
      return ring_.register_op(opcode, argument, count);
  }
}

// Forwards a copy whose tags are checked to be none and then left out, so that nobody can change them
// meanwhile.
int HostBackend::register_resources(unsigned opcode, uint64_t argument, unsigned size) {
  auto forward = [&](auto resource) {
    if (size != sizeof(resource)) return -EINVAL;
    if (int result = copy_from_user(&resource, argument, sizeof(resource)); result < 0) return result;
    if (int result = check_no_tags(resource.tags, resource.count); result < 0) return result;
    resource.tags = 0;
    ++counters_.system_calls;
    return ring_.register_op(opcode, reinterpret_cast<uint64_t>(&resource), size);
  };
  bool is_update =
      opcode == abi::IORING_REGISTER_FILES_UPDATE2 || opcode == abi::IORING_REGISTER_BUFFERS_UPDATE;
  return is_update ? forward(ResourceUpdate{}) : forward(ResourceRegister{});
}

}  // namespace ring3::backend::host
