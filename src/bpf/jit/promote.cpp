#include "bpf/jit/promote.hpp"

#include <llvm/IR/GlobalVariable.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Operator.h>

#include <optional>

namespace ring3::bpf {

namespace {

using llvm::Value;

struct Place {
  Value* base;
  Value* offset;  // in bytes; nullptr: none
};

bool is_private(const Value* pointer) {
  if (llvm::isa<llvm::AllocaInst>(pointer)) return true;
  const auto* const global = llvm::dyn_cast<llvm::GlobalVariable>(pointer);
  return global && global->isConstant();
}

// `address`, an integer, as a place in private memory: the base itself or sums with one base in them.
std::optional<Place> find_place(Value* address, llvm::IRBuilder<>& ir, unsigned depth = 0) {
  constexpr unsigned kSumsMax = 8;
  const auto* const made = llvm::dyn_cast<llvm::Operator>(address);
  if (!made || depth > kSumsMax) return std::nullopt;
  if (made->getOpcode() == llvm::Instruction::PtrToInt) {
    Value* const pointer = made->getOperand(0);
    if (!is_private(pointer)) return std::nullopt;
    return Place{pointer, nullptr};
  }
  if (made->getOpcode() != llvm::Instruction::Add) return std::nullopt;
  for (unsigned i : {0, 1}) {
    const auto place = find_place(made->getOperand(i), ir, depth + 1);
    if (!place) continue;
    Value* const rest = made->getOperand(1 - i);
    return Place{place->base, place->offset ? ir.CreateAdd(place->offset, rest) : rest};
  }
  return std::nullopt;
}

}  // namespace

void promote_private_accesses(llvm::Function& function) {
  for (llvm::Instruction& access : llvm::instructions(function)) {
    Value* const pointer = llvm::getPointerOperand(&access);
    auto* const load = llvm::dyn_cast<llvm::LoadInst>(&access);
    auto* const store = llvm::dyn_cast<llvm::StoreInst>(&access);
    const auto* const cast = pointer ? llvm::dyn_cast<llvm::Operator>(pointer) : nullptr;
    if (!(load || store)) continue;
    llvm::IRBuilder<> ir(&access);
    std::optional<Place> place;
    if (is_private(pointer))
      place = Place{pointer, nullptr};
    else if (cast && cast->getOpcode() == llvm::Instruction::IntToPtr)
      place = find_place(cast->getOperand(0), ir);
    if (!place) continue;
    Value* const typed = place->offset ? ir.CreatePtrAdd(place->base, place->offset) : place->base;
    access.setOperand(load ? load->getPointerOperandIndex() : store->getPointerOperandIndex(), typed);
    if (load) load->setVolatile(false);
    if (store) store->setVolatile(false);
  }
}

}  // namespace ring3::bpf
