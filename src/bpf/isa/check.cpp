#include "bpf/isa/check.hpp"

#include <fmt/format.h>

#include <array>
#include <vector>

namespace ring3::bpf {

using namespace abi;

namespace {
// What a field of an instruction may hold.
enum class Dst : uint8_t { Zero, Register };
enum class Src : uint8_t { Zero, Register, Pseudo, CallKind };
enum class Off : uint8_t { Zero, Any, Jump, Signed, MoveSize32, MoveSize64 };
enum class Imm : uint8_t { Zero, Any, Divisor, Shift32, Shift64, SwapBits, Atomic, Jump, MoveImm };

struct Rule {
  const char* family = nullptr;  // as Linux names it in its messages; nullptr: no such instruction
  Dst dst = Dst::Zero;
  Src src = Src::Zero;
  Off off = Off::Zero;
  Imm imm = Imm::Zero;
};

struct Row {
  uint8_t code;
  Rule rule;
};

// The operations that come in four forms: 32 and 64 bits wide, with a constant and with a register.
struct AluRow {
  uint8_t op;
  Off off;
  bool shift, divides;
};
constexpr AluRow ALU_ROWS[] = {
    {BPF_ADD, Off::Zero, false, false},  {BPF_SUB, Off::Zero, false, false},
    {BPF_MUL, Off::Zero, false, false},  {BPF_DIV, Off::Signed, false, true},
    {BPF_OR, Off::Zero, false, false},   {BPF_AND, Off::Zero, false, false},
    {BPF_LSH, Off::Zero, true, false},   {BPF_RSH, Off::Zero, true, false},
    {BPF_MOD, Off::Signed, false, true}, {BPF_XOR, Off::Zero, false, false},
    {BPF_ARSH, Off::Zero, true, false},
};
constexpr uint8_t CONDITIONS[] = {BPF_JEQ,  BPF_JGT, BPF_JGE, BPF_JSET, BPF_JNE, BPF_JSGT,
                                  BPF_JSGE, BPF_JLT, BPF_JLE, BPF_JSLT, BPF_JSLE};
constexpr uint8_t SIZES[] = {BPF_B, BPF_H, BPF_W, BPF_DW};

// Every other instruction.
constexpr Row ROWS[] = {
    {BPF_ALU | BPF_NEG, {"BPF_NEG", Dst::Register, Src::Zero, Off::Zero, Imm::Zero}},
    {BPF_ALU64 | BPF_NEG, {"BPF_NEG", Dst::Register, Src::Zero, Off::Zero, Imm::Zero}},
    {BPF_ALU | BPF_END | BPF_K, {"BPF_END", Dst::Register, Src::Zero, Off::Zero, Imm::SwapBits}},
    {BPF_ALU | BPF_END | BPF_X, {"BPF_END", Dst::Register, Src::Zero, Off::Zero, Imm::SwapBits}},
    {BPF_ALU64 | BPF_END | BPF_K, {"BPF_END", Dst::Register, Src::Zero, Off::Zero, Imm::SwapBits}},
    {BPF_ALU | BPF_MOV | BPF_K, {"BPF_MOV", Dst::Register, Src::Zero, Off::Zero, Imm::Any}},
    {BPF_ALU64 | BPF_MOV | BPF_K, {"BPF_MOV", Dst::Register, Src::Zero, Off::Zero, Imm::Any}},
    {BPF_ALU | BPF_MOV | BPF_X, {"BPF_MOV", Dst::Register, Src::Register, Off::MoveSize32, Imm::Zero}},
    {BPF_ALU64 | BPF_MOV | BPF_X, {"BPF_MOV", Dst::Register, Src::Register, Off::MoveSize64, Imm::MoveImm}},
    {BPF_LD | BPF_IMM | BPF_DW, {"BPF_LD_IMM64", Dst::Register, Src::Pseudo, Off::Zero, Imm::Any}},
    {BPF_STX | BPF_ATOMIC | BPF_B, {"BPF_ATOMIC", Dst::Register, Src::Register, Off::Any, Imm::Atomic}},
    {BPF_STX | BPF_ATOMIC | BPF_H, {"BPF_ATOMIC", Dst::Register, Src::Register, Off::Any, Imm::Atomic}},
    {BPF_STX | BPF_ATOMIC | BPF_W, {"BPF_ATOMIC", Dst::Register, Src::Register, Off::Any, Imm::Atomic}},
    {BPF_STX | BPF_ATOMIC | BPF_DW, {"BPF_ATOMIC", Dst::Register, Src::Register, Off::Any, Imm::Atomic}},
    {BPF_LDX | BPF_MEMSX | BPF_B, {"BPF_LDX", Dst::Register, Src::Register, Off::Any, Imm::Zero}},
    {BPF_LDX | BPF_MEMSX | BPF_H, {"BPF_LDX", Dst::Register, Src::Register, Off::Any, Imm::Zero}},
    {BPF_LDX | BPF_MEMSX | BPF_W, {"BPF_LDX", Dst::Register, Src::Register, Off::Any, Imm::Zero}},
    {BPF_JMP | BPF_JA, {"BPF_JA", Dst::Zero, Src::Zero, Off::Jump, Imm::Zero}},
    {BPF_JMP32 | BPF_JA, {"BPF_JA", Dst::Zero, Src::Zero, Off::Zero, Imm::Jump}},
    {BPF_JMP | BPF_JCOND, {"BPF_JCOND", Dst::Zero, Src::Zero, Off::Jump, Imm::Zero}},
    {BPF_JMP | BPF_CALL, {"BPF_CALL", Dst::Zero, Src::CallKind, Off::Any, Imm::Any}},
    {BPF_JMP | BPF_EXIT, {"BPF_EXIT", Dst::Zero, Src::Zero, Off::Zero, Imm::Zero}},
};

consteval std::array<Rule, 256> make_rules() {
  std::array<Rule, 256> rules;
  for (const auto& row : ALU_ROWS) {
    for (const uint8_t width : {BPF_ALU, BPF_ALU64}) {
      const Imm imm = row.divides        ? Imm::Divisor
                      : !row.shift       ? Imm::Any
                      : width == BPF_ALU ? Imm::Shift32
                                         : Imm::Shift64;
      rules[width | row.op | BPF_K] = {"BPF_ALU", Dst::Register, Src::Zero, row.off, imm};
      rules[width | row.op | BPF_X] = {"BPF_ALU", Dst::Register, Src::Register, row.off, Imm::Zero};
    }
  }
  for (const uint8_t op : CONDITIONS) {
    for (const uint8_t width : {BPF_JMP, BPF_JMP32}) {
      rules[width | op | BPF_K] = {"BPF_JMP/JMP32", Dst::Register, Src::Zero, Off::Jump, Imm::Any};
      rules[width | op | BPF_X] = {"BPF_JMP/JMP32", Dst::Register, Src::Register, Off::Jump, Imm::Zero};
    }
  }
  for (const uint8_t size : SIZES) {
    rules[BPF_LDX | BPF_MEM | size] = {"BPF_LDX", Dst::Register, Src::Register, Off::Any, Imm::Zero};
    rules[BPF_STX | BPF_MEM | size] = {"BPF_STX", Dst::Register, Src::Register, Off::Any, Imm::Zero};
    rules[BPF_ST | BPF_MEM | size] = {"BPF_ST", Dst::Register, Src::Zero, Off::Any, Imm::Any};
  }
  for (const auto& row : ROWS) rules[row.code] = row.rule;
  return rules;
}
constexpr std::array<Rule, 256> RULES = make_rules();

// Operations that read, change and write memory; these come in 4 and 8 bytes only.
bool is_read_modify_write(int32_t operation) {
  switch (operation & ~BPF_FETCH) {
    case BPF_ADD:
    case BPF_OR:
    case BPF_AND:
    case BPF_XOR:
      return true;
    default:
      return operation == BPF_XCHG || operation == BPF_CMPXCHG;
  }
}

class FunctionCheck {
 public:
  FunctionCheck(std::span<const Insn> insns, uint32_t start, uint32_t end)
      : insns_(insns), start_(start), end_(end), second_half_(end - start) {}

