// The fast loop: trusts the verifier in everything and checks nothing but the number of frames.
#pragma once

#include <cstdint>

#include "bpf/exec/code.hpp"

namespace ring3::bpf {

// One function's activation.
struct Frame {
  uint64_t saved[4];  // its r6…r9 while a callee runs
  const Op* resume;   // where it goes on then
  uint32_t may_goto_left;
  alignas(16) std::byte stack[abi::BPF_STACK_BYTES];

  uint64_t frame_pointer() { return reinterpret_cast<uint64_t>(stack + sizeof(stack)); }
};

// Eight frames are what the verifier allows a chain of calls; the rest is for callbacks that helpers make.
struct Frames {
  static constexpr int kCount = 2 * abi::BPF_FRAMES_MAX;
  Arena* arena = nullptr;  // the program's, if it has one
  int depth = 0;           // frames in use
  Frame frame[kCount];
};

inline constexpr uint32_t kMayGotoBudget = 8u << 20;

// Runs the function that starts at `entry` in a new frame until it returns.
uint64_t run_fast(const Op* entry, Machine& machine, Frames& frames, const uint64_t (&arguments)[5]);

// An access of the arena, `low` being the low half of its pointer. False: no page is there; `value` is 0, or
// nothing was stored.
template <typename T>
bool arena_load(Arena& arena, uint32_t low, int16_t off, T& value);
template <typename T>
bool arena_store(Arena& arena, uint32_t low, int16_t off, T value);
// Whether an atomic of `size` bytes can be made there. The page may be freed before it is: then the run ends.
bool arena_has(Arena& arena, uint32_t low, int16_t off, uint32_t size);
inline uint64_t arena_address(const Arena& arena, uint32_t low, int16_t off) {
  return arena.program_base() + low + static_cast<uint64_t>(static_cast<int64_t>(off));
}

// What `opcode` is in Op::handler.
const void* fast_handler(Opcode opcode);

// A verified program came where none can: a bug of ours. Ends the process with a message.
[[noreturn]] void fail_hard(const char* what);

}  // namespace ring3::bpf
