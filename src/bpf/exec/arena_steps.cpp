// Checker: accesses of the arena. Any pointer into it is fine; where no page is, loads give 0 and stores are
// lost.
#include <type_traits>

#include "bpf/exec/checker.hpp"
#include "bpf/exec/run.hpp"

namespace ring3::bpf {

using namespace abi;

#define CASE(name) case Opcode::name:
#define LOW(reg) static_cast<uint32_t>(r[reg])
#define IMM(U) static_cast<U>(static_cast<int64_t>(op.imm))

#define RING3_LOAD(name, bpf_mode, bpf_size, type)                                     \
  CASE(Arena##name) {                                                                  \
    if (!need(op.src)) return false;                                                   \
    std::make_unsigned_t<type> bits;                                                   \
    arena_load(arena, LOW(op.src), op.off, bits);                                      \
    set(op.dst, static_cast<uint64_t>(static_cast<int64_t>(static_cast<type>(bits)))); \
    return true;                                                                       \
  }
#define RING3_STORE(name, bpf_size, type)                                        \
  CASE(Arena##name##K) {                                                         \
    if (!need(op.dst)) return false;                                             \
    arena_store<type>(arena, LOW(op.dst), op.off, IMM(type));                    \
    return true;                                                                 \
  }                                                                              \
  CASE(Arena##name##X) {                                                         \
    if (!need(op.dst) || !need(op.src)) return false;                            \
    arena_store<type>(arena, LOW(op.dst), op.off, static_cast<type>(r[op.src])); \
    return true;                                                                 \
  }
#define ARENA_ATOMIC(label, bits, statement, otherwise)                             \
  CASE(label) {                                                                     \
    RING3_WIDTH(bits)                                                               \
    if (!need(op.src) || !need(op.dst)) return false;                               \
    [[maybe_unused]] const U b = static_cast<U>(r[op.src]);                         \
    if (arena_has(arena, LOW(op.dst), op.off, sizeof(U))) {                         \
      U* const p = reinterpret_cast<U*>(arena_address(arena, LOW(op.dst), op.off)); \
      statement;                                                                    \
    } else {                                                                        \
      otherwise;                                                                    \
    }                                                                               \
    return true;                                                                    \
  }
#define RING3_ATOMIC(name, bpf_imm, action) \
  ARENA_ATOMIC(Arena##name##64, 64, action, ) ARENA_ATOMIC(Arena##name##32, 32, action, )
#define RING3_ATOMIC_FETCH(name, bpf_imm, old)                  \
  ARENA_ATOMIC(Arena##name##64, 64, set(op.src, old), set(op.src, 0)) \
  ARENA_ATOMIC(Arena##name##32, 32, set(op.src, old), set(op.src, 0))
#define RING3_ATOMIC_ORDERED(name, bpf_size, type)                               \
  CASE(Arena##name##Load) {                                                      \
    if (!need(op.src)) return false;                                             \
    type value;                                                                  \
    arena_load(arena, LOW(op.src), op.off, value);                               \
    set(op.dst, value);                                                          \
    return true;                                                                 \
  }                                                                              \
  CASE(Arena##name##Store) {                                                     \
    if (!need(op.dst) || !need(op.src)) return false;                            \
    arena_store<type>(arena, LOW(op.dst), op.off, static_cast<type>(r[op.src])); \
    return true;                                                                 \
  }

bool Checker::step_arena(const Op& op, Opcode opcode) {
  if (!code_.arena) return violate("accesses an arena, and has none");
  Arena& arena = *code_.arena;
  std::array<uint64_t, 11>& r = frame().r;
  switch (opcode) {
#include "bpf/exec/opcodes.def"
    ARENA_ATOMIC(ArenaCmpxchg64, 64, if (!need(0)) return false; uint64_t expected = r[0];
           __atomic_compare_exchange_n(p, &expected, b, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
           set(0, expected), set(0, 0))
    ARENA_ATOMIC(ArenaCmpxchg32, 32, if (!need(0)) return false; uint32_t expected = static_cast<uint32_t>(r[0]);
           __atomic_compare_exchange_n(p, &expected, b, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
           set(0, expected), set(0, 0))
    CASE(ToUser) {
      if (!need(op.src)) return false;
      const uint64_t low = LOW(op.src);
      set(op.dst, low ? (arena.user_start() & ~uint64_t{UINT32_MAX}) | low : 0);
      return true;
    }
    default:
      return violate("has no meaning");
  }
}

}  // namespace ring3::bpf
