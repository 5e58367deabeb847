#include "follow.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "bpf/isa/disassemble.hpp"
#include "bpf/map/map.hpp"

namespace ring3::bpf::oracle {
using namespace abi;

namespace {
constexpr size_t CANDIDATES_MAX = 64;

size_t base_of(const Program& program, std::span<const RunObserver::Frame> frames) {
  for (size_t i = frames.size(); i-- > 1;)
    if (program.subprograms[frames[i].subprogram].global) return i;
  return 0;
}

// A pointer into an array of the map: how far it is from the start of some element, if `offsets` has that.
bool in_array(Map& map, uint64_t address, const Scalar& offsets, int32_t fixed) {
  const auto values = map.values();
  const MapDefinition& definition = map.definition();
  const uint64_t stride = (definition.value_size + 7) & ~7u;
  for (uint32_t i = 0; i < definition.max_entries; ++i) {
    const uint64_t element = reinterpret_cast<uint64_t>(values.data()) + i * stride;
    if (offsets.contains(address - element - static_cast<uint64_t>(static_cast<int64_t>(fixed)))) return true;
  }
  return false;
}

uint64_t load(uint64_t address, unsigned bytes) {
  uint64_t value = 0;
  std::memcpy(&value, reinterpret_cast<const void*>(address), bytes);
  return value;
}
}  // namespace

void Follower::start(uint64_t steps_max) {
  activations_.clear();
  steps_ = 0;
  steps_max_ = steps_max;
  escape_.clear();
}

std::string Follower::before(std::span<const Frame> frames) {
  if (++steps_ > steps_max_) return "long enough";
  const Program& program = claims_.program();
  const size_t base = base_of(program, frames);
  while (!activations_.empty() && activations_.back().base > base) activations_.pop_back();
  std::vector<Candidate> reached;
  miss_.clear();
  if (activations_.empty() || activations_.back().base < base) {
    activations_.push_back({base, {}});
    const uint32_t entry = claims_.entry(frames[base].subprogram);
    if (entry) reach(entry, std::vector<Loose>(1), frames.subspan(base), reached);
  } else {
    for (const Candidate& candidate : activations_.back().candidates)
      for (uint32_t next : claims_[candidate.visit].next) {
        const State& to = claims_[next].state;
        if (to.insn == frames.back().slot && to.frames.size() == frames.size() - base)
          reach(next, pass(candidate, to), frames.subspan(base), reached);
      }
  }
  std::copy_n(frames.back().registers, registers_.size(), registers_.begin());
  tops_.clear();
  for (const Frame& frame : frames.subspan(base)) tops_.push_back(frame.registers[10]);
  activations_.back().candidates = std::move(reached);
  if (!activations_.back().candidates.empty()) return {};
  escape_ = fmt::format("before instruction {} ({}): {}", frames.back().slot,
                        disassemble(program.insns, frames.back().slot),
                        miss_.empty() ? "no explored path comes here" : miss_);
  return "escapes what was claimed";
}

// The run may be at `visit`: if it fits, it is; and at what that leads to without an instruction.
void Follower::reach(uint32_t visit, std::vector<Loose> loose, std::span<const Frame> frames,
                     std::vector<Candidate>& out) {
  const Claims::Visit& here = claims_[visit];
  if (out.size() >= CANDIDATES_MAX || !fits(here.state, loose, frames)) return;
  if (here.known) {
    for (size_t f = 0; f < loose.size(); ++f) {
      loose[f].registers |= here.loose[f].registers;
      loose[f].bytes |= here.loose[f].bytes;
    }
    return reach(here.known, std::move(loose), frames, out);
  }
  out.push_back({visit, loose});
  // An ALU instruction that is explored for each of two values of its operand comes twice.
  const uint8_t cls = insn_class(claims_.program().insns[here.state.insn]);
  if (cls != BPF_ALU && cls != BPF_ALU64) return;
  for (uint32_t next : here.next)
    if (claims_[next].state.insn == here.state.insn) reach(next, loose, frames, out);
}

bool Follower::miss(std::string what) {
  miss_ = std::move(what);
  return false;
}

bool Follower::value_fits(const Value& value, uint64_t concrete, std::span<const Frame> frames) const {
  if (value.or_null && concrete == 0) return true;
  switch (value.kind) {
    case Kind::NotInit:
      return true;
    case Kind::Scalar:
      return value.scalar.contains(concrete);
    case Kind::Stack:
      return value.scalar.contains(concrete - frames[value.frame].registers[10] -
                                   static_cast<uint64_t>(static_cast<int64_t>(value.offset)));
    case Kind::MapValue: {
      Map& map = *claims_.program().maps[value.index];
      if (map.definition().type == BPF_MAP_TYPE_ARRAY)
        return in_array(map, concrete, value.scalar, value.offset);
      return concrete != 0;
    }
    default:
      return concrete != 0;
  }
}

bool Follower::fits(const State& state, const std::vector<Loose>& loose, std::span<const Frame> frames) {
  struct Linked {
    uint32_t id;
    uint64_t base;
  };
  Linked linked[32];
  unsigned count = 0;
  // Numbers of one id are the same number, but for their deltas.
  const auto links_fit = [&](const Value& value, uint64_t concrete) {
    if (!value.is_scalar() || value.id == 0) return true;
    const uint64_t distance = concrete - static_cast<uint64_t>(static_cast<int64_t>(value.delta));
    const uint64_t origin = value.low ? static_cast<uint32_t>(distance) : distance;
    for (unsigned i = 0; i < count; ++i)
      if (linked[i].id == value.id) return linked[i].base == origin;
    if (count < std::size(linked)) linked[count++] = {value.id, origin};
    return true;
  };
  for (size_t f = 0; f < state.frames.size(); ++f) {
    const bpf::Frame& claimed = state.frames[f];
    const Frame& frame = frames[f];
    for (unsigned r = 0; r < REGISTERS - 1; ++r) {
      const Value& value = claimed.registers[r];
      if (value.kind == Kind::NotInit || loose[f].registers >> r & 1) continue;
      const uint64_t concrete = frame.registers[r];
      if (!value_fits(value, concrete, frames) || !links_fit(value, concrete))
        return miss(fmt::format("r{} of frame {} is {:#x}, claimed {}{}", r, f, concrete, value_text(value),
                                value.id ? fmt::format(" id {} delta {}", value.id, value.delta) : ""));
    }
    for (unsigned i = 0; i < claimed.stack.size(); ++i) {
      const Slot& slot = claimed.stack[i];
      if (slot.is_special()) continue;
      const unsigned low = static_cast<unsigned>(BPF_STACK_BYTES) - 8 * (i + 1);
      const uint64_t address = frame.registers[10] - 8 * (i + 1);
      const unsigned spilled = slot.spill_bytes();
      bool is_loose = false;
      for (unsigned b = 0; b < spilled; ++b) is_loose |= loose[f].bytes[low + b];
      if (spilled && !is_loose) {
        const uint64_t concrete = load(address, spilled);
        if (!value_fits(slot.value, concrete, frames) || !links_fit(slot.value, concrete))
          return miss(fmt::format("fp-{} of frame {} holds {:#x}, claimed {}", 8 * (i + 1), f, concrete,
                                  value_text(slot.value)));
      }
      for (unsigned b = spilled; b < 8; ++b)
        if (slot.bytes[b] == Byte::Zero && !loose[f].bytes[low + b] && load(address + b, 1) != 0)
          return miss(fmt::format("byte {} of fp-{} of frame {} is not zero, as claimed", b, 8 * (i + 1), f));
    }
  }
  return true;
}

}  // namespace ring3::bpf::oracle
