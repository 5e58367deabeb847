// Every instruction on interesting operands, against the kernel.
#include <fmt/format.h>

#include "bpf/exec/trio.hpp"

namespace ring3::test {

namespace {

const std::vector<uint64_t> kValues = {
    0,
    1,
    2,
    7,
    31,
    33,
    63,
    0x7f,
    0x80,
    0xffff,
    0x8000,
    0x7fffffff,
    0x80000000,
    0xffffffff,
    0x100000000,
    0x7fffffffffffffff,
    1ull << 63,
    ~0ull,
    ~0ull - 1,
    0xfffffffe,
    0x0123456789abcdef,
    0xfedcba9876543210,
};
constexpr int32_t kImmediates[] = {0, 1, 2, 7, 31, 63, 0x7f, 0x8000, 0x7fffffff, INT32_MIN, -1, -2, -128};
constexpr int16_t kOut = 4096;

struct AluOp {
  const char* name;
  uint8_t op;
  int16_t off;
};
constexpr AluOp kAluOps[] = {
    {"add", BPF_ADD, 0},  {"sub", BPF_SUB, 0},   {"mul", BPF_MUL, 0},  {"div", BPF_DIV, 0},
    {"sdiv", BPF_DIV, 1}, {"or", BPF_OR, 0},     {"and", BPF_AND, 0},  {"lsh", BPF_LSH, 0},
    {"rsh", BPF_RSH, 0},  {"mod", BPF_MOD, 0},   {"smod", BPF_MOD, 1}, {"xor", BPF_XOR, 0},
    {"mov", BPF_MOV, 0},  {"arsh", BPF_ARSH, 0},
};
struct JumpOp {
  const char* name;
  uint8_t op;
};
constexpr JumpOp kJumps[] = {{"jeq", BPF_JEQ},   {"jne", BPF_JNE},   {"jgt", BPF_JGT},   {"jge", BPF_JGE},
                             {"jlt", BPF_JLT},   {"jle", BPF_JLE},   {"jsgt", BPF_JSGT}, {"jsge", BPF_JSGE},
                             {"jslt", BPF_JSLT}, {"jsle", BPF_JSLE}, {"jset", BPF_JSET}};

// A program that computes `body(r1, r2 or an immediate)` for every pair of operands and stores r1 each time.
class Table {
 public:
  Table() { code_.memory(9); }
  void row(size_t a, size_t b, auto body) {
    code_ << load(BPF_DW, 1, 9, static_cast<int16_t>(a * 8))
          << load(BPF_DW, 2, 9, static_cast<int16_t>(b * 8));
    body(code_);
    code_ << store(BPF_DW, 9, out_, 1);
    out_ = static_cast<int16_t>(out_ + 8);
  }
  Code finish() { return code_ << mov(0, 0) << done(); }

