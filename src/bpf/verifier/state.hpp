// What the verifier knows before an instruction on one path: a frame for each active function, with registers
// and stack, and what the path has acquired.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "abi/bpf.hpp"
#include "bpf/verifier/value.hpp"

namespace ring3::bpf {

enum class Byte : uint8_t { Invalid, Misc, Zero, Spill, Dynptr, Iterator };

// Eight bytes of stack. A spilled register fills the slot, or, if it is a number stored narrow, its low
// bytes.
struct Slot {
  std::array<Byte, 8> bytes = {};  // in the order of their addresses
  Value value;                     // of bytes that are Spill, Dynptr or Iterator

  bool is_spill() const { return bytes[0] == Byte::Spill; }
  unsigned spill_bytes() const {
    unsigned n = 0;
    while (n < 8 && bytes[n] == Byte::Spill) ++n;
    return n;
  }
  bool is_special() const { return bytes[0] == Byte::Dynptr || bytes[0] == Byte::Iterator; }
  void fill(Byte kind) {
    bytes.fill(kind);
    value = Value();
  }
};

inline constexpr int REGISTERS = 11;
// The slot that holds the byte at `offset` (negative) from the frame's top, and which of its bytes that is.
inline unsigned slot_of(int offset) { return static_cast<unsigned>(-offset - 1) / 8; }
inline unsigned byte_of(int offset) {
  return static_cast<unsigned>(offset + 8 * (static_cast<int>(slot_of(offset)) + 1));
}

struct Frame {
  std::array<Value, REGISTERS> registers;
  std::vector<Slot> stack;  // slot 0 is fp-8 … fp-1
  uint32_t subprogram = 0;
  uint32_t call_site = 0;       // the call instruction in the frame below
  uint32_t callback_depth = 0;  // iterations of callbacks called from here
  bool is_callback = false;     // entered by the helper at call_site
  size_t references = 0;        // acquired before a callback was entered

  Slot& slot(unsigned i) {
    if (i >= stack.size()) stack.resize(i + 1);
    return stack[i];
  }
};

struct Reference {
  uint32_t id, insn;
};

// A struct bpf_spin_lock in a value of `map`; the value as its pointers' id has it.
struct HeldLock {
  uint32_t map, id;
  bool operator==(const HeldLock&) const = default;
};

// A state that was stored at a prune point; also the parent of those explored from it.
struct State {
  std::vector<Frame> frames;
  std::vector<Reference> references;
  std::optional<HeldLock> lock;
  uint32_t insn = 0;
  uint32_t may_goto_depth = 0, callback_depth = 0;

  Frame& top() { return frames.back(); }
  const Frame& top() const { return frames.back(); }
  bool owns(uint32_t reference) const {
    for (const Reference& r : references)
      if (r.id == reference) return true;
    return false;
  }
  size_t bytes() const {
    size_t n = sizeof(State) + frames.size() * sizeof(Frame);
    for (const Frame& frame : frames) n += frame.stack.size() * sizeof(Slot);
    return n;
  }
  // Calls f(value) on every register and spilled value of every frame.
  template <typename F>
  void each_value(F&& f) {
    for (Frame& frame : frames) {
      for (Value& value : frame.registers) f(value);
      for (Slot& slot : frame.stack)
        if (slot.is_spill() || slot.is_special()) f(slot.value);
    }
  }
};

// "R0=… R1=… fp-8=…" of the innermost frame.
std::string state_text(const State& state);

}  // namespace ring3::bpf
