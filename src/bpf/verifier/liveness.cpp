#include "bpf/verifier/liveness.hpp"

#include <algorithm>
#include <array>
#include <climits>
#include <numeric>
#include <utility>

#include "bpf/verifier/state.hpp"

namespace ring3::bpf {
using namespace abi;

namespace {

constexpr uint64_t ALL_SLOTS = ~uint64_t{0};
constexpr uint16_t CALLER_SAVED = 0x3f;  // r0 … r5

// Calls f(successor) for each within the function.
template <typename F>
void each_successor(const Program& program, uint32_t i, F&& f) {
  const Insn insn = program.insns[i];
  if (is_exit(insn)) return;
  if (Cfg::is_plain_jump(insn)) return f(Cfg::target(program, i));
  if (Cfg::is_conditional_jump(insn)) f(Cfg::target(program, i));
  f(i + insn_slots(insn));
}

// Calls update(i) for each instruction of the function, last first, and again for what can come before one
// that it returns true of, until nothing changes.
template <typename F>
void until_stable(const Program& program, const Subprogram& sub, F&& update) {
  const uint32_t n = sub.end - sub.start;
  std::vector<uint32_t> first(n + 1, 0), predecessors;  // those of i: from first[i] to first[i + 1]
  std::vector<uint32_t> work;
  for (uint32_t i = sub.start; i < sub.end; i += insn_slots(program.insns[i])) {
    work.push_back(i);
    each_successor(program, i, [&](uint32_t next) { ++first[next - sub.start]; });
  }
  std::partial_sum(first.begin(), first.end(), first.begin());
  predecessors.resize(first[n]);
  for (uint32_t i : work)
    each_successor(program, i, [&](uint32_t next) { predecessors[--first[next - sub.start]] = i; });
  std::vector<bool> waits(n, true);
  while (!work.empty()) {
    const uint32_t i = work.back();
    work.pop_back();
    waits[i - sub.start] = false;
    if (!update(i)) continue;
    for (uint32_t p = first[i - sub.start]; p < first[i - sub.start + 1]; ++p) {
      const uint32_t before = predecessors[p];
      if (waits[before - sub.start]) continue;
      waits[before - sub.start] = true;
      work.push_back(before);
    }
  }
}

uint16_t bit(unsigned r) { return static_cast<uint16_t>(1u << r); }

// Slots that [offset, offset + size) of the frame touches.
uint64_t slots_between(int64_t offset, int64_t end) {
  if (offset < -BPF_STACK_BYTES) offset = -BPF_STACK_BYTES;
  if (end > 0) end = 0;
  if (offset >= end) return 0;
  const unsigned first = slot_of(static_cast<int>(end - 1)), last = slot_of(static_cast<int>(offset));
  return ALL_SLOTS >> (63 - last) & ALL_SLOTS << first;
}

// Where a register points, of the function's own frame: an offset, or one of these.
constexpr int UNSEEN = INT_MIN, ELSEWHERE = INT_MAX, ANYWHERE = INT_MAX - 1;
using Pointers = std::array<int, REGISTERS>;

bool is_frame_pointer(int p) { return p != UNSEEN && p != ELSEWHERE; }

int join(int a, int b) {
  if (a == UNSEEN) return b;
  if (b == UNSEEN || a == b) return a;
  return ANYWHERE;
}

void transfer(Insn insn, Pointers& p) {
  const uint8_t cls = insn_class(insn), op = insn_op(insn);
  if (is_call(insn)) {
    for (int r = 0; r <= 5; ++r) p[r] = ELSEWHERE;
    return;
  }
  if (cls == BPF_LDX || cls == BPF_LD) {
    p[insn.dst] = ELSEWHERE;
    return;
  }
  if (cls == BPF_STX && insn_mode(insn) == BPF_ATOMIC) {
    if (insn.imm == BPF_LOAD_ACQ) p[insn.dst] = ELSEWHERE;
    if (insn.imm == BPF_CMPXCHG) p[0] = ELSEWHERE;
    if (insn.imm != BPF_CMPXCHG && insn.imm & BPF_FETCH && insn.imm < BPF_LOAD_ACQ) p[insn.src] = ELSEWHERE;
    return;
  }
  if (cls != BPF_ALU && cls != BPF_ALU64) return;
  if (op == BPF_MOV) {
    p[insn.dst] = uses_register(insn) ? p[insn.src] : ELSEWHERE;
  } else if (op == BPF_ADD && !uses_register(insn) && is_frame_pointer(p[insn.dst]) &&
             p[insn.dst] != ANYWHERE) {
    const int64_t sum = static_cast<int64_t>(p[insn.dst]) + insn.imm;
    p[insn.dst] = sum < -4096 || sum > 4096 ? ANYWHERE : static_cast<int>(sum);
  } else if (is_frame_pointer(p[insn.dst]) || (uses_register(insn) && is_frame_pointer(p[insn.src]))) {
    p[insn.dst] = ANYWHERE;
  }
}

}  // namespace

Liveness::Liveness(const Program& program, const Cfg& cfg)
    : program_(program),
      cfg_(cfg),
      registers_(program.insns.size(), 0),
      slots_(program.insns.size(), 0),
      keeps_pointers_(program.subprograms.size(), false) {
  for (uint32_t sub : cfg.bottom_up()) {
    solve_registers(program.subprograms[sub]);
    solve_slots(sub);
  }
}

uint16_t Liveness::call_arguments(uint32_t i) const {
  const Insn insn = program_.insns[i];
  unsigned count = 5;
  if (insn.src == BPF_HELPER_CALL) {
    const Helper* helper = program_.world ? program_.world->helper(insn.imm) : nullptr;
    if (helper) count = std::ranges::find(helper->arguments, Arg::None) - std::begin(helper->arguments);
    if (helper && helper->name == "bpf_trace_printk") count = 5;
  } else if (insn.src == BPF_PSEUDO_KFUNC_CALL) {
    if (insn.imm >= 0 && static_cast<size_t>(insn.imm) < program_.kfuncs.size()) {
      const TypeRef& f = program_.kfuncs[insn.imm]->function;
      if (f) count = f.btf->parameters(f.btf->target(f.id)).size();
    }
  } else if (program_.subprograms[insn.imm].global) {
    const TypeId f = program_.subprograms[insn.imm].function;
    if (f && program_.btf()) count = program_.btf()->parameters(program_.btf()->target(f)).size();
  } else {
    return registers_[program_.subprograms[insn.imm].start] & 0x3e;  // the callee is solved already
  }
  uint16_t mask = 0;
  for (unsigned r = 1; r <= std::min(count, 5u); ++r) mask |= bit(r);
  return mask;
}

Liveness::Effect Liveness::effect(uint32_t i) const {
  const Insn insn = program_.insns[i];
  const uint16_t dst = bit(insn.dst), src = bit(insn.src);
  switch (insn_class(insn)) {
    case BPF_LD:
      return {0, dst};
    case BPF_LDX:
      return {src, dst};
    case BPF_ST:
      return {dst, 0};
    case BPF_STX: {
      if (insn_mode(insn) != BPF_ATOMIC) return {static_cast<uint16_t>(dst | src), 0};
      if (insn.imm == BPF_LOAD_ACQ) return {src, dst};
      const uint16_t old = insn.imm == BPF_CMPXCHG ? bit(0) : 0;
      return {static_cast<uint16_t>(dst | src | old), 0};
    }
    case BPF_ALU:
    case BPF_ALU64: {
      const bool moves = insn_op(insn) == BPF_MOV;
      const bool unary = insn_op(insn) == BPF_NEG || insn_op(insn) == BPF_END;
      uint16_t reads = moves ? 0 : dst;
      if (uses_register(insn) && !unary) reads |= src;
      return {reads, dst};
    }
    default:
      break;
  }
  if (is_exit(insn)) return {bit(0), 0};
  if (is_call(insn)) return {call_arguments(i), CALLER_SAVED};
  if (Cfg::is_plain_jump(insn) || Cfg::is_may_goto(insn)) return {};
  return {static_cast<uint16_t>(dst | (uses_register(insn) ? src : 0)), 0};
}

void Liveness::solve_registers(const Subprogram& sub) {
  until_stable(program_, sub, [&](uint32_t i) {
    uint16_t after = 0;
    each_successor(program_, i, [&](uint32_t next) { after |= registers_[next]; });
    const Effect e = effect(i);
    const uint16_t before = e.reads | (after & ~e.writes);
    return before != std::exchange(registers_[i], before);
  });
}

// Two passes: forwards, where each register points into this frame; backwards, which slots are read. A frame
// whose address is kept anywhere in memory has all its slots alive all the time.
void Liveness::solve_slots(uint32_t index) {
  const Subprogram& sub = program_.subprograms[index];
  const uint32_t n = sub.end - sub.start;
  Pointers unseen;
  unseen.fill(UNSEEN);
  std::vector<Pointers> at(n, unseen);
  at[0].fill(ELSEWHERE);
  at[0][10] = 0;
  std::vector<uint32_t> work{sub.start};
  while (!work.empty()) {
    const uint32_t i = work.back();
    work.pop_back();
    Pointers after = at[i - sub.start];
    transfer(program_.insns[i], after);
    each_successor(program_, i, [&](uint32_t next) {
      Pointers& p = at[next - sub.start];
      Pointers joined;
      for (int r = 0; r < REGISTERS; ++r) joined[r] = join(p[r], after[r]);
      if (joined == p) return;
      p = joined;
      work.push_back(next);
    });
  }

  bool callee_keeps = false, takes_function = false;
  for (uint32_t callee : cfg_.callees(index)) callee_keeps = callee_keeps || keeps_pointers_[callee];
  bool escapes = false, keeps = callee_keeps;
  std::vector<uint64_t> reads(n, 0), kills(n, 0);
  for (uint32_t i = sub.start; i < sub.end; i += insn_slots(program_.insns[i]))
    takes_function |= is_64bit_imm(program_.insns[i]) && program_.insns[i].src == BPF_PSEUDO_FUNC;
  for (uint32_t i = sub.start; i < sub.end; i += insn_slots(program_.insns[i])) {
    const Insn insn = program_.insns[i];
    const Pointers& p = at[i - sub.start];
    uint64_t& read = reads[i - sub.start];
    const uint8_t cls = insn_class(insn);
    if (is_call(insn)) {
      const bool calls_back = Cfg::calls_back(program_, i);
      const bool runs_code = insn.src == BPF_PSEUDO_CALL || calls_back;
      for (int r = 1; r <= 5; ++r) {
        if (!is_frame_pointer(p[r])) continue;
        read |= runs_code || p[r] == ANYWHERE ? ALL_SLOTS : slots_between(p[r], 0);
        // A callback that was passed in here may be any function.
        escapes |= runs_code && (callee_keeps || (calls_back && !takes_function));
      }
      continue;
    }
    const bool atomic = cls == BPF_STX && insn_mode(insn) == BPF_ATOMIC;
    const bool loads = cls == BPF_LDX || (atomic && insn.imm == BPF_LOAD_ACQ);
    if (!loads && cls != BPF_ST && cls != BPF_STX) continue;
    const int base = loads ? p[insn.src] : p[insn.dst];
    const int64_t offset = static_cast<int64_t>(base) + insn.off;
    const unsigned bytes = access_bytes(insn);
    if (loads || atomic) {
      if (base == ANYWHERE)
        read = ALL_SLOTS;
      else if (is_frame_pointer(base))
        read |= slots_between(offset, offset + bytes);
    }
    if (loads) continue;
    if (cls == BPF_STX && is_frame_pointer(p[insn.src])) escapes = true;
    if (cls == BPF_STX && bytes == 8 && !is_frame_pointer(base)) keeps = true;
    if (cls == BPF_STX && bytes == 8 && base == ANYWHERE) keeps = true;
    if (!atomic && bytes == 8 && is_frame_pointer(base) && base != ANYWHERE && offset % 8 == 0 &&
        offset < 0 && offset >= -BPF_STACK_BYTES)
      kills[i - sub.start] = slots_between(offset, offset + 8);
  }
  keeps_pointers_[index] = keeps;
  if (escapes) {
    std::fill(slots_.begin() + sub.start, slots_.begin() + sub.end, ALL_SLOTS);
    return;
  }
  until_stable(program_, sub, [&](uint32_t i) {
    uint64_t after = 0;
    each_successor(program_, i, [&](uint32_t next) { after |= slots_[next]; });
    const uint64_t before = reads[i - sub.start] | (after & ~kills[i - sub.start]);
    return before != std::exchange(slots_[i], before);
  });
}

}  // namespace ring3::bpf
