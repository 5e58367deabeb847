// Which numbers must be known exactly. A number of a stored state matters only if the safety of what follows
// was concluded from its range; such numbers are found by following values backwards from where the
// conclusion was drawn, through the instructions of the path, and are marked in every stored state on the
// way. All other numbers may differ when states are compared, which is what lets loops be pruned.
#include <algorithm>

#include "bpf/verifier/verifier.hpp"

namespace ring3::bpf {
using namespace abi;

namespace {
constexpr uint16_t ARGUMENTS = 0x3e;  // r1 … r5
uint16_t bit(unsigned r) { return static_cast<uint16_t>(1u << r); }

// Where no way back is known, everything matters.
void demand_everything(Demand& demand, unsigned frames) {
  for (unsigned f = 0; f < frames; ++f) {
    demand.registers[f] = 0x3ff;
    demand.slots[f] = ~uint64_t{0};
  }
}

void through_alu(Insn insn, uint16_t& registers) {
  if (!(registers & bit(insn.dst))) return;
  const uint8_t op = insn_op(insn);
  if (op == BPF_MOV) registers &= ~bit(insn.dst);
  if (op != BPF_NEG && op != BPF_END && uses_register(insn)) registers |= bit(insn.src);
}

void through_load(const Step& step, unsigned dst, Demand& demand) {
  uint16_t& registers = demand.registers[step.frame];
  if (!(registers & bit(dst))) return;
  registers &= ~bit(dst);
  if (step.access_frame != Step::NONE) demand.slots[step.access_frame] |= uint64_t{1} << step.access_slot;
}

void through_store(const Step& step, Insn insn, Demand& demand) {
  if (step.access_frame == Step::NONE) return;
  const uint64_t slot = uint64_t{1} << step.access_slot;
  if (!(demand.slots[step.access_frame] & slot)) return;
  demand.slots[step.access_frame] &= ~slot;
  if (insn_class(insn) == BPF_STX) demand.registers[step.frame] |= bit(insn.src);
}

void through_atomic(const Step& step, Insn insn, Demand& demand) {
  if (insn.imm == BPF_STORE_REL) return through_store(step, insn, demand);
  if (insn.imm == BPF_LOAD_ACQ) return through_load(step, insn.dst, demand);
  if (insn.imm == BPF_CMPXCHG) return through_load(step, 0, demand);
  if (insn.imm & BPF_FETCH) through_load(step, insn.src, demand);
}
}  // namespace

void Verifier::need(unsigned r) {
  Demand demand;
  demand.registers[frame_index()] = bit(r);
  need(demand);
}

// Before the current instruction, which is the last of the log.
void Verifier::need(const Demand& demand) { need_from(parent_, log_.size() - 1, demand); }

// Marks what `demand`, taken before step `end` of the path, was computed from, in `node` and its ancestors.
void Verifier::need_from(Node* node, size_t end, Demand demand) {
  for (; node && !demand.empty(); node = node->parent) {
    backwards(std::span(log_).subspan(node->log_position, end - node->log_position), demand);
    mark(node, demand);
    end = node->log_position;
  }
}

// From after `steps` to before them.
void Verifier::backwards(std::span<const Step> steps, Demand& demand) const {
  for (size_t i = steps.size(); i-- > 0 && !demand.empty();) {
    work_ += 8;
    const Step& step = steps[i];
    const Insn insn = program_->insns[step.insn];
    const unsigned f = step.frame;
    uint16_t& registers = demand.registers[f];
    switch (insn_class(insn)) {
      case BPF_ALU:
      case BPF_ALU64:
        through_alu(insn, registers);
        continue;
      case BPF_LD:
        registers &= ~bit(insn.dst);
        continue;
      case BPF_LDX:
        through_load(step, insn.dst, demand);
        continue;
      case BPF_ST:
        through_store(step, insn, demand);
        continue;
      case BPF_STX:
        if (insn_mode(insn) == BPF_ATOMIC)
          through_atomic(step, insn, demand);
        else
          through_store(step, insn, demand);
        continue;
      default:
        break;
    }
    if (is_exit(insn)) {
      // What the caller has in r0 came from here; a callback's result stays with the helper.
      if (f > 0 && demand.registers[f - 1] & bit(0)) {
        demand.registers[f - 1] &= ~bit(0);
        registers |= bit(0);
      }
    } else if (is_call(insn)) {
      const bool entered = step.enters;
      if (!entered) {
        if (registers & ARGUMENTS) demand_everything(demand, f + 1);
        registers &= ~bit(0);
        continue;
      }
      const uint16_t arguments = demand.registers[f + 1] & ARGUMENTS;
      demand.registers[f + 1] = 0;
      demand.slots[f + 1] = 0;
      if (insn.src == BPF_PSEUDO_CALL) {
        registers |= arguments;
      } else if (arguments) {
        registers |= bit(3);  // the callback's context; its other arguments are made by the helper
      }
    } else if (Cfg::is_conditional_jump(insn)) {
      // What is linked to an operand has learned from the other operand, too: first the one, then the other.
      const auto with_linked = [&] {
        if (step.links && demand.overlaps(links_[step.links - 1])) demand.add(links_[step.links - 1]);
      };
      with_linked();
      if (uses_register(insn) && !Cfg::is_may_goto(insn) && registers & (bit(insn.dst) | bit(insn.src))) {
        registers |= bit(insn.dst) | bit(insn.src);
        with_linked();
      }
    }
  }
}

// Marks what is demanded of a stored state, and keeps in `demand` what was new. True if anything was.
bool Verifier::mark(Node* node, Demand& demand) {
  bool changed = false;
  auto take = [&](Value& value) {
    if (!value.is_scalar() || value.precise) return false;
    value.precise = true;
    return changed = true;
  };
  for (size_t f = 0; f < BPF_FRAMES_MAX; ++f) {
    if (f >= node->state.frames.size()) {
      demand.registers[f] = 0;
      demand.slots[f] = 0;
      continue;
    }
    Frame& frame = node->state.frames[f];
    for (unsigned r = 0; r < REGISTERS - 1; ++r)
      if (demand.registers[f] & bit(r) && !take(frame.registers[r])) demand.registers[f] &= ~bit(r);
    for (uint64_t left = demand.slots[f]; left; left &= left - 1) {
      const auto i = static_cast<unsigned>(__builtin_ctzll(left));
      const bool spilled = i < frame.stack.size() && frame.stack[i].is_spill();
      if (!spilled || !take(frame.stack[i].value)) demand.slots[f] &= ~(uint64_t{1} << i);
    }
    demand.registers[f] &= 0x3ff;
  }
  return changed;
}

Demand Verifier::precise_of(const State& state) {
  Demand demand;
  for (size_t f = 0; f < state.frames.size(); ++f) {
    for (unsigned r = 0; r < REGISTERS - 1; ++r)
      if (state.frames[f].registers[r].precise) demand.registers[f] |= bit(r);
    for (size_t i = 0; i < state.frames[f].stack.size(); ++i)
      if (state.frames[f].stack[i].is_spill() && state.frames[f].stack[i].value.precise)
        demand.slots[f] |= uint64_t{1} << i;
  }
  return demand;
}

// Keeps the current path from `entry` on, which ends in `target`.
void Verifier::add_back_edge(Node* entry, Node* target) {
  BackEdge edge;
  edge.target = target;
  target->pinned = true;
  const size_t start = entry->log_position;
  edge.steps.assign(log_.begin() + static_cast<ptrdiff_t>(start), log_.end());
  for (Node* node = parent_;; node = node->parent) {
    node->pinned = true;
    edge.stops.push_back({node->log_position - start, node});
    if (node == entry) break;
  }
  held_bytes_ += edge.steps.size() * sizeof(Step);
  entry->edges.push_back(std::move(edge));
}

// The loop entered at `node` is explored: what its ways round owe each other is settled now.
void Verifier::settle(Node* node) {
  for (bool changed = true; changed;) {
    changed = false;
    for (const BackEdge& edge : node->edges) {
      Demand demand = precise_of(edge.target->state);
      size_t end = edge.steps.size();
      for (const BackEdge::Stop& stop : edge.stops) {
        if (demand.empty()) break;
        backwards(std::span(edge.steps).subspan(stop.position, end - stop.position), demand);
        changed |= mark(stop.node, demand);
        end = stop.position;
      }
    }
  }
  need_from(node->parent, node->log_position, precise_of(node->state));
  if (Node* outer = open_loop(node)) {
    BackEdge way;
    way.target = node;
    const auto at = [&](size_t position) { return log_.begin() + static_cast<ptrdiff_t>(position); };
    way.steps.assign(at(outer->log_position), at(node->log_position));
    for (Node* up = node->parent;; up = up->parent) {
      up->pinned = true;
      way.stops.push_back({up->log_position - outer->log_position, up});
      if (up == outer) break;
    }
    node->pinned = true;
    std::ranges::move(node->edges, std::back_inserter(outer->edges));
    held_bytes_ += way.steps.size() * sizeof(Step);
    outer->edges.push_back(std::move(way));
  }
  for (const BackEdge& edge : node->edges) held_bytes_ -= edge.steps.size() * sizeof(Step);
  node->edges.clear();
}

}  // namespace ring3::bpf
