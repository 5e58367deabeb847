// Arguments of helpers, by the classes of the world's table.
#include <fmt/format.h>

#include <algorithm>

#include "bpf/verifier/verifier.hpp"

namespace ring3::bpf {
using namespace abi;

namespace {
constexpr uint64_t BYTES_MAX = uint64_t{1} << 29;  // of memory given to a call, as Linux
constexpr uint32_t LOOKUP = 1, PERCPU_LOOKUP = 195, TRACE_PRINTK = 6;
constexpr const char* MEMORY_KINDS =
    "fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_";

// What Linux calls them, and what they are.
constexpr std::pair<std::string_view, std::string_view> KINDS[] = {
    {"map_ptr", "a map itself"},
    {"func", "a static function"},
    {"scalar", "a number"},
    {"fp", "the address of a variable on the stack, or NULL"},
    {"map_value", "the address of a map's value"},
    {"map_value, ptr_", "the address of a map's value"},
    {"ringbuf_mem", "a record that bpf_ringbuf_reserve() returned"},
    {MEMORY_KINDS, "the address of a variable on the stack, of a map's value, or of other memory"},
};

bool map_fits(const Helper& helper, BpfMapType type) {
  const bool ringbuf = helper.id == 130 || helper.id == 131 || helper.id == 134 || helper.id == 198;
  if (ringbuf || type == BPF_MAP_TYPE_RINGBUF) return ringbuf && type == BPF_MAP_TYPE_RINGBUF;
  if (helper.id == PERCPU_LOOKUP)
    return type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_PERCPU_HASH;
  return type != BPF_MAP_TYPE_ARENA;
}
}  // namespace

bool Verifier::expect(unsigned r, bool ok, std::string_view expected) {
  if (ok) return true;
  std::string_view means = expected;
  for (const auto& [linux_name, text] : KINDS)
    if (linux_name == expected) means = text;
  return reject(Rule::HelperArgument, r,
                fmt::format("R{} type={} expected={}", r, kind_name(reg(r)), expected),
                fmt::format("The call takes {} there.", means),
                reg(r).or_null ? fmt::format("Compare r{} with NULL before.", r) : std::string());
}

bool Verifier::known_constant(unsigned r, uint64_t* value, Rule rule, const char* message) {
  if (!reg(r).is_constant())
    return reject(rule, r, fmt::format("R{} {}", r, message),
                  "Its value is not known when the program is loaded.");
  need(r);
  *value = reg(r).scalar.value();
  return true;
}

bool Verifier::check_argument(Call& call, unsigned i) {
  const Helper& helper = *call.helper;
  const Arg kind = helper.arguments[i];
  const unsigned r = i + 1;
  if (helper.id == TRACE_PRINTK && kind == Arg::Anything) return true;  // how many are used, the format says
  if (!readable(r)) return false;
  const bool null = reg(r).is_null();
  const MapDefinition* map = call.map >= 0 ? &program_->maps[call.map]->definition() : nullptr;
  switch (kind) {
    case Arg::None:
      return true;
    case Arg::Anything:
      return may_show(r, "into helper function");
    case Arg::ConstMap:
      return check_map_argument(call, r);
    case Arg::MapKey:
      return check_key(call, r);
    case Arg::MapValue:
      return check_memory_argument(r, map->value_size, false, true);
    case Arg::Mem:
    case Arg::WritableMem:
    case Arg::UninitMem:
      return expect(r, reg(r).is_pointer() && !reg(r).or_null, MEMORY_KINDS);
    case Arg::MemOrNull:
    case Arg::WritableMemOrNull:
      return expect(r, null || (reg(r).is_pointer() && !reg(r).or_null), MEMORY_KINDS);
    case Arg::Size:
    case Arg::SizeOrZero: {
      const Arg memory = helper.arguments[i - 1];
      const bool writes = memory != Arg::Mem && memory != Arg::MemOrNull;
      return check_memory_and_size(r - 1, r, writes, memory != Arg::UninitMem, kind == Arg::SizeOrZero);
    }
    case Arg::ConstAllocSize: {
      uint64_t size = 0;
      if (!expect(r, reg(r).is_scalar(), "scalar")) return false;
      if (!known_constant(r, &size, Rule::HelperConstant, "is not a known constant'")) return false;
      if (size >= BYTES_MAX)
        return reject(Rule::SizeArgument, r, fmt::format("R{} unbounded memory access", r),
                      "The size is too large.", fmt::format("Ask for less than {} bytes.", BYTES_MAX));
      call.constant_size = size;
      return true;
    }
    case Arg::RingbufRecord:
      return check_record(call, r);
    case Arg::Function:
      call.callback = r;
      return expect(r, reg(r).kind == Kind::Function, "func");
    case Arg::StackOrNull:
      return expect(r, null || reg(r).kind == Kind::Stack, "fp");
    case Arg::ConstString:
      return check_constant_string(r);
    case Arg::Dynptr:
      return old_dynptr(call, r, false);
    case Arg::RingbufDynptr:
      if (!old_dynptr(call, r, true)) return false;
      call.release = call.dynptr->reference;
      return true;
    case Arg::UninitRingbufDynptr:
      call.makes_ringbuf_dynptr = true;
      return room_for_dynptr(call, r);
    case Arg::UninitDynptr:
      return room_for_dynptr(call, r);
    case Arg::LockToTake:
    case Arg::LockToDrop:
      return check_lock(r, kind == Arg::LockToTake);
  }
  return reject(Rule::Unsupported, "unsupported argument",
                "The verifier does not know this class of argument.");
}

bool Verifier::check_map_argument(Call& call, unsigned r) {
  if (!expect(r, reg(r).kind == Kind::Map, "map_ptr")) return false;
  call.map = static_cast<int>(reg(r).index);
  const MapDefinition& map = program_->maps[call.map]->definition();
  if (map_fits(*call.helper, map.type)) return true;
  return reject(
      Rule::MapArgument, r,
      fmt::format("cannot pass map_type {} into func {}#{}", static_cast<uint32_t>(map.type),
                  call.helper->name, call.helper->id),
      fmt::format("{} does not work on map {}, for the type that it has.", call.helper->name, map.name));
}

// The number in 4 bytes of the stack, if it is known.
std::optional<uint32_t> Verifier::constant_key(unsigned r) const {
  const auto at = fixed_stack_offset(reg(r));
  if (!at || *at % 4 != 0 || *at > -4 || *at < -BPF_STACK_BYTES) return std::nullopt;
  const auto& stack = current_.frames[reg(r).frame].stack;
  if (slot_of(*at) >= stack.size()) return std::nullopt;
  const Slot& slot = stack[slot_of(*at)];
  const unsigned first = byte_of(*at);
  if (std::all_of(slot.bytes.begin() + first, slot.bytes.begin() + first + 4,
                  [](Byte b) { return b == Byte::Zero; }))
    return 0;
  if (slot.spill_bytes() < 4 || first != 0 || !slot.value.is_constant()) return std::nullopt;
  return static_cast<uint32_t>(slot.value.scalar.value());
}

// An array has all of its elements all the time, so a lookup with a known key finds one.
bool Verifier::check_key(Call& call, unsigned r) {
  const MapDefinition& map = program_->maps[call.map]->definition();
  if (!check_memory_argument(r, map.key_size, false, true)) return false;
  const auto key = constant_key(r);
  const bool array = map.type == BPF_MAP_TYPE_ARRAY || map.type == BPF_MAP_TYPE_PERCPU_ARRAY;
  if (!array || !key || *key >= map.max_entries || call.helper->id != LOOKUP) return true;
  call.found = true;
  Demand demand;
  demand.slots[reg(r).frame] = uint64_t{1} << slot_of(*fixed_stack_offset(reg(r)));
  need(demand);
  return true;
}

// `size` bytes at the register's pointer, which the call reads, writes, or both.
bool Verifier::check_memory_argument(unsigned r, uint64_t size, bool writes, bool reads) {
  const Value& pointer = reg(r);
  found_access(pointer.kind);
  if (!pointer.or_null && pointer.kind == Kind::Stack) return stack_region(r, 0, size, writes, reads);
  if (!pointer.or_null && pointer.kind == Kind::MapValue) {
    if (writes && !check_map_access(r, 0, size, Access::Write)) return false;
    return !reads || check_map_access(r, 0, size, Access::Read);
  }
  if (!pointer.or_null && pointer.kind == Kind::Memory) {
    if (writes && pointer.read_only)
      return reject(Rule::Permission, r, fmt::format("R{} cannot write into {}", r, kind_name(pointer)),
                    "The call writes there, and it may only be read.");
    return check_region(r, 0, size, pointer.size);
  }
  return expect(r, false, MEMORY_KINDS);
}

bool Verifier::check_size_is_bounded(unsigned r, bool zero_is_fine) {
  if (!expect(r, reg(r).is_scalar(), "scalar")) return false;
  const Scalar& size = reg(r).scalar;
  if (size.smin < 0)
    return reject(
        Rule::SizeArgument, r,
        fmt::format("R{} min value is negative, either use unsigned or 'var &= const'", r),
        "A size can't be negative, and it may be.",
        fmt::format("Keep r{} in an unsigned variable, or check that it is not negative before the call.",
                    r));
  if (size.umin == 0 && !zero_is_fine)
    return reject(Rule::SizeArgument, r,
                  fmt::format("R{} invalid zero-sized read: u64=[{},{}]", r, size.umin, size.umax),
                  "The size may be zero, which this call does not take.",
                  fmt::format("Check that r{} is not 0 before the call.", r));
  if (size.umax >= BYTES_MAX)
    return reject(Rule::SizeArgument, r,
                  fmt::format("R{} unbounded memory access, use 'var &= const' or 'if (var < const)'", r),
                  "Nothing bounds the size from above.", check_before(r, reg(r - 1), "the call"));
  need(r);
  return true;
}

bool Verifier::check_memory_and_size(unsigned m, unsigned s, bool writes, bool reads, bool zero_is_fine) {
  if (!check_size_is_bounded(s, zero_is_fine)) return false;
  const uint64_t size = reg(s).scalar.umax;
  if (reg(m).is_null()) return expect(m, size == 0, "fp");
  return check_memory_argument(m, size, writes, reads);
}

bool Verifier::check_constant_string(unsigned r) {
  const Value& pointer = reg(r);
  if (!expect(r, pointer.kind == Kind::MapValue && !pointer.or_null, "map_value")) return false;
  Map& map = *program_->maps[pointer.index];
  if (!map.frozen() || !(map.definition().flags & BPF_F_RDONLY_PROG))
    return reject(Rule::ConstantString, r, fmt::format("R{} does not point to a readonly map'", r),
                  "It does not point to a constant.");
  if (!pointer.has_constant_offset() || map.definition().max_entries != 1)
    return reject(Rule::ConstantString, r, fmt::format("R{} is not a constant address'", r),
                  "Where it points is not known.");
  if (!check_region(r, 0, 1, map.definition().value_size)) return false;
  const auto at = static_cast<size_t>(pointer.offset + static_cast<int64_t>(pointer.scalar.value()));
  const auto bytes = map.values().first(std::min<size_t>(map.values().size(), map.definition().value_size));
  if (at < bytes.size() && std::ranges::find(bytes.subspan(at), std::byte{0}) != bytes.subspan(at).end())
    return true;
  return reject(Rule::UnterminatedString, r, "string is not zero-terminated",
                "The string runs to the end of its section without a NUL.");
}

bool Verifier::check_record(Call& call, unsigned r) {
  const Value& record = reg(r);
  if (!expect(r, record.kind == Kind::Memory && record.ringbuf && !record.or_null, "ringbuf_mem"))
    return false;
  if (record.offset != 0 || !record.scalar.is_constant() || record.scalar.value() != 0)
    return reject(
        Rule::ReleaseArgument, r,
        fmt::format("R{} must have zero offset when passed to release func or trusted arg to kfunc", r),
        "It was moved since bpf_ringbuf_reserve() returned it.");
  if (!current_.owns(record.reference))
    return reject(Rule::ReleaseArgument, r,
                  fmt::format("R{} must be referenced when passed to release function", r),
                  "It is not the program's any more.");
  call.release = record.reference;
  return true;
}

}  // namespace ring3::bpf
