#include "bpf/verifier/cfg.hpp"
#include "follow.hpp"

namespace ring3::bpf::oracle {
using namespace abi;

void Claims::start(const Program& program) {
  program_ = &program;
  count_ = 0;
  entries_.assign(program.subprograms.size(), 0);
}

Claims::Visit& Claims::add(uint32_t visit, uint32_t from, const State& state) {
  if (visits_.size() <= visit) visits_.resize(visit + 1);
  count_ = visit + 1;
  Visit& here = visits_[visit];
  here.state = state;
  here.known = 0;
  here.next.clear();
  if (from == 0)
    entries_[state.frames[0].subprogram] = visit;
  else
    visits_[from].next.push_back(visit);
  return here;
}

void Claims::explore(uint32_t visit, uint32_t from, const State& state) { add(visit, from, state); }

void Claims::join(uint32_t visit, uint32_t from, const State& state, uint32_t known, const State& stored,
                  bool loosely) {
  Visit& here = add(visit, from, state);
  here.known = known;
  here.loose.assign(stored.frames.size(), Loose());
  const auto is_loose = [&](const Value& value) {
    return value.kind == Kind::NotInit || (loosely && value.is_scalar() && !value.precise);
  };
  for (size_t f = 0; f < stored.frames.size(); ++f) {
    Loose& loose = here.loose[f];
    for (unsigned r = 0; r < REGISTERS - 1; ++r)
      if (is_loose(stored.frames[f].registers[r])) loose.registers |= static_cast<uint16_t>(1u << r);
    // What was explored from there had the slots that were cleaned from the stored state.
    for (unsigned i = 0; i < BPF_STACK_BYTES / 8; ++i) {
      const bool has = i < stored.frames[f].stack.size();
      const Slot& slot = has ? stored.frames[f].stack[i] : Slot();
      if (slot.is_special()) continue;
      for (unsigned b = 0; b < 8; ++b) {
        const bool claims = slot.bytes[b] == Byte::Zero || slot.bytes[b] == Byte::Misc ||
                            (slot.bytes[b] == Byte::Spill && !is_loose(slot.value));
        if (!claims) loose.bytes.set(BPF_STACK_BYTES - 8 * (i + 1) + b);
      }
    }
  }
}

}  // namespace ring3::bpf::oracle
