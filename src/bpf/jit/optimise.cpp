#include "bpf/jit/optimise.hpp"

#include <llvm/Passes/PassBuilder.h>
#include <llvm/Transforms/Scalar/EarlyCSE.h>
#include <llvm/Transforms/Scalar/SCCP.h>
#include <llvm/Transforms/Scalar/SROA.h>

#include "bpf/jit/promote.hpp"

namespace ring3::bpf {

namespace {

struct PromotePass : llvm::PassInfoMixin<PromotePass> {
  llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager&) {
    promote_private_accesses(function);
    return llvm::PreservedAnalyses::none();
  }
};

// What is left of frozen maps are addresses.
void put_addresses(const std::vector<FrozenMap>& maps) {
  for (const FrozenMap& map : maps) {
    auto* const constant = llvm::cast_or_null<llvm::GlobalVariable>(map.constant);
    if (!constant) continue;
    auto* const address = llvm::ConstantInt::get(llvm::Type::getInt64Ty(constant->getContext()), map.address);
    constant->replaceAllUsesWith(llvm::ConstantExpr::getIntToPtr(address, constant->getType()));
    constant->eraseFromParent();
  }
}

}  // namespace

void optimise(Lifted& lifted, llvm::TargetMachine& machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager calls;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(calls);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, calls, modules);

  llvm::FunctionPassManager first;
  first.addPass(llvm::SROAPass(llvm::SROAOptions::ModifyCFG));
  first.addPass(llvm::EarlyCSEPass());
  first.addPass(llvm::SCCPPass());  // an address that a register keeps through a loop is still that address
  first.addPass(PromotePass());
  llvm::ModulePassManager passes;
  passes.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(first)));
  passes.addPass(builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2));
  passes.run(*lifted.module, modules);
  put_addresses(lifted.frozen);
}

}  // namespace ring3::bpf
