// From verified instructions to Ops. Anything unknown is an Error, however sure the verifier is: a jump that
// leaves the program must not become an address.
#include <algorithm>

#include "bpf/exec/code.hpp"
#include "bpf/exec/run.hpp"
#include "bpf/isa/insn.hpp"

namespace ring3::bpf {

using namespace abi;

namespace {

struct Row {
  int32_t key;    // what tells rows of a table apart
  int32_t extra;  // class, size or offset, where the key isn't enough
  Opcode first;   // of the row's opcodes
};

constexpr Row kAlu[] = {
#define RING3_ALU(name, op, off, expression) {op, off, Opcode::name##64K},
#include "bpf/exec/opcodes.def"
};
constexpr Row kExtend[] = {
#define RING3_EXTEND(name, bpf_class, off, expression) {bpf_class, off, Opcode::name},
#include "bpf/exec/opcodes.def"
};
constexpr Row kJump[] = {
#define RING3_JUMP(name, op, condition) {op, 0, Opcode::name##64K},
#include "bpf/exec/opcodes.def"
};
constexpr Row kLoad[] = {
#define RING3_LOAD(name, mode, size, type) {mode, size, Opcode::name},
#include "bpf/exec/opcodes.def"
};
constexpr Row kStore[] = {
#define RING3_STORE(name, size, type) {size, 0, Opcode::name##K},
#include "bpf/exec/opcodes.def"
};
constexpr Row kAtomic[] = {
#define RING3_ATOMIC(name, imm, action) {imm, 0, Opcode::name##64},
#define RING3_ATOMIC_FETCH(name, imm, old) {imm, 0, Opcode::name##64},
#include "bpf/exec/opcodes.def"
    {BPF_CMPXCHG, 0, Opcode::Cmpxchg64},
};
constexpr Row kOrdered[] = {
#define RING3_ATOMIC_ORDERED(name, size, type) {size, 0, Opcode::name##Load},
#include "bpf/exec/opcodes.def"
};

constexpr std::optional<Opcode> look_up(std::span<const Row> rows, int32_t key, int32_t extra,
                                        unsigned variant) {
  for (const Row& row : rows)
    if (row.key == key && row.extra == extra)
      return static_cast<Opcode>(static_cast<unsigned>(row.first) + variant);
  return std::nullopt;
}

class Decoder {
 public:
  Decoder(const VerifiedProgram& verified, ExecutableOptions options) : program_(verified.program()) {
    code_ = std::make_unique<Executable::Code>();
    code_->program = verified.shared();
    code_->options = options;
    arena_uses_ = verified.arena_uses();
    for (const auto& map : program_.maps)
      if (map->definition().type == BPF_MAP_TYPE_ARENA) code_->arena = static_cast<Arena*>(map.get());
    code_->stack_bytes.assign(verified.stack_bytes().begin(), verified.stack_bytes().end());
  }

  Result<std::unique_ptr<Executable::Code>> run() {
    const size_t count = program_.insns.size();
    code_->ops.resize(count + 1);
    code_->opcodes.assign(count + 1, Opcode::Trap);
    code_->stack_bytes.resize(program_.subprograms.size(), BPF_STACK_BYTES);
    for (const Subprogram& subprogram : program_.subprograms) {
      if (subprogram.start >= count)
        return fail(EINVAL, subprogram.name, "the function is outside the program");
      code_->entries.push_back(subprogram.start);
    }
    if (code_->entries.empty()) return fail(EINVAL, program_.name, "the program has no function");
    for (slot_ = 0; slot_ < count;) slot_ += TRY(decode_one());
    for (size_t i = 0; i <= count; ++i) code_->ops[i].handler = fast_handler(code_->opcodes[i]);
    return std::move(code_);
  }

 private:
  template <typename... Args>
  std::unexpected<Error> bad(fmt::format_string<Args...> format, Args&&... args) {
    return fail(EINVAL, fmt::format("{}: instruction {}", program_.name, slot_), format,
                std::forward<Args>(args)...);
  }

  Result<unsigned> decode_one();  // returns the slots it took
  Result<Opcode> choose(Insn insn);
  std::optional<Opcode> choose_alu(Insn insn);
  std::optional<Opcode> choose_store_register(Insn insn);
  Result<Opcode> choose_jump(Insn insn);
  Result<Opcode> choose_call(Insn insn);
  Result<uint64_t> wide_value(Insn insn, int32_t high);

  Result<void> check_target(int64_t target) {
    if (target < 0 || target >= static_cast<int64_t>(program_.insns.size()))
      return bad("jump to {}, outside the program", target);
    return {};
  }

