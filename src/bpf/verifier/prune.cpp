// Stored states: a path ends where what is known now is no more than what was found safe before. Also where a
// loop that makes no progress is noticed, and where loops that the kernel bounds (iterators, callbacks,
// may_goto) converge.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "bpf/verifier/verifier.hpp"

namespace ring3::bpf {
using namespace abi;

namespace {
constexpr size_t HELD_BYTES_MAX = size_t{256} << 20;

bool same_calls(const State& a, const State& b) {
  if (a.frames.size() != b.frames.size()) return false;
  for (size_t i = 0; i < a.frames.size(); ++i)
    if (a.frames[i].call_site != b.frames[i].call_site) return false;
  return true;
}

bool iterator_depths_differ(const State& a, const State& b) {
  for (size_t f = 0; f < a.frames.size(); ++f) {
    const auto& x = a.frames[f].stack;
    const auto& y = b.frames[f].stack;
    for (size_t i = 0; i < x.size() && i < y.size(); ++i)
      if (x[i].bytes[0] == Byte::Iterator && y[i].bytes[0] == Byte::Iterator &&
          x[i].value.phase == IteratorPhase::Active && x[i].value.depth != y[i].value.depth)
        return true;
  }
  return false;
}
}  // namespace

Verifier::Visit Verifier::visit() {
  current_.insn = pc_;
  auto& list = stored_[pc_];
  const bool force = cfg_.is_checkpoint(pc_) || log_.size() - parent_->log_position > 64;
  const uint32_t jumps = jumps_ - jumps_at_store_, insns = stats_.insns_visited - insns_at_store_;
  bool store = force || (jumps >= 2 && insns >= 8);
  const Insn insn = program_->insns[pc_];

  work_ += list.size() * 16;
  for (size_t i = list.size(); i-- > 0;) {
    Node* node = list[i];
    if (node->branches > 0) {
      bool converges = false, progresses = true;
      if (!same_calls(node->state, current_)) {
        // Another activation: nothing to learn.
      } else if (cfg_.is_iterator_next(*program_, pc_)) {
        const auto at = fixed_stack_offset(reg(1));
        converges = at && matches(node->state, current_, Match::Within) &&
                    current_.frames[reg(1).frame].slot(slot_of(*at)).value.phase == IteratorPhase::Active;
      } else if (cfg_.calls_back(*program_, pc_)) {
        converges = matches(node->state, current_, Match::Within);
      } else if (Cfg::is_may_goto(insn) && node->state.may_goto_depth != current_.may_goto_depth) {
        converges = matches(node->state, current_, Match::Within);
      } else {
        progresses =
            !might_loop(node->state, current_) || node->state.may_goto_depth != current_.may_goto_depth ||
            node->state.callback_depth != current_.callback_depth ||
            iterator_depths_differ(node->state, current_) || !matches(node->state, current_, Match::Exact);
      }
      if (converges) return hit(node, node);
      if (!progresses) {
        reject(Rule::EndlessLoop, fmt::format("infinite loop detected at insn {}", pc_),
               "The loop comes back here with nothing changed that could ever end it.");
        return Visit::Rejected;
      }
      if (!force && jumps < 20 && insns < 100) store = false;
    } else {
      Node* entry = open_loop(node);
      if (matches(node->state, current_, entry ? Match::Within : Match::Loose)) return hit(node, entry);
    }
    if (!store) continue;
    const uint32_t patience = force && node->branches > 0 ? 64 : 3;
    if (++node->misses > node->hits * patience + patience) evict(pc_, i);
  }
  if (store) store_state();
  return memory_is_bounded() ? Visit::Explore : Visit::Rejected;
}

// The path joins `node`. `entry`: the loop still being explored that this supposes to be safe, if any.
Verifier::Visit Verifier::hit(Node* node, Node* entry) {
  ++node->hits;
  if (options_.observer)
    options_.observer->join(stats_.insns_visited, last_visit_, current_, node->visit, node->state,
                            entry == nullptr && node->branches == 0);
  need_from(parent_, log_.size(), precise_of(node->state));
  if (entry) {
    add_back_edge(entry, node);
    depend(parent_, entry);
  }
  return memory_is_bounded() ? Visit::Pruned : Visit::Rejected;
}

void Verifier::store_state() {
  auto node = std::make_unique<Node>();
  node->state = current_;
  node->state.insn = pc_;
  clean(node->state);
  node->parent = parent_;
  node->depth = parent_ ? parent_->depth + 1 : 0;
  node->log_position = log_.size();
  node->visit = stats_.insns_visited + (parent_ == nullptr);  // an entry is stored before its visit
  node->slot = nodes_.size();
  parent_ = node.get();
  held_bytes_ += parent_->state.bytes();
  work_ += parent_->state.bytes();
  stored_[pc_].push_back(parent_);
  nodes_.push_back(std::move(node));
  jumps_at_store_ = jumps_;
  insns_at_store_ = stats_.insns_visited;
  ++stats_.states_total;
  stats_.states_peak = std::max<uint32_t>(stats_.states_peak, nodes_.size());
}

namespace {
// A number that is linked to no other is as good as one that never was.
void unlink_singles(State& state) {
  static thread_local std::vector<uint32_t> ids;
  ids.clear();
  const auto is_linked = [](const Value& value) { return value.is_scalar() && value.id != 0; };
  state.each_value([&](const Value& value) {
    if (is_linked(value)) ids.push_back(value.id);
  });
  if (ids.empty()) return;
  std::ranges::sort(ids);
  state.each_value([&](Value& value) {
    if (is_linked(value) && std::ranges::equal_range(ids, value.id).size() == 1) value.unlink();
  });
}
}  // namespace

// What is dead says nothing.
void Verifier::clean(State& state) const {
  for (size_t f = 0; f < state.frames.size(); ++f) {
    Frame& frame = state.frames[f];
    const uint16_t live = live_registers(state, f);
    const uint64_t slots = live_slots(state, f);
    for (unsigned r = 0; r < REGISTERS - 1; ++r)
      if (!(live >> r & 1)) frame.registers[r] = Value();
    for (unsigned i = 0; i < frame.stack.size(); ++i)
      if (!(slots >> i & 1) && !frame.stack[i].is_special()) frame.stack[i].fill(Byte::Invalid);
  }
  unlink_singles(state);
}

void Verifier::evict(uint32_t insn, size_t index) {
  auto& list = stored_[insn];
  Node* node = list[index];
  list.erase(list.begin() + static_cast<ptrdiff_t>(index));
  node->evicted = true;
  if (node->branches == 0 && !node->pinned) drop(node);
}

void Verifier::drop(Node* node) {
  const size_t slot = node->slot;
  held_bytes_ -= node->state.bytes();
  std::swap(nodes_[slot], nodes_.back());
  nodes_[slot]->slot = slot;
  nodes_.pop_back();
}

// A program must not be able to use up the verifier's memory: as many states as this, honest ones never have.
bool Verifier::memory_is_bounded() {
  if (held_bytes_ <= HELD_BYTES_MAX) return true;
  return reject(Rule::TooComplex,
                fmt::format("BPF program is too large. Processed {} insn", stats_.insns_visited),
                "The paths through the program differ in too much for all of it to be remembered.");
}

// The outermost loop entry, still being explored, that the conclusions drawn from `node` depend on.
Node* Verifier::open_loop(const Node* node) {
  Node* entry = node->loop_entry;
  while (entry && entry->branches == 0) entry = entry->loop_entry;
  return entry == node ? nullptr : entry;
}

void Verifier::depend(Node* node, Node* entry) {
  entry->pinned = true;
  if (node == entry || entry->depth >= node->depth) return;
  const Node* known = open_loop(node);
  if (!known || entry->depth < known->depth) node->loop_entry = entry;
}

// The state stored when the path was last at `insn` in the same activation, at or before `from`.
const Node* Verifier::previous_visit(uint32_t insn, const Node* from) const {
  for (const Node* node = from; node; node = node->parent)
    if (node->state.insn == insn && same_calls(node->state, current_)) return node;
  return nullptr;
}

// A number that changes from turn to turn of a loop, and on whose exact value nothing has depended so far,
// may as well be any number: then the loop converges. Its distance to a number of before the loop is one
// more thing that changes.
void Verifier::widen(const State& old, State& now) const {
  auto forget = [](const Value& before, Value& value, unsigned bytes) {
    if (!before.is_scalar() || !value.is_scalar()) return;
    if (value.low && (value.delta != before.delta || !before.low)) value.unlink();
    if (before.precise) return;
    if (before.scalar == value.scalar) return;
    value = Value::number(Scalar::of_size(bytes), value.origin);
  };
  for (size_t f = 0; f < old.frames.size() && f < now.frames.size(); ++f) {
    for (unsigned r = 0; r < REGISTERS - 1; ++r)
      forget(old.frames[f].registers[r], now.frames[f].registers[r], 8);
    const auto& before = old.frames[f].stack;
    auto& stack = now.frames[f].stack;
    for (size_t i = 0; i < before.size() && i < stack.size(); ++i)
      if (const unsigned bytes = stack[i].spill_bytes(); bytes > 0 && before[i].spill_bytes() == bytes)
        forget(before[i].value, stack[i].value, bytes);
  }
}

}  // namespace ring3::bpf
