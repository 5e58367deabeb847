// Jumps: which ways are possible, and what is known on each. A branch that is decided by what is known is
// followed one way only, so the numbers that decide it matter; a branch that can go both ways tells each side
// something.
#include <fmt/format.h>

#include <cerrno>

#include "bpf/verifier/verifier.hpp"

namespace ring3::bpf {
using namespace abi;

bool Verifier::jump(Insn insn) {
  if (Cfg::is_plain_jump(insn)) {
    pc_ = Cfg::target(*program_, pc_);
    return true;
  }
  if (Cfg::is_may_goto(insn)) return may_goto();
  if (uses_register(insn) && !readable(insn.src)) return false;
  if (!readable(insn.dst)) return false;
  const bool pointers = reg(insn.dst).is_pointer() || (uses_register(insn) && reg(insn.src).is_pointer());
  return pointers ? jump_on_pointers(insn) : jump_on_numbers(insn);
}

// Leaves `taken` for later, and goes on with the next instruction.
bool Verifier::go_both_ways(State taken) {
  taken.insn = Cfg::target(*program_, pc_);
  if (!push_branch(std::move(taken))) return false;
  ++pc_;
  return true;
}

// The run of the loop that may_goto bounds ends when the machine says so: unknown to us, at any turn.
bool Verifier::may_goto() {
  found(OpenLoop);
  const Node* before = previous_visit(pc_, parent_->parent);
  State next = current_;
  next.insn = pc_ + 1;
  ++next.may_goto_depth;
  if (before) widen(before->state, next);
  if (!push_branch(std::move(next))) return false;
  pc_ = Cfg::target(*program_, pc_);
  return true;
}

bool Verifier::jump_on_numbers(Insn insn) {
  const uint8_t op = insn_op(insn);
  const bool is64 = insn_class(insn) == BPF_JMP;
  const Scalar dst = reg(insn.dst).scalar;
  const Scalar src =
      uses_register(insn) ? reg(insn.src).scalar : Scalar::constant(static_cast<int64_t>(insn.imm));
  std::optional<bool> way = scalar_decide(op, is64, dst, src);
  std::optional<std::pair<Scalar, Scalar>> jumps, falls;
  if (!way) {
    jumps = scalar_assume(op, is64, true, dst, src);
    falls = scalar_assume(op, is64, false, dst, src);
    if (!jumps)
      way = false;
    else if (!falls)
      way = true;
  }
  if (way) {
    need(insn.dst);
    if (uses_register(insn)) need(insn.src);
    pc_ = *way ? Cfg::target(*program_, pc_) : pc_ + 1;
    return true;
  }
  const bool same = uses_register(insn) && insn.src == insn.dst;
  log_.back().links = linked(insn);
  State taken = current_;
  refine(taken, insn.dst, jumps->first);
  if (uses_register(insn) && !same) refine(taken, insn.src, jumps->second);
  refine(current_, insn.dst, falls->first);
  if (uses_register(insn) && !same) refine(current_, insn.src, falls->second);
  return go_both_ways(std::move(taken));
}

namespace {
Scalar add(bool is64, const Scalar& number, int64_t distance) {
  if (is64 && distance == 0) return number;
  return scalar_alu(BPF_ADD, is64, 0, number, Scalar::constant(static_cast<uint64_t>(distance)));
}

// What `other` must be, to which `known` is linked.
Scalar at_distance(const Value& known, const Value& other) {
  const int64_t distance = int64_t{other.delta} - known.delta;
  if (other.low) return add(false, known.scalar, distance);
  if (!known.low) return add(true, known.scalar, distance);
  return add(true, add(false, known.scalar, -int64_t{known.delta}), other.delta);
}
}  // namespace

// Register r is now known to be in `scalar`; so is every number that is linked to it, but for their distance.
void Verifier::refine(State& state, unsigned r, const Scalar& scalar) {
  Value& known = state.top().registers[r];
  known.scalar = scalar;
  if (known.id == 0) return;
  const Value copy = known;
  state.each_value([&](Value& value) {
    if (!value.is_scalar() || value.id != copy.id || &value == &known) return;
    value.scalar = at_distance(copy, value);
  });
}

// The registers and slots that this branch refines together: 1 + index into links_, or 0 if each stands
// alone.
uint32_t Verifier::linked(Insn insn) {
  Demand all;
  unsigned members = 0;
  const uint32_t id = reg(insn.dst).id, other = uses_register(insn) ? reg(insn.src).id : 0;
  if (id == 0 && other == 0) return 0;
  auto is_member = [&](const Value& value) {
    const bool member = value.is_scalar() && value.id != 0 && (value.id == id || value.id == other);
    members += member;
    return member;
  };
  for (size_t f = 0; f < current_.frames.size(); ++f) {
    const Frame& frame = current_.frames[f];
    for (unsigned r = 0; r < REGISTERS - 1; ++r)
      if (is_member(frame.registers[r])) all.registers[f] |= static_cast<uint16_t>(1u << r);
    for (size_t i = 0; i < frame.stack.size(); ++i)
      if (frame.stack[i].is_spill() && is_member(frame.stack[i].value)) all.slots[f] |= uint64_t{1} << i;
  }
  if (members < 2) return 0;
  links_.push_back(all);
  return static_cast<uint32_t>(links_.size());
}

bool Verifier::jump_on_pointers(Insn insn) {
  const uint8_t op = insn_op(insn);
  const bool is64 = insn_class(insn) == BPF_JMP;
  const bool equality = is64 && (op == BPF_JEQ || op == BPF_JNE);
  const Value dst = reg(insn.dst);
  const Value src =
      uses_register(insn) ? reg(insn.src) : Value::number(Scalar::constant(static_cast<int64_t>(insn.imm)));
  if (options_.strict) {
    const bool null_check = equality && !uses_register(insn) && insn.imm == 0;
    const bool decided = equality && src.is_null() && !dst.or_null;
    if ((uses_register(insn) && src.is_pointer()) || !(null_check || decided))
      return reject(
          Rule::ShownAddress, src.is_pointer() ? insn.src : insn.dst,
          fmt::format("R{} pointer comparison prohibited", src.is_pointer() ? +insn.src : +insn.dst),
          "The outcome would show where it points to.",
          "Strict verification lets a pointer be compared with NULL only, in 64 bits.");
  }
  State taken = current_;
  if (equality && (src.is_null() || dst.is_null())) {
    const Value& pointer = src.is_null() ? dst : src;
    if (uses_register(insn)) need(src.is_null() ? insn.src : insn.dst);
    // What is in an arena may be where NULL points.
    if (!pointer.or_null && pointer.kind == Kind::Arena) return go_both_ways(std::move(taken));
    if (!pointer.or_null) {
      pc_ = op == BPF_JNE ? Cfg::target(*program_, pc_) : pc_ + 1;
      return true;
    }
    settle_null(taken, pointer.id, op == BPF_JEQ);
    settle_null(current_, pointer.id, op == BPF_JNE);
  } else if (equality && dst.is_pointer() && src.is_pointer() && dst.or_null != src.or_null) {
    // Equal to a pointer that is not NULL.
    settle_null(op == BPF_JEQ ? taken : current_, dst.or_null ? dst.id : src.id, false);
  }
  return go_both_ways(std::move(taken));
}

void Verifier::settle_null(State& state, uint32_t id, bool is_null) const {
  state.each_value([&](Value& value) {
    if (!value.or_null || value.id != id) return;
    if (is_null) {
      // What was never there needs no release.
      if (value.reference == id)
        std::erase_if(state.references, [id](const Reference& r) { return r.id == id; });
      value = Value::number(Scalar::constant(0), value.origin);
      return;
    }
    value.or_null = false;
    // Which value it is matters for the lock in it.
    if (value.kind != Kind::MapValue || !has_lock(value.index)) value.id = 0;
  });
}

}  // namespace ring3::bpf
