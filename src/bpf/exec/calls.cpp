// Checker: calls of helpers, by their classes of arguments and results.
#include <fmt/format.h>

#include <algorithm>

#include "bpf/exec/checker.hpp"

namespace ring3::bpf {

using namespace abi;

namespace {
constexpr uint64_t kDynptrBytes = 16;
}

bool Checker::step_call_native() {
  const Program& program = *code_.program;
  const uint32_t slot = frame().slot;
  const Insn insn = program.insns[slot];
  const Helper* helper = nullptr;
  const Kfunc* kfunc = nullptr;
  Call call;
  std::copy_n(frame().r.begin(), 6, call.r.begin());
  if (insn.src == BPF_HELPER_CALL) {
    helper = program.world->helper(static_cast<uint32_t>(insn.imm));
    if (!check_helper(*helper, call)) return false;
  } else {
    kfunc = program.kfuncs[insn.imm];
    if (!check_kfunc(*kfunc, call)) return false;
  }

  // A callback of bpf_loop sees its number and the context; that of a map walk sees the map, key, value and
  // context.
  callback_arguments_ = call.map ? 4 : 2;
  callback_map_ = call.takes_callback ? call.map : nullptr;
  const auto function = reinterpret_cast<NativeFunction>(code_.ops[slot].word);
  const uint64_t result = function(machine_, call.r[1], call.r[2], call.r[3], call.r[4], call.r[5]);
  if (over()) return false;

  for (unsigned i = 1; i <= 5; ++i) frame().known.reset(i);
  if (helper)
    take_result(*helper, call, result);
  else
    take_result(*kfunc, call, result);
  set(0, result);
  frame().known[0] = call.has_result;
  return true;
}

bool Checker::check_helper(const Helper& helper, Call& call) {
  for (unsigned reg = 1; reg <= 5; ++reg)
    if (!check_argument(helper, reg, call)) return false;
  call.has_result = helper.returns != Ret::Void;
  return true;
}

bool Checker::check_argument(const Helper& helper, unsigned reg, Call& call) {
  const Arg arg = helper.arguments[reg - 1];
  if (arg == Arg::None) return true;
  if (!need(reg)) return false;
  const uint64_t value = call.r[reg];
  // The size of memory is in the next register.
  const uint64_t next = reg < 5 ? call.r[reg + 1] : 0;
  switch (arg) {
    case Arg::None:
    case Arg::Anything:
    case Arg::SizeOrZero:
      return true;
    case Arg::Size:
      return value != 0 || violate(fmt::format("r{} is a size and must not be 0", reg));
    case Arg::ConstMap:
      return check_map(reg, call);
    case Arg::MapKey:
      return check_memory(reg, call.map->definition().key_size, Use::Read, false);
    case Arg::MapValue:
      return check_memory(reg, call.map->definition().value_size, Use::Read, false);
    case Arg::Mem:
    case Arg::MemOrNull:
      if (reg < 5 && !need(reg + 1)) return false;
      return check_memory(reg, next, Use::Read, arg == Arg::MemOrNull);
    case Arg::WritableMem:
      if (!need(reg + 1)) return false;
      return check_memory(reg, next, Use::ReadWrite, false);
    case Arg::UninitMem:
    case Arg::WritableMemOrNull:
      if (!need(reg + 1)) return false;
      return check_memory(reg, next, Use::Write, arg == Arg::WritableMemOrNull);
    case Arg::ConstAllocSize:
      call.alloc_size = value;
      return true;
    case Arg::RingbufRecord:
      return memory_.drop_record(value) || violate(fmt::format("r{} is no record of a ring buffer", reg));
    case Arg::Function:
      call.takes_callback = true;
      return check_function(reg);
    case Arg::StackOrNull:
      return value == 0 || stack_owner(value) || violate(fmt::format("r{} points to no stack", reg));
    case Arg::ConstString:
      return check_string(reg);
    case Arg::Dynptr:
      call.owner = value;
      return use_object(reg, kDynptrBytes);
    case Arg::UninitDynptr:
    case Arg::UninitRingbufDynptr:
      return make_object(reg, kDynptrBytes);
    case Arg::RingbufDynptr:
      return end_object(reg, kDynptrBytes);
    case Arg::LockToTake:
    case Arg::LockToDrop:
      return access(value, sizeof(uint32_t), Use::ReadWrite, reg);
  }
  return violate(fmt::format("r{} is of a class that is not checked", reg));
}

void Checker::take_result(const Helper& helper, const Call& call, uint64_t result) {
  if (result == 0) return;
  switch (helper.returns) {
    case Ret::Void:
    case Ret::Scalar:
      return;
    case Ret::MapValueOrNull:
      return add_map_value(*call.map, result);
    case Ret::RingbufRecordOrNull:
      return memory_.add(
          {result, call.alloc_size, true, Region::Life::Run, 0, true, "a ring buffer's record"});
    case Ret::DynptrMemOrNull:
      return memory_.add(
          {result, call.alloc_size, true, Region::Life::Run, call.owner, false, "a dynptr's memory"});
  }
}

bool Checker::check_memory(unsigned reg, uint64_t size, Use use, bool may_be_null) {
  const uint64_t address = frame().r[reg];
  if (may_be_null && address == 0)
    return size == 0 || violate(fmt::format("r{} is NULL, of {} bytes", reg, size));
  return access(address, size, use, reg);
}

bool Checker::check_string(unsigned reg) {
  uint64_t address = frame().r[reg];
  do {
    if (!access(address, 1, Use::Read, reg)) return false;
  } while (*reinterpret_cast<const char*>(address++) != 0);
  return true;
}

bool Checker::check_function(unsigned reg) {
  return (frame().r[reg] ^ kFunctionTag) < code_.entries.size() ||
         violate(fmt::format("r{} is no function of the program", reg));
}

bool Checker::check_map(unsigned reg, Call& call) {
  for (const auto& map : code_.program->maps)
    if (reinterpret_cast<uint64_t>(map.get()) == frame().r[reg]) {
      call.map = map.get();
      return true;
    }
  return violate(fmt::format("r{} is no map of the program", reg));
}

void Checker::add_map_value(const Map& map, uint64_t address) {
  const MapDefinition& definition = map.definition();
  memory_.add({address, definition.value_size, !(definition.flags & BPF_F_RDONLY_PROG), Region::Life::Run, 0,
               false, fmt::format("value of map {}", definition.name)});
}

}  // namespace ring3::bpf
