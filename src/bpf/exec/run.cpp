// Direct threading: each handler ends in a jump to the next one, whose address the decoder put into the Op.
// Nothing here allocates, locks or calls the system. Memory may be a buffer that somebody unmaps meanwhile,
// so the loop is contained code: a fault ends the run (Execution::run).
#include "bpf/exec/run.hpp"

#include <atomic>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <type_traits>

#include "base/contained.hpp"

namespace ring3::bpf {

static_assert(std::endian::native == std::endian::little, "byte order operations and loads assume it");

namespace {

template <typename T>
T* pointer(uint64_t base, int16_t off) {
  return reinterpret_cast<T*>(base + static_cast<uint64_t>(static_cast<int64_t>(off)));
}

// Programs may access memory unaligned.
template <typename T>
T load(uint64_t base, int16_t off) {
  T value;
  std::memcpy(&value, pointer<char>(base, off), sizeof(T));
  return value;
}
template <typename T>
void store(uint64_t base, int16_t off, T value) {
  std::memcpy(pointer<char>(base, off), &value, sizeof(T));
}

// Runs, or with `handlers` only says where the handlers are: labels can be named in their own function alone.
RING3_CONTAINED uint64_t loop(const Op* pc, Machine* machine, Frames* frames, const uint64_t* arguments,
                              const void* const** handlers) {
  static const void* const labels[] = {
#define RING3_ALU(name, ...) &&name##64K, &&name##64X, &&name##32K, &&name##32X,
#define RING3_UNARY(name, ...) &&name,
#define RING3_EXTEND(name, ...) &&name,
#define RING3_JUMP(name, ...) &&name##64K, &&name##64X, &&name##32K, &&name##32X,
#define RING3_LOAD(name, ...) &&name,
#define RING3_STORE(name, ...) &&name##K, &&name##X,
#define RING3_ATOMIC(name, ...) &&name##64, &&name##32,
#define RING3_ATOMIC_FETCH(name, ...) &&name##64, &&name##32,
#define RING3_ATOMIC_ORDERED(name, ...) &&name##Load, &&name##Store,
#define RING3_OTHER(name) &&name,
#include "bpf/exec/opcodes.def"
#define RING3_LOAD(name, ...) &&Arena##name,
#define RING3_STORE(name, ...) &&Arena##name##K, &&Arena##name##X,
#define RING3_ATOMIC(name, ...) &&Arena##name##64, &&Arena##name##32,
#define RING3_ATOMIC_FETCH(name, ...) &&Arena##name##64, &&Arena##name##32,
#define RING3_ATOMIC_ORDERED(name, ...) &&Arena##name##Load, &&Arena##name##Store,
#include "bpf/exec/opcodes.def"
      &&ArenaCmpxchg64,
      &&ArenaCmpxchg32, &&ToUser,
  };
  if (handlers) {
    *handlers = labels;
    return 0;
  }

  if (frames->depth == Frames::kCount) fail_hard("too many frames");
  const int base = frames->depth++;
  Frame* frame = &frames->frame[base];
  frame->may_goto_left = kMayGotoBudget;
  uint64_t r[11];
  r[0] = 0;
  std::memcpy(r + 1, arguments, 5 * sizeof(uint64_t));
  r[10] = frame->frame_pointer();

#define DISPATCH() goto * pc->handler
#define NEXT()  \
  do {          \
    ++pc;       \
    DISPATCH(); \
  } while (0)
#define IMM(U) static_cast<U>(static_cast<int64_t>(pc->imm))

  DISPATCH();

#define ALU(label, bits, operand, expression)                \
  label : {                                                  \
    RING3_WIDTH(bits)                                        \
    [[maybe_unused]] const U a = static_cast<U>(r[pc->dst]); \
    const U b = operand;                                     \
    r[pc->dst] = static_cast<U>(expression);                 \
    NEXT();                                                  \
  }
#define RING3_ALU(name, op, off, expression)                 \
  ALU(name##64K, 64, IMM(U), expression)                     \
  ALU(name##64X, 64, static_cast<U>(r[pc->src]), expression) \
  ALU(name##32K, 32, IMM(U), expression)                     \
  ALU(name##32X, 32, static_cast<U>(r[pc->src]), expression)

#define RING3_UNARY(name, expression) \
  name : {                            \
    const uint64_t a = r[pc->dst];    \
    r[pc->dst] = expression;          \
    NEXT();                           \
  }
#define RING3_EXTEND(name, bpf_class, off, expression) \
  name : {                                             \
    const uint64_t b = r[pc->src];                     \
    r[pc->dst] = expression;                           \
    NEXT();                                            \
  }

#define JUMP(label, bits, operand, condition) \
  label : {                                   \
    RING3_WIDTH(bits)                         \
    const U a = static_cast<U>(r[pc->dst]);   \
    const U b = operand;                      \
    if (condition) {                          \
      pc += pc->off + 1;                      \
      DISPATCH();                             \
    }                                         \
    NEXT();                                   \
  }
#define RING3_JUMP(name, op, condition)                      \
  JUMP(name##64K, 64, IMM(U), condition)                     \
  JUMP(name##64X, 64, static_cast<U>(r[pc->src]), condition) \
  JUMP(name##32K, 32, IMM(U), condition)                     \
  JUMP(name##32X, 32, static_cast<U>(r[pc->src]), condition)

#define RING3_LOAD(name, mode, size, type)                                                     \
  name : {                                                                                     \
    r[pc->dst] = static_cast<uint64_t>(static_cast<int64_t>(load<type>(r[pc->src], pc->off))); \
    NEXT();                                                                                    \
  }
#define RING3_STORE(name, size, type)                                \
  name##K : {                                                        \
    store<type>(r[pc->dst], pc->off, IMM(type));                     \
    NEXT();                                                          \
  }                                                                  \
  name##X : {                                                        \
    store<type>(r[pc->dst], pc->off, static_cast<type>(r[pc->src])); \
    NEXT();                                                          \
  }

#define ATOMIC(label, bits, statement)            \
  label : {                                       \
    RING3_WIDTH(bits)                             \
    U* const p = pointer<U>(r[pc->dst], pc->off); \
    const U b = static_cast<U>(r[pc->src]);       \
    statement;                                    \
    NEXT();                                       \
  }
#define RING3_ATOMIC(name, imm, action) ATOMIC(name##64, 64, action) ATOMIC(name##32, 32, action)
#define RING3_ATOMIC_FETCH(name, imm, old) \
  ATOMIC(name##64, 64, r[pc->src] = old) ATOMIC(name##32, 32, r[pc->src] = old)
#define RING3_ATOMIC_ORDERED(name, size, type)                                                             \
  name##Load : {                                                                                           \
    r[pc->dst] = __atomic_load_n(pointer<type>(r[pc->src], pc->off), __ATOMIC_ACQUIRE);                    \
    NEXT();                                                                                                \
  }                                                                                                        \
  name##Store : {                                                                                          \
    __atomic_store_n(pointer<type>(r[pc->dst], pc->off), static_cast<type>(r[pc->src]), __ATOMIC_RELEASE); \
    NEXT();                                                                                                \
  }

#include "bpf/exec/opcodes.def"

// Of the arena: where no page is, loads give 0 and stores are lost.
#define LOW(reg) static_cast<uint32_t>(r[reg])
#define RING3_LOAD(name, mode, size, type)                                \
  Arena##name : {                                                         \
    std::make_unsigned_t<type> bits;                                      \
    arena_load(*frames->arena, LOW(pc->src), pc->off, bits);              \
    r[pc->dst] = static_cast<uint64_t>(static_cast<int64_t>(type(bits))); \
    NEXT();                                                               \
  }
#define RING3_STORE(name, size, type)                                                        \
  Arena##name##K : {                                                                         \
    arena_store<type>(*frames->arena, LOW(pc->dst), pc->off, IMM(type));                     \
    NEXT();                                                                                  \
  }                                                                                          \
  Arena##name##X : {                                                                         \
    arena_store<type>(*frames->arena, LOW(pc->dst), pc->off, static_cast<type>(r[pc->src])); \
    NEXT();                                                                                  \
  }
#define ARENA_ATOMIC(label, bits, statement, otherwise)                                 \
  label : {                                                                             \
    RING3_WIDTH(bits)                                                                   \
    [[maybe_unused]] const U b = static_cast<U>(r[pc->src]);                            \
    if (arena_has(*frames->arena, LOW(pc->dst), pc->off, sizeof(U))) {                  \
      U* const p = pointer<U>(arena_address(*frames->arena, LOW(pc->dst), pc->off), 0); \
      statement;                                                                        \
    } else {                                                                            \
      otherwise;                                                                        \
    }                                                                                   \
    NEXT();                                                                             \
  }
#define RING3_ATOMIC(name, imm, action) \
  ARENA_ATOMIC(Arena##name##64, 64, action, ) ARENA_ATOMIC(Arena##name##32, 32, action, )
#define RING3_ATOMIC_FETCH(name, imm, old)                            \
  ARENA_ATOMIC(Arena##name##64, 64, r[pc->src] = old, r[pc->src] = 0) \
  ARENA_ATOMIC(Arena##name##32, 32, r[pc->src] = old, r[pc->src] = 0)
#define RING3_ATOMIC_ORDERED(name, size, type)                                               \
  Arena##name##Load : {                                                                      \
    type value;                                                                              \
    arena_load(*frames->arena, LOW(pc->src), pc->off, value);                                \
    std::atomic_thread_fence(std::memory_order_acquire);                                     \
    r[pc->dst] = value;                                                                      \
    NEXT();                                                                                  \
  }                                                                                          \
  Arena##name##Store : {                                                                     \
    std::atomic_thread_fence(std::memory_order_release);                                     \
    arena_store<type>(*frames->arena, LOW(pc->dst), pc->off, static_cast<type>(r[pc->src])); \
    NEXT();                                                                                  \
  }

#include "bpf/exec/opcodes.def"

  ARENA_ATOMIC(ArenaCmpxchg64, 64, uint64_t expected = r[0];
               __atomic_compare_exchange_n(p, &expected, b, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
               r[0] = expected, r[0] = 0)
  ARENA_ATOMIC(ArenaCmpxchg32, 32, uint32_t expected = static_cast<uint32_t>(r[0]);
               __atomic_compare_exchange_n(p, &expected, b, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
               r[0] = expected, r[0] = 0)

ToUser : {
  const uint64_t low = LOW(pc->src);
  r[pc->dst] = low ? (frames->arena->user_start() & ~uint64_t{UINT32_MAX}) | low : 0;
  NEXT();
}
Cmpxchg64 : {
  uint64_t expected = r[0];
  __atomic_compare_exchange_n(pointer<uint64_t>(r[pc->dst], pc->off), &expected, r[pc->src], false,
                              __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  r[0] = expected;
  NEXT();
}
Cmpxchg32 : {
  uint32_t expected = static_cast<uint32_t>(r[0]);
  __atomic_compare_exchange_n(pointer<uint32_t>(r[pc->dst], pc->off), &expected,
                              static_cast<uint32_t>(r[pc->src]), false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  r[0] = expected;
  NEXT();
}
LoadImm64 : {
  r[pc->dst] = pc[1].word;
  pc += 2;
  DISPATCH();
}
Goto : {
  pc += pc->imm + 1;
  DISPATCH();
}
MayGoto : {
  if (frame->may_goto_left == 0) {
    pc += pc->imm + 1;
    DISPATCH();
  }
  --frame->may_goto_left;
  NEXT();
}
CallNative : {
  r[0] = reinterpret_cast<NativeFunction>(pc->word)(*machine, r[1], r[2], r[3], r[4], r[5]);
  NEXT();
}
CallLocal : {
  if (frames->depth == Frames::kCount) fail_hard("too many frames");
  std::memcpy(frame->saved, r + 6, sizeof(frame->saved));
  frame->resume = pc + 1;
  frame = &frames->frame[frames->depth++];
  frame->may_goto_left = kMayGotoBudget;
  r[10] = frame->frame_pointer();
  pc += pc->imm;
  DISPATCH();
}
Exit : {
  --frames->depth;
  if (frames->depth == base) return r[0];
  frame = &frames->frame[frames->depth - 1];
  std::memcpy(r + 6, frame->saved, sizeof(frame->saved));
  r[10] = frame->frame_pointer();
  pc = frame->resume;
  DISPATCH();
}
Trap:
  fail_hard("a slot that no verified program reaches");
}

}  // namespace

// Sees to it that the pages of an access that can't be made are shown, both of them if it lies across their border.
static bool fault_in(Arena& arena, uint32_t low, int16_t off, uint32_t size) {
  const auto first = static_cast<uint32_t>(low + off);
  return arena.fault(first) && arena.fault(first + size - 1);
}

template <typename T>
bool arena_load(Arena& arena, uint32_t low, int16_t off, T& value) {
  const uint64_t address = arena_address(arena, low, off);
  if (contained_load(address, value)) [[likely]]
    return true;
  return fault_in(arena, low, off, sizeof value) && contained_load(address, value);
}

template <typename T>
bool arena_store(Arena& arena, uint32_t low, int16_t off, T value) {
  const uint64_t address = arena_address(arena, low, off);
  if (contained_store(address, value)) [[likely]]
    return true;
  return fault_in(arena, low, off, sizeof value) && contained_store(address, value);
}

bool arena_has(Arena& arena, uint32_t low, int16_t off, uint32_t size) {
  const uint64_t address = arena_address(arena, low, off);
  const auto writable = [=] { return is_writable(address) && is_writable(address + size - 1); };
  return writable() || (fault_in(arena, low, off, size) && writable());
}

#define INSTANTIATE(type)                                     \
  template bool arena_load(Arena&, uint32_t, int16_t, type&); \
  template bool arena_store(Arena&, uint32_t, int16_t, type);
INSTANTIATE(uint8_t)
INSTANTIATE(uint16_t)
INSTANTIATE(uint32_t)
INSTANTIATE(uint64_t)

uint64_t run_fast(const Op* entry, Machine& machine, Frames& frames, const uint64_t (&arguments)[5]) {
  return loop(entry, &machine, &frames, arguments, nullptr);
}

const void* fast_handler(Opcode opcode) {
  const void* const* handlers = nullptr;
  loop(nullptr, nullptr, nullptr, nullptr, &handlers);
  return handlers[static_cast<size_t>(opcode)];
}

void fail_hard(const char* what) {
  std::fprintf(stderr, "ring3: bug in the verifier or interpreter: %s\n", what);
  std::abort();
}

}  // namespace ring3::bpf
