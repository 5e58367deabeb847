// From a decoded program to LLVM's IR: a function per subprogram, its registers in variables that LLVM makes
// SSA values of.
//
// Memory. Linux's JIT makes every access of the program once, whole and in the program's order, and programs
// rely on it: much of what they read is written by others at the same time, and the READ_ONCE() of their
// source is gone by the time they are objects. A load that LLVM made twice, once for a check and once for the
// use, would make an unsafe program of a verified one. So every access is volatile, but for those that
// plainly (promote.hpp) go to the function's own stack or to constants, which nobody else changes.
//
// Stack starts as zeroes, because a program may read what it did not write and must find nothing of ours.
#pragma once

#include <llvm/IR/Module.h>
#include <llvm/IR/ValueHandle.h>

#include <memory>
#include <string>
#include <vector>

#include "bpf/exec/code.hpp"

namespace ring3::bpf {

// A frozen read-only map: LLVM sees its bytes as a constant until it has folded what it can, and then the
// address where they are.
struct FrozenMap {
  llvm::WeakTrackingVH constant;  // null once nothing refers to it
  uint64_t address;
};

struct Lifted {
  std::unique_ptr<llvm::Module> module;
  std::vector<FrozenMap> frozen;
  std::vector<bool> exported;  // by subprogram: entered from outside
};

std::string function_name(size_t subprogram);

// ENOTSUP for what no verified program does (a jump from one subprogram into another).
Result<Lifted> lift(const Executable::Code& code, llvm::LLVMContext& context);

}  // namespace ring3::bpf
