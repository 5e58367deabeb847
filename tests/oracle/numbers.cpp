// Idioms of numbers and of control flow.
#include "writer.hpp"

namespace ring3::bpf::oracle {
using namespace abi;

namespace {
constexpr uint8_t CONDITIONS[] = {BPF_JEQ,  BPF_JNE,  BPF_JGT,  BPF_JGE,  BPF_JLT, BPF_JLE,
                                  BPF_JSGT, BPF_JSGE, BPF_JSLT, BPF_JSLE, BPF_JSET};
}

void Writer::arithmetic() {
  static constexpr uint8_t OPS[] = {BPF_ADD, BPF_SUB, BPF_MUL, BPF_OR, BPF_AND, BPF_XOR, BPF_ADD, BPF_AND};
  const uint8_t dst = number();
  if (is_pinned(dst)) return;
  Insn insn{static_cast<uint8_t>((draw_.chance(3) ? BPF_ALU : BPF_ALU64) | draw_.one_of(OPS)), dst};
  if (draw_.chance(3))
    insn.code |= BPF_X, insn.src = number();
  else
    insn.imm = static_cast<int32_t>(draw_.chance(2) ? draw_.below(64) : draw_.interesting());
  emit(insn);
}

void Writer::shift_or_divide() {
  static constexpr uint8_t OPS[] = {BPF_LSH, BPF_RSH, BPF_ARSH, BPF_DIV, BPF_MOD};
  const uint8_t dst = number(), op = draw_.one_of(OPS);
  if (is_pinned(dst)) return;
  const bool is64 = !draw_.chance(3), divides = op == BPF_DIV || op == BPF_MOD;
  Insn insn{static_cast<uint8_t>((is64 ? BPF_ALU64 : BPF_ALU) | op), dst};
  if (divides && draw_.chance(3)) insn.off = 1;  // signed
  if (draw_.chance(4)) {
    insn.code |= BPF_X, insn.src = number();
  } else if (divides) {
    insn.imm = static_cast<int32_t>(1 + draw_.below(30));
    if (draw_.chance(4)) insn.imm = -insn.imm;
  } else {
    insn.imm = static_cast<int32_t>(draw_.below(is64 ? 64 : 32));
  }
  emit(insn);
}

void Writer::move() {
  const uint8_t src = number(), dst = free_register();
  Insn insn{BPF_ALU64 | BPF_MOV | BPF_X, dst, src};
  switch (draw_.below(8)) {
    case 0:
    case 1:
      insn.code = BPF_ALU | BPF_MOV | BPF_X;
      break;
    case 2:
      insn.off = static_cast<int16_t>(8 << draw_.below(3));  // sign-extending
      break;
    case 3:
      insn.code = BPF_ALU | BPF_MOV | BPF_X;
      insn.off = static_cast<int16_t>(8 << draw_.below(2));
      break;
    default:
      break;
  }
  emit(insn);
  set_number(dst);
  // Copies that differ by a constant stay linked.
  if (draw_.chance(4))
    emit({BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, static_cast<int32_t>(draw_.below(16)) - 4});
}

void Writer::unary() {
  const uint8_t dst = number();
  if (is_pinned(dst)) return;
  const auto bits = static_cast<int32_t>(16 << draw_.below(3));
  switch (draw_.below(4)) {
    case 0:
      return emit({BPF_ALU64 | BPF_NEG, dst});
    case 1:
      return emit({BPF_ALU | BPF_NEG, dst});
    case 2:
      return emit({BPF_ALU64 | BPF_END, dst, 0, 0, bits});  // bswap
    default:
      return emit({static_cast<uint8_t>(BPF_ALU | BPF_END | (draw_.below(2) ? BPF_X : 0)), dst, 0, 0, bits});
  }
}

// A conditional jump on numbers.
void Writer::jump_if(Label& label) {
  Insn insn{static_cast<uint8_t>((draw_.chance(3) ? BPF_JMP32 : BPF_JMP) | draw_.one_of(CONDITIONS)),
            number()};
  if (draw_.chance(3)) insn.code |= BPF_X, insn.src = number();
  if (!uses_register(insn) || (insn.src == insn.dst && !draw_.chance(10)))
    insn = {static_cast<uint8_t>(insn.code & ~BPF_X), insn.dst, 0, 0,
            static_cast<int32_t>(draw_.chance(3) ? draw_.interesting() : draw_.below(80))};
  jump(insn, label);
}

// r is at most `limit` behind this, or a mistake was made.
void Writer::bound(uint8_t r, unsigned limit) {
  const auto imm = static_cast<int32_t>(limit);
  const bool mask = is_pinned(r) ? false : draw_.chance(3);
  if (mask) {
    unsigned bits = 1;
    while (bits * 2 - 1 <= limit) bits *= 2;
    return emit({BPF_ALU64 | BPF_AND | BPF_K, r, 0, 0, static_cast<int32_t>(bits - 1)});
  }
  switch (draw_.below(8)) {
    case 0:
      jump({BPF_JMP | BPF_JSGT | BPF_K, r, 0, 0, imm}, *escape_);
      if (!draw_.chance(12)) jump({BPF_JMP | BPF_JSLT | BPF_K, r, 0, 0, 0}, *escape_);
      return;
    case 1:
      return jump({BPF_JMP | BPF_JGE | BPF_K, r, 0, 0, imm + 1}, *escape_);
    case 2:
      if (!is_pinned(r)) {  // the low half only
        emit({BPF_ALU | BPF_MOV | BPF_X, r, r});
        return jump({BPF_JMP32 | BPF_JGT | BPF_K, r, 0, 0, imm}, *escape_);
      }
      [[fallthrough]];
    default:
      return jump({BPF_JMP | BPF_JGT | BPF_K, r, 0, 0, imm}, *escape_);
  }
}

void Writer::branch() {
  if (depth_ > 3) return arithmetic();
  ++depth_;
  Label other, end;
  jump_if(other);
  steps(1 + draw_.below(3));
  if (draw_.chance(2)) {
    place(other, true);
  } else {
    const uint8_t go = draw_.chance(4) ? BPF_JMP32 | BPF_JA : BPF_JMP | BPF_JA;
    jump({go}, end);
    place(other, false);
    steps(1 + draw_.below(3));
    place(end, true);
  }
  --depth_;
}

void Writer::leave_early() { jump_if(*escape_); }

void Writer::compare_pointers() {
  const uint8_t p = pointer(false, 0), q = pointer(false, 0);
  if (draw_.chance(4)) {
    const uint8_t r = free_register();
    if (r == q) return;
    emit({BPF_ALU64 | BPF_MOV | BPF_X, r, p});
    emit({BPF_ALU64 | BPF_SUB | BPF_X, r, q});
    return set_number(r);
  }
  Label end;
  const bool null = draw_.chance(3);
  jump({static_cast<uint8_t>(BPF_JMP | (draw_.below(2) ? BPF_JEQ : BPF_JNE) | (null ? BPF_K : BPF_X)), p,
        null ? uint8_t{0} : q},
       end);
  steps(1);
  place(end, true);
}

// for (i = 0; i < limit; i++), the limit a constant or a bounded number; tested at the top or the bottom.
void Writer::loop() {
  if (loops_ >= 2 || depth_ > 2) return arithmetic();
  const uint8_t i = free_register();
  if (i <= 5 && draw_.chance(2)) return arithmetic();
  ++depth_, ++loops_;
  const auto pinned = pinned_;
  Label end, *const outer = escape_;
  uint8_t limit = number();
  const bool unknown = draw_.chance(3) && limit != i;
  if (unknown) bound(limit, 1 + draw_.below(12));
  emit({BPF_ALU64 | BPF_MOV | BPF_K, i, 0, 0, 0});
  set_number(i);
  pinned_ |= static_cast<uint16_t>(1u << i);
  if (unknown) pinned_ |= static_cast<uint16_t>(1u << limit);
  const size_t top = out_.size();
  const Knowledge head = known_;
  escape_ = draw_.chance(2) ? &end : outer;
  if (unknown) jump({BPF_JMP | BPF_JGE | BPF_X, i, limit}, end);
  steps(1 + draw_.below(3));
  restore(head);
  emit({BPF_ALU64 | BPF_ADD | BPF_K, i, 0, 0,
        static_cast<int32_t>(1 + (draw_.chance(4) ? draw_.below(3) : 0))});
  const auto back = static_cast<int16_t>(top - out_.size() - 1);
  if (unknown)
    emit({BPF_JMP | BPF_JA, 0, 0, back});
  else
    emit({static_cast<uint8_t>((draw_.chance(4) ? BPF_JMP32 : BPF_JMP) | BPF_JLT | BPF_K), i, 0, back,
          static_cast<int32_t>(1 + draw_.below(9))});
  place(end, !unknown);
  escape_ = outer;
  pinned_ = pinned;
  --depth_, --loops_;
}

// do … while (--i).
void Writer::count_down() {
  if (loops_ >= 2 || depth_ > 2) return arithmetic();
  const auto i = static_cast<uint8_t>(6 + draw_.below(4));
  if (is_pinned(i)) return arithmetic();
  ++depth_, ++loops_;
  const auto pinned = pinned_;
  emit({BPF_ALU64 | BPF_MOV | BPF_K, i, 0, 0, static_cast<int32_t>(1 + draw_.below(6))});
  set_number(i);
  pinned_ |= static_cast<uint16_t>(1u << i);
  const size_t top = out_.size();
  const Knowledge head = known_;
  steps(1 + draw_.below(3));
  restore(head);
  emit({BPF_ALU64 | BPF_ADD | BPF_K, i, 0, 0, -1});
  emit({BPF_JMP | BPF_JNE | BPF_K, i, 0, static_cast<int16_t>(top - out_.size() - 1), 0});
  pinned_ = pinned;
  --depth_, --loops_;
}

// A loop that only may_goto ends: unbounded but for that, or left early.
void Writer::may_goto_loop() {
  if (loops_ >= 1 || depth_ > 2) return arithmetic();
  ++depth_, ++loops_;
  Label end, *const outer = escape_;
  escape_ = &end;
  const Knowledge head = known_;
  const size_t top = out_.size();
  jump({BPF_JMP | BPF_JCOND}, end);
  steps(1 + draw_.below(3));
  // A run takes the loop millions of times: something else has to end it.
  const uint8_t n = number();
  jump({BPF_JMP | BPF_JGT | BPF_K, n, 0, 0, static_cast<int32_t>(draw_.below(8))}, end);
  if (!is_pinned(n)) emit({BPF_ALU64 | BPF_ADD | BPF_K, n, 0, 0, 1});
  restore(head);
  emit({BPF_JMP | BPF_JA, 0, 0, static_cast<int16_t>(top - out_.size() - 1)});
  place(end, false);
  escape_ = outer;
  --depth_, --loops_;
}

}  // namespace ring3::bpf::oracle
