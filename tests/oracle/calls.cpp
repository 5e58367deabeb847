// Idioms of calls: helpers, kfuncs, functions of the program.
#include "writer.hpp"

namespace ring3::bpf::oracle {
using namespace abi;

namespace {
constexpr int32_t LOOKUP = 1, UPDATE = 2, DELETE = 3, RESERVE = 131, SUBMIT = 132, DISCARD = 133, LOOP = 181,
                  DYNPTR_FROM_MEM = 197, DYNPTR_READ = 201, DYNPTR_WRITE = 202, DYNPTR_DATA = 203;
// Behind the slots: room for what regions keep on the stack.
constexpr int16_t OBJECTS = -8 * static_cast<int>(SLOTS) - 16;
}  // namespace

void Writer::emit_call(uint8_t kind, int32_t imm) {
  emit({BPF_JMP | BPF_CALL, 0, kind, 0, imm});
  forget_arguments();
}

void Writer::argument(uint8_t r) {
  const uint8_t from = number();
  emit({BPF_ALU64 | BPF_MOV | BPF_X, r, from});
}

void Writer::stack_address(uint8_t r, int16_t offset) {
  emit({BPF_ALU64 | BPF_MOV | BPF_X, r, 10});
  emit({BPF_ALU64 | BPF_ADD | BPF_K, r, 0, 0, offset});
}

void Writer::call_static() {
  if (pinned_ & 0x3f) return;
  const unsigned callee = plan_.callee(draw_, function_, Prototype::Static);
  if (!callee) return arithmetic();
  argument(draw_.below(2) ? 1 : 2);
  set_number(1), set_number(2);
  emit(draw_.chance(2) ? Insn{BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, static_cast<int32_t>(draw_.below(64))}
                       : Insn{BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, static_cast<int32_t>(draw_.below(64))});
  // The other one may hold anything, or nothing: give it something.
  for (uint8_t r : {uint8_t{1}, uint8_t{2}})
    if (out_[out_.size() - 1].dst != r && out_[out_.size() - 2].dst != r) make_number(r);
  const bool own_stack = draw_.chance(2) || function_ != 0;
  if (own_stack) {
    stack_address(3, slot_offset(1));
  } else {
    const uint8_t base = 3;
    emit_wide(base, BPF_PSEUDO_MAP_IDX_VALUE, INPUT);
  }
  emit_call(BPF_PSEUDO_CALL, static_cast<int32_t>(callee));
  if (own_stack) known_.slots[0] = known_.slots[1] = {.is = Held::Number};
  set_number(0);
}

void Writer::call_global() {
  if (pinned_ & 0x3f) return;
  const bool with_pointer = draw_.chance(2);
  const unsigned callee =
      plan_.callee(draw_, function_, with_pointer ? Prototype::GlobalPointer : Prototype::Global);
  if (!callee) return arithmetic();
  argument(2);
  if (!with_pointer) {
    set_number(2);
    argument(1);
  } else if (draw_.chance(8)) {
    emit({BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, 0});
  } else if (draw_.chance(2)) {
    emit_wide(1, BPF_PSEUDO_MAP_IDX_VALUE, INPUT | uint64_t{draw_.below(draw_.chance(20) ? 60 : 48)} << 32);
  } else {
    stack_address(1, slot_offset(1));
    known_.slots[0] = known_.slots[1] = {.is = Held::Number};
  }
  emit_call(BPF_PSEUDO_CALL, static_cast<int32_t>(callee));
  set_number(0);
}

void Writer::call_loop() {
  if (pinned_ & 0x3f) return;
  const unsigned callee = plan_.callee(draw_, function_, Prototype::Callback);
  if (!callee) return arithmetic();
  if (draw_.chance(2)) {
    const uint8_t n = number();
    if (!is_pinned(n)) bound(n, draw_.below(20));
    emit({BPF_ALU64 | BPF_MOV | BPF_X, 1, n});
    if (is_pinned(n)) emit({BPF_ALU64 | BPF_AND | BPF_K, 1, 0, 0, 15});
  } else {
    emit({BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, static_cast<int32_t>(draw_.below(20))});
  }
  emit_wide(2, BPF_PSEUDO_FUNC, callee);
  stack_address(3, slot_offset(1));
  emit({BPF_ALU64 | BPF_MOV | BPF_K, 4, 0, 0, 0});
  emit_call(BPF_HELPER_CALL, LOOP);
  known_.slots[0] = known_.slots[1] = {.is = Held::Number};
  set_number(0);
}

// r0 = an element of TABLE or HASH, tested for NULL; sometimes kept in another register.
void Writer::lookup() {
  if (pinned_ & 0x3f) return;
  const bool hash = draw_.chance(2);
  const unsigned slot = draw_.below(SLOTS);
  const uint8_t size = hash ? BPF_DW : BPF_W;
  if (draw_.chance(2)) {
    emit({static_cast<uint8_t>(BPF_ST | BPF_MEM | size), 10, 0, slot_offset(slot),
          static_cast<int32_t>(draw_.below(6))});
  } else {
    const uint8_t key = number();
    if (!is_pinned(key) && draw_.chance(2)) bound(key, 4);
    emit({static_cast<uint8_t>(BPF_STX | BPF_MEM | size), 10, key, slot_offset(slot)});
  }
  known_.slots[slot] = {.is = Held::Number};
  stack_address(2, slot_offset(slot));
  emit_wide(1, BPF_PSEUDO_MAP_IDX, hash ? HASH : TABLE);
  emit_call(BPF_HELPER_CALL, LOOKUP);
  const uint8_t keep = draw_.chance(2) ? 0 : static_cast<uint8_t>(6 + draw_.below(4));
  if (keep && !is_pinned(keep)) {
    emit({BPF_ALU64 | BPF_MOV | BPF_X, keep, 0});
    known_.registers[keep] = Held();
  }
  if (!draw_.chance(14)) {
    const uint8_t tested = keep && !is_pinned(keep) && draw_.chance(2) ? keep : 0;
    jump({BPF_JMP | BPF_JEQ | BPF_K, tested, 0, 0, 0}, *escape_);
  }
  set_pointer(0, hash ? HASH_BYTES : TABLE_BYTES, true);
  if (keep && !is_pinned(keep)) set_pointer(keep, hash ? HASH_BYTES : TABLE_BYTES, true);
}

void Writer::update() {
  if (pinned_ & 0x3f) return;
  const bool erase = draw_.chance(3);
  const unsigned slot = draw_.below(SLOTS);
  emit({BPF_STX | BPF_MEM | BPF_DW, 10, number(), slot_offset(slot)});
  known_.slots[slot] = {.is = Held::Number};
  stack_address(2, slot_offset(slot));
  emit_wide(1, BPF_PSEUDO_MAP_IDX, HASH);
  if (erase) {
    emit_call(BPF_HELPER_CALL, DELETE);
  } else {
    emit_wide(3, BPF_PSEUDO_MAP_IDX_VALUE, INPUT | uint64_t{draw_.below(draw_.chance(12) ? 24 : 16)} << 32);
    emit({BPF_ALU64 | BPF_MOV | BPF_K, 4, 0, 0, 0});
    emit_call(BPF_HELPER_CALL, UPDATE);
  }
  set_number(0);
}

// bpf_for(): an open-coded number iterator.
void Writer::iterate() {
  if (pinned_ & 0x3f || depth_ > 2 || objects_ >= 3) return arithmetic();
  ++depth_, ++loops_;
  const auto at = static_cast<int16_t>(OBJECTS - 16 * static_cast<int>(objects_++));
  Label end, *const outer = escape_;
  escape_ = &end;
  stack_address(1, at);
  emit({BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, static_cast<int32_t>(draw_.below(4))});
  if (draw_.chance(3))
    argument(3);
  else
    emit({BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, static_cast<int32_t>(draw_.below(12))});
  if (out_.back().src == 2) out_.back().src = 3, out_.back() = {BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, 5};
  emit_call(BPF_PSEUDO_KFUNC_CALL, ITER_NEW);
  Knowledge head = known_;
  const size_t top = out_.size();
  stack_address(1, at);
  emit_call(BPF_PSEUDO_KFUNC_CALL, ITER_NEXT);
  jump({BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 0, 0}, end);
  set_pointer(0, 4, false);
  if (draw_.chance(2)) load_to(static_cast<uint8_t>(draw_.chance(2) ? 1 : 2), 0, 0, BPF_W, draw_.chance(3));
  steps(1 + draw_.below(3));
  restore(head);
  emit({BPF_JMP | BPF_JA, 0, 0, static_cast<int16_t>(top - out_.size() - 1)});
  place(end, false);
  escape_ = outer;
  forget_arguments();
  if (!draw_.chance(20)) {
    stack_address(1, at);
    emit_call(BPF_PSEUDO_KFUNC_CALL, ITER_DESTROY);
  }
  --depth_, --loops_;
}

// A record of the ring buffer: reserved, filled in, given back.
void Writer::record() {
  if (pinned_ & 0x3f || depth_ > 2) return arithmetic();
  const auto keep = static_cast<uint8_t>(6 + draw_.below(4));
  if (is_pinned(keep)) return;
  const auto size = static_cast<uint16_t>(8 * (1 + draw_.below(6)));
  emit_wide(1, BPF_PSEUDO_MAP_IDX, RINGBUF);
  emit({BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, size});
  emit({BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, 0});
  emit_call(BPF_HELPER_CALL, RESERVE);
  if (!draw_.chance(14)) jump({BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 0, 0}, *escape_);
  emit({BPF_ALU64 | BPF_MOV | BPF_X, keep, 0});
  set_pointer(0, size, true);
  set_pointer(keep, size, true);
  const auto pinned = pinned_;
  pinned_ |= static_cast<uint16_t>(1u << keep);
  Label end, *const outer = escape_;
  escape_ = &end;
  ++depth_;
  steps(draw_.below(3));
  place(end, true);
  --depth_;
  escape_ = outer;
  pinned_ = pinned;
  emit({BPF_ALU64 | BPF_MOV | BPF_X, 1, keep});
  emit({BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, 0});
  if (!draw_.chance(16)) emit_call(BPF_HELPER_CALL, draw_.chance(2) ? SUBMIT : DISCARD);
  forget_arguments();
  // Every copy of the pointer is gone.
  for (Held& held : known_.registers)
    if (held.is == Held::Pointer && held.size == size) held = Held();
  for (Held& held : known_.slots)
    if (held.is == Held::Pointer && held.size == size) held = Held();
}

// A dynptr over INPUT, read from, written to, or sliced.
void Writer::dynptr() {
  if (pinned_ & 0x3f || objects_ >= 3) return arithmetic();
  const auto at = static_cast<int16_t>(OBJECTS - 16 * static_cast<int>(objects_++));
  emit_wide(1, BPF_PSEUDO_MAP_IDX_VALUE, INPUT);
  emit({BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, static_cast<int32_t>(draw_.below(draw_.chance(20) ? 70 : 65))});
  emit({BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, 0});
  stack_address(4, at);
  emit_call(BPF_HELPER_CALL, DYNPTR_FROM_MEM);
  const auto size = static_cast<uint16_t>(1 + draw_.below(16));
  const auto from = static_cast<int32_t>(draw_.below(60));
  switch (draw_.below(5)) {
    case 0:  // read(dst, len, dynptr, offset, flags)
      stack_address(1, slot_offset(1));
      emit({BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, size});
      stack_address(3, at);
      emit({BPF_ALU64 | BPF_MOV | BPF_K, 4, 0, 0, from});
      emit({BPF_ALU64 | BPF_MOV | BPF_K, 5, 0, 0, 0});
      emit_call(BPF_HELPER_CALL, DYNPTR_READ);
      known_.slots[0] = known_.slots[1] = {.is = Held::Number};
      return set_number(0);
    case 1:  // write(dynptr, offset, src, len, flags)
      stack_address(1, at);
      emit({BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, from});
      stack_address(3, slot_offset(1));
      emit({BPF_ALU64 | BPF_MOV | BPF_K, 4, 0, 0, size});
      emit({BPF_ALU64 | BPF_MOV | BPF_K, 5, 0, 0, 0});
      emit_call(BPF_HELPER_CALL, DYNPTR_WRITE);
      return set_number(0);
    case 2:
      stack_address(1, at);
      emit_call(BPF_PSEUDO_KFUNC_CALL, DYNPTR_SIZE);
      return set_number(0);
    case 3:  // data(dynptr, offset, len)
      stack_address(1, at);
      emit({BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, from});
      emit({BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, size});
      emit_call(BPF_HELPER_CALL, DYNPTR_DATA);
      break;
    default:  // slice(dynptr, offset, buffer or NULL, length)
      stack_address(1, at);
      emit({BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, from});
      if (draw_.chance(2)) {
        stack_address(3, slot_offset(3));
        for (int s = 0; s < 4; ++s) known_.slots[static_cast<size_t>(s)] = {.is = Held::Number};
      } else {
        emit({BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, 0});
      }
      emit({BPF_ALU64 | BPF_MOV | BPF_K, 4, 0, 0, size});
      emit_call(BPF_PSEUDO_KFUNC_CALL, draw_.chance(2) ? SLICE : SLICE_RDWR);
      break;
  }
  const bool writable = out_.back().src == BPF_HELPER_CALL || out_.back().imm == SLICE_RDWR;
  jump({BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 0, 0}, *escape_);
  set_pointer(0, size, writable);
}

}  // namespace ring3::bpf::oracle