  std::optional<MalformedInsn> run() {
    for (at_ = start_; at_ < end_; at_ += insn_slots(insns_[at_]))
      if (auto bad = check(insns_[at_])) return bad;
    uint32_t last = start_;
    for (at_ = start_; at_ < end_; at_ += insn_slots(insns_[at_])) {
      last = at_;
      if (auto bad = check_target(insns_[at_])) return bad;
    }
    at_ = last;
    const Insn insn = insns_[last];
    if (!is_exit(insn) && insn.code != (BPF_JMP | BPF_JA) && insn.code != (BPF_JMP32 | BPF_JA))
      return malformed("last insn is not an exit or jmp", "control would run off the end of the function");
    return std::nullopt;
  }

 private:
  MalformedInsn malformed(std::string linux_message, std::string reason) const {
    return {at_, std::move(linux_message), std::move(reason)};
  }
  MalformedInsn reserved(const Rule& rule, std::string_view field) const {
    return malformed(
        fmt::format("{} uses reserved fields", rule.family),
        fmt::format("the instruction's {} must be zero or one of the values defined for it", field));
  }

  // In Linux's order: what is reserved, then which registers, so that the message of an instruction with
  // several faults is the same.
  std::optional<MalformedInsn> check(Insn insn) {
    const Rule& rule = RULES[insn.code];
    const bool is_load_mode = insn_mode(insn) == BPF_MEM || insn_mode(insn) == BPF_MEMSX;
    if (!rule.family && insn_class(insn) == BPF_LDX && !(is_load_mode && insn.imm == 0))
      return malformed("BPF_LDX uses reserved fields", fmt::format("opcode {:#04x} is no load", insn.code));
    if (!rule.family)
      return malformed(fmt::format("unknown opcode {:02x}", insn.code),
                       fmt::format("opcode {:#04x} is no BPF instruction", insn.code));
    if (insn.code == (BPF_JMP | BPF_JCOND) && (insn.dst || insn.src || insn.imm))
      return malformed(fmt::format("invalid may_goto imm {}", insn.imm),
                       "may_goto has an offset and nothing else");
    if (rule.dst == Dst::Zero && insn.dst) return reserved(rule, "destination register");
    if (rule.src == Src::Zero && insn.src) return reserved(rule, "source register");
    if (rule.src == Src::CallKind && insn.src > BPF_PSEUDO_KFUNC_CALL)
      return reserved(rule, "source register");
    if (rule.src == Src::CallKind && insn.off && insn.src != BPF_PSEUDO_KFUNC_CALL)
      return reserved(rule, "offset");
    if (is_64bit_imm(insn)) {
      if (auto bad = check_wide(insn)) return bad;
    }
    if (!check_off(rule.off, insn.off)) return reserved(rule, "offset");
    const bool is_operand = rule.imm == Imm::Divisor || rule.imm == Imm::Shift32 || rule.imm == Imm::Shift64;
    if (!is_operand) {
      if (auto bad = check_imm(rule, insn)) return bad;
    }
    if (rule.src == Src::Register && insn.src > 10) return no_register(insn.src);
    if (insn.dst > 10) return no_register(insn.dst);
    return is_operand ? check_imm(rule, insn) : std::nullopt;
  }

