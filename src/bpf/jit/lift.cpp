#include "bpf/jit/lift.hpp"

#include <llvm/IR/Constants.h>

#include <map>

#include "base/error.hpp"
#include "bpf/exec/run.hpp"
#include "bpf/jit/operations.hpp"

namespace ring3::bpf {

using namespace abi;
using llvm::AtomicOrdering;
using llvm::AtomicRMWInst;
using llvm::BasicBlock;
using llvm::Value;

namespace {

// What all functions of a program share.
struct Unit {
  const Executable::Code& code;
  llvm::LLVMContext& context;
  Lifted lifted;
  std::vector<llvm::Function*> functions;           // by subprogram
  std::map<uint32_t, size_t> subprogram;            // by first slot
  std::map<int32_t, llvm::GlobalVariable*> frozen;  // by map
};

class FunctionLifter {
 public:
  FunctionLifter(Unit& unit, size_t subprogram)
      : unit_(unit),
        code_(unit.code),
        function_(unit.functions[subprogram]),
        ir_(BasicBlock::Create(unit.context, "entry", function_)),
        start_(code_.program->subprograms[subprogram].start),
        end_(code_.program->subprograms[subprogram].end) {
    make_frame(code_.stack_bytes[subprogram]);
  }

  Result<void> run();

 private:
  void make_frame(uint32_t stack_bytes);
  Result<void> find_blocks();
  std::optional<int64_t> target_of(uint32_t slot) const;
  void lift_slot(uint32_t slot);

  llvm::Type* integer(unsigned bits) { return ir_.getIntNTy(bits); }
  Value* get(unsigned reg, unsigned bits = 64) {
    return ir_.CreateTrunc(ir_.CreateLoad(integer(64), registers_[reg]), integer(bits));
  }
  void set(unsigned reg, Value* value) {
    ir_.CreateStore(ir_.CreateZExt(value, integer(64)), registers_[reg]);
  }
  Value* immediate(const Op& op, unsigned bits) {
    return llvm::ConstantInt::getSigned(integer(bits), op.imm);
  }
  Value* address(unsigned reg, const Op& op) {
    return ir_.CreateIntToPtr(ir_.CreateAdd(get(reg), ir_.getInt64(static_cast<uint64_t>(int64_t{op.off}))),
                              ir_.getPtrTy());
  }

  void load(const Op& op, unsigned bits, bool sign);
  void store(const Op& op, Value* value);
  void extend(const Op& op, unsigned from_bits, unsigned to_bits);
  void branch(uint32_t slot, Value* condition);
  void atomic(const Op& op, int32_t operation, unsigned bits, bool fetch);
  void load_acquire(const Op& op, unsigned bits);
  void store_release(const Op& op, unsigned bits);
  void compare_exchange(const Op& op, unsigned bits);
  // The rows without a family.
  void Cmpxchg64(uint32_t slot) { compare_exchange(code_.ops[slot], 64); }
  void Cmpxchg32(uint32_t slot) { compare_exchange(code_.ops[slot], 32); }
  void LoadImm64(uint32_t slot);
  void Goto(uint32_t slot) { ir_.CreateBr(blocks_.at(static_cast<uint32_t>(*target_of(slot)))); }
  void MayGoto(uint32_t slot);
  void call(Value* function);
  void CallNative(uint32_t slot);
  void CallLocal(uint32_t slot);
  void Exit(uint32_t) { ir_.CreateRet(get(0)); }
  void Trap(uint32_t);

