// When does one state stand for another? Old stands for now if every run from now behaves as some run from
// old that was found safe. Identities (of linked numbers, of null checks, of references) need only agree up
// to renaming.
#include <algorithm>

#include "bpf/verifier/verifier.hpp"

namespace ring3::bpf {
using namespace abi;

namespace {

// A one-to-one renaming of ids, built up on the way.
class Renaming {
 public:
  bool agree(uint32_t old, uint32_t now) {
    if ((old == 0) != (now == 0)) return false;
    if (old == 0) return true;
    for (const auto& [a, b] : pairs_)
      if (a == old || b == now) return a == old && b == now;
    pairs_.emplace_back(old, now);
    return true;
  }
  // Numbers that are linked keep their distances, whatever they are counted from. Those without an id are
  // linked to nothing: each has an id of its own.
  bool agree_numbers(const Value& old, const Value& now) {
    if (old.id == 0 && now.id == 0) return true;
    const uint32_t a = old.id ? old.id : --unique_, b = now.id ? now.id : --unique_;
    const int64_t shift = static_cast<int64_t>(now.delta) - old.delta;
    // Sums of 32 bits are counted from a number of 32 bits, which another origin might not be.
    if (old.low != now.low || (old.low && shift != 0)) return false;
    for (const Link& link : links_)
      if (link.old == a || link.now == b) return link.old == a && link.now == b && link.shift == shift;
    links_.push_back({a, b, shift});
    return true;
  }

 private:
  struct Link {
    uint32_t old, now;
    int64_t shift;
  };
  std::vector<Link> links_;
  std::vector<std::pair<uint32_t, uint32_t>> pairs_;
  uint32_t unique_ = UINT32_MAX;
};

struct Comparison {
  Renaming ids;
  bool exact = false, within = false;
  bool strict = false;  // unwritten stack is not to be read, nor are parts of pointers

  bool numbers(const Value& old, const Value& now) {
    if (exact) return old.scalar == now.scalar && ids.agree_numbers(old, now);
    if (!old.precise && !within) return true;
    return old.scalar.covers(now.scalar) && (old.id == 0 || ids.agree_numbers(old, now));
  }

  bool pointers(const Value& old, const Value& now) {
    if (old.kind != now.kind || old.or_null != now.or_null || old.read_only != now.read_only ||
        old.ringbuf != now.ringbuf || old.foreign != now.foreign || old.frame != now.frame ||
        old.part != now.part || old.argument != now.argument || old.dynptr != now.dynptr ||
        old.index != now.index || old.size != now.size || old.offset != now.offset ||
        old.type.btf != now.type.btf || old.type.id != now.type.id)
      return false;
    if (!ids.agree(old.id, now.id) || !ids.agree(old.reference, now.reference)) return false;
    if (old.kind == Kind::Iterator) return old.phase == now.phase;
    return exact || old.kind == Kind::Stack ? old.scalar == now.scalar : old.scalar.covers(now.scalar);
  }

  bool values(const Value& old, const Value& now) {
    if (old.kind == Kind::NotInit) return true;
    if (old.kind != now.kind) return false;
    return old.is_scalar() ? numbers(old, now) : pointers(old, now);
  }

  bool slots(const Slot& old, const Slot& now) {
    if (old.is_special() || now.is_special()) {
      if (old.bytes != now.bytes) return false;
      return pointers(old.value, now.value);
    }
    if (exact && old.bytes != now.bytes) return false;
    if (old.is_spill() && now.is_spill()) {
      const unsigned n = old.spill_bytes();
      if (n != now.spill_bytes() || !values(old.value, now.value)) return false;
    } else if (old.is_spill()) {
      // An unknown number may have been stored as a register or as bytes.
      const bool unknown =
          old.value.is_scalar() && (old.value.scalar == Scalar::unknown()) && old.value.id == 0;
      const bool loose = old.value.is_scalar() && !old.value.precise && !within;
      const bool plain = std::ranges::all_of(now.bytes, [](Byte b) { return b != Byte::Invalid; });
      return old.spill_bytes() == 8 && plain && (unknown || loose);
    }
    for (unsigned b = 0; strict && b < 8; ++b) {
      const bool forbidden =
          now.bytes[b] == Byte::Invalid || (now.bytes[b] == Byte::Spill && now.value.is_pointer());
      if (old.bytes[b] != Byte::Invalid && old.bytes[b] != Byte::Spill && forbidden) return false;
    }
    for (unsigned b = 0; b < 8; ++b) {
      if (old.bytes[b] != Byte::Zero || now.bytes[b] == Byte::Zero) continue;
      const bool zero = now.bytes[b] == Byte::Spill && now.value.is_null();
      if (!zero) return false;
    }
    return true;
  }
};

const Slot& slot_or_nothing(const Frame& frame, size_t i) {
  static const Slot nothing;
  return i < frame.stack.size() ? frame.stack[i] : nothing;
}

}  // namespace

uint16_t Verifier::live_registers(const State& state, size_t f) const {
  if (f + 1 == state.frames.size()) return liveness_.registers(state.insn);
  const Frame& callee = state.frames[f + 1];
  if (callee.is_callback) return liveness_.registers(callee.call_site);
  return liveness_.registers(callee.call_site + 1) & 0x3c0;  // r6 … r9
}

uint64_t Verifier::live_slots(const State& state, size_t f) const {
  return liveness_.slots(f + 1 == state.frames.size() ? state.insn : state.frames[f + 1].call_site);
}

bool Verifier::matches(const State& old, const State& now, Match match) const {
  if (old.frames.size() != now.frames.size() || old.references.size() != now.references.size()) return false;
  if (old.lock.has_value() != now.lock.has_value()) return false;
  Comparison compare;
  compare.exact = match == Match::Exact;
  compare.within = match != Match::Loose;
  compare.strict = options_.strict;
  for (size_t f = 0; f < old.frames.size(); ++f) {
    const Frame &a = old.frames[f], &b = now.frames[f];
    work_ += 32 + 8 * a.stack.size();
    if (a.call_site != b.call_site || a.subprogram != b.subprogram || a.is_callback != b.is_callback)
      return false;
    if (a.callback_depth > b.callback_depth) return false;
    for (unsigned r = 0; r < REGISTERS - 1; ++r)
      if (!compare.values(a.registers[r], b.registers[r])) return false;
    const uint64_t live = live_slots(old, f);
    for (size_t i = 0; i < std::max(a.stack.size(), b.stack.size()); ++i) {
      const Slot &x = slot_or_nothing(a, i), &y = slot_or_nothing(b, i);
      if (!(live >> i & 1) && !x.is_special() && !y.is_special()) continue;
      if (!compare.slots(x, y)) return false;
    }
  }
  if (old.lock && (old.lock->map != now.lock->map || !compare.ids.agree(old.lock->id, now.lock->id)))
    return false;
  for (size_t i = 0; i < old.references.size(); ++i)
    if (!compare.ids.agree(old.references[i].id, now.references[i].id)) return false;
  return true;
}

// A cheap look before the exact comparison.
bool Verifier::might_loop(const State& old, const State& now) const {
  const Frame &a = old.top(), &b = now.top();
  for (unsigned r = 0; r < REGISTERS - 1; ++r) {
    const Value &x = a.registers[r], &y = b.registers[r];
    if (x.kind == Kind::NotInit) continue;
    if (x.kind != y.kind || x.offset != y.offset || x.scalar.umin != y.scalar.umin ||
        x.scalar.umax != y.scalar.umax)
      return false;
  }
  return true;
}

}  // namespace ring3::bpf
