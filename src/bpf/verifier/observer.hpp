// For tests that compare runs of a program with what the verifier claims of them (tests/oracle/follow.hpp).
#pragma once

#include <cstdint>

#include "bpf/verifier/state.hpp"

namespace ring3::bpf {

// Told what the verifier concludes, as it goes. It looks at one instruction, on one path, at a time: a visit.
// Visits are numbered from 1; `from` is the visit of the instruction before on the same path, 0 at the entry
// of a function. References are good during the call only.
class VerifyObserver {
 public:
  virtual ~VerifyObserver() = default;
  // Instruction state.insn is explored, with `state` known before it.
  virtual void explore(uint32_t visit, uint32_t from, const State& state) = 0;
  // It is not, because visit `known` explored it with more: `stored` is what was kept of that, without what
  // is dead. `loosely`: numbers that are not marked precise there were not compared.
  virtual void join(uint32_t visit, uint32_t from, const State& state, uint32_t known, const State& stored,
                    bool loosely) = 0;
};

}  // namespace ring3::bpf
