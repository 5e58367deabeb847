#include "bpf/jit/operations.hpp"

namespace ring3::bpf::operations {

namespace {

Value* number(Value* like, int64_t value) { return llvm::ConstantInt::getSigned(like->getType(), value); }

// Shifts count modulo the width.
Value* shift_count(Builder& ir, Value* b) {
  return ir.CreateAnd(b, number(b, b->getType()->getIntegerBitWidth() - 1));
}

Value* truncated(Builder& ir, Value* a, unsigned bits) {
  return ir.CreateZExt(ir.CreateTrunc(a, ir.getIntNTy(bits)), a->getType());
}

Value* swapped(Builder& ir, Value* a, unsigned bits) {
  Value* const part = ir.CreateTrunc(a, ir.getIntNTy(bits));
  return ir.CreateZExt(ir.CreateUnaryIntrinsic(llvm::Intrinsic::bswap, part), a->getType());
}

// LLVM's division is undefined for divisors 0 and, if signed, -1 (by the one overflow): these divide by 1,
// and what they should have given is chosen.
struct Special {
  Value *of_zero, *of_minus_one;  // of_minus_one: nullptr if it is not special
};
Value* divide(Builder& ir, Value* b, Special special, auto division) {
  Value* const is_zero = ir.CreateICmpEQ(b, number(b, 0));
  if (!special.of_minus_one) {
    Value* const plain = division(ir.CreateSelect(is_zero, number(b, 1), b));
    return ir.CreateSelect(is_zero, special.of_zero, plain);
  }
  Value* const is_minus_one = ir.CreateICmpEQ(b, number(b, -1));
  Value* const plain = division(ir.CreateSelect(ir.CreateOr(is_zero, is_minus_one), number(b, 1), b));
  return ir.CreateSelect(is_zero, special.of_zero,
                         ir.CreateSelect(is_minus_one, special.of_minus_one, plain));
}

}  // namespace

Value* Add(Builder& ir, Value* a, Value* b) { return ir.CreateAdd(a, b); }
Value* Sub(Builder& ir, Value* a, Value* b) { return ir.CreateSub(a, b); }
Value* Mul(Builder& ir, Value* a, Value* b) { return ir.CreateMul(a, b); }
Value* Or(Builder& ir, Value* a, Value* b) { return ir.CreateOr(a, b); }
Value* And(Builder& ir, Value* a, Value* b) { return ir.CreateAnd(a, b); }
Value* Xor(Builder& ir, Value* a, Value* b) { return ir.CreateXor(a, b); }
Value* Mov(Builder&, Value*, Value* b) { return b; }
Value* Lsh(Builder& ir, Value* a, Value* b) { return ir.CreateShl(a, shift_count(ir, b)); }
Value* Rsh(Builder& ir, Value* a, Value* b) { return ir.CreateLShr(a, shift_count(ir, b)); }
Value* Arsh(Builder& ir, Value* a, Value* b) { return ir.CreateAShr(a, shift_count(ir, b)); }

Value* Div(Builder& ir, Value* a, Value* b) {
  return divide(ir, b, {number(a, 0), nullptr}, [&](Value* by) { return ir.CreateUDiv(a, by); });
}
Value* Mod(Builder& ir, Value* a, Value* b) {
  return divide(ir, b, {a, nullptr}, [&](Value* by) { return ir.CreateURem(a, by); });
}
Value* Sdiv(Builder& ir, Value* a, Value* b) {
  return divide(ir, b, {number(a, 0), ir.CreateNeg(a)}, [&](Value* by) { return ir.CreateSDiv(a, by); });
}
Value* Smod(Builder& ir, Value* a, Value* b) {
  return divide(ir, b, {a, number(a, 0)}, [&](Value* by) { return ir.CreateSRem(a, by); });
}

Value* Neg64(Builder& ir, Value* a) { return ir.CreateNeg(a); }
Value* Neg32(Builder& ir, Value* a) { return truncated(ir, ir.CreateNeg(a), 32); }
Value* Le16(Builder& ir, Value* a) { return truncated(ir, a, 16); }
Value* Le32(Builder& ir, Value* a) { return truncated(ir, a, 32); }
Value* Le64(Builder&, Value* a) { return a; }
Value* Swap16(Builder& ir, Value* a) { return swapped(ir, a, 16); }
Value* Swap32(Builder& ir, Value* a) { return swapped(ir, a, 32); }
Value* Swap64(Builder& ir, Value* a) { return swapped(ir, a, 64); }

Value* Jeq(Builder& ir, Value* a, Value* b) { return ir.CreateICmpEQ(a, b); }
Value* Jne(Builder& ir, Value* a, Value* b) { return ir.CreateICmpNE(a, b); }
Value* Jgt(Builder& ir, Value* a, Value* b) { return ir.CreateICmpUGT(a, b); }
Value* Jge(Builder& ir, Value* a, Value* b) { return ir.CreateICmpUGE(a, b); }
Value* Jlt(Builder& ir, Value* a, Value* b) { return ir.CreateICmpULT(a, b); }
Value* Jle(Builder& ir, Value* a, Value* b) { return ir.CreateICmpULE(a, b); }
Value* Jsgt(Builder& ir, Value* a, Value* b) { return ir.CreateICmpSGT(a, b); }
Value* Jsge(Builder& ir, Value* a, Value* b) { return ir.CreateICmpSGE(a, b); }
Value* Jslt(Builder& ir, Value* a, Value* b) { return ir.CreateICmpSLT(a, b); }
Value* Jsle(Builder& ir, Value* a, Value* b) { return ir.CreateICmpSLE(a, b); }
Value* Jset(Builder& ir, Value* a, Value* b) { return ir.CreateICmpNE(ir.CreateAnd(a, b), number(a, 0)); }

}  // namespace ring3::bpf::operations
