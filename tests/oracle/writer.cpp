// The frame of a function, what registers hold, and labels.
#include "writer.hpp"

#include "bpf/map/map.hpp"

namespace ring3::bpf::oracle {
using namespace abi;

void Knowledge::meet(const Knowledge& other) {
  auto both = [](Held& a, const Held& b) {
    if (!(a == b)) a = Held();
  };
  for (size_t r = 0; r < registers.size(); ++r) both(registers[r], other.registers[r]);
  for (size_t s = 0; s < SLOTS; ++s) both(slots[s], other.slots[s]);
}

unsigned Plan::callee(Draw& draw, unsigned caller, Prototype prototype) {
  std::vector<unsigned> fitting;
  for (unsigned i = caller + 1; i < functions.size(); ++i)
    if (functions[i] == prototype) fitting.push_back(i);
  if (!fitting.empty() && draw.chance(2)) return fitting[draw.below(static_cast<unsigned>(fitting.size()))];
  if (functions.size() >= 4) return 0;
  functions.push_back(prototype);
  return static_cast<unsigned>(functions.size()) - 1;
}

std::vector<Insn> Writer::write() {
  const bool main = function_ == 0;
  enter();
  budget_ = out_.size() + (main ? 90 : 30);
  Label end;
  escape_ = &end;
  steps(main ? 4 + draw_.below(14) : 1 + draw_.below(5));
  place(end, true);
  if (plan_.functions[function_] == Prototype::Callback) {
    const unsigned result = draw_.below(40);
    emit({BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, result < 30 ? 0 : result < 39 ? 1 : 2});
  } else if (draw_.chance(2)) {
    emit({BPF_ALU64 | BPF_MOV | BPF_X, 0, number()});
  } else if (known_.registers[0].is != Held::Number || draw_.chance(2)) {
    emit({BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, static_cast<int32_t>(draw_.below(2))});
  }
  emit({BPF_JMP | BPF_EXIT});
  return std::move(out_);
}

void Writer::enter() {
  switch (plan_.functions[function_]) {
    case Prototype::Main:
      make_pointer(8);
      for (uint8_t r : {uint8_t{6}, uint8_t{7}}) make_number(r);
      break;
    case Prototype::Static:
      set_number(1);
      set_number(2);
      known_.registers[3] = {Held::Pointer, true, true, 0, 16};
      break;
    case Prototype::Callback:
      set_number(1);
      known_.registers[2] = {Held::Pointer, true, true, 0, 16};
      break;
    case Prototype::Global:
      set_number(1);
      set_number(2);
      break;
    case Prototype::GlobalPointer: {
      set_number(2);
      if (draw_.chance(20)) break;
      Label out;
      escape_ = &out;
      out_.push_back({BPF_JMP | BPF_JNE | BPF_K, 1, 0, 2, 0});
      emit({BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0});
      emit({BPF_JMP | BPF_EXIT});
      set_pointer(1, 16, true);
      break;
    }
  }
  // Arguments survive calls elsewhere only.
  for (uint8_t r = 1; r <= 3; ++r)
    if (known_.registers[r].is != Held::Nothing && draw_.chance(2)) {
      const auto to = static_cast<uint8_t>(6 + r % 4);
      emit({BPF_ALU64 | BPF_MOV | BPF_X, to, r});
      known_.registers[to] = known_.registers[r];
    }
}

void Writer::steps(unsigned count) {
  for (unsigned i = 0; i < count && room(); ++i) step();
}

void Writer::step() {
  using Idiom = void (Writer::*)();
  struct Row {
    Idiom idiom;
    unsigned weight;
  };
  static constexpr Row ROWS[] = {{&Writer::arithmetic, 10},
                                 {&Writer::shift_or_divide, 5},
                                 {&Writer::move, 8},
                                 {&Writer::unary, 4},
                                 {&Writer::branch, 12},
                                 {&Writer::leave_early, 5},
                                 {&Writer::loop, 5},
                                 {&Writer::count_down, 3},
                                 {&Writer::may_goto_loop, 2},
                                 {&Writer::access_fixed, 9},
                                 {&Writer::access_variable, 9},
                                 {&Writer::access_stack_variable, 4},
                                 {&Writer::spill, 9},
                                 {&Writer::fill, 9},
                                 {&Writer::atomic, 4},
                                 {&Writer::move_pointer, 4},
                                 {&Writer::constants, 3},
                                 {&Writer::compare_pointers, 2},
                                 {&Writer::call_static, 6},
                                 {&Writer::call_global, 4},
                                 {&Writer::call_loop, 4},
                                 {&Writer::lookup, 5},
                                 {&Writer::update, 2},
                                 {&Writer::iterate, 4},
                                 {&Writer::record, 4},
                                 {&Writer::dynptr, 3}};
  static constexpr unsigned TOTAL = [] {
    unsigned sum = 0;
    for (const Row& row : ROWS) sum += row.weight;
    return sum;
  }();
  unsigned at = draw_.below(TOTAL);
  for (const Row& row : ROWS) {
    if (at < row.weight) return (this->*row.idiom)();
    at -= row.weight;
  }
}

void Writer::emit_wide(uint8_t dst, uint8_t kind, uint64_t value) {
  emit({BPF_LD | BPF_IMM | BPF_DW, dst, kind, 0, static_cast<int32_t>(value)});
  emit({0, 0, 0, 0, static_cast<int32_t>(value >> 32)});
}

void Writer::jump(Insn insn, Label& label) {
  if (label.jumps.empty())
    label.known = known_;
  else
    label.known.meet(known_);
  label.jumps.push_back(out_.size());
  emit(insn);
}

void Writer::place(Label& label, bool falls_in) {
  for (size_t from : label.jumps) {
    const auto distance = static_cast<int32_t>(out_.size() - from - 1);
    if (out_[from].code == (BPF_JMP32 | BPF_JA))
      out_[from].imm = distance;
    else
      out_[from].off = static_cast<int16_t>(distance);
  }
  if (label.jumps.empty()) return;
  if (falls_in)
    known_.meet(label.known);
  else
    known_ = label.known;
}

// Before a jump back: what the loop's head supposes to be there is there again.
void Writer::restore(const Knowledge& wanted) {
  for (uint8_t r = 0; r < 10; ++r) {
    const Held held = wanted.registers[r];
    if (held == known_.registers[r] || held.is == Held::Nothing || draw_.chance(20)) continue;
    if (held.is == Held::Number)
      make_number(r);
    else
      make_pointer(r);
  }
}

void Writer::forget_arguments() {
  for (int r = 0; r <= 5; ++r) known_.registers[r] = Held();
}

uint8_t Writer::free_register() {
  auto r = static_cast<uint8_t>(draw_.below(10));
  while (is_pinned(r)) r = static_cast<uint8_t>((r + 1) % 10);
  return r;
}

uint8_t Writer::number() {
  uint8_t found[10];
  unsigned count = 0;
  for (uint8_t r = 0; r < 10; ++r)
    if (known_.registers[r].is == Held::Number) found[count++] = r;
  if (count) return found[draw_.below(count)];
  const uint8_t r = free_register();
  make_number(r);
  return r;
}

uint8_t Writer::pointer(bool write, unsigned bytes) {
  uint8_t found[10];
  unsigned count = 0;
  for (uint8_t r = 0; r < 10; ++r) {
    const Held& held = known_.registers[r];
    if (held.is == Held::Pointer && (held.writable || !write) && held.size >= bytes) found[count++] = r;
  }
  if (count) return found[draw_.below(count)];
  const uint8_t r = free_register();
  emit_wide(r, BPF_PSEUDO_MAP_IDX_VALUE, INPUT);
  set_pointer(r, INPUT_BYTES, true);
  return r;
}

bool Writer::slot_with(Held::Is is, unsigned& slot) {
  for (int attempt = 0; attempt < 6; ++attempt) {
    slot = draw_.below(SLOTS);
    if (known_.slots[slot].is == is) return true;
  }
  return false;
}

void Writer::set_number(uint8_t r) { known_.registers[r] = {.is = Held::Number}; }
void Writer::set_pointer(uint8_t r, uint16_t size, bool writable, int16_t offset) {
  known_.registers[r] = {Held::Pointer, writable, false, offset, size};
}

void Writer::make_number(uint8_t r) {
  switch (draw_.below(4)) {
    case 0:
      emit({static_cast<uint8_t>((draw_.chance(3) ? BPF_ALU : BPF_ALU64) | BPF_MOV | BPF_K), r, 0, 0,
            static_cast<int32_t>(draw_.interesting())});
      break;
    case 1:
      if (draw_.chance(3)) {
        emit_wide(r, 0, draw_.interesting());
        break;
      }
      [[fallthrough]];
    default: {
      // An input: from a pointer, that may be the register itself.
      uint8_t base = r;
      for (uint8_t p = 0; p < 10; ++p)
        if (known_.registers[p].is == Held::Pointer && known_.registers[p].size == INPUT_BYTES &&
            known_.registers[p].offset == 0)
          base = p;
      if (base == r) emit_wide(r, BPF_PSEUDO_MAP_IDX_VALUE, INPUT);
      return load_to(r, base, static_cast<int16_t>(8 * draw_.below(8)), draw_.chance(2) ? BPF_DW : width(),
                     draw_.chance(5));
    }
  }
  set_number(r);
}

void Writer::make_pointer(uint8_t r) {
  emit_wide(r, BPF_PSEUDO_MAP_IDX_VALUE, INPUT);
  set_pointer(r, INPUT_BYTES, true);
}

void Writer::load_to(uint8_t r, uint8_t pointer, int16_t offset, uint8_t width, bool sign) {
  const bool extend = sign && width != BPF_DW;
  emit({static_cast<uint8_t>(BPF_LDX | (extend ? BPF_MEMSX : BPF_MEM) | width), r, pointer, offset});
  set_number(r);
}

}  // namespace ring3::bpf::oracle
