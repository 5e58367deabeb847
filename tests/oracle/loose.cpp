// What an instruction makes of loose values.
#include "bpf/verifier/cfg.hpp"
#include "follow.hpp"

namespace ring3::bpf::oracle {
using namespace abi;

namespace {
bool has(const Loose& loose, unsigned r) { return loose.registers >> r & 1; }
void set(Loose& loose, unsigned r, bool value) {
  loose.registers = static_cast<uint16_t>((loose.registers & ~(1u << r)) | static_cast<unsigned>(value) << r);
}
}  // namespace

// After the instruction of `from`, in the frames of `to`.
std::vector<Loose> Follower::pass(const Candidate& from, const State& to) const {
  const State& state = claims_[from.visit].state;
  const Insn insn = claims_.program().insns[state.insn];
  std::vector<Loose> loose = from.loose;
  if (to.frames.size() > state.frames.size()) {  // into a function, or into a callback with its context
    Loose callee;
    if (insn.src == BPF_PSEUDO_CALL)
      callee.registers = loose.back().registers & 0x3e;
    else
      set(callee, 2, has(loose.back(), 3));
    loose.push_back(callee);
    return loose;
  }
  if (to.frames.size() < state.frames.size()) {
    const bool result = has(loose.back(), 0);
    loose.pop_back();
    if (!state.top().is_callback) set(loose.back(), 0, result);
    return loose;
  }
  Loose& top = loose.back();
  switch (insn_class(insn)) {
    case BPF_ALU:
    case BPF_ALU64:
      pass_alu(state, insn, top);
      break;
    case BPF_LD:
      set(top, insn.dst, false);
      break;
    case BPF_LDX:
    case BPF_ST:
    case BPF_STX:
      pass_memory(insn, loose);
      break;
    default:
      if (is_call(insn))
        top.registers &= static_cast<uint16_t>(~0x3fu);  // a result is any number of its type
      else
        pass_jump(state, insn, loose);
      break;
  }
  return loose;
}

void Follower::pass_alu(const State& state, Insn insn, Loose& loose) const {
  const uint8_t op = insn_op(insn);
  const bool binary = op != BPF_NEG && op != BPF_END && uses_register(insn);
  const auto& registers = state.top().registers;
  if (op == BPF_MOV) return set(loose, insn.dst, uses_register(insn) && has(loose, insn.src));
  if (!binary) return;
  // A pointer that is moved by a number is checked, whatever was thought of the number.
  const bool dst = registers[insn.dst].is_pointer(), src = registers[insn.src].is_pointer();
  if (dst && !src) return;
  if (src && !dst) return set(loose, insn.dst, has(loose, insn.src));
  set(loose, insn.dst, has(loose, insn.dst) || has(loose, insn.src));
}

// Numbers in memory other than the stack may be any: nothing is claimed of them.
void Follower::pass_memory(Insn insn, std::vector<Loose>& loose) const {
  Loose& top = loose.back();
  const bool loads = insn_class(insn) == BPF_LDX || (insn_mode(insn) == BPF_ATOMIC &&
                                                     insn_class(insn) == BPF_STX && insn.imm == BPF_LOAD_ACQ);
  const bool atomic = insn_class(insn) == BPF_STX && insn_mode(insn) == BPF_ATOMIC;
  const uint64_t address =
      registers_[loads ? insn.src : insn.dst] + static_cast<uint64_t>(static_cast<int64_t>(insn.off));
  const unsigned bytes = access_bytes(insn);
  Loose* stack = nullptr;
  size_t first = 0;
  for (size_t f = 0; f < loose.size() && f < tops_.size(); ++f) {
    const uint64_t below = tops_[f] - address;
    if (below == 0 || below > BPF_STACK_BYTES) continue;
    stack = &loose[f];
    first = BPF_STACK_BYTES - below;
  }
  bool was = false;
  for (unsigned b = 0; stack && b < bytes; ++b) was |= stack->bytes[first + b];
  const bool stores = !loads && (!atomic || insn.imm == BPF_STORE_REL);
  const bool stored = stores && insn_class(insn) == BPF_STX && has(top, insn.src);
  for (unsigned b = 0; stack && !loads && b < bytes; ++b) stack->bytes[first + b] = stored;
  if (loads)
    set(top, insn.dst, was);
  else if (atomic && insn.imm == BPF_CMPXCHG)
    set(top, 0, was);
  else if (atomic && !stores && insn.imm & BPF_FETCH)
    set(top, insn.src, was);
}

// A branch teaches something of its operands, and of what is linked to them.
void Follower::pass_jump(const State& state, Insn insn, std::vector<Loose>& loose) const {
  if (!Cfg::is_conditional_jump(insn) || Cfg::is_may_goto(insn)) return;
  const auto& registers = state.top().registers;
  const Value &dst = registers[insn.dst], &src = registers[insn.src];
  const bool is_register = uses_register(insn);
  if (!has(loose.back(), insn.dst) && !(is_register && has(loose.back(), insn.src))) return;
  if (!dst.is_scalar() || (is_register && !src.is_scalar())) return;
  set(loose.back(), insn.dst, true);
  if (is_register) set(loose.back(), insn.src, true);
  const uint32_t a = dst.id, b = is_register ? src.id : 0;
  if (a == 0 && b == 0) return;
  const auto linked = [&](const Value& value) {
    return value.is_scalar() && value.id != 0 && (value.id == a || value.id == b);
  };
  for (size_t f = 0; f < state.frames.size(); ++f) {
    for (unsigned r = 0; r < REGISTERS - 1; ++r)
      if (linked(state.frames[f].registers[r])) set(loose[f], r, true);
    for (unsigned i = 0; i < state.frames[f].stack.size(); ++i)
      if (state.frames[f].stack[i].is_spill() && linked(state.frames[f].stack[i].value))
        for (unsigned byte = 0; byte < 8; ++byte) loose[f].bytes.set(BPF_STACK_BYTES - 8 * (i + 1) + byte);
  }
}

}  // namespace ring3::bpf::oracle
