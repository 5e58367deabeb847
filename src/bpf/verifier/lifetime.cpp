// What must be given back, and what dies with it: references that calls acquire, iterators and dynptrs on the
// stack, and the pointers into what they hold.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "bpf/verifier/report.hpp"
#include "bpf/verifier/verifier.hpp"

namespace ring3::bpf {
using namespace abi;

namespace {
// "bpf_iter_num" is called iter_num in messages.
std::string_view short_name(std::string_view type) {
  return type.starts_with("bpf_") ? type.substr(4) : type;
}
}  // namespace

uint32_t Verifier::acquire() {
  const uint32_t id = fresh_id();
  current_.references.push_back({id, pc_});
  found(Acquires);
  return id;
}

bool Verifier::release(uint32_t reference) {
  if (!current_.owns(reference))
    return reject(Rule::ReleaseArgument, "release of an unowned reference",
                  "What the call releases was released before.");
  std::erase_if(current_.references, [&](const Reference& r) { return r.id == reference; });
  invalidate(reference);
  return true;
}

// Whatever lives by this reference, dynptr or iterator is gone.
void Verifier::invalidate(uint32_t reference) {
  if (reference == 0) return;
  auto dead = [&](const Value& value) {
    return value.reference == reference && value.is_pointer() && value.kind != Kind::Dynptr &&
           value.kind != Kind::Iterator;
  };
  for (Frame& f : current_.frames) {
    for (Value& value : f.registers)
      if (dead(value)) value = options_.strict ? Value() : Value::unknown(pc_);
    for (Slot& slot : f.stack)
      if (slot.is_spill() && dead(slot.value)) slot.fill(options_.strict ? Byte::Invalid : Byte::Misc);
  }
  invalidate_dynptrs(reference);
}

// The same for dynptrs, and what points into their memory, alone.
void Verifier::invalidate_dynptrs(uint32_t reference) {
  std::vector<uint32_t> ids;
  for (Frame& f : current_.frames)
    for (Slot& slot : f.stack)
      if (slot.bytes[0] == Byte::Dynptr && slot.value.reference == reference) {
        if (slot.value.part == 0) ids.push_back(slot.value.id);
        slot.fill(Byte::Invalid);
      }
  for (uint32_t id : ids) invalidate(id);
}

// References acquired after the first `from`.
bool Verifier::check_leaks(size_t from) {
  if (current_.references.size() <= from) return true;
  const Reference& leaked = current_.references[from];
  const SourceLine* line = program_->source_at(leaked.insn);
  return reject(
      Rule::Leak, fmt::format("Unreleased reference id={} alloc_insn={}", leaked.id, leaked.insn),
      fmt::format("What was acquired at instruction {}{} is not given back on this path.", leaked.insn,
                  line ? fmt::format(" (line {}: {})", line->line, trimmed(line->text)) : ""));
}

// `size` bytes on the stack at a known, 8-aligned place.
bool Verifier::on_stack(unsigned r, uint64_t size, Rule rule) {
  const auto at = fixed_stack_offset(reg(r));
  if (!at)
    return reject(rule, r,
                  fmt::format("arg#{} expected pointer to {} on stack", r - 1,
                              rule == Rule::Iterator ? "an iterator" : "dynptr"),
                  "The call takes a variable on the stack.");
  if (*at % 8 != 0)
    return reject(
        rule, r,
        fmt::format("cannot pass in {} at an offset={}", rule == Rule::Iterator ? "iter" : "dynptr", *at),
        "The variable must be 8-aligned.");
  return stack_bounds(r, 0, size, " write to");
}

bool Verifier::new_iterator(Call& call, unsigned r, TypeRef type) {
  const auto size = static_cast<int>(type.btf->size_of(type.id));
  const std::string_view name = type.btf->name(type.id);
  if (!on_stack(r, static_cast<uint64_t>(size), Rule::Iterator)) return false;
  call.iterator_pointer = reg(r);
  Frame& target = current_.frames[reg(r).frame];
  const int base = *fixed_stack_offset(reg(r));
  for (int part = 0; part < size / 8; ++part) {
    const unsigned i = slot_of(base + 8 * part);
    if (target.slot(i).bytes[0] == Byte::Iterator)
      return reject(Rule::Iterator, r,
                    fmt::format("expected uninitialized {} as arg #{}", short_name(name), r - 1),
                    "This iterator is in use.", "Destroy it before making it again.");
    if (!overwrite(target, i)) return false;
  }
  Value value = Value::pointer(Kind::Iterator, pc_);
  value.reference = acquire();
  value.type = type;
  for (int part = 0; part < size / 8; ++part) {
    Slot& slot = target.slot(slot_of(base + 8 * part));
    value.part = static_cast<uint8_t>(part);
    slot.bytes.fill(Byte::Iterator);
    slot.value = value;
  }
  return true;
}

bool Verifier::old_iterator(Call& call, unsigned r, TypeRef type) {
  const auto size = static_cast<int>(type.btf->size_of(type.id));
  const auto at = fixed_stack_offset(reg(r));
  bool ok = at && *at % 8 == 0 && *at >= -BPF_STACK_BYTES && *at + size <= 0;
  for (int part = 0; ok && part < size / 8; ++part) {
    const Slot& slot = current_.frames[reg(r).frame].slot(slot_of(*at + 8 * part));
    ok = slot.bytes[0] == Byte::Iterator && slot.value.part == part && slot.value.type.id == type.id &&
         slot.value.type.btf == type.btf && (part == 0 || slot.value.reference == call.iterator->reference);
    if (ok && part == 0) call.iterator = slot.value;
  }
  call.iterator_pointer = reg(r);
  if (ok) return true;
  return reject(
      Rule::Iterator, r,
      fmt::format("expected an initialized {} as arg #{}", short_name(type.btf->name(type.id)), r - 1),
      "No iterator of this kind was made there on this path, or it was destroyed.");
}

// next() gives an element, or nothing for ever after: two states. r0 holds the pointer that it may return.
bool Verifier::advance_iterator(const Call& call) {
  found(OpenLoop);
  invalidate_dynptrs(call.iterator->reference);
  const Value pointer = reg(0);
  const unsigned first = slot_of(*fixed_stack_offset(call.iterator_pointer));
  const uint8_t frame_number = call.iterator_pointer.frame;
  if (call.iterator->phase == IteratorPhase::Active) {
    State next = current_;
    next.insn = pc_ + 1;
    ++next.frames[frame_number].slot(first).value.depth;
    Value& element = next.top().registers[0];
    element = pointer;
    element.or_null = false;
    element.id = 0;
    if (const Node* before = previous_visit(pc_, parent_->parent)) widen(before->state, next);
    if (!push_branch(std::move(next))) return false;
  }
  const auto slots = static_cast<unsigned>(call.iterator->type.btf->size_of(call.iterator->type.id) / 8);
  for (unsigned part = 0; part < slots; ++part)
    current_.frames[frame_number].slot(first - part).value.phase = IteratorPhase::Drained;
  return set(0, Value::number(Scalar::constant(0)));
}

void Verifier::destroy_iterator(const Call& call) {
  const unsigned first = slot_of(*fixed_stack_offset(call.iterator_pointer));
  const auto slots = static_cast<unsigned>(call.iterator->type.btf->size_of(call.iterator->type.id) / 8);
  for (unsigned part = 0; part < slots; ++part)
    current_.frames[call.iterator_pointer.frame].slot(first - part).fill(Byte::Invalid);
  release(call.iterator->reference);
}

bool Verifier::old_dynptr(Call& call, unsigned r, bool ringbuf) {
  const auto at = fixed_stack_offset(reg(r));
  if (reg(r).kind != Kind::Stack)
    return reject(Rule::Dynptr, r,
                  fmt::format("arg#{} expected pointer to stack or const struct bpf_dynptr", r - 1),
                  "The call takes a dynptr on the stack.");
  bool ok = at && *at % 8 == 0 && *at >= -BPF_STACK_BYTES && *at <= -16;
  if (ok) {
    Frame& source = current_.frames[reg(r).frame];
    const Slot low = source.slot(slot_of(*at)), high = source.slot(slot_of(*at + 8));
    ok = low.bytes[0] == Byte::Dynptr && high.bytes[0] == Byte::Dynptr && low.value.part == 0 &&
         high.value.part == 1 && low.value.id == high.value.id;
    if (ok) call.dynptr = low.value;
  }
  if (!ok)
    return reject(Rule::Dynptr, r, fmt::format("Expected an initialized dynptr as arg #{}", r - 1),
                  "No dynptr was made there on this path, or what it points into is gone.");
  if (!ringbuf || call.dynptr->dynptr == DynptrKind::Ringbuf) return true;
  return reject(Rule::Dynptr, r, fmt::format("Expected a dynptr of type ringbuf as arg #{}", r - 1),
                "The call takes what bpf_ringbuf_reserve_dynptr() made.");
}

bool Verifier::room_for_dynptr(Call& call, unsigned r) {
  if (reg(r).kind != Kind::Stack)
    return reject(Rule::Dynptr, r,
                  fmt::format("arg#{} expected pointer to stack or const struct bpf_dynptr", r - 1),
                  "The call makes a dynptr on the stack.");
  if (!on_stack(r, 16, Rule::Dynptr)) return false;
  Frame& target = current_.frames[reg(r).frame];
  const int base = *fixed_stack_offset(reg(r));
  for (int part = 0; part < 2; ++part) {
    const unsigned i = slot_of(base + 8 * part);
    if (target.slot(i).bytes[0] == Byte::Iterator)
      return reject(Rule::Dynptr, r, "Dynptr has to be an uninitialized dynptr",
                    "An iterator in use lies there.", "Give the dynptr a variable of its own.");
    if (!overwrite(target, i)) return false;
  }
  call.room = reg(r);
  return true;
}

bool Verifier::new_dynptr(const Call& call, DynptrKind kind, uint32_t reference, bool read_only) {
  Frame& target = current_.frames[call.room->frame];
  const int base = *fixed_stack_offset(*call.room);
  Value value = Value::pointer(Kind::Dynptr, pc_);
  value.dynptr = kind;
  value.id = fresh_id();
  value.reference = reference;
  value.read_only = read_only;
  for (int part = 0; part < 2; ++part) {
    Slot& slot = target.slot(slot_of(base + 8 * part));
    value.part = static_cast<uint8_t>(part);
    slot.bytes.fill(Byte::Dynptr);
    slot.value = value;
  }
  return true;
}

}  // namespace ring3::bpf
