// Loads, stores and atomics, by what the pointer points to. An access is let through only if every offset
// that the pointer may have keeps it inside.
#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "bpf/verifier/verifier.hpp"

namespace ring3::bpf {
using namespace abi;

namespace {
constexpr uint64_t VARIABLE_OFFSET_MAX = uint64_t{1} << 29;  // as Linux

std::string tnum_text(const Tnum& bits) {
  if (bits == Tnum::constant(0)) return "0";
  return bits.is_constant() ? fmt::format("{:#x}", bits.value)
                            : fmt::format("({:#x}; {:#x})", bits.value, bits.mask);
}

const char* map_structure(BpfMapType type) {
  if (type == BPF_MAP_TYPE_ARRAY || type == BPF_MAP_TYPE_PERCPU_ARRAY) return "bpf_array";
  return type == BPF_MAP_TYPE_RINGBUF ? "bpf_ringbuf_map" : "bpf_htab";
}
}  // namespace

bool Verifier::load_constant(Insn insn) {
  const auto low = static_cast<uint32_t>(insn.imm),
             high = static_cast<uint32_t>(program_->insns[pc_ + 1].imm);
  switch (insn.src) {
    case 0:
      return set(insn.dst, Value::number(Scalar::constant(low | static_cast<uint64_t>(high) << 32)));
    case BPF_PSEUDO_MAP_IDX:
    case BPF_PSEUDO_MAP_IDX_VALUE: {
      if (low >= program_->maps.size()) break;
      const MapDefinition& map = program_->maps[low]->definition();
      Value value = Value::pointer(insn.src == BPF_PSEUDO_MAP_IDX ? Kind::Map : Kind::MapValue);
      value.index = low;
      // A pointer as the application has it: a number, until it is cast.
      if (value.kind == Kind::MapValue && map.type == BPF_MAP_TYPE_ARENA)
        return set(insn.dst, Value::unknown());
      if (value.kind == Kind::MapValue) {
        if (program_->maps[low]->values().empty() || map.max_entries != 1 || high >= map.value_size)
          return reject(
              Rule::MapArgument,
              fmt::format("invalid access to map value pointer, value_size={} off={}", map.value_size, high),
              fmt::format("Map {} has no element that can be addressed like this.", map.name));
        value.offset = static_cast<int32_t>(high);
      }
      return set(insn.dst, value);
    }
    case BPF_PSEUDO_FUNC: {
      if (low >= program_->subprograms.size()) break;
      if (program_->subprograms[low].global)
        return reject(Rule::StaticCallback, "callback function not static",
                      "It is a global function, and its address is taken.");
      Value value = Value::pointer(Kind::Function);
      value.index = low;
      return set(insn.dst, value);
    }
    default:
      break;
  }
  return reject(Rule::Malformed, "unrecognized bpf_ld_imm64 insn",
                "The constant refers to something that isn't there.");
}

bool Verifier::load(Insn insn) {
  if (!readable(insn.src) || !writable(insn.dst)) return false;
  Value loaded;
  const unsigned size = access_bytes(insn);
  if (!access(insn.src, insn.off, size, Access::Read, false, nullptr, &loaded)) return false;
  if (insn_mode(insn) == BPF_MEMSX && loaded.is_scalar()) {
    loaded.scalar = scalar_truncate(loaded.scalar, size, true);
    loaded.unlink();
  }
  return set(insn.dst, loaded);
}

bool Verifier::store(Insn insn) {
  const unsigned size = access_bytes(insn);
  if (!readable(insn.dst)) return false;
  Value stored;
  if (insn_class(insn) == BPF_STX) {
    if (!readable(insn.src)) return false;
    Value& src = reg(insn.src);
    const bool fits = size == 8 || src.scalar.umax >> (8 * size) == 0;
    // The copy on the stack stays linked to the register.
    if (src.is_scalar() && !src.is_constant() && src.id == 0 && fits && reg(insn.dst).kind == Kind::Stack)
      src.id = fresh_id();
    stored = src;
    store_source_ = insn.src;
  } else {
    stored = Value::number(Scalar::constant(static_cast<int64_t>(insn.imm)), pc_);
    store_source_ = -1;
  }
  return access(insn.dst, insn.off, size, Access::Write, false, &stored, nullptr);
}

bool Verifier::atomic(Insn insn) {
  const unsigned size = access_bytes(insn);
  if (insn.imm == BPF_LOAD_ACQ) {
    if (!readable(insn.src) || !writable(insn.dst)) return false;
    if (reg(insn.src).kind == Kind::Context)
      return reject(Rule::Arguments, insn.src,
                    fmt::format("BPF_ATOMIC loads from R{} ctx is not allowed", +insn.src),
                    "The program's arguments can only be read plainly.");
    Value loaded;
    return access(insn.src, insn.off, size, Access::Read, true, nullptr, &loaded) && set(insn.dst, loaded);
  }
  if (!readable(insn.src) || !readable(insn.dst)) return false;
  if (reg(insn.dst).kind == Kind::Context || reg(insn.dst).kind == Kind::Object)
    return reject(
        Rule::AtomicTarget, insn.dst,
        fmt::format("BPF_ATOMIC stores into R{} {} is not allowed", +insn.dst, kind_name(reg(insn.dst))),
        "Atomics can't work there.");
  store_source_ = insn.src;
  if (insn.imm == BPF_STORE_REL) {
    const Value stored = reg(insn.src);
    return access(insn.dst, insn.off, size, Access::Write, true, &stored, nullptr);
  }
  if (insn.imm == BPF_CMPXCHG && (!readable(0) || !may_show(0, "into mem"))) return false;
  if (!may_show(insn.src, "into mem")) return false;
  Value old;
  if (!access(insn.dst, insn.off, size, Access::Read, true, nullptr, &old)) return false;
  if (!access(insn.dst, insn.off, size, Access::Write, true, nullptr, nullptr)) return false;
  if (!(insn.imm & BPF_FETCH)) return true;
  if (!old.is_scalar() && options_.strict)
    return reject(Rule::ShownAddress, insn.dst, fmt::format("leaking pointer from stack off {}", insn.off),
                  "A pointer lies there, which the operation would give as a number.");
  if (!old.is_scalar()) old = Value::unknown();
  old.unlink();
  return set(insn.imm == BPF_CMPXCHG ? 0 : insn.src, old);
}

// `stored` null: a write of something unknown.
bool Verifier::access(unsigned r, int offset, unsigned size, Access kind, bool aligned, const Value* stored,
                      Value* loaded) {
  const Value& pointer = reg(r);
  if (pointer.kind == Kind::Map && kind == Access::Write)
    return reject(Rule::NotAPointer, r,
                  fmt::format("only read from {} is supported",
                              map_structure(program_->maps[pointer.index]->definition().type)),
                  "That is the map itself.", "Look up an element of the map, and write to that.");
  const auto invalid = [&](Rule rule, std::string reason) {
    return reject(rule, r, fmt::format("R{} invalid mem access '{}'", r, kind_name(pointer)),
                  std::move(reason));
  };
  if (pointer.or_null) return invalid(Rule::MaybeNull, "It may be NULL.");
  if (pointer.is_null()) return invalid(Rule::MaybeNull, "On this path it is NULL.");
  if (!pointer.is_pointer() || pointer.kind == Kind::Map || pointer.kind == Kind::Function)
    return invalid(Rule::NotAPointer, "That is no pointer to memory.");
  if ((aligned || pointer.kind == Kind::Stack) && !check_aligned(r, offset, size)) return false;
  if (loaded) *loaded = Value::number(Scalar::of_size(size));
  found_access(pointer.kind);
  const bool shows = stored && stored->is_pointer();  // where others may read it
  if (!note_pointer(pointer.kind == Kind::Arena)) return false;
  switch (pointer.kind) {
    case Kind::Arena:
      return true;
    case Kind::Context:
      return read_context(r, offset, size, kind, loaded);
    case Kind::Stack:
      return kind == Access::Read ? stack_read(r, offset, size, loaded)
                                  : stack_write(r, offset, size, stored);
    case Kind::MapValue:
      if (shows && !may_show(static_cast<unsigned>(store_source_), "into map")) return false;
      if (!check_map_access(r, offset, size, kind)) return false;
      if (loaded) load_frozen(pointer, offset, size, loaded);
      return true;
    case Kind::Memory:
      if (kind == Access::Write && pointer.read_only)
        return reject(Rule::Permission, r, fmt::format("R{} cannot write into {}", r, kind_name(pointer)),
                      "It may only be read.");
      if (shows && !may_show(static_cast<unsigned>(store_source_), "into mem")) return false;
      return check_region(r, offset, size, pointer.size);
    case Kind::Object:
      if (shows && !may_show(static_cast<unsigned>(store_source_), "into mem")) return false;
      return access_object(r, offset, size, kind);
    default:
      return invalid(Rule::NotAPointer, "That is no pointer to memory.");
  }
}

// Arenas are accessed in another way than other memory: an instruction does one or the other.
bool Verifier::note_pointer(bool arena) {
  if (!has_arena_) return true;
  pointer_uses_[pc_] |= arena ? OfArena : OfOther;
  if (pointer_uses_[pc_] != (OfArena | OfOther)) return true;
  return reject(Rule::Arena, "same insn cannot be used with different pointers",
                "On one path the pointer leads into the arena, on another elsewhere.");
}

std::vector<ArenaUse> Verifier::arena_uses() const {
  std::vector<ArenaUse> uses;
  if (!has_arena_) return uses;
  for (size_t i = 0; i < pointer_uses_.size(); ++i) {
    const uint8_t kind = insn_class(program_->insns[i]);
    const bool arithmetic = kind == BPF_ALU || kind == BPF_ALU64;
    // Where a number on another path needs all of its bits, the pointer keeps them too: they don't count.
    uses.push_back(pointer_uses_[i] != OfArena ? ArenaUse::None
                   : arithmetic                ? ArenaUse::Arithmetic
                                               : ArenaUse::Access);
  }
  return uses;
}

bool Verifier::check_aligned(unsigned r, int offset, unsigned size) {
  const Value& pointer = reg(r);
  const int64_t fixed = pointer.offset + static_cast<int64_t>(offset);
  const uint64_t sum = static_cast<uint64_t>(fixed) + pointer.scalar.bits.value;
  if (size == 1 || ((sum | pointer.scalar.bits.mask) & (size - 1)) == 0) return true;
  const char* what = pointer.kind == Kind::Stack ? "stack " : pointer.kind == Kind::MapValue ? "value " : "";
  return reject(Rule::Misaligned, r,
                fmt::format("misaligned {}access off {}+{}+{} size {}", what, tnum_text(pointer.scalar.bits),
                            pointer.offset, offset, size),
                fmt::format("An access of {} bytes here must be {}-aligned.", size, size));
}

bool Verifier::check_map_access(unsigned r, int offset, uint64_t size, Access kind) {
  const MapDefinition& map = program_->maps[reg(r).index]->definition();
  const uint32_t forbidden = kind == Access::Write ? BPF_F_RDONLY_PROG : BPF_F_WRONLY_PROG;
  if (map.flags & forbidden)
    return reject(Rule::Permission, r,
                  fmt::format("{} map forbidden, value_size={} off={} size={}",
                              kind == Access::Write ? "write into" : "read from", map.value_size,
                              reg(r).offset + offset, size),
                  fmt::format("Map {} is {} for programs.", map.name,
                              kind == Access::Write ? "read-only" : "write-only"));
  return check_region(r, offset, size, map.value_size) && spares_lock(r, offset, size);
}

// [pointer + offset, + size) lies in the region's bytes whatever the variable part is.
bool Verifier::check_region(unsigned r, int offset, uint64_t size, uint64_t region) {
  const Value& pointer = reg(r);
  const Scalar& part = pointer.scalar;
  const int64_t fixed = pointer.offset + static_cast<int64_t>(offset);
  const auto inside = [&](int64_t at) { return at >= 0 && static_cast<uint64_t>(at) + size <= region; };
  const auto outside = [&](int64_t at) {
    if (pointer.kind == Kind::MapValue)
      return fmt::format("invalid access to map value, value_size={} off={} size={}", region, at, size);
    return fmt::format("invalid access to memory, mem_size={} off={} size={}", region, at, size);
  };
  const auto refuse = [&](std::string linux_message, std::string reason) {
    return reject(Rule::Bounds, r, std::move(linux_message), std::move(reason),
                  what_fits(pointer, fixed, size));
  };
  const auto covers = [&](const char* where, int64_t at) {
    return fmt::format("{} access is to {} byte{} at offset {}, and the memory has {}.", where, size,
                       size == 1 ? "" : "s", at, region);
  };
  if (part.is_constant()) {
    const int64_t at = fixed + static_cast<int64_t>(part.value());
    return inside(at) || refuse(outside(at), covers("The", at));
  }
  if (part.smin < 0 && (part.smin == INT64_MIN || fixed + part.smin < 0))
    return refuse(
        fmt::format("R{} min value is negative, either use unsigned index or do a if (index >=0) check.", r),
        "Its offset may be negative.");
  if (!inside(fixed + part.smin))
    return refuse(fmt::format("{}\nR{} min value is outside of the allowed memory range",
                              outside(fixed + part.smin), r),
                  covers("Even at its smallest offset the", fixed + part.smin));
  if (part.umax >= VARIABLE_OFFSET_MAX)
    return refuse(fmt::format("R{} unbounded memory access, make sure to bounds check any such access", r),
                  "Nothing bounds its offset from above.");
  const int64_t last = fixed + static_cast<int64_t>(part.umax);
  return inside(last) ||
         refuse(fmt::format("{}\nR{} max value is outside of the allowed memory range", outside(last), r),
                covers("At its largest offset the", last));
}

// A load from a map that nobody can write any more is a constant.
bool Verifier::load_frozen(const Value& pointer, int offset, unsigned size, Value* loaded) const {
  Map& map = *program_->maps[pointer.index];
  const MapDefinition& definition = map.definition();
  if (!map.frozen() || !(definition.flags & BPF_F_RDONLY_PROG) || definition.max_entries != 1) return false;
  if (!pointer.has_constant_offset()) return false;
  const auto at =
      pointer.offset + static_cast<int64_t>(offset) + static_cast<int64_t>(pointer.scalar.value());
  const auto bytes = map.values();
  if (at < 0 || static_cast<uint64_t>(at) + size > bytes.size()) return false;
  uint64_t value = 0;
  std::memcpy(&value, bytes.data() + at, size);
  *loaded = Value::number(Scalar::constant(value));
  return true;
}

// Argument i of the entry program, from the array that it is entered with.
bool Verifier::read_context(unsigned r, int offset, unsigned size, Access kind, Value* loaded) {
  const Attachment& hook = program_->attachment;
  const Value& pointer = reg(r);
  const auto invalid = [&](const std::string& first, int64_t at, std::string reason) {
    return reject(Rule::Arguments, r,
                  fmt::format("{}invalid bpf_context access off={} size={}", first, at, size),
                  std::move(reason));
  };
  if (!pointer.has_constant_offset())
    return reject(Rule::Arguments, r,
                  fmt::format("variable ctx access var_off={} disallowed", tnum_text(pointer.scalar.bits)),
                  "Arguments are read at constant offsets.");
  const int64_t at =
      pointer.offset + static_cast<int64_t>(offset) + static_cast<int64_t>(pointer.scalar.value());
  if (kind == Access::Write) return invalid("", at, "The program's arguments can't be written.");
  const size_t count = hook.type->type.btf->parameters(hook.prototype).size();
  if (at < 0 || at % 8 != 0)
    return invalid(fmt::format("func '{}' offset {} is not multiple of 8\n", hook.member->name, at), at,
                   "Each argument takes 8 bytes.");
  if (static_cast<uint64_t>(at) / 8 >= count)
    return invalid(fmt::format("func '{}' doesn't have {}-th argument\n", hook.member->name, at / 8 + 1), at,
                   fmt::format("{} has {} arguments.", hook.member->name, count));
  *loaded = entry_argument(static_cast<unsigned>(at / 8));
  if (size == 8) return true;
  if (loaded->is_pointer()) return invalid("", at, "The argument is a pointer: read all 8 bytes of it.");
  *loaded = Value::number(Scalar::of_size(size));
  return true;
}

}  // namespace ring3::bpf
