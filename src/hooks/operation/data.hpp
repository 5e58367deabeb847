// struct uring_bpf_data as programs see it, in the memory that the ring keeps for a request.
#pragma once

#include <cstddef>
#include <cstdint>

#include "ring/handler.hpp"

namespace ring3::hooks {

struct UringBpfData {
  // The first 8 bytes are `req_data` to programs, which is none of their business: what the request has come
  // to so far.
  int32_t res = 0;
  bool failed = false;             // some result was negative
  const std::byte* ops = nullptr;  // the struct uring_bpf_ops
  uint32_t opf = 0;
  uint32_t issue_flags = 0;
  uint32_t lock_depth = 0;
  uint8_t pdu[36] = {};  // the program's

  uint8_t id() const { return static_cast<uint8_t>(opf >> 24); }
};
static_assert(sizeof(UringBpfData) == sizeof(ring::Handler::Memory));
static_assert(offsetof(UringBpfData, ops) == 8 && offsetof(UringBpfData, opf) == 16 &&
              offsetof(UringBpfData, pdu) == 28);

}  // namespace ring3::hooks
