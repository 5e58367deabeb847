// What the rows of exec/opcodes.def compute, as LLVM instructions: a function of the row's name each. None
// has a result that LLVM calls undefined or poison, whatever the operands.
#pragma once

#include <llvm/IR/IRBuilder.h>

namespace ring3::bpf::operations {

using llvm::IRBuilder;
using llvm::Value;
using Builder = IRBuilder<>;

// Two operands of 64 or 32 bits. Division by 0 is 0, the remainder by 0 the dividend; INT_MIN / -1 is
// INT_MIN.
Value* Add(Builder& ir, Value* a, Value* b);
Value* Sub(Builder& ir, Value* a, Value* b);
Value* Mul(Builder& ir, Value* a, Value* b);
Value* Div(Builder& ir, Value* a, Value* b);
Value* Sdiv(Builder& ir, Value* a, Value* b);
Value* Or(Builder& ir, Value* a, Value* b);
Value* And(Builder& ir, Value* a, Value* b);
Value* Lsh(Builder& ir, Value* a, Value* b);
Value* Rsh(Builder& ir, Value* a, Value* b);
Value* Mod(Builder& ir, Value* a, Value* b);
Value* Smod(Builder& ir, Value* a, Value* b);
Value* Xor(Builder& ir, Value* a, Value* b);
Value* Arsh(Builder& ir, Value* a, Value* b);
Value* Mov(Builder& ir, Value* a, Value* b);

// One operand, of 64 bits as the result.
Value* Neg64(Builder& ir, Value* a);
Value* Neg32(Builder& ir, Value* a);
Value* Le16(Builder& ir, Value* a);
Value* Le32(Builder& ir, Value* a);
Value* Le64(Builder& ir, Value* a);
Value* Swap16(Builder& ir, Value* a);
Value* Swap32(Builder& ir, Value* a);
Value* Swap64(Builder& ir, Value* a);

// Conditions.
Value* Jeq(Builder& ir, Value* a, Value* b);
Value* Jne(Builder& ir, Value* a, Value* b);
Value* Jgt(Builder& ir, Value* a, Value* b);
Value* Jge(Builder& ir, Value* a, Value* b);
Value* Jlt(Builder& ir, Value* a, Value* b);
Value* Jle(Builder& ir, Value* a, Value* b);
Value* Jsgt(Builder& ir, Value* a, Value* b);
Value* Jsge(Builder& ir, Value* a, Value* b);
Value* Jslt(Builder& ir, Value* a, Value* b);
Value* Jsle(Builder& ir, Value* a, Value* b);
Value* Jset(Builder& ir, Value* a, Value* b);

}  // namespace ring3::bpf::operations
