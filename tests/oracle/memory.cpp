// Idioms of memory: map values, the stack, pointers.
#include <algorithm>

#include "writer.hpp"

namespace ring3::bpf::oracle {
using namespace abi;

namespace {
unsigned bytes_of(uint8_t width) { return access_bytes({width}); }
}  // namespace

// A load, or a store if that is allowed.
void Writer::access(uint8_t p, int16_t offset, uint8_t size, bool may_write) {
  switch (draw_.below(may_write ? 4 : 2)) {
    case 0:
    case 1:
      return load_to(free_register(), p, offset, size, draw_.chance(3));
    case 2:
      return emit({static_cast<uint8_t>(BPF_ST | BPF_MEM | size), p, 0, offset,
                   static_cast<int32_t>(draw_.below(256))});
    default:
      return emit({static_cast<uint8_t>(BPF_STX | BPF_MEM | size), p, number(), offset});
  }
}

void Writer::access_fixed() {
  const uint8_t p = pointer(false, 1), size = width();
  const Held held = known_.registers[p];
  int room = held.size - static_cast<int>(bytes_of(size));
  if (room < 0) return;
  int at = static_cast<int>(draw_.below(static_cast<unsigned>(room) + 1));
  if (draw_.chance(2)) at &= ~7;
  if (draw_.chance(20)) at = draw_.chance(2) ? room + 1 : -1;
  access(p, static_cast<int16_t>(at - held.offset), size, held.writable && !held.on_stack);
}

void Writer::access_variable() {
  const uint8_t base = pointer(false, 8), size = width();
  const Held held = known_.registers[base];
  const uint8_t index = number(), p = free_register();
  if (index == p || base == p || held.on_stack) return;
  const unsigned limit = draw_.below(held.size);
  if (!draw_.chance(14)) bound(index, limit);
  int at = static_cast<int>(held.size) - static_cast<int>(bytes_of(size)) - static_cast<int>(limit);
  if (at < 0 && !draw_.chance(12)) return;
  if (at > 0) at = static_cast<int>(draw_.below(static_cast<unsigned>(at) + 1));
  if (draw_.chance(20)) ++at;
  emit({BPF_ALU64 | BPF_MOV | BPF_X, p, base});
  emit({BPF_ALU64 | BPF_ADD | BPF_X, p, index});
  known_.registers[p] = Held();
  pinned_ ^= 0;
  access(p, static_cast<int16_t>(at - held.offset), size, held.writable);
}

void Writer::access_stack_variable() {
  const uint8_t index = number(), p = free_register();
  if (index == p) return;
  if (!draw_.chance(12)) bound(index, 8 * SLOTS - 8);
  emit({BPF_ALU64 | BPF_MOV | BPF_X, p, 10});
  emit({BPF_ALU64 | BPF_ADD | BPF_X, p, index});
  known_.registers[p] = Held();
  const bool write = draw_.chance(2);
  if (write) {
    emit({BPF_STX | BPF_MEM | BPF_B, p, number(), slot_offset(SLOTS - 1)});
    for (Held& slot : known_.slots)
      if (slot.is == Held::Pointer) slot = Held();
  } else {
    load_to(free_register(), p, slot_offset(SLOTS - 1), BPF_B, draw_.chance(4));
  }
}

void Writer::spill() {
  const unsigned slot = draw_.below(SLOTS);
  if (draw_.chance(3)) {
    const uint8_t p = pointer(false, 0);
    if (known_.registers[p].on_stack) return;
    emit({BPF_STX | BPF_MEM | BPF_DW, 10, p, slot_offset(slot)});
    known_.slots[slot] = known_.registers[p];
    return;
  }
  const uint8_t size = draw_.chance(2) ? BPF_DW : width();
  const auto bytes = static_cast<int>(bytes_of(size));
  const int within =
      draw_.chance(3) ? static_cast<int>(draw_.below(8 / static_cast<unsigned>(bytes))) * bytes : 0;
  const auto at = static_cast<int16_t>(slot_offset(slot) + within);
  if (draw_.chance(4))
    emit({static_cast<uint8_t>(BPF_ST | BPF_MEM | size), 10, 0, at,
          draw_.chance(2) ? 0 : static_cast<int32_t>(draw_.interesting())});
  else
    emit({static_cast<uint8_t>(BPF_STX | BPF_MEM | size), 10, number(), at});
  known_.slots[slot] = {.is = Held::Number};
}

void Writer::fill() {
  unsigned slot = 0;
  const uint8_t dst = free_register();
  if (draw_.chance(3) && slot_with(Held::Pointer, slot)) {
    emit({BPF_LDX | BPF_MEM | BPF_DW, dst, 10, slot_offset(slot)});
    known_.registers[dst] = known_.slots[slot];
    return;
  }
  if (!slot_with(Held::Number, slot) && !slot_with(Held::Nothing, slot)) return;
  const uint8_t size = draw_.chance(2) ? BPF_DW : width();
  const auto bytes = bytes_of(size);
  const unsigned within = draw_.chance(4) ? draw_.below(8 / bytes) * bytes : 0;
  load_to(dst, 10, static_cast<int16_t>(slot_offset(slot) + static_cast<int>(within)), size, draw_.chance(3));
}

void Writer::atomic() {
  static constexpr int32_t OPS[] = {BPF_ADD,
                                    BPF_OR,
                                    BPF_AND,
                                    BPF_XOR,
                                    BPF_ADD | BPF_FETCH,
                                    BPF_OR | BPF_FETCH,
                                    BPF_XCHG,
                                    BPF_CMPXCHG,
                                    BPF_AND | BPF_FETCH,
                                    BPF_XOR | BPF_FETCH};
  const bool on_stack = draw_.chance(3);
  const uint8_t src = number(), size = draw_.chance(3) ? BPF_W : BPF_DW;
  const int32_t op = draw_.one_of(OPS);
  uint8_t base = 10;
  int at;
  if (on_stack) {
    const unsigned slot = draw_.below(SLOTS);
    if (known_.slots[slot].is == Held::Pointer && !draw_.chance(20)) return;
    at = slot_offset(slot) + (size == BPF_W && draw_.chance(2) ? 4 : 0);
    known_.slots[slot] = {.is = Held::Number};
  } else {
    base = pointer(true, 8);
    const Held held = known_.registers[base];
    if (held.on_stack || base == src) return;
    at = 8 * static_cast<int>(draw_.below(held.size / 8)) - held.offset;
    if (draw_.chance(14)) at += 4;
  }
  if (op == BPF_CMPXCHG) {
    if (is_pinned(0) || base == 0) return;
    if (known_.registers[0].is != Held::Number) make_number(0);
    set_number(0);
  } else if (op & BPF_FETCH && is_pinned(src)) {
    return;
  }
  emit({static_cast<uint8_t>(BPF_STX | BPF_ATOMIC | size), base, src, static_cast<int16_t>(at), op});
}

// A copy of a pointer, moved by a constant.
void Writer::move_pointer() {
  const uint8_t from = pointer(false, 8), to = free_register();
  Held held = known_.registers[from];
  emit({BPF_ALU64 | BPF_MOV | BPF_X, to, from});
  if (!held.on_stack || !draw_.chance(4)) {
    const int by = static_cast<int>(draw_.below(24)) - 8;
    if (by < 0 && draw_.chance(2) && !held.on_stack)
      emit({BPF_ALU64 | BPF_SUB | BPF_K, to, 0, 0, -by});
    else
      emit({BPF_ALU64 | BPF_ADD | BPF_K, to, 0, 0, by});
    held.offset = static_cast<int16_t>(held.offset + by);
  }
  known_.registers[to] = held;
}

// A number that is known at load, though it is read from memory.
void Writer::constants() {
  const uint8_t r = free_register();
  emit_wide(r, BPF_PSEUDO_MAP_IDX_VALUE, CONSTANTS);
  load_to(r, r, static_cast<int16_t>(8 * draw_.below(8)), width(), draw_.chance(4));
}

}  // namespace ring3::bpf::oracle
