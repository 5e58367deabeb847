// The stack: 512 bytes a frame, in slots of eight. A register that is spilled keeps all that is known of it;
// other bytes are known to be zero, or unknown. Bytes never written may be read, as unknown numbers: the
// stack holds nothing but what the program itself left there.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "bpf/verifier/verifier.hpp"

namespace ring3::bpf {
using namespace abi;

namespace {
constexpr int64_t OFFSET_MAX = int64_t{1} << 29;

// A spill of which part was overwritten: its bytes are bytes now.
void scrub(Slot& slot) {
  if (!slot.is_spill()) return;
  for (Byte& byte : slot.bytes)
    if (byte == Byte::Spill) byte = Byte::Misc;
  slot.value = Value();
}
}  // namespace

std::optional<int> Verifier::fixed_stack_offset(const Value& value) const {
  if (value.kind != Kind::Stack || !value.has_constant_offset()) return std::nullopt;
  return value.offset + static_cast<int>(value.scalar.value());
}

void Verifier::touch_stack(uint32_t subprogram, int offset) {
  stack_bytes_[subprogram] = std::max(stack_bytes_[subprogram], static_cast<uint32_t>(-offset));
}

void Verifier::note_access(uint8_t frame, unsigned slot) {
  log_.back().access_frame = frame;
  log_.back().access_slot = static_cast<uint8_t>(slot);
}

// `doing`: " read from", " write to", " indirect access to".
bool Verifier::stack_bounds(unsigned r, int offset, uint64_t size, const char* doing) {
  const Value& pointer = reg(r);
  const Scalar& part = pointer.scalar;
  const int64_t fixed = pointer.offset + static_cast<int64_t>(offset);
  if (!part.is_constant() && (part.smin <= -OFFSET_MAX || part.smax >= OFFSET_MAX))
    return reject(Rule::StackBounds, r,
                  fmt::format("invalid unbounded variable-offset{} stack R{}", doing, r),
                  "Nothing bounds its offset.", what_fits(pointer, fixed, size));
  const int64_t low = fixed + part.smin, high = fixed + part.smax + static_cast<int64_t>(size);
  if (low >= -BPF_STACK_BYTES && (high <= 0 || (size == 0 && low <= 0))) {
    if (low < 0) touch_stack(current_.frames[pointer.frame].subprogram, static_cast<int>(low));
    return true;
  }
  const std::string message =
      part.is_constant()
          ? fmt::format("invalid{} stack R{} off={} size={}", doing, r, low, size)
          : fmt::format("invalid variable-offset{} stack R{} var_off=({:#x}; {:#x}) off={} size={}", doing, r,
                        part.bits.value, part.bits.mask, fixed, size);
  // Linux's distinction: starting outside, or only ending there.
  const bool starts_outside = low < -BPF_STACK_BYTES || low > -1;
  return reject(starts_outside ? Rule::StackBounds : Rule::StackOverrun, r, message,
                fmt::format("A frame's stack is the {} bytes below r10; this access covers {} to {}.",
                            BPF_STACK_BYTES, low, high - 1),
                what_fits(pointer, fixed, size));
}

// Something else is about to be written over a slot.
bool Verifier::overwrite(Frame& frame, unsigned i) {
  Slot& slot = frame.slot(i);
  if (slot.bytes[0] == Byte::Dynptr) {
    if (slot.value.dynptr == DynptrKind::Ringbuf)
      return reject(Rule::Dynptr, "cannot overwrite referenced dynptr",
                    "The dynptr there holds a record of a ring buffer.",
                    "Submit or discard the record first.");
    const Value dynptr = slot.value;
    const unsigned other = dynptr.part == 0 ? i - 1 : i + 1;  // higher addresses have lower slots
    invalidate(dynptr.id);
    slot.fill(Byte::Invalid);
    if (other < frame.stack.size()) frame.stack[other].fill(Byte::Invalid);
  } else if (slot.bytes[0] == Byte::Iterator) {
    slot.fill(Byte::Invalid);  // the iterator is lost, and so can't be destroyed: found at exit
  }
  return true;
}

bool Verifier::stack_write(unsigned r, int offset, unsigned size, const Value* stored) {
  if (!stack_bounds(r, offset, size, " write to")) return false;
  const Value& pointer = reg(r);
  if (const auto base = fixed_stack_offset(pointer))
    return write_slot(pointer.frame, *base + offset, size, stored);

  // Anywhere in a range: whatever was there may be gone, or not.
  Frame& target = current_.frames[pointer.frame];
  const bool zero = stored && stored->is_null();
  if (zero && store_source_ >= 0) need(static_cast<unsigned>(store_source_));
  const int64_t low = pointer.offset + offset + pointer.scalar.smin;
  const int64_t high = pointer.offset + offset + pointer.scalar.smax + size;
  for (int64_t at = low; at < high; ++at) {
    const unsigned i = slot_of(static_cast<int>(at));
    if (!overwrite(target, i)) return false;
    Slot& slot = target.slot(i);
    if (zero && slot.is_spill() && slot.value.is_null()) continue;
    scrub(slot);
    Byte& byte = slot.bytes[byte_of(static_cast<int>(at))];
    if (!(zero && byte == Byte::Zero)) byte = Byte::Misc;
  }
  return true;
}

bool Verifier::write_slot(uint8_t frame_number, int offset, unsigned size, const Value* stored) {
  Frame& target = current_.frames[frame_number];
  const unsigned i = slot_of(offset), first = byte_of(offset);
  if (!overwrite(target, i)) return false;
  Slot& slot = target.slot(i);
  note_access(frame_number, i);
  if (stored && stored->is_pointer()) {
    if (size != 8)
      return reject(Rule::PartialPointer, static_cast<unsigned>(store_source_),
                    "invalid size of register spill", "Only a part of the pointer would be stored.");
    if (stored->kind == Kind::Stack && frame_number != frame_index())
      return reject(Rule::StackEscape, static_cast<unsigned>(store_source_),
                    "cannot spill pointers to stack into stack frame of the caller",
                    "The pointer would outlive what it points to.");
  }
  if (options_.strict && size != 8 && slot.is_spill() && slot.value.is_pointer())
    return reject(Rule::ShownAddress, "attempt to corrupt spilled pointer on stack",
                  "A pointer was stored here, of which a part would become readable.",
                  "Strict verification wants it overwritten whole.");
  if (stored && first == 0) {
    scrub(slot);
    slot.value = *stored;
    slot.value.precise = false;
    if (size < 8) {
      if (stored->scalar.umax >> (8 * size) != 0) slot.value.unlink();
      slot.value.scalar = scalar_truncate(stored->scalar, size, false);
    }
    std::fill_n(slot.bytes.begin(), size, Byte::Spill);
    return true;
  }
  scrub(slot);
  const bool zero = stored && stored->is_null();
  if (zero && store_source_ >= 0) need(static_cast<unsigned>(store_source_));
  std::fill_n(slot.bytes.begin() + first, size, zero ? Byte::Zero : Byte::Misc);
  return true;
}

bool Verifier::stack_read(unsigned r, int offset, unsigned size, Value* loaded) {
  if (!stack_bounds(r, offset, size, " read from")) return false;
  const Value pointer = reg(r);
  Frame& source = current_.frames[pointer.frame];
  if (const auto base = fixed_stack_offset(pointer)) {
    const unsigned i = slot_of(*base + offset);
    note_access(pointer.frame, i);
    return read_slot(source.slot(i), *base + offset, size, loaded);
  }
  const int64_t low = pointer.offset + offset + pointer.scalar.smin;
  const int64_t high = pointer.offset + offset + pointer.scalar.smax + size;
  bool zero = true;
  for (int64_t at = low; at < high; ++at) {
    const Slot& slot = source.slot(slot_of(static_cast<int>(at)));
    if (slot.is_special())
      return reject(Rule::SpecialSlot, r,
                    fmt::format("invalid read from stack R{} var_off ({:#x}; {:#x})+{} size {}", r,
                                pointer.scalar.bits.value, pointer.scalar.bits.mask, at - low, size),
                    "The range holds a dynptr or an iterator, which programs don't look into.");
    zero &= slot.bytes[byte_of(static_cast<int>(at))] == Byte::Zero;
  }
  if (zero) *loaded = Value::number(Scalar::constant(0));
  return true;  // else unknown, as the caller set it
}

bool Verifier::read_slot(const Slot& slot, int offset, unsigned size, Value* loaded) {
  const unsigned first = byte_of(offset);
  if (slot.is_special())
    return reject(Rule::SpecialSlot, fmt::format("invalid read from stack off {}+0 size {}", offset, size),
                  "These bytes hold a dynptr or an iterator, which programs don't look into.");
  for (unsigned b = first; options_.strict && b < first + size; ++b)
    if (slot.bytes[b] == Byte::Invalid)
      return reject(Rule::UnwrittenStack,
                    fmt::format("invalid read from stack off {}+{} size {}", offset, b - first, size),
                    "These bytes of the stack were not written on this path.");
  const unsigned spilled = slot.spill_bytes();
  if (spilled == 8 && size == 8) {
    *loaded = slot.value;
    return true;
  }
  if (spilled > 0 && slot.value.is_pointer())
    return reject(Rule::PartialPointer, "invalid size of register fill",
                  "A pointer was stored here, and only part of it is read.");
  if (spilled > 0 && first == 0 && size <= spilled) {
    *loaded = slot.value;
    if (slot.value.scalar.umax >> (size == 8 ? 63 : 8 * size) != 0 && size < 8) loaded->unlink();
    if (size < 8) loaded->scalar = scalar_truncate(slot.value.scalar, size, false);
    return true;
  }
  const bool spilled_zero = spilled > 0 && slot.value.is_null();
  bool zero = true;
  for (unsigned b = first; b < first + size; ++b)
    zero &= slot.bytes[b] == Byte::Zero || (slot.bytes[b] == Byte::Spill && spilled_zero);
  if (zero) *loaded = Value::number(Scalar::constant(0));
  return true;
}

// Memory on the stack that a call is given: `reads` it, `writes` it, or both.
bool Verifier::stack_region(unsigned r, int offset, uint64_t size, bool writes, bool reads) {
  if (!stack_bounds(r, offset, size, reads ? " read from" : " write to")) return false;
  const Value pointer = reg(r);
  Frame& target = current_.frames[pointer.frame];
  const int64_t low = pointer.offset + offset + pointer.scalar.smin;
  const int64_t high = pointer.offset + offset + pointer.scalar.smax + static_cast<int64_t>(size);
  for (int64_t at = low; at < high; ++at) {
    const unsigned i = slot_of(static_cast<int>(at));
    if (reads && target.slot(i).is_special())
      return reject(Rule::SpecialSlot, r,
                    fmt::format("invalid read from stack R{} off {}+{} size {}", r, low, at - low, size),
                    "The range holds a dynptr or an iterator, which is passed on as such only.");
    if (options_.strict && reads) {
      const Slot& slot = target.slot(i);
      const Byte byte = slot.bytes[byte_of(static_cast<int>(at))];
      if (byte == Byte::Invalid || (byte == Byte::Spill && slot.value.is_pointer()))
        return reject(byte == Byte::Invalid ? Rule::UnwrittenStack : Rule::ShownAddress, r,
                      fmt::format("invalid read from stack R{} off {}+{} size {}", r, low, at - low, size),
                      byte == Byte::Invalid ? "These bytes of the stack were not written on this path."
                                            : "A pointer lies there, which the call would see as a number.");
    }
    if (!writes) continue;
    if (!overwrite(target, i)) return false;
    scrub(target.slot(i));
    target.slot(i).bytes[byte_of(static_cast<int>(at))] = Byte::Misc;
  }
  return true;
}

}  // namespace ring3::bpf