 private:
  Code code_;
  int16_t out_ = kOut;
};

void for_pairs(auto visit) {
  for (size_t a = 0; a < kValues.size(); ++a)
    for (size_t b = 0; b < kValues.size(); ++b) visit(a, b);
}

}  // namespace

class Isa : public Trio {};

TEST_F(Isa, ArithmeticOnRegisters) {
  for (const AluOp& op : kAluOps)
    for (unsigned width : {64u, 32u}) {
      Table table;
      for_pairs([&](size_t a, size_t b) {
        table.row(a, b, [&](Code& c) { c << alux(width, op.op, 1, 2, op.off); });
      });
      compare(table.finish(), kValues, fmt::format("{}{} register", op.name, width));
    }
}

TEST_F(Isa, ArithmeticOnImmediates) {
  for (const AluOp& op : kAluOps)
    for (unsigned width : {64u, 32u}) {
      Table table;
      for (int32_t imm : kImmediates) {
        // The kernel refuses what is known to make no sense.
        const bool shift = op.op == BPF_LSH || op.op == BPF_RSH || op.op == BPF_ARSH;
        if (shift && (imm < 0 || imm >= static_cast<int32_t>(width))) continue;
        if ((op.op == BPF_DIV || op.op == BPF_MOD) && imm == 0) continue;
        for (size_t a = 0; a < kValues.size(); ++a)
          table.row(a, a, [&](Code& c) { c << alu(width, op.op, 1, imm, op.off); });
      }
      compare(table.finish(), kValues, fmt::format("{}{} immediate", op.name, width));
    }
}

TEST_F(Isa, OneOperand) {
  std::vector<Insn> insns = {alu(64, BPF_NEG, 1, 0), alu(32, BPF_NEG, 1, 0)};
  for (int32_t bits : {16, 32, 64}) {
    insns.push_back(alu(32, BPF_END, 1, bits));                       // to little endian
    insns.push_back({code(BPF_ALU, BPF_END, BPF_X), 1, 0, 0, bits});  // to big endian
    insns.push_back({code(BPF_ALU64, BPF_END), 1, 0, 0, bits});       // swap
    insns.push_back(
        alux(64, BPF_MOV, 1, 2, static_cast<int16_t>(bits == 64 ? 8 : bits)));  // sign-extending moves
    if (bits == 16) insns.push_back(alux(32, BPF_MOV, 1, 2, 16));
    if (bits == 16) insns.push_back(alux(32, BPF_MOV, 1, 2, 8));
  }
  for (const Insn& insn : insns) {
    Table table;
    for (size_t a = 0; a < kValues.size(); ++a) table.row(a, a, [&](Code& c) { c << insn; });
    compare(table.finish(), kValues, "one operand");
  }
}

TEST_F(Isa, ConditionalJumps) {
  for (const JumpOp& op : kJumps)
    for (unsigned width : {64u, 32u}) {
      Table registers, immediates;
      for_pairs([&](size_t a, size_t b) {
        registers.row(a, b, [&](Code& c) { c << jumpx(width, op.op, 1, 2, 1) << mov(1, 1); });
      });
      compare(registers.finish(), kValues, fmt::format("{}{} register", op.name, width));
      for (int32_t imm : kImmediates)
        for (size_t a = 0; a < kValues.size(); ++a)
          immediates.row(a, a, [&](Code& c) { c << jump(width, op.op, 1, imm, 1) << mov(1, 1); });
      compare(immediates.finish(), kValues, fmt::format("{}{} immediate", op.name, width));
    }
}

TEST_F(Isa, JumpsForwardAndBack) {
  // Short and long forms, over a bounded loop. The kernel wants every instruction to be reachable.
  Code code;
  code.memory(9) << mov(1, 0) << mov(2, 0) << load(BPF_DW, 3, 9, 0);
  code << jump(64, BPF_JNE, 3, 0, 1) << go(1) << mov(1, 1000);
  code << jump(64, BPF_JNE, 3, 0, 1) << go_long(1) << mov(1, 2000);
  code << alu(64, BPF_ADD, 1, 3) << alu(64, BPF_ADD, 2, 1) << jump(64, BPF_JLT, 2, 10, -3);
  code << go_long(2) << store(BPF_DW, 9, kOut, 1) << go(2) << store(BPF_DW, 9, kOut + 8, 2) << go_long(-4);
  code << mov(0, 0) << done();
  compare(code, {}, "jumps");
}

TEST_F(Isa, LoadsAndStores) {
  for (uint8_t size : {BPF_B, BPF_H, BPF_W, BPF_DW}) {
    Code code;
    code.memory(9);
    int16_t out = kOut;
    // Every alignment: programs may access memory unaligned.
    for (int16_t off = 0; off < 64; ++off) {
      code << mov(1, -1) << load(size, 1, 9, off) << store(BPF_DW, 9, out, 1);
      out += 8;
      if (size == BPF_DW) continue;
      code << mov(1, 0) << load(size, 1, 9, off, BPF_MEMSX) << store(BPF_DW, 9, out, 1);
      out += 8;
    }
    code.wide(1, 0x8182838485868788);
    for (int16_t i = 0; i < 32; ++i) {
      code << store(size, 9, static_cast<int16_t>(out + i * 17), 1);
      code << store_imm(size, 9, static_cast<int16_t>(out + 2048 + i * 13), -2 - i * 0x01020304);
    }
    // The same through the stack, aligned.
    for (int16_t i = 1; i <= 8; ++i) {
      code << store_imm(BPF_DW, 10, static_cast<int16_t>(-i * 8), i * 0x01223344)
           << store(size, 10, -i * 8, 1);
      code << load(BPF_DW, 2, 10, static_cast<int16_t>(-i * 8)) << store(BPF_DW, 9, out + 4096 + i * 8, 2);
    }
    compare(code << mov(0, 0) << done(), kValues, fmt::format("size {:#x}", size));
  }
}

TEST_F(Isa, WideImmediates) {
  Code code;
  code.memory(9);
  for (size_t i = 0; i < kValues.size(); ++i)
    code.wide(1, kValues[i]) << store(BPF_DW, 9, static_cast<int16_t>(kOut + i * 8), 1);
  code.memory(2, 3) << load(BPF_DW, 1, 2, 8) << store(BPF_DW, 9, 0, 1);
  compare(code << mov(0, 0) << done(), kValues, "wide");
}

TEST_F(Isa, Atomics) {
  const int32_t ops[] = {BPF_ADD,
                         BPF_OR,
                         BPF_AND,
                         BPF_XOR,
                         BPF_ADD | BPF_FETCH,
                         BPF_OR | BPF_FETCH,
                         BPF_AND | BPF_FETCH,
                         BPF_XOR | BPF_FETCH,
                         BPF_XCHG,
                         BPF_CMPXCHG};
  for (int32_t op : ops)
    for (uint8_t size : {BPF_W, BPF_DW}) {
      Code code;
      code.memory(9);
      int16_t out = kOut;
      for_pairs([&](size_t a, size_t b) {
        if ((a + b) % 3 == 0 && op != BPF_CMPXCHG) return;  // memory is short
        if (op == BPF_CMPXCHG && a % 2 == 1) return;
        code << load(BPF_DW, 1, 9, static_cast<int16_t>(a * 8))
             << load(BPF_DW, 2, 9, static_cast<int16_t>(b * 8));
        // Half of the comparisons of cmpxchg succeed.
        code << movx(0, b % 4 < 2 ? 1 : 2);
        code << store(BPF_DW, 9, out, 1) << atomic(size, 9, out, 2, op) << store(BPF_DW, 9, out + 8, 2)
             << store(BPF_DW, 9, out + 16, 0);
        out += 24;
      });
      ASSERT_LT(static_cast<size_t>(out), kBytes);
      compare(code << mov(0, 0) << done(), kValues, fmt::format("atomic {:#x} size {:#x}", op, size));
    }
}

TEST_F(Isa, OrderedLoadsAndStores) {
  for (uint8_t size : {BPF_B, BPF_H, BPF_W, BPF_DW}) {
    Code code;
    code.memory(9);
    for (int16_t i = 0; i < 16; ++i) {
      code << mov(1, -1) << atomic(size, 1, i * 8, 9, BPF_LOAD_ACQ) << store(BPF_DW, 9, kOut + i * 8, 1);
      code << load(BPF_DW, 2, 9, i * 8) << atomic(size, 9, kOut + 1024 + i * 8, 2, BPF_STORE_REL);
    }
    compare(code << mov(0, 0) << done(), kValues, fmt::format("ordered size {:#x}", size));
  }
}

TEST_F(Isa, CallsKeepWhatTheCalleeMustNotTouch) {
  Code code;
  code.memory(6) << mov(7, 77) << mov(8, 88) << mov(9, 99) << store_imm(BPF_DW, 10, -8, 1234);
  code << mov(1, 5) << movx(2, 6) << mov(3, 3) << movx(4, 10) << call_local(1);
  const unsigned saved[] = {0, 7, 8, 9};
  for (int16_t i = 0; i < 4; ++i) code << store(BPF_DW, 6, kOut + i * 8, saved[i]);
  code << load(BPF_DW, 1, 10, -8) << store(BPF_DW, 6, kOut + 32, 1) << mov(0, 0) << done();
  // f1(n, memory, x, stack of the caller): clobbers, writes through the pointers, calls on.
  code.begin_function() << movx(6, 1) << movx(7, 2) << mov(8, -1) << mov(9, -1)
                        << store_imm(BPF_DW, 10, -8, 4321);
  code << store(BPF_DW, 4, -8, 3) << movx(1, 6) << movx(2, 7) << call_local(2);
  code << load(BPF_DW, 1, 10, -8) << alux(64, BPF_ADD, 0, 1) << alux(64, BPF_ADD, 0, 6) << done();
  // f2(n, memory)
  code.begin_function() << mov(6, 0) << store_imm(BPF_DW, 10, -8, 7) << store(BPF_DW, 2, kOut + 64, 1);
  code << movx(0, 1) << alu(64, BPF_MUL, 0, 100) << done();
  compare(code, {}, "calls");
}

}  // namespace ring3::test
