// A decoded program: one Op per slot of the original, so that slots in messages and jump displacements stay
// what they are. Everything that can be looked up was looked up: handlers, functions, addresses.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/contained.hpp"
#include "bpf/exec/executable.hpp"
#include "bpf/map/arena.hpp"

namespace ring3::bpf {

enum class Opcode : uint8_t {
#define RING3_ALU(name, ...) name##64K, name##64X, name##32K, name##32X,
#define RING3_UNARY(name, ...) name,
#define RING3_EXTEND(name, ...) name,
#define RING3_JUMP(name, ...) name##64K, name##64X, name##32K, name##32X,
#define RING3_LOAD(name, ...) name,
#define RING3_STORE(name, ...) name##K, name##X,
#define RING3_ATOMIC(name, ...) name##64, name##32,
#define RING3_ATOMIC_FETCH(name, ...) name##64, name##32,
#define RING3_ATOMIC_ORDERED(name, ...) name##Load, name##Store,
#define RING3_OTHER(name) name,
#include "bpf/exec/opcodes.def"
// The same accesses of the arena, in the same order.
#define RING3_LOAD(name, ...) Arena##name,
#define RING3_STORE(name, ...) Arena##name##K, Arena##name##X,
#define RING3_ATOMIC(name, ...) Arena##name##64, Arena##name##32,
#define RING3_ATOMIC_FETCH(name, ...) Arena##name##64, Arena##name##32,
#define RING3_ATOMIC_ORDERED(name, ...) Arena##name##Load, Arena##name##Store,
#include "bpf/exec/opcodes.def"
  ArenaCmpxchg64,
  ArenaCmpxchg32,
  ToUser,  // a pointer into the arena, as the application has it
};

inline Opcode of_arena(Opcode access) {
  return static_cast<Opcode>(static_cast<unsigned>(access) + static_cast<unsigned>(Opcode::ArenaLoad8) -
                             static_cast<unsigned>(Opcode::Load8));
}
static_assert(static_cast<unsigned>(Opcode::ArenaCmpxchg32) - static_cast<unsigned>(Opcode::ArenaLoad8) ==
                  static_cast<unsigned>(Opcode::Cmpxchg32) - static_cast<unsigned>(Opcode::Load8),
              "the accesses are neighbours in opcodes.def");

// What the expressions of opcodes.def are written in.
#define RING3_WIDTH(bits)                    \
  using U [[maybe_unused]] = uint##bits##_t; \
  using S [[maybe_unused]] = int##bits##_t;  \
  [[maybe_unused]] constexpr U BITS = bits;

struct Op {
  const void* handler;  // a label of run_fast()
  union {
    struct {
      uint8_t dst, src;
      int16_t off;  // of a memory access or conditional jump
      int32_t imm;
    };
    uint64_t word;  // of CallNative, and of the slot after LoadImm64
  };
};
static_assert(sizeof(Op) == 16);

// The value of a function's address (BPF_PSEUDO_FUNC): a tag that no pointer has, and the subprogram's index.
inline constexpr uint64_t kFunctionTag = 0xb9f0'0000'0000'0000;

class NativeCode;

struct Executable::Code {
  Arena* arena = nullptr;                  // the program's, if it has one
  std::shared_ptr<const Program> program;  // keeps maps, helpers and kfuncs alive
  ExecutableOptions options;
  std::vector<Op> ops;            // one per slot, and a Trap behind them
  std::vector<Opcode> opcodes;    // what each is
  std::vector<uint32_t> entries;  // first slot of each subprogram
  std::vector<uint32_t> stack_bytes;
  // Only if compiled.
  std::shared_ptr<const NativeCode> native;
  std::vector<ContainedCode> contained;

  // The subprogram whose address is `function`. It must be one.
  uint32_t subprogram_of(uint64_t function) const;
};

Result<std::unique_ptr<Executable::Code>> decode(const VerifiedProgram& program, ExecutableOptions options);

}  // namespace ring3::bpf
