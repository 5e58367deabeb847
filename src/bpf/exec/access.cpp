// Checker: registers and memory, and how what is wrong with them is said.
#include <fmt/format.h>

#include "bpf/exec/checker.hpp"
#include "bpf/isa/disassemble.hpp"

namespace ring3::bpf {

using namespace abi;

bool Checker::violate(std::string what) {
  if (!violated()) violation_ = fmt::format("{}: {}", where(), what);
  return false;
}

std::string Checker::where() {
  if (depth_ == 0) return "at entry";
  const Program& program = *code_.program;
  const Frame& f = frame();
  const auto name_of = [&](uint32_t, Insn insn) -> std::string {
    if (!is_call(insn)) return {};
    switch (insn.src) {
      case BPF_PSEUDO_CALL:
        return program.subprograms[insn.imm].name;
      case BPF_PSEUDO_KFUNC_CALL:
        return insn.imm < 0 ? "" : program.kfuncs[insn.imm]->name;
      default:
        return std::string(program.world->helper(insn.imm)->name);
    }
  };
  std::string text = f.slot < program.insns.size() ? disassemble(program.insns, f.slot, name_of) : "the end";
  return fmt::format("{}, instruction {} ({})", program.subprograms[f.subprogram].name, f.slot, text);
}

bool Checker::need(unsigned reg) {
  if (frame().known[reg]) return true;
  return violate(fmt::format("r{} was never written, or a call has destroyed it", reg));
}

void Checker::set(unsigned reg, uint64_t value) {
  frame().r[reg] = value;
  frame().known.set(reg);
}

Checker::Frame* Checker::stack_owner(uint64_t address) {
  for (int i = depth_; i-- > 0;) {
    const uint64_t top = frames_[i].top();
    if (address < top && top - address <= kStack) return &frames_[i];
  }
  return nullptr;
}

std::string Checker::describe(uint64_t address) const {
  for (int i = depth_; i-- > 0;) {
    const int64_t offset = static_cast<int64_t>(address - frames_[i].top());
    if (offset >= -2 * static_cast<int64_t>(kStack) && offset < 64)
      return fmt::format("fp{:+} of {}", offset, code_.program->subprograms[frames_[i].subprogram].name);
  }
  if (const Region* region = memory_.near(address))
    return fmt::format("offset {} of {} ({} bytes{})", address - region->start, region->what, region->size,
                       region->writable ? "" : ", read-only");
  return fmt::format("{:#x}", address);
}

namespace {
// "reads 8 bytes at fp-16 of step", or what a call does.
std::string action(bool writes, uint64_t bytes, const std::string& place, unsigned argument) {
  const std::string subject = argument ? fmt::format("through r{} the call ", argument) : "";
  return fmt::format("{}{} {} bytes at {}", subject, writes ? "writes" : "reads", bytes, place);
}
}  // namespace

bool Checker::access(uint64_t address, uint64_t bytes, Use use, unsigned argument) {
  if (bytes == 0) return true;
  if (Frame* owner = stack_owner(address)) return access_stack(*owner, address, bytes, use, argument);
  if (memory_.find(address, bytes, use != Use::Read)) return true;
  return violate(action(use != Use::Read, bytes, describe(address), argument) +
                 ", which is not its to access");
}

bool Checker::access_stack(Frame& owner, uint64_t address, uint64_t bytes, Use use, unsigned argument) {
  const uint64_t depth = owner.top() - address;  // bytes below the frame pointer
  if (bytes > depth || depth > owner.stack_bytes)
    return violate(fmt::format("{}, outside the {} bytes of the stack",
                               action(use != Use::Read, bytes, describe(address), argument),
                               owner.stack_bytes));
  const size_t first = kStack - depth;
  size_t opaque = 0;
  for (size_t i = first; i < first + bytes; ++i) opaque += owner.opaque[i];
  // An iterator may show the program a part of itself.
  if (opaque != 0 && memory_.find(address, bytes, use != Use::Read)) return true;
  if (opaque != 0 && (use != Use::Write || memory_.find(address, bytes, false)))
    return violate(action(use != Use::Read, bytes, describe(address), argument) +
                   ", which is an iterator's or a dynptr's");
  for (size_t i = first; i < first + bytes; ++i) {
    read_unwritten_stack_ |= use != Use::Write && !owner.written[i];
    if (use == Use::Read) continue;
    // What overwrites an iterator or dynptr, ends it.
    owner.written.set(i);
    owner.opaque.reset(i);
  }
  return true;
}

bool Checker::make_object(unsigned reg, uint64_t bytes) {
  const uint64_t address = frame().r[reg];
  memory_.drop_owned_by(address);
  Frame* const owner = stack_owner(address);
  if (!owner) return violate(fmt::format("r{} is to point to an iterator or dynptr on the stack", reg));
  if (!access(address, bytes, Use::Write, reg)) return false;
  const size_t first = kStack - (owner->top() - address);
  for (size_t i = first; i < first + bytes; ++i) owner->opaque.set(i);
  return true;
}

bool Checker::use_object(unsigned reg, uint64_t bytes) {
  const uint64_t address = frame().r[reg];
  Frame* const owner = stack_owner(address);
  bool made = owner && bytes <= owner->top() - address;
  for (uint64_t i = 0; made && i < bytes; ++i) made = owner->opaque[kStack - (owner->top() - address) + i];
  return made ||
         violate(fmt::format("r{} points to {}, which is no iterator or dynptr", reg, describe(address)));
}

bool Checker::end_object(unsigned reg, uint64_t bytes) {
  if (!use_object(reg, bytes)) return false;
  const uint64_t address = frame().r[reg];
  Frame& owner = *stack_owner(address);
  memory_.drop_owned_by(address);
  for (uint64_t i = 0; i < bytes; ++i) {
    const size_t at = kStack - (owner.top() - address) + i;
    owner.opaque.reset(at);
    owner.written.reset(at);
  }
  return true;
}

bool Checker::access_atomic(uint64_t address, unsigned bytes, Use use) {
  // Elsewhere the verifier can't always know: the argument of a global function or a slice of a dynptr may
  // start anywhere. As in Linux, the processor takes it.
  if (address % bytes != 0 && stack_owner(address))
    return violate(fmt::format("atomic access of {} bytes at {}, misaligned", bytes, describe(address)));
  return access(address, bytes, use);
}

}  // namespace ring3::bpf