  Unit& unit_;
  const Executable::Code& code_;
  llvm::Function* const function_;
  llvm::IRBuilder<> ir_;
  const uint32_t start_, end_;  // its slots
  llvm::AllocaInst* registers_[11];
  llvm::AllocaInst* may_goto_left_;
  std::map<uint32_t, BasicBlock*> blocks_;  // by first slot
};

void FunctionLifter::make_frame(uint32_t stack_bytes) {
  constexpr unsigned kAlign = 16;
  const uint32_t bytes = std::max(kAlign, (stack_bytes + kAlign - 1) & -kAlign);
  auto* const stack = ir_.CreateAlloca(llvm::ArrayType::get(ir_.getInt8Ty(), bytes), nullptr, "stack");
  stack->setAlignment(llvm::Align(kAlign));
  ir_.CreateMemSet(stack, ir_.getInt8(0), bytes, llvm::Align(kAlign));
  for (unsigned r = 0; r <= 10; ++r)
    registers_[r] = ir_.CreateAlloca(integer(64), nullptr, fmt::format("r{}", r));
  // The verifier lets nobody read a register that was not written.
  for (unsigned r : {0, 6, 7, 8, 9}) set(r, ir_.getInt64(0));
  for (unsigned r = 1; r <= 5; ++r) set(r, function_->getArg(r));
  set(10, ir_.CreateAdd(ir_.CreatePtrToInt(stack, integer(64)), ir_.getInt64(bytes)));
  may_goto_left_ = ir_.CreateAlloca(integer(32), nullptr, "may_goto_left");
  ir_.CreateStore(ir_.getInt32(kMayGotoBudget), may_goto_left_);
}

// Where the instruction may go instead of to the next.
std::optional<int64_t> FunctionLifter::target_of(uint32_t slot) const {
  const Op& op = code_.ops[slot];
  switch (code_.opcodes[slot]) {
#define RING3_JUMP(name, ...) \
  case Opcode::name##64K:     \
  case Opcode::name##64X:     \
  case Opcode::name##32K:     \
  case Opcode::name##32X:     \
    return int64_t{slot} + 1 + op.off;
#include "bpf/exec/opcodes.def"
    case Opcode::Goto:
    case Opcode::MayGoto:
      return int64_t{slot} + 1 + op.imm;
    default:
      return std::nullopt;
  }
}

uint32_t slots_of(Opcode opcode) { return opcode == Opcode::LoadImm64 ? 2 : 1; }

Result<void> FunctionLifter::find_blocks() {
  const auto block = [&](uint32_t slot) {
    if (!blocks_.contains(slot)) blocks_[slot] = BasicBlock::Create(unit_.context, "", function_);
  };
  block(start_);
  for (uint32_t slot = start_; slot < end_; slot += slots_of(code_.opcodes[slot])) {
    const auto target = target_of(slot);
    if (target && (*target < start_ || *target >= end_))
      return fail(ENOTSUP, code_.program->name, "instruction {} jumps into another function", slot);
    if (target) block(static_cast<uint32_t>(*target));
    if (target) block(slot + 1);
  }
  return {};
}

Result<void> FunctionLifter::run() {
  TRY_VOID(find_blocks());
  ir_.CreateBr(blocks_.at(start_));
  for (uint32_t slot = start_; slot < end_; slot += slots_of(code_.opcodes[slot])) {
    if (const auto block = blocks_.find(slot); block != blocks_.end()) {
      if (ir_.GetInsertBlock() && !ir_.GetInsertBlock()->getTerminator()) ir_.CreateBr(block->second);
      ir_.SetInsertPoint(block->second);
    } else if (ir_.GetInsertBlock()->getTerminator()) {
      ir_.SetInsertPoint(BasicBlock::Create(unit_.context, "", function_));  // nothing goes here
    }
    lift_slot(slot);
  }
  // Behind the last instruction is nothing to run.
  if (!ir_.GetInsertBlock()->getTerminator()) Trap(end_);
  if (const auto block = blocks_.find(end_); block != blocks_.end()) {
    ir_.SetInsertPoint(block->second);
    Trap(end_);
  }
  return {};
}

void FunctionLifter::lift_slot(uint32_t slot) {
  const Op& op = code_.ops[slot];
  switch (code_.opcodes[slot]) {
#define RING3_ALU(name, ...)                                                       \
  case Opcode::name##64K:                                                          \
    return set(op.dst, operations::name(ir_, get(op.dst), immediate(op, 64)));     \
  case Opcode::name##64X:                                                          \
    return set(op.dst, operations::name(ir_, get(op.dst), get(op.src)));           \
  case Opcode::name##32K:                                                          \
    return set(op.dst, operations::name(ir_, get(op.dst, 32), immediate(op, 32))); \
  case Opcode::name##32X:                                                          \
    return set(op.dst, operations::name(ir_, get(op.dst, 32), get(op.src, 32)));
#define RING3_UNARY(name, ...) \
  case Opcode::name:           \
    return set(op.dst, operations::name(ir_, get(op.dst)));
#define RING3_EXTEND(name, bpf_class, off, expression) \
  case Opcode::name:                                   \
    return extend(op, off, bpf_class == BPF_ALU64 ? 64 : 32);
#define RING3_JUMP(name, ...)                                                       \
  case Opcode::name##64K:                                                           \
    return branch(slot, operations::name(ir_, get(op.dst), immediate(op, 64)));     \
  case Opcode::name##64X:                                                           \
    return branch(slot, operations::name(ir_, get(op.dst), get(op.src)));           \
  case Opcode::name##32K:                                                           \
    return branch(slot, operations::name(ir_, get(op.dst, 32), immediate(op, 32))); \
  case Opcode::name##32X:                                                           \
    return branch(slot, operations::name(ir_, get(op.dst, 32), get(op.src, 32)));
#define RING3_LOAD(name, mode, size, type) \
  case Opcode::name:                       \
    return load(op, 8 * sizeof(type), std::is_signed_v<type>);
#define RING3_STORE(name, size, type)                  \
  case Opcode::name##K:                                \
    return store(op, immediate(op, 8 * sizeof(type))); \
  case Opcode::name##X:                                \
    return store(op, get(op.src, 8 * sizeof(type)));
#define RING3_ATOMIC(name, imm, action) \
  case Opcode::name##64:                \
    return atomic(op, imm, 64, false);  \
  case Opcode::name##32:                \
    return atomic(op, imm, 32, false);
#define RING3_ATOMIC_FETCH(name, imm, old) \
  case Opcode::name##64:                   \
    return atomic(op, imm, 64, true);      \
  case Opcode::name##32:                   \
    return atomic(op, imm, 32, true);
#define RING3_ATOMIC_ORDERED(name, size, type) \
  case Opcode::name##Load:                     \
    return load_acquire(op, 8 * sizeof(type)); \
  case Opcode::name##Store:                    \
    return store_release(op, 8 * sizeof(type));
#define RING3_OTHER(name) \
  case Opcode::name:      \
    return name(slot);
#include "bpf/exec/opcodes.def"
    default:
      return Trap(slot);  // of arenas: what has one is interpreted
  }
}

void FunctionLifter::load(const Op& op, unsigned bits, bool sign) {
  Value* const value =
      ir_.CreateAlignedLoad(integer(bits), address(op.src, op), llvm::Align(1), /*isVolatile=*/true);
  set(op.dst, sign ? ir_.CreateSExt(value, integer(64)) : value);
}

void FunctionLifter::store(const Op& op, Value* value) {
  ir_.CreateAlignedStore(value, address(op.dst, op), llvm::Align(1), /*isVolatile=*/true);
}

void FunctionLifter::extend(const Op& op, unsigned from_bits, unsigned to_bits) {
  set(op.dst, ir_.CreateSExt(get(op.src, from_bits), integer(to_bits)));
}

void FunctionLifter::branch(uint32_t slot, Value* condition) {
  ir_.CreateCondBr(condition, blocks_.at(static_cast<uint32_t>(*target_of(slot))), blocks_.at(slot + 1));
}

// Atomic accesses through a pointer of unknown alignment may be misaligned, and the processor takes them, as in
// Linux. To LLVM they are not, or it would call a library; it draws no conclusions from an access's alignment.
void FunctionLifter::atomic(const Op& op, int32_t operation, unsigned bits, bool fetch) {
  AtomicRMWInst::BinOp what = AtomicRMWInst::Xchg;
  switch (operation & ~BPF_FETCH) {
    case BPF_ADD:
      what = AtomicRMWInst::Add;
      break;
    case BPF_OR:
      what = AtomicRMWInst::Or;
      break;
    case BPF_AND:
      what = AtomicRMWInst::And;
      break;
    case BPF_XOR:
      what = AtomicRMWInst::Xor;
      break;
  }
  auto* const done = ir_.CreateAtomicRMW(what, address(op.dst, op), get(op.src, bits), llvm::Align(bits / 8),
                                         AtomicOrdering::SequentiallyConsistent);
  done->setVolatile(true);
  if (fetch) set(op.src, done);
}

void FunctionLifter::compare_exchange(const Op& op, unsigned bits) {
  auto* const done =
      ir_.CreateAtomicCmpXchg(address(op.dst, op), get(0, bits), get(op.src, bits), llvm::Align(bits / 8),
                              AtomicOrdering::SequentiallyConsistent, AtomicOrdering::SequentiallyConsistent);
  done->setVolatile(true);
  set(0, ir_.CreateExtractValue(done, 0));
}

void FunctionLifter::load_acquire(const Op& op, unsigned bits) {
  auto* const value =
      ir_.CreateAlignedLoad(integer(bits), address(op.src, op), llvm::Align(bits / 8), /*isVolatile=*/true);
  value->setAtomic(AtomicOrdering::Acquire);
  set(op.dst, value);
}

void FunctionLifter::store_release(const Op& op, unsigned bits) {
  auto* const stored = ir_.CreateAlignedStore(get(op.src, bits), address(op.dst, op), llvm::Align(bits / 8),
                                              /*isVolatile=*/true);
  stored->setAtomic(AtomicOrdering::Release);
}

void FunctionLifter::LoadImm64(uint32_t slot) {
  const uint64_t value = code_.ops[slot + 1].word;
  const Insn insn = code_.program->insns[slot];
  const auto frozen = unit_.frozen.find(insn.imm);
  if (insn.src != BPF_PSEUDO_MAP_IDX_VALUE || frozen == unit_.frozen.end())
    return set(code_.ops[slot].dst, ir_.getInt64(value));
  const auto offset = static_cast<uint32_t>(code_.program->insns[slot + 1].imm);
  set(code_.ops[slot].dst,
      ir_.CreateAdd(ir_.CreatePtrToInt(frozen->second, integer(64)), ir_.getInt64(offset)));
}

void FunctionLifter::MayGoto(uint32_t slot) {
  Value* const left = ir_.CreateLoad(integer(32), may_goto_left_);
  Value* const used_up = ir_.CreateICmpEQ(left, ir_.getInt32(0));
  ir_.CreateStore(ir_.CreateSelect(used_up, left, ir_.CreateSub(left, ir_.getInt32(1))), may_goto_left_);
  branch(slot, used_up);
}

void FunctionLifter::call(Value* function) {
  set(0, ir_.CreateCall(function_->getFunctionType(), function,
                        {function_->getArg(0), get(1), get(2), get(3), get(4), get(5)}));
  // The verifier lets nobody read them before they are written again; this tells LLVM to keep none of them.
  for (unsigned r = 1; r <= 5; ++r) set(r, ir_.getInt64(0));
}

void FunctionLifter::CallNative(uint32_t slot) {
  call(ir_.CreateIntToPtr(ir_.getInt64(code_.ops[slot].word), ir_.getPtrTy()));
}

void FunctionLifter::CallLocal(uint32_t slot) {
  const auto entry = static_cast<uint32_t>(static_cast<int32_t>(slot) + code_.ops[slot].imm);
  call(unit_.functions[unit_.subprogram.at(entry)]);
}

// A verified program came where none can: a bug of ours.
void FunctionLifter::Trap(uint32_t) {
  ir_.CreateIntrinsic(llvm::Intrinsic::trap, {}, {});
  ir_.CreateUnreachable();
}

void declare_functions(Unit& unit) {
  const auto& subprograms = unit.code.program->subprograms;
  auto* const word = llvm::Type::getInt64Ty(unit.context);
  auto* const machine = llvm::PointerType::get(unit.context, 0);
  auto* const type = llvm::FunctionType::get(word, {machine, word, word, word, word, word}, false);
  unit.lifted.exported.assign(subprograms.size(), false);
  unit.lifted.exported[0] = true;
  for (const Insn& insn : unit.code.program->insns)
    if (is_64bit_imm(insn) && insn.src == BPF_PSEUDO_FUNC)
      unit.lifted.exported[static_cast<size_t>(insn.imm)] = true;
  for (size_t i = 0; i < subprograms.size(); ++i) {
    auto* const function = llvm::Function::Create(
        type, unit.lifted.exported[i] ? llvm::Function::ExternalLinkage : llvm::Function::InternalLinkage,
        function_name(i), *unit.lifted.module);
    function->addFnAttr(llvm::Attribute::NoUnwind);
    // To the verifier no address is special: a bad one is a fault, not a promise that it does not come here.
    function->addFnAttr(llvm::Attribute::NullPointerIsValid);
    unit.functions.push_back(function);
    unit.subprogram[subprograms[i].start] = i;
  }
}

void declare_frozen_maps(Unit& unit) {
  const auto& maps = unit.code.program->maps;
  for (size_t i = 0; i < maps.size(); ++i) {
    if (!maps[i]->frozen() || !(maps[i]->definition().flags & BPF_F_RDONLY_PROG)) continue;
    const std::span<const std::byte> values = maps[i]->values();
    if (values.empty()) continue;
    auto* const bytes = llvm::ConstantDataArray::getRaw(
        llvm::StringRef(reinterpret_cast<const char*>(values.data()), values.size()), values.size(),
        llvm::Type::getInt8Ty(unit.context));
    auto* const constant = new llvm::GlobalVariable(
        *unit.lifted.module, bytes->getType(), /*isConstant=*/true,
        llvm::GlobalValue::AvailableExternallyLinkage, bytes, fmt::format("map{}", i));
    unit.frozen[static_cast<int32_t>(i)] = constant;
    unit.lifted.frozen.push_back({constant, reinterpret_cast<uint64_t>(values.data())});
  }
}

}  // namespace

std::string function_name(size_t subprogram) { return fmt::format("bpf{}", subprogram); }

Result<Lifted> lift(const Executable::Code& code, llvm::LLVMContext& context) {
  Unit unit{code, context, {std::make_unique<llvm::Module>(code.program->name, context), {}, {}}, {}, {}, {}};
  declare_functions(unit);
  declare_frozen_maps(unit);
  for (size_t i = 0; i < unit.functions.size(); ++i) TRY_VOID(FunctionLifter(unit, i).run());
  return std::move(unit.lifted);
}

}  // namespace ring3::bpf
