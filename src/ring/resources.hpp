// What an application registers with the ring itself, and not with whoever performs its requests: the memory
// region, the eventfd that is told of completions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <span>

#include "backend/backend.hpp"
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

  // IORING_REGISTER_EVENTFD and its kin. `async`: only for completions that happen outside a system call,
  // which a ring of ours has none of. The back-end is told too, so that it can signal what finishes while
  // nobody is inside the ring.
  int register_eventfd(uint64_t argument, unsigned count, bool async, backend::Backend& backend);
  int unregister_eventfd(backend::Backend& backend);
  // Tells the eventfd that CQEs were posted, unless the back-end that they come from has told it.
  void notify(bool from_backend) {
    if (eventfd_ && !(from_backend && backend_signals_)) [[unlikely]]
      signal_eventfd();
  }

  // The ids of credentials that SQEs may name.
  void add_personality(uint16_t id) { personalities_.insert(id); }
  void remove_personality(uint16_t id) { personalities_.erase(id); }
  bool has_personality(uint16_t id) const { return personalities_.contains(id); }

 private:
  void signal_eventfd();

  Mapping mapping_;
  std::span<std::byte> region_;
  FileDescriptor eventfd_;
  bool async_ = false;
  bool backend_signals_ = false;
  std::set<uint16_t> personalities_;
};

}  // namespace ring3::ring
