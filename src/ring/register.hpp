// io_uring_register(2): a table of who answers which opcode.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace ring3::ring {

class Engine;

enum class RegisterSupport : uint8_t {
  Ring,     // answered here
  Backend,  // belongs to whoever performs the requests
  Refused,  // -EINVAL
};

struct RegisterRow {
  uint32_t opcode;
  std::string_view name;
  RegisterSupport support;
};

// All rows, indexed by opcode.
std::span<const RegisterRow> register_rows();

// Everything but ENABLE_RINGS, which Ring does. As the system call returns.
int register_with_ring(Engine& engine, uint32_t opcode, uint64_t argument, unsigned count, bool ring_disabled);

}  // namespace ring3::ring
