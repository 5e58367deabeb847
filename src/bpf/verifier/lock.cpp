// Spin locks in map values: one is held at a time, nothing is called meanwhile that could wait or come back,
// and it is dropped on every path. So a program can't deadlock its host: whoever waits for a lock waits for a
// few instructions.
#include <fmt/format.h>

#include "bpf/verifier/verifier.hpp"

namespace ring3::bpf {
using namespace abi;

bool Verifier::has_lock(uint32_t map) const { return program_->maps[map]->lock_offset().has_value(); }

// The register points to the lock of a map value; `takes` or drops it.
bool Verifier::check_lock(unsigned r, bool takes) {
  const Value& pointer = reg(r);
  if (!expect(r, pointer.kind == Kind::MapValue && !pointer.or_null, "map_value, ptr_")) return false;
  const char* name = takes ? "bpf_spin_lock" : "bpf_spin_unlock";
  if (!pointer.has_constant_offset())
    return reject(
        Rule::Lock, r,
        fmt::format("R{} doesn't have constant offset. bpf_spin_lock has to be at the constant offset", r),
        "Which bytes it points to is not known.", "Pass the address of the member.");
  const Map& map = *program_->maps[pointer.index];
  if (!map.lock_offset())
    return reject(Rule::Lock, r, fmt::format("map '{}' has no valid bpf_spin_lock", map.definition().name),
                  "Values of this map have no lock.",
                  "Put a struct bpf_spin_lock into the type of its values.");
  const auto at = pointer.offset + static_cast<int64_t>(pointer.scalar.value());
  if (at != *map.lock_offset())
    return reject(
        Rule::Lock, r,
        fmt::format("off {} doesn't point to 'struct bpf_spin_lock' that is at {}", at, *map.lock_offset()),
        "It points elsewhere in the value.", "Pass the address of the member.");
  const HeldLock lock{pointer.index, pointer.id};
  if (takes && current_.lock)
    return reject(Rule::Lock, r, "Locking two bpf_spin_locks are not allowed", "A lock is held already.");
  if (!takes && !current_.lock)
    return reject(Rule::Lock, r, "bpf_spin_unlock without taking a lock", "No lock is held on this path.");
  if (!takes && *current_.lock != lock)
    return reject(Rule::Lock, r, "bpf_spin_unlock of different lock",
                  "What is held is the lock of another value, or of the same one found by another lookup.",
                  fmt::format("Pass {} the pointer that the lock was taken through.", name));
  if (takes)
    current_.lock = lock;
  else
    current_.lock.reset();
  return true;
}

// What may be called while a lock is held: what drops it, number iterators, and functions that are followed.
bool Verifier::may_call_locked(Insn insn) {
  const auto index = static_cast<size_t>(insn.imm);
  const char* message = "function calls are not allowed while holding a lock";
  if (insn.src == BPF_PSEUDO_CALL) {
    if (!program_->subprograms[index].global) return true;
    message = "global function calls are not allowed while holding a lock,\nuse static function instead";
  } else if (insn.src == BPF_PSEUDO_KFUNC_CALL) {
    if (insn.imm >= 0 && index < program_->kfuncs.size() &&
        program_->kfuncs[index]->name.starts_with("bpf_iter_num_"))
      return true;
  } else if (const Helper* helper = program_->world ? program_->world->helper(insn.imm) : nullptr) {
    if (helper->arguments[0] == Arg::LockToDrop) return true;
  }
  return reject(Rule::Lock, message, "A lock is held, and others may be waiting for it.");
}

// An access to bytes that may be the lock's.
bool Verifier::spares_lock(unsigned r, int offset, uint64_t size) {
  const Value& pointer = reg(r);
  const auto lock = program_->maps[pointer.index]->lock_offset();
  if (!lock) return true;
  const int64_t first = pointer.offset + static_cast<int64_t>(offset) + pointer.scalar.smin;
  const int64_t end =
      pointer.offset + static_cast<int64_t>(offset) + static_cast<int64_t>(pointer.scalar.umax + size);
  if (end <= *lock || first >= int64_t{*lock} + 4) return true;
  return reject(Rule::Permission, r, "bpf_spin_lock cannot be accessed directly by load/store",
                fmt::format("The value's lock is at bytes {} to {}.", *lock, *lock + 3),
                "Access the members around it, each by itself.");
}

}  // namespace ring3::bpf
