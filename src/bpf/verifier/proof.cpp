// What was found out about an accepted program, from what was found out about its instructions.
#include <algorithm>

#include "bpf/verifier/verifier.hpp"

namespace ring3::bpf {

void Verifier::found_access(Kind kind) {
  switch (kind) {
    case Kind::Stack:
      return found(Stack);
    case Kind::MapValue:
      return found(MapValues);
    case Kind::Memory:
      return found(OtherMemory);
    case Kind::Object:
      return found(Structures);
    case Kind::Context:
      return found(Arguments);
    default:
      return;
  }
}

Proof Verifier::proof() const {
  Proof proof;
  proof.stack_bytes = deepest_;
  proof.paths = paths_;
  for (uint32_t i = 0; i < program_->insns.size(); i += insn_slots(program_->insns[i])) {
    const uint8_t facts = facts_[i];
    proof.unreached += !(facts & Visited);
    proof.stack += !!(facts & Stack);
    proof.map_values += !!(facts & MapValues);
    proof.memory += !!(facts & OtherMemory);
    proof.structures += !!(facts & Structures);
    proof.arguments += !!(facts & Arguments);
    proof.open_loops += !!(facts & OpenLoop);
    proof.acquiring += !!(facts & Acquires);
    const Insn insn = program_->insns[i];
    if (facts & Visited && is_call(insn) && insn.src == abi::BPF_PSEUDO_KFUNC_CALL)
      proof.kfuncs.push_back(program_->kfuncs[static_cast<size_t>(insn.imm)]);
  }
  std::ranges::sort(proof.kfuncs, {}, &Kfunc::name);
  proof.kfuncs.erase(std::ranges::unique(proof.kfuncs).begin(), proof.kfuncs.end());
  return proof;
}

}  // namespace ring3::bpf
