// Calls of kfuncs: results, and what a call makes or takes away.
#include <fmt/format.h>

#include <cerrno>

#include "bpf/verifier/verifier.hpp"

namespace ring3::bpf {
using namespace abi;

bool Verifier::call_kfunc(Insn insn) {
  if (insn.imm < 0 || static_cast<size_t>(insn.imm) >= program_->kfuncs.size())
    return reject(Rule::UnknownFunction, "invalid kernel function call not eliminated in verifier pass",
                  "The kfunc does not exist here.", "Guard the call with bpf_ksym_exists().");
  const Kfunc& kfunc = *program_->kfuncs[insn.imm];
  if (kfunc.flags & KF_SLEEPABLE && !program_->sleepable)
    return reject(Rule::SleepingKfunc,
                  fmt::format("program must be sleepable to call sleepable kfunc {}", kfunc.name),
                  fmt::format("{}() may sleep, and the program may not.", kfunc.name));
  Call call;
  call.name = kfunc.name;
  call.kfunc = &kfunc;
  const Btf& btf = *kfunc.function.btf;
  const auto parameters = btf.parameters(btf.target(kfunc.function.id));
  if (parameters.size() > 5)
    return reject(Rule::Unsupported,
                  fmt::format("Function {} has {} > 5 args", kfunc.name, parameters.size()),
                  "Functions take up to five arguments.");
  if (!keeps_foreign_memory(static_cast<unsigned>(parameters.size()))) return false;
  for (unsigned i = 0; i < parameters.size(); ++i)
    if (!kfunc_argument(call, i, parameters)) return false;
  return finish_kfunc(call);
}

bool Verifier::finish_kfunc(Call& call) {
  const uint32_t flags = call.kfunc->flags;
  if (call.room) {
    // Over a chunk of an iterator's buffer, or over what another dynptr is over.
    if (call.iterator) {
      if (!new_dynptr(call, DynptrKind::Chunk, call.iterator->reference, false)) return false;
    } else if (call.dynptr) {
      if (!new_dynptr(call, call.dynptr->dynptr, call.dynptr->reference, call.dynptr->read_only))
        return false;
    } else {
      return reject(Rule::Unsupported,
                    fmt::format("kernel function {} makes an unsupported dynptr", call.name),
                    "The verifier does not know what the dynptr would point into.");
    }
  }
  if (call.release && !release(call.release)) return false;
  if (!kfunc_result(call)) return false;
  if (flags & KF_ITER_NEXT && !advance_iterator(call)) return false;
  if (flags & KF_ITER_DESTROY) destroy_iterator(call);
  ++pc_;
  return true;
}

bool Verifier::kfunc_result(Call& call) {
  const uint32_t flags = call.kfunc->flags;
  const Btf& btf = *call.kfunc->function.btf;
  const TypeId type = btf.resolve(btf.target(btf.target(call.kfunc->function.id)));
  const BtfKind kind = btf.kind(type);
  clobber_caller_saved();
  if (kind == BtfKind::Void) return true;
  // void* is a number, as in Linux: an arena's pages, to be cast.
  const bool number =
      kind == BtfKind::Ptr && btf.kind(btf.resolve(btf.target(type))) == BtfKind::Void && !call.constant_size;
  if (kind != BtfKind::Ptr || number) return set(0, Value::unknown());

  const TypeId target = btf.resolve(btf.target(type));
  Value result;
  if (btf.kind(target) == BtfKind::Struct && !call.constant_size) {
    result = Value::pointer(Kind::Object);
    result.type = {&btf, target};
  } else {
    const uint64_t size = call.constant_size.value_or(btf.size_of(target));
    if (size > UINT32_MAX)
      return reject(Rule::KfuncArgument, "rdonly/rdwr_buf_size exceeds u32 max",
                    "The size asked for is 4 GiB or more.");
    if (size == 0 && !call.constant_size)
      return reject(Rule::Unsupported,
                    fmt::format("kernel function {} returns pointer type {} is not supported", call.name,
                                btf.spell(type)),
                    "The size of what it points to is unknown.");
    result = Value::pointer(Kind::Memory);
    result.size = static_cast<uint32_t>(size);
    result.read_only = !call.constant_size || call.constant_size_read_only;
  }
  if (flags & KF_ACQUIRE)
    result.reference = acquire();
  else if (call.iterator)
    result.reference = call.iterator->reference;
  else if (call.dynptr)
    result.reference = call.dynptr->id;
  result.foreign = call.dynptr && call.dynptr->dynptr == DynptrKind::Chunk;
  result.or_null = flags & KF_RET_NULL;
  if (result.or_null) result.id = flags & KF_ACQUIRE ? result.reference : fresh_id();
  return set(0, result);
}

}  // namespace ring3::bpf
