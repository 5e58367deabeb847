// The table of operations: one row per opcode. It says who performs an operation, what its SQE may hold, and when its
// result counts as a failure for the chain that it is in.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "abi/io_uring.hpp"

namespace ring3::ring {

// Fields of an SQE that must be zero.
enum SqeField : uint16_t {
  kIoprio = 1 << 0,
  kOff = 1 << 1,
  kAddr = 1 << 2,
  kLen = 1 << 3,
  kOpFlags = 1 << 4,
  kBufIndex = 1 << 5,
  kFileIndex = 1 << 6,
  kAddr3 = 1 << 7,
  kPad = 1 << 8,
};

enum OperationTrait : uint8_t {
  kBufferSelect = 1 << 0,   // may pick a provided buffer
  kNoSkip = 1 << 1,         // refuses CQE_SKIP_SUCCESS
  kNoFixedFile = 1 << 2,    // refuses FIXED_FILE: -EINVAL
  kFdIsPlain = 1 << 3,      // refuses FIXED_FILE: -EBADF
  kPolled = 1 << 4,         // allowed on IOPOLL rings
  kReadsMemory = 1 << 5,    // its SQE points to memory that is read when the request is prepared
  kTwoHalves = 1 << 6,      // its SQE is 128 bytes long
};

// When a result that is not negative still breaks a chain.
enum class Shortness : uint8_t {
  Never,
  Length,   // fewer than sqe.len
  Vector,   // fewer than the iovecs hold
  WaitAll,  // fewer than sqe.len, with MSG_WAITALL
};

enum class Support : uint8_t {
  Inline,     // completed by the ring, without a system call
  Handled,    // performed inside the ring by its Handler, if it has one
  Forwarded,  // performed by the back-end, if it has it
  Refused,    // -EINVAL
};

struct Operation {
  uint8_t opcode;
  std::string_view name;
  Support support;
  uint16_t zero_fields = 0;
  uint8_t traits = 0;
  Shortness shortness = Shortness::Never;

  constexpr bool has(OperationTrait trait) const { return traits & trait; }
};

// All rows, indexed by opcode.
inline constexpr size_t kOperationCount = abi::IORING_OP_BPF + 1;
extern const Operation kOperations[kOperationCount];
inline std::span<const Operation, kOperationCount> operations() { return kOperations; }

// What set-up and registrations of the ring say of its SQEs.
struct SqeRules {
  uint32_t setup_flags = 0;
};

// Checks what can be checked of an SQE before it runs: 0, or the negative errno of its CQE.
int check_sqe(const abi::Sqe& sqe, const SqeRules& rules);

// What is_failure() must know of the SQE: the result below which a transfer is short, 0 if none is.
uint32_t full_transfer(const abi::Sqe& sqe);

// What most requests are, and needs no check but of its flags: a transfer that names its memory in the SQE itself. Its
// row has the flags of an SQE that stands alone, and kIsTransfer; other rows are 0.
inline constexpr uint8_t kIsTransfer = 1 << 7;
extern const std::array<uint8_t, 256> kTransferFlags;
inline bool is_simple_transfer(const abi::Sqe& sqe) {
  return ((sqe.flags | kIsTransfer) & ~kTransferFlags[sqe.opcode]) == 0 && sqe.personality == 0;
}

// Performed by the ring's Handler.
inline bool is_handled(uint8_t opcode) {
  return opcode < kOperationCount && kOperations[opcode].support == Support::Handled;
}

// As `full`: every result is a failure.
inline constexpr uint32_t kAlwaysShort = ~0u;

// True if the result breaks the chain of its request.
bool is_failure(uint8_t opcode, int32_t res, uint32_t full);

}  // namespace ring3::ring