  MalformedInsn no_register(unsigned number) const {
    return malformed(fmt::format("R{} is invalid", number),
                     fmt::format("there is no register {}: r0 to r10 exist", number));
  }

  static bool check_off(Off rule, int16_t off) {
    switch (rule) {
      case Off::Zero:
        return off == 0;
      case Off::Signed:
        return off == 0 || off == 1;
      case Off::MoveSize32:
        return off == 0 || off == 8 || off == 16;
      case Off::MoveSize64:
        return off == 0 || off == 1 || off == 8 || off == 16 || off == 32;
      default:
        return true;
    }
  }

  std::optional<MalformedInsn> check_imm(const Rule& rule, Insn insn) const {
    const int32_t imm = insn.imm;
    switch (rule.imm) {
      case Imm::Zero:
        if (imm) return reserved(rule, "constant");
        break;
      case Imm::MoveImm:  // the address spaces of a cast: from the arena, or to it
        if (insn.off == 1 && imm != 1 && imm != 1 << 16)
          return malformed("addr_space_cast insn can only convert between address space 1 and 0",
                           "address space 1 is the arena's, 0 is what programs use");
        if (insn.off != 1 && imm) return reserved(rule, "constant");
        break;
      case Imm::Divisor:
        if (!imm) return malformed("div by zero", "the constant divisor is zero");
        break;
      case Imm::Shift32:
      case Imm::Shift64: {
        const int bits = rule.imm == Imm::Shift32 ? 32 : 64;
        if (imm < 0 || imm >= bits)
          return malformed(fmt::format("invalid shift {}", imm),
                           fmt::format("a shift of {} bits must be by 0 to {}", bits, bits - 1));
        break;
      }
      case Imm::SwapBits:
        if (imm != 16 && imm != 32 && imm != 64) return reserved(rule, "constant");
        break;
      case Imm::Atomic:
        if (imm == BPF_LOAD_ACQ || imm == BPF_STORE_REL) break;
        if (!is_read_modify_write(imm))
          return malformed(fmt::format("BPF_ATOMIC uses invalid atomic opcode {:02x}", uint32_t(imm)),
                           fmt::format("there is no atomic operation {:#x}", uint32_t(imm)));
        if (access_bytes(insn) < 4)
          return malformed("invalid atomic operand size",
                           fmt::format("atomic operations are on 4 or 8 bytes, not {}", access_bytes(insn)));
        break;
      default:
        break;
    }
    return std::nullopt;
  }

