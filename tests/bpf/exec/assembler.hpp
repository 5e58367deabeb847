// Instructions by hand, and a bench to run them on: the fast loop, the checking one, and the kernel.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bpf/exec/executable.hpp"
#include "bpf/isa/insn.hpp"
#include "bpf/trust.hpp"

namespace ring3::test {

using namespace ring3::abi;
using bpf::Insn;

constexpr uint8_t code(unsigned a, unsigned b, unsigned c = 0) { return static_cast<uint8_t>(a | b | c); }
constexpr uint8_t reg(unsigned r) { return static_cast<uint8_t>(r & 15); }

// width is 64 or 32.
constexpr Insn alu(unsigned width, uint8_t op, unsigned dst, int32_t imm, int16_t off = 0) {
  return {code(width == 64 ? BPF_ALU64 : BPF_ALU, op, BPF_K), reg(dst), 0, off, imm};
}
constexpr Insn alux(unsigned width, uint8_t op, unsigned dst, unsigned src, int16_t off = 0) {
  return {code(width == 64 ? BPF_ALU64 : BPF_ALU, op, BPF_X), reg(dst), reg(src), off, 0};
}
constexpr Insn mov(unsigned dst, int32_t imm) { return alu(64, BPF_MOV, dst, imm); }
constexpr Insn movx(unsigned dst, unsigned src) { return alux(64, BPF_MOV, dst, src); }
constexpr Insn jump(unsigned width, uint8_t op, unsigned dst, int32_t imm, int16_t off) {
  return {code(width == 64 ? BPF_JMP : BPF_JMP32, op, BPF_K), reg(dst), 0, off, imm};
}
constexpr Insn jumpx(unsigned width, uint8_t op, unsigned dst, unsigned src, int16_t off) {
  return {code(width == 64 ? BPF_JMP : BPF_JMP32, op, BPF_X), reg(dst), reg(src), off, 0};
}
constexpr Insn go(int16_t off) { return {code(BPF_JMP, BPF_JA), 0, 0, off, 0}; }
constexpr Insn go_long(int32_t imm) { return {code(BPF_JMP32, BPF_JA), 0, 0, 0, imm}; }
constexpr Insn may_goto(int16_t off) { return {code(BPF_JMP, BPF_JCOND), 0, 0, off, 0}; }
constexpr Insn load(uint8_t size, unsigned dst, unsigned src, int16_t off, uint8_t mode = BPF_MEM) {
  return {code(BPF_LDX, mode, size), reg(dst), reg(src), off, 0};
}
constexpr Insn store(uint8_t size, unsigned dst, int16_t off, unsigned src) {
  return {code(BPF_STX, BPF_MEM, size), reg(dst), reg(src), off, 0};
}
constexpr Insn store_imm(uint8_t size, unsigned dst, int16_t off, int32_t imm) {
  return {code(BPF_ST, BPF_MEM, size), reg(dst), 0, off, imm};
}
constexpr Insn atomic(uint8_t size, unsigned dst, int16_t off, unsigned src, int32_t op) {
  return {code(BPF_STX, BPF_ATOMIC, size), reg(dst), reg(src), off, op};
}
constexpr Insn call(int32_t helper) { return {code(BPF_JMP, BPF_CALL), 0, BPF_HELPER_CALL, 0, helper}; }
constexpr Insn call_kfunc(int32_t index) {
  return {code(BPF_JMP, BPF_CALL), 0, BPF_PSEUDO_KFUNC_CALL, 0, index};
}
constexpr Insn call_local(int32_t subprogram) {
  return {code(BPF_JMP, BPF_CALL), 0, BPF_PSEUDO_CALL, 0, subprogram};
}
constexpr Insn done() { return {code(BPF_JMP, BPF_EXIT), 0, 0, 0, 0}; }

// By their numbers, as instructions call them.
enum Helper : int32_t {
  kLookup = 1,
  kUpdate = 2,
  kRingbufReserve = 131,
  kRingbufSubmit = 132,
  kLoop = 181,
  kForEach = 164,
  kDynptrFromMem = 197,
  kReserveDynptr = 198,
  kSubmitDynptr = 199,
  kDynptrData = 203,
  kCurrentComm = 16,
  kStrncmp = 182,
};

// Helpers and kfuncs that every program may call, and nothing else.
std::shared_ptr<const bpf::World> common_world();

class Code {
 public:
  Code& operator<<(Insn insn) {
    insns_.push_back(insn);
    return *this;
  }
  Code& wide(unsigned dst, uint64_t value, uint8_t source = 0) {
    const auto low = static_cast<int32_t>(value), high = static_cast<int32_t>(value >> 32);
    return *this << Insn{code(BPF_LD, BPF_IMM, BPF_DW), reg(dst), source, 0, low} << Insn{0, 0, 0, 0, high};
  }
  // The address of byte `offset` of map 0's first value.
  Code& memory(unsigned dst, uint32_t offset = 0) {
    return wide(dst, static_cast<uint64_t>(offset) << 32, BPF_PSEUDO_MAP_IDX_VALUE);
  }
  Code& map(unsigned dst, uint32_t index = 0) { return wide(dst, index, BPF_PSEUDO_MAP_IDX); }
  Code& function(unsigned dst, uint32_t subprogram) { return wide(dst, subprogram, BPF_PSEUDO_FUNC); }
  // From here on: another function.
  Code& begin_function() {
    starts_.push_back(size());
    return *this;
  }

  uint32_t size() const { return static_cast<uint32_t>(insns_.size()); }
  const std::vector<Insn>& insns() const { return insns_; }
  std::shared_ptr<bpf::Program> program(std::vector<std::shared_ptr<bpf::Map>> maps = {},
                                        std::shared_ptr<const bpf::World> world = nullptr) const;
  // As the kernel takes them: calls by displacement.
  std::vector<uint64_t> for_kernel() const;

 private:
  std::vector<Insn> insns_;
  std::vector<uint32_t> starts_ = {0};
};

std::string listing(const std::vector<Insn>& insns);

// An array map of one element: memory for programs.
std::shared_ptr<bpf::Map> make_memory(uint32_t bytes, uint32_t flags = 0);

}  // namespace ring3::test
