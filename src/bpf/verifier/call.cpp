// Calls of helpers: who may call which, and results by the classes of the world's table.
#include <fmt/format.h>

#include "bpf/verifier/verifier.hpp"

namespace ring3::bpf {
using namespace abi;

bool Verifier::call(Insn insn) {
  if (current_.lock && !may_call_locked(insn)) return false;
  switch (insn.src) {
    case BPF_PSEUDO_CALL:
      return call_subprogram(insn);
    case BPF_PSEUDO_KFUNC_CALL:
      return call_kfunc(insn);
    default:
      return call_helper(insn);
  }
}

bool Verifier::call_helper(Insn insn) {
  if (insn.imm == CORE_POISON) return failed_relocation();
  const Helper* helper = program_->world ? program_->world->helper(insn.imm) : nullptr;
  if (!helper)
    return reject(Rule::UnknownFunction, fmt::format("invalid func unknown#{}", insn.imm),
                  fmt::format("There is no helper number {} here.", insn.imm));
  if (helper->trusted_only && options_.strict)
    return reject(Rule::TrustedHelper,
                  fmt::format("program of this type cannot use helper {}#{}", helper->name, helper->id),
                  fmt::format("{}() can show memory that is not the program's.", helper->name));
  if (helper->gpl_only && !program_->gpl_compatible)
    return reject(
        Rule::Licence, "cannot call GPL-restricted function from non-GPL compatible program",
        fmt::format("{} needs a licence compatible with the GPL in section `license`.", helper->name));
  if (helper->sleepable && !program_->sleepable)
    return reject(Rule::SleepingHelper, "helper call might sleep in a non-sleepable prog",
                  fmt::format("{} may sleep, and the program may not.", helper->name));
  Call call;
  call.name = helper->name;
  call.helper = helper;
  if (!helper->contains_faults && !keeps_foreign_memory(5)) return false;
  for (unsigned i = 0; i < 5 && helper->arguments[i] != Arg::None; ++i)
    if (!check_argument(call, i)) return false;
  return finish_helper(call);
}

// Code outside the program, or verified without this call, must not meet memory that may go away: faults end
// the program's own accesses only. Not in Linux, which holds on to such memory.
bool Verifier::keeps_foreign_memory(unsigned arguments) {
  for (unsigned r = 1; r <= arguments; ++r)
    if (reg(r).kind == Kind::Memory && reg(r).foreign)
      return reject(Rule::ForeignMemory, r, fmt::format("R{} type=mem expected=fp, map_value", r),
                    "It is memory of a buffer, which may go away while the call runs.");
  return true;
}

// The linker put a call in place of an instruction that refers to what the world's types lack.
bool Verifier::failed_relocation() {
  std::string what = "The object is made for types that are not those here.";
  for (const Unresolved& unresolved : program_->unresolved)
    if (unresolved.insn == pc_) what = fmt::format("A CO-RE relocation failed: {}.", unresolved.reason);
  return reject(Rule::Relocation, fmt::format("invalid func unknown#{}", CORE_POISON), std::move(what));
}

// Everything is in order: what the call does to what is known.
bool Verifier::finish_helper(Call& call) {
  const Helper& helper = *call.helper;
  if (call.room) {
    const DynptrKind kind = call.makes_ringbuf_dynptr ? DynptrKind::Ringbuf : DynptrKind::Local;
    if (!call.makes_ringbuf_dynptr && reg(1).kind != Kind::MapValue)
      return reject(Rule::DynptrSource, 1u,
                    fmt::format("Unsupported reg type {} for bpf_dynptr_from_mem data", kind_name(reg(1))),
                    "A dynptr can't be made over that.");
    if (!new_dynptr(call, kind, call.makes_ringbuf_dynptr ? acquire() : 0, false)) return false;
  }
  if (call.release && !release(call.release)) return false;
  if (call.callback && !call_callback(call)) return false;

  Value result = Value::unknown();
  switch (helper.returns) {
    case Ret::Void:
      result = Value();
      break;
    case Ret::Scalar:
      break;
    case Ret::MapValueOrNull:
      result = Value::pointer(Kind::MapValue);
      result.index = static_cast<uint32_t>(call.map);
      break;
    case Ret::RingbufRecordOrNull:
    case Ret::DynptrMemOrNull:
      if (!call.constant_size || (helper.returns == Ret::DynptrMemOrNull && !call.dynptr))
        return reject(Rule::Unsupported, "unsupported helper", "The size of the memory returned is unknown.");
      result = Value::pointer(Kind::Memory);
      result.size = static_cast<uint32_t>(*call.constant_size);
      result.ringbuf = helper.returns == Ret::RingbufRecordOrNull;
      result.reference = result.ringbuf ? acquire() : call.dynptr->id;
      result.foreign = !result.ringbuf && call.dynptr->dynptr == DynptrKind::Chunk;
      break;
  }
  clobber_caller_saved();
  if (result.is_pointer() && !call.found) {
    result.or_null = true;
    result.id = result.ringbuf ? result.reference : fresh_id();
  } else if (result.kind == Kind::MapValue && has_lock(result.index)) {
    result.id = fresh_id();
  }
  set(0, result);
  ++pc_;
  return true;
}

}  // namespace ring3::bpf
