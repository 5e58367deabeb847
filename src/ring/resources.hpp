// What an application registers with the ring itself, and not with whoever performs its requests: the memory region,
// the eventfd that is told of completions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/fd.hpp"
#include "ring/memory.hpp"

namespace ring3::ring {

class Resources {
 public:
  // IORING_REGISTER_MEM_REGION: 0 or a negative errno. The memory is the application's or, without
  // IORING_MEM_REGION_TYPE_USER, the ring's, to be mapped at the offset that is reported back.
  int register_region(uint64_t argument, unsigned count, bool ring_disabled, Memory& memory);
  // Empty until one is registered.
  std::span<std::byte> region() const { return region_; }

  // IORING_REGISTER_EVENTFD and its kin. `async`: only for completions that happen outside a system call, which a
  // ring of ours has none of.
  int register_eventfd(uint64_t argument, unsigned count, bool async);
  int unregister_eventfd();
  // Tells the eventfd that CQEs were posted.
  void notify() {
    if (eventfd_) [[unlikely]]
      signal_eventfd();
  }

 private:
  void signal_eventfd();

  Mapping mapping_;
  std::span<std::byte> region_;
  FileDescriptor eventfd_;
  bool async_ = false;
};

}  // namespace ring3::ring
