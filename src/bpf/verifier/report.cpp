// Rejections for people: the place, the C line with a caret, the value at fault and what made it, what would
// satisfy the rule, and Linux's wording.
#include "bpf/verifier/report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "bpf/verifier/verifier.hpp"

namespace ring3::bpf {
using namespace abi;

bool Verifier::reject(Rule rule, unsigned r, std::string linux_message, std::string reason,
                      std::string remedy) {
  if (!fault_)
    fault_ = Fault{.rule = rule,
                   .insn = pc_,
                   .linux_message = std::move(linux_message),
                   .reason = std::move(reason),
                   .remedy = std::move(remedy),
                   .reg = static_cast<int>(r),
                   .value = reg(r)};
  return false;
}

bool Verifier::reject(Rule rule, std::string linux_message, std::string reason, std::string remedy) {
  if (!fault_)
    fault_ = Fault{.rule = rule,
                   .insn = pc_,
                   .linux_message = std::move(linux_message),
                   .reason = std::move(reason),
                   .remedy = std::move(remedy)};
  return false;
}

std::optional<Verifier::Extent> Verifier::extent(const Value& pointer) const {
  switch (pointer.kind) {
    case Kind::MapValue:
      return Extent{0, program_->maps[pointer.index]->definition().value_size};
    case Kind::Memory:
      return Extent{0, pointer.size};
    case Kind::Stack:
      return Extent{-BPF_STACK_BYTES, 0};
    default:
      return std::nullopt;
  }
}

std::string Verifier::what_fits(const Value& pointer, int64_t fixed, uint64_t bytes) const {
  const auto memory = extent(pointer);
  if (!memory) return "";
  const auto [begin, end] = *memory;
  const auto size = static_cast<int64_t>(bytes);
  const int64_t at = fixed + static_cast<int64_t>(pointer.scalar.value());
  const bool is_variable = !pointer.scalar.is_constant();
  if (is_call(program_->insns[pc_]) && !is_variable && begin <= at && at < end)
    return fmt::format("Let the call have at most {} byte{}, or give it more memory.", end - at,
                       end - at == 1 ? "" : "s");
  if (size > end - begin) return fmt::format("The memory would have to be of at least {} bytes.", size);
  if (!is_variable && begin == end - size)
    return fmt::format("An access of {} bytes fits at offset {} only.", size, begin);
  if (!is_variable)
    return fmt::format("An access of {} byte{} fits at offsets {} to {}.", size, size == 1 ? "" : "s", begin,
                       end - size);
  if (end - size < fixed)
    return fmt::format("Nothing may be added to it: the access fits at offsets up to {} only.", end - size);
  const Insn by = program_->insns[pointer.origin];
  const bool added = insn_class(by) == BPF_ALU64 && insn_op(by) == BPF_ADD && uses_register(by);
  return fmt::format("Check that what {} is at most {}, as an unsigned number, before.",
                     added ? fmt::format("`{}` adds", disassemble(*program_, pointer.origin))
                           : std::string("is added to the pointer"),
                     end - size - fixed);
}

std::string Verifier::check_before(unsigned r, const Value& pointer, const char* before) const {
  const auto memory = extent(pointer);
  if (!memory || !reg(r).is_scalar() || pointer.offset < memory->begin || pointer.offset > memory->end)
    return "";
  return fmt::format("Check that r{} is at most {}, as an unsigned number, before {}.", r,
                     memory->end - pointer.offset, before);
}

namespace {
std::string number_text(const Scalar& number) {
  if (number.is_constant()) {
    const auto value = static_cast<int64_t>(number.value());
    return value < 0 || value < 4096 ? fmt::format("{}", value) : fmt::format("{0} ({0:#x})", value);
  }
  std::string text;
  const bool is_signed = number.smin < 0 && (number.smin != INT64_MIN || number.smax != INT64_MAX);
  if (is_signed)
    text = fmt::format("from {} to {}", number.smin, number.smax);
  else if (number.umin != 0 || number.umax != UINT64_MAX)
    text = fmt::format("from {} to {}", number.umin, number.umax);
  else
    text = "of any value";
  // The bits say more than the range.
  const Tnum& bits = number.bits;
  if (bits.value != 0 || (bits.mask != UINT64_MAX && (is_signed || (bits.mask & (bits.mask + 1)) != 0)))
    text += fmt::format(" (bits {:#x} set, {:#x} unknown)", bits.value, bits.mask);
  return text;
}

std::string offset_text(const Value& value) {
  if (value.scalar.is_constant()) {
    const int64_t offset = value.offset + static_cast<int64_t>(value.scalar.value());
    return offset ? fmt::format(", at offset {}", offset) : "";
  }
  return value.offset
             ? fmt::format(", at offset {} plus a number {}", value.offset, number_text(value.scalar))
             : fmt::format(", at an offset {}", number_text(value.scalar));
}

std::string target_text(const Program& program, const Value& value) {
  const auto map = [&] { return program.maps[value.index]->definition(); };
  switch (value.kind) {
    case Kind::Context:
      return "the program's arguments";
    case Kind::Stack:
      return value.frame == 0 ? "the stack" : fmt::format("the stack of frame {}", value.frame);
    case Kind::Map:
      return fmt::format("map {} itself", map().name);
    case Kind::MapValue:
      return fmt::format("a value of map {} ({} bytes)", map().name, map().value_size);
    case Kind::Memory:
      return fmt::format("{} ({} bytes{})", value.ringbuf ? "a ring buffer's record" : "memory", value.size,
                         value.read_only ? ", read-only" : "");
    case Kind::Object:
      return fmt::format("struct {}", value.type.btf->name(value.type.id));
    case Kind::Function:
      return fmt::format("function {}()", program.subprograms[value.index].name);
    default:
      return value_text(value);
  }
}
}  // namespace

std::string describe(const Program& program, const Value& value) {
  if (value.kind == Kind::NotInit) return "nothing";
  if (value.is_scalar())
    return value.is_constant() ? "the number " + number_text(value.scalar)
                               : "a number " + number_text(value.scalar);
  return fmt::format("a pointer to {}{}{}", target_text(program, value), offset_text(value),
                     value.or_null ? ", or NULL" : "");
}

namespace {
SourceLine source_at(const Program& program, uint32_t slot) {
  if (slot >= program.insns.size()) return {};
  const SourceLine* line = program.source_at(slot);
  return line ? *line : SourceLine();
}
}  // namespace

Rejection make_rejection(std::shared_ptr<const Program> shared, const Fault& fault,
                         const VerifyStats& stats) {
  const Program& program = *shared;
  const RuleRow& rule = row(fault.rule);
  Rejection rejection;
  rejection.program = std::move(shared);
  rejection.rule = fault.rule;
  rejection.code = rule.code;
  rejection.insn = fault.insn;
  if (!program.subprograms.empty()) rejection.function = program.subprogram_at(fault.insn).name;
  rejection.source = source_at(program, fault.insn);
  if (fault.insn < program.insns.size()) rejection.instruction = disassemble(program, fault.insn);
  rejection.linux_message = fault.linux_message;
  rejection.reason = fault.reason;
  const std::string name = fault.reg < 0 ? "the register" : fmt::format("r{}", fault.reg);
  rejection.remedy = fault.remedy.empty() ? fmt::format(fmt::runtime(rule.remedy), name) : fault.remedy;
  rejection.stats = stats;
  if (fault.reg < 0) return rejection;
  const Value& value = fault.value;
  rejection.value = FaultyValue{.reg = static_cast<unsigned>(fault.reg),
                                .type = kind_name(value),
                                .description = describe(program, value),
                                .linux_text = value_text(value),
                                .range = value.scalar,
                                .offset = value.offset,
                                .made_by = value.origin,
                                .made_by_instruction = disassemble(program, value.origin),
                                .made_at = source_at(program, value.origin)};
  const bool was_there = fault.reg == 10 && value.kind == Kind::Stack;
  if (value.kind == Kind::NotInit || was_there) rejection.value->made_by_instruction.clear();
  return rejection;
}

std::string_view trimmed(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  return line;
}

void Verifier::log_insn() {
  stats_.log += fmt::format("{}: {}  ; {}\n", pc_, disassemble(*program_, pc_), state_text(current_));
}

std::string FaultyValue::text(std::string_view file) const {
  std::string text = fmt::format("r{} holds {}", reg, description);
  if (made_by_instruction.empty()) return text;
  const std::string_view name = made_at.file.substr(made_at.file.rfind('/') + 1);
  if (made_at.line != 0)
    return text + fmt::format(", made at line {}{}: {}", made_at.line,
                              made_at.file == file ? "" : fmt::format(" of {}", name), trimmed(made_at.text));
  return text + fmt::format(", made by instruction {}: {}", made_by, made_by_instruction);
}

std::string Rejection::text() const {
  std::string text;
  if (source.line != 0)
    text += fmt::format("{}:{}:{}: in {}():\n", source.file, source.line, source.column, function);
  else
    text += fmt::format("in {}(), instruction {}:\n", function, insn);
  if (!source.text.empty()) {
    const std::string number = fmt::format("{:>5} | ", source.line);
    text += fmt::format("{}{}\n", number, source.text);
    const size_t column = std::min<size_t>(source.column > 0 ? source.column - 1 : 0, source.text.size());
    std::string blank(number.size() - 2, ' ');
    blank += "| ";
    for (char c : source.text.substr(0, column)) blank += c == '\t' ? '\t' : ' ';
    text += fmt::format("{}^\n", blank);
  }
  if (value) text += fmt::format("  {}\n", value->text(source.file));
  text += fmt::format("  {}\n", reason);
  text += fmt::format("  Needed: {}\n", remedy);
  if (!instruction.empty()) text += fmt::format("  Instruction {}: {}\n", insn, instruction);
  text += fmt::format("  Linux says: {} ({})", linux_message, errno_name(code));
  return text;
}

}  // namespace ring3::bpf
