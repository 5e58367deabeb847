#include "bpf/isa/disassemble.hpp"

#include <fmt/format.h>

namespace ring3::bpf {

using namespace abi;

namespace {
std::string_view width(Insn insn, bool sign = false) {
  switch (access_bytes(insn)) {
    case 1:
      return sign ? "s8" : "u8";
    case 2:
      return sign ? "s16" : "u16";
    case 4:
      return sign ? "s32" : "u32";
    default:
      return sign ? "s64" : "u64";
  }
}

std::string memory(Insn insn, unsigned base, bool sign = false) {
  return fmt::format("({} *)(r{} {:+})", width(insn, sign), base, insn.off);
}

std::string_view jump_operator(uint8_t op) {
  switch (op) {
    case BPF_JEQ:
      return "==";
    case BPF_JGT:
      return ">";
    case BPF_JGE:
      return ">=";
    case BPF_JSET:
      return "&";
    case BPF_JNE:
      return "!=";
    case BPF_JSGT:
      return "s>";
    case BPF_JSGE:
      return "s>=";
    case BPF_JLT:
      return "<";
    case BPF_JLE:
      return "<=";
    case BPF_JSLT:
      return "s<";
    case BPF_JSLE:
      return "s<=";
    default:
      return {};
  }
}

std::string unknown(Insn insn) {
  return fmt::format("unknown opcode {:02x} (dst {}, src {}, off {}, imm {:#x})", insn.code,
                     unsigned{insn.dst}, unsigned{insn.src}, insn.off, uint32_t(insn.imm));
}

std::string alu(Insn insn) {
  const bool is64 = insn_class(insn) == BPF_ALU64;
  const char r = is64 ? 'r' : 'w';
  const unsigned dst = insn.dst, src = insn.src;
  const uint8_t op = insn_op(insn);
  if (op == BPF_NEG) return fmt::format("{0}{1} = -{0}{1}", r, dst);
  if (op == BPF_END) {
    const auto name = is64 ? "bswap" : uses_register(insn) ? "be" : "le";
    return fmt::format("r{0} = {1}{2} r{0}", dst, name, insn.imm);
  }
  if (op == BPF_MOV && uses_register(insn) && is64 && insn.off == 1)
    return fmt::format("r{} = addr_space_cast(r{}, {}, {})", dst, src, uint32_t(insn.imm) >> 16,
                       uint32_t(insn.imm) & 0xffff);
  if (op == BPF_MOV && uses_register(insn) && insn.off)
    return fmt::format("{0}{1} = (s{2}){0}{3}", r, dst, insn.off, src);
  const auto sign = alu_operator(op, insn.off == 1);
  if (sign.empty()) return unknown(insn);
  if (uses_register(insn)) return fmt::format("{0}{1} {2} {0}{3}", r, dst, sign, src);
  return fmt::format("{}{} {} {}", r, dst, sign, insn.imm);
}

std::string atomic(Insn insn) {
  const unsigned dst = insn.dst, src = insn.src;
  const auto at = memory(insn, dst);
  const auto bits = access_bytes(insn) == 8 ? "64" : "";
  switch (insn.imm) {
    case BPF_XCHG:
      return fmt::format("r{0} = atomic{1}_xchg({2}, r{0})", src, bits, at);
    case BPF_CMPXCHG:
      return fmt::format("r0 = atomic{}_cmpxchg({}, r0, r{})", bits, at, src);
    case BPF_LOAD_ACQ:
      return fmt::format("r{} = load_acquire({})", dst, memory(insn, src));
    case BPF_STORE_REL:
      return fmt::format("store_release({}, r{})", at, src);
    default:
      break;
  }
  const bool fetch = insn.imm & BPF_FETCH;
  const int32_t op = insn.imm & ~BPF_FETCH;
  if (op != BPF_ADD && op != BPF_AND && op != BPF_OR && op != BPF_XOR) return unknown(insn);
  if (!fetch) return fmt::format("lock *{} {} r{}", at, alu_operator(op, false), src);
  const auto name = op == BPF_ADD ? "add" : op == BPF_AND ? "and" : op == BPF_OR ? "or" : "xor";
  return fmt::format("r{0} = atomic{1}_fetch_{2}({3}, r{0})", src, bits, name, at);
}

std::string load_or_store(Insn insn) {
  switch (insn_class(insn) | insn_mode(insn)) {
    case BPF_LDX | BPF_MEM:
      return fmt::format("r{} = *{}", unsigned{insn.dst}, memory(insn, insn.src));
    case BPF_LDX | BPF_MEMSX:
      return fmt::format("r{} = *{}", unsigned{insn.dst}, memory(insn, insn.src, true));
    case BPF_ST | BPF_MEM:
      return fmt::format("*{} = {}", memory(insn, insn.dst), insn.imm);
    case BPF_STX | BPF_MEM:
      return fmt::format("*{} = r{}", memory(insn, insn.dst), unsigned{insn.src});
    case BPF_STX | BPF_ATOMIC:
      return atomic(insn);
    case BPF_LD | BPF_ABS:
      return fmt::format("r0 = *({} *)skb[{}]", width(insn), insn.imm);
    case BPF_LD | BPF_IND:
      return fmt::format("r0 = *({} *)skb[r{} {:+}]", width(insn), unsigned{insn.src}, insn.imm);
    default:
      return unknown(insn);
  }
}

std::string wide_constant(Insn low, Insn high, const std::string& name) {
  const unsigned dst = low.dst;
  if (!name.empty()) return fmt::format("r{} = {}", dst, name);
  switch (low.src) {
    case 0:
      return fmt::format("r{} = {:#x}", dst, uint64_t(uint32_t(high.imm)) << 32 | uint32_t(low.imm));
    case BPF_PSEUDO_MAP_FD:
    case BPF_PSEUDO_MAP_IDX:
      return fmt::format("r{} = map[{}]", dst, low.imm);
    case BPF_PSEUDO_MAP_VALUE:
    case BPF_PSEUDO_MAP_IDX_VALUE:
      return fmt::format("r{} = map[{}][0]{:+}", dst, low.imm, high.imm);
    case BPF_PSEUDO_FUNC:
      return fmt::format("r{} = subprog[{:+}]", dst, low.imm);
    default:
      return fmt::format("r{} = btf_id[{}]", dst, low.imm);
  }
}

std::string call(Insn insn, const std::string& name) {
  if (!name.empty() && insn.src == BPF_PSEUDO_CALL) return fmt::format("call {}", name);
  if (!name.empty()) return fmt::format("call {}#{}", name, insn.imm);
  switch (insn.src) {
    case BPF_PSEUDO_CALL:
      return fmt::format("call pc{:+}", insn.imm);
    case BPF_PSEUDO_KFUNC_CALL:
      return fmt::format("call kernel-function#{}", insn.imm);
    default:
      return fmt::format("call unknown#{}", insn.imm);
  }
}

std::string jump(Insn insn, const std::string& name) {
  const bool is64 = insn_class(insn) == BPF_JMP;
  switch (insn_op(insn)) {
    case BPF_CALL:
      if (is_call(insn)) return call(insn, name);
      if (insn.code == (BPF_JMP | BPF_CALL | BPF_X)) return fmt::format("callx r{}", unsigned{insn.dst});
      return unknown(insn);
    case BPF_EXIT:
      return is_exit(insn) ? "exit" : unknown(insn);
    case BPF_JA:
      if (uses_register(insn)) return fmt::format("gotox r{}", unsigned{insn.dst});
      return is64 ? fmt::format("goto pc{:+}", insn.off) : fmt::format("gotol pc{:+}", insn.imm);
    case BPF_JCOND:
      return is64 && !uses_register(insn) ? fmt::format("may_goto pc{:+}", insn.off) : unknown(insn);
    default:
      break;
  }
  const auto sign = jump_operator(insn_op(insn));
  if (sign.empty()) return unknown(insn);
  const char r = is64 ? 'r' : 'w';
  if (uses_register(insn))
    return fmt::format("if {0}{1} {2} {0}{3} goto pc{4:+}", r, unsigned{insn.dst}, sign, unsigned{insn.src},
                       insn.off);
  return fmt::format("if {}{} {} {:#x} goto pc{:+}", r, unsigned{insn.dst}, sign, uint32_t(insn.imm),
                     insn.off);
}
}  // namespace

std::string_view alu_operator(uint8_t op, bool is_signed) {
  switch (op) {
    case BPF_ADD:
      return "+=";
    case BPF_SUB:
      return "-=";
    case BPF_MUL:
      return "*=";
    case BPF_DIV:
      return is_signed ? "s/=" : "/=";
    case BPF_OR:
      return "|=";
    case BPF_AND:
      return "&=";
    case BPF_LSH:
      return "<<=";
    case BPF_RSH:
      return ">>=";
    case BPF_MOD:
      return is_signed ? "s%=" : "%=";
    case BPF_XOR:
      return "^=";
    case BPF_MOV:
      return "=";
    case BPF_ARSH:
      return "s>>=";
    default:
      return {};
  }
}

std::string disassemble(std::span<const Insn> insns, uint32_t slot, const NameOf& name_of) {
  if (slot >= insns.size()) return "(no instruction)";
  const Insn insn = insns[slot];
  switch (insn_class(insn)) {
    case BPF_ALU:
    case BPF_ALU64:
      return alu(insn);
    case BPF_JMP:
    case BPF_JMP32:
      return jump(insn, is_call(insn) && name_of ? name_of(slot, insn) : "");
    default:
      if (!is_64bit_imm(insn)) return load_or_store(insn);
      if (slot + 1 >= insns.size()) return unknown(insn);
      return wide_constant(insn, insns[slot + 1], name_of ? name_of(slot, insn) : "");
  }
}

}  // namespace ring3::bpf