  std::optional<MalformedInsn> check_wide(Insn insn) {
    if (at_ + 1 >= end_) return malformed("invalid bpf_ld_imm64 insn", "its second half is missing");
    const Insn next = insns_[at_ + 1];
    if (next.code || next.dst || next.src || next.off)
      return malformed("invalid bpf_ld_imm64 insn", "its second half must be zero but for the constant");
    if (insn.src > BPF_PSEUDO_MAP_IDX_VALUE)
      return malformed("unrecognized bpf_ld_imm64 insn",
                       fmt::format("kind {} is unknown", unsigned{insn.src}));
    second_half_[at_ + 1 - start_] = true;
    return std::nullopt;
  }

  std::optional<MalformedInsn> check_target(Insn insn) const {
    const auto target = jump_target(insn, at_);
    if (!target) return std::nullopt;
    if (*target < start_ || *target >= end_)
      return malformed(fmt::format("jump out of range from insn {} to {}", at_, *target),
                       fmt::format("the jump leaves its function, which is at {} to {}", start_, end_ - 1));
    if (second_half_[*target - start_])
      return malformed(fmt::format("jump into the middle of ldimm64 insn {}", *target - 1),
                       "the jump leads into the second half of a 16-byte instruction");
    return std::nullopt;
  }

  std::span<const Insn> insns_;
  uint32_t start_, end_, at_ = 0;
  std::vector<bool> second_half_;
};
}  // namespace

std::optional<int64_t> jump_target(Insn insn, uint32_t slot) {
  if (!is_jump_class(insn)) return std::nullopt;
  if (insn.code == (BPF_JMP32 | BPF_JA)) return int64_t{slot} + 1 + insn.imm;
  const uint8_t op = insn_op(insn);
  if (op == BPF_CALL || op == BPF_EXIT) return std::nullopt;
  return int64_t{slot} + 1 + insn.off;
}

std::optional<MalformedInsn> check_function(std::span<const Insn> insns, uint32_t start, uint32_t end) {
  if (start >= end || end > insns.size())
    return MalformedInsn{start, "last insn is not an exit or jmp", "the function has no instructions"};
  return FunctionCheck(insns, start, end).run();
}

}  // namespace ring3::bpf