  bool keeps_pointers() const { return code_->arena->definition().flags & BPF_F_NO_USER_CONV; }
  ArenaUse arena_use() const { return arena_uses_.empty() ? ArenaUse::None : arena_uses_[slot_]; }

  const Program& program_;
  std::span<const ArenaUse> arena_uses_;
  std::unique_ptr<Executable::Code> code_;
  size_t slot_ = 0;
};

Result<unsigned> Decoder::decode_one() {
  const Insn insn = program_.insns[slot_];
  Op& op = code_->ops[slot_];
  if (insn.dst > 10 || insn.src > 10) return bad("there is no such register");
  const uint8_t kind = insn_class(insn);
  const bool writes_dst = kind == BPF_ALU || kind == BPF_ALU64 || kind == BPF_LD || kind == BPF_LDX;
  if (writes_dst && insn.dst == 10) return bad("the frame pointer is read-only");
  op.dst = insn.dst;
  op.src = insn.src;
  op.off = insn.off;
  op.imm = insn.imm;
  if (!is_64bit_imm(insn)) {
    code_->opcodes[slot_] = TRY(choose(insn));
    return 1;
  }
  if (slot_ + 1 >= program_.insns.size()) return bad("the second half of a 64-bit load is missing");
  const Insn second = program_.insns[slot_ + 1];
  if (second.code != 0) return bad("the second half of a 64-bit load is not one");
  code_->opcodes[slot_] = Opcode::LoadImm64;
  code_->ops[slot_ + 1].word = TRY(wide_value(insn, second.imm));
  return 2;
}

Result<Opcode> Decoder::choose(Insn insn) {
  std::optional<Opcode> opcode;
  const uint8_t size = insn.code & 0x18;
  switch (insn_class(insn)) {
    case BPF_ALU:
    case BPF_ALU64:
      opcode = choose_alu(insn);
      break;
    case BPF_JMP:
    case BPF_JMP32:
      return choose_jump(insn);
    case BPF_LDX:
      opcode = look_up(kLoad, insn_mode(insn), size, 0);
      break;
    case BPF_ST:
      if (insn_mode(insn) == BPF_MEM) opcode = look_up(kStore, size, 0, 0);
      break;
    case BPF_STX:
      opcode = choose_store_register(insn);
      break;
  }
  if (opcode && arena_use() == ArenaUse::Access) opcode = of_arena(*opcode);
  if (!opcode) return bad("unknown instruction: code {:#04x} off {} imm {}", insn.code, insn.off, insn.imm);
  return *opcode;
}

std::optional<Opcode> Decoder::choose_alu(Insn insn) {
  const bool is64 = insn_class(insn) == BPF_ALU64 && arena_use() != ArenaUse::Arithmetic;
  const unsigned variant = (is64 ? 0 : 2) + (uses_register(insn) ? 1 : 0);
  switch (insn_op(insn)) {
    case BPF_NEG:
      if (uses_register(insn)) return std::nullopt;
      return is64 ? Opcode::Neg64 : Opcode::Neg32;
    case BPF_END: {
      if (is64 && uses_register(insn)) return std::nullopt;
      const bool swap = is64 || uses_register(insn);
      if (insn.imm == 16) return swap ? Opcode::Swap16 : Opcode::Le16;
      if (insn.imm == 32) return swap ? Opcode::Swap32 : Opcode::Le32;
      if (insn.imm == 64) return swap ? Opcode::Swap64 : Opcode::Le64;
      return std::nullopt;
    }
    case BPF_MOV:
      if (insn.off == 0) break;
      if (!uses_register(insn)) return std::nullopt;
      // A cast to where programs access the arena leaves the low half. NULL stays what it is, both ways.
      if (insn.off == 1 && code_->arena)
        return insn.imm == 1 || keeps_pointers() ? Opcode::Mov32X : Opcode::ToUser;
      return look_up(kExtend, insn_class(insn), insn.off, 0);
  }
  return look_up(kAlu, insn_op(insn), insn.off, variant);
}

std::optional<Opcode> Decoder::choose_store_register(Insn insn) {
  const uint8_t size = insn.code & 0x18;
  if (insn_mode(insn) == BPF_MEM) return look_up(kStore, size, 0, 1);
  if (insn_mode(insn) != BPF_ATOMIC) return std::nullopt;
  if (insn.imm == BPF_LOAD_ACQ) return look_up(kOrdered, size, 0, 0);
  if (insn.imm == BPF_STORE_REL) return look_up(kOrdered, size, 0, 1);
  if (size != BPF_W && size != BPF_DW) return std::nullopt;
  if ((insn.imm & BPF_FETCH) && insn.imm != BPF_CMPXCHG && insn.src == 10) return std::nullopt;
  return look_up(kAtomic, insn.imm, 0, size == BPF_DW ? 0 : 1);
}

Result<Opcode> Decoder::choose_jump(Insn insn) {
  const bool is64 = insn_class(insn) == BPF_JMP;
  Op& op = code_->ops[slot_];
  switch (insn_op(insn)) {
    case BPF_JA:
      if (uses_register(insn)) return bad("indirect jumps are not supported");
      op.imm = is64 ? insn.off : insn.imm;
      TRY_VOID(check_target(static_cast<int64_t>(slot_) + 1 + op.imm));
      return Opcode::Goto;
    case BPF_JCOND:
      if (!is64 || uses_register(insn) || insn.src != 0 || insn.imm != 0) break;
      op.imm = insn.off;
      TRY_VOID(check_target(static_cast<int64_t>(slot_) + 1 + op.imm));
      return Opcode::MayGoto;
    case BPF_CALL:
      if (!is_call(insn)) break;
      return choose_call(insn);
    case BPF_EXIT:
      if (!is_exit(insn)) break;
      return Opcode::Exit;
    default: {
      const auto opcode = look_up(kJump, insn_op(insn), 0, (is64 ? 0 : 2) + (uses_register(insn) ? 1 : 0));
      if (!opcode) break;
      TRY_VOID(check_target(static_cast<int64_t>(slot_) + 1 + insn.off));
      return *opcode;
    }
  }
  return bad("unknown jump: code {:#04x}", insn.code);
}

Result<Opcode> Decoder::choose_call(Insn insn) {
  Op& op = code_->ops[slot_];
  NativeFunction function = nullptr;
  switch (insn.src) {
    case BPF_PSEUDO_CALL:
      if (insn.imm < 0 || static_cast<size_t>(insn.imm) >= code_->entries.size())
        return bad("call of a function that the program does not have");
      op.imm = static_cast<int32_t>(code_->entries[insn.imm]) - static_cast<int32_t>(slot_);
      return Opcode::CallLocal;
    case BPF_PSEUDO_KFUNC_CALL:
      // A weak kfunc that the world lacks: the verifier has seen that the call is never made.
      if (insn.imm == -1) return Opcode::Trap;
      if (insn.imm < 0 || static_cast<size_t>(insn.imm) >= program_.kfuncs.size())
        return bad("call of a kfunc that the program does not name");
      function = program_.kfuncs[insn.imm]->implementation;
      break;
    case BPF_HELPER_CALL: {
      const Helper* helper =
          program_.world ? program_.world->helper(static_cast<uint32_t>(insn.imm)) : nullptr;
      if (!helper) return bad("there is no helper {}", insn.imm);
      function = helper->implementation;
      break;
    }
    default:
      return bad("unknown kind of call: {}", static_cast<unsigned>(insn.src));
  }
  if (!function) return bad("the function called has no implementation");
  op.word = reinterpret_cast<uint64_t>(function);
  return Opcode::CallNative;
}

Result<uint64_t> Decoder::wide_value(Insn insn, int32_t high) {
  const auto map = [&]() -> Result<Map*> {
    if (insn.imm < 0 || static_cast<size_t>(insn.imm) >= program_.maps.size())
      return bad("the program has no map {}", insn.imm);
    return program_.maps[insn.imm].get();
  };
  switch (insn.src) {
    case 0:
      return static_cast<uint64_t>(static_cast<uint32_t>(high)) << 32 | static_cast<uint32_t>(insn.imm);
    case BPF_PSEUDO_MAP_IDX:
      return reinterpret_cast<uint64_t>(TRY(map()));
    case BPF_PSEUDO_MAP_IDX_VALUE: {
      const std::span<std::byte> values = TRY(map())->values();
      if (static_cast<uint32_t>(high) >= values.size()) return bad("the address is outside the map's values");
      return reinterpret_cast<uint64_t>(values.data()) + static_cast<uint32_t>(high);
    }
    case BPF_PSEUDO_FUNC:
      if (insn.imm < 0 || static_cast<size_t>(insn.imm) >= code_->entries.size())
        return bad("address of a function that the program does not have");
      return kFunctionTag | static_cast<uint32_t>(insn.imm);
    default:
      return bad("unknown kind of 64-bit load: {}", static_cast<unsigned>(insn.src));
  }
}

}  // namespace

uint32_t Executable::Code::subprogram_of(uint64_t function) const {
  const uint64_t index = function ^ kFunctionTag;
  if (index >= entries.size()) fail_hard("a callback that is no function of the program");
  return static_cast<uint32_t>(index);
}

Result<std::unique_ptr<Executable::Code>> decode(const VerifiedProgram& program, ExecutableOptions options) {
  return Decoder(program, options).run();
}

}  // namespace ring3::bpf
