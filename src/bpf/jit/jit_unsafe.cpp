// The module's door: decoded program → LLVM's IR → native code. LLVM's classes end here.
#include <llvm/Config/llvm-config.h>
#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/TargetParser/Host.h>

#include "base/error.hpp"
#include "bpf/exec/native.hpp"
#include "bpf/jit/optimise.hpp"

namespace ring3::bpf {

using llvm::BitmaskEnumDetail::operator&;

namespace {

// An LLVM result as one of ours.
template <typename T>
Result<T> ours(llvm::Expected<T> result) {
  if (!result) return fail(ENOTSUP, "JIT", "{}", llvm::toString(result.takeError()));
  return std::move(*result);
}
Result<void> ours(llvm::Error error) {
  if (error) return fail(ENOTSUP, "JIT", "{}", llvm::toString(std::move(error)));
  return {};
}

// Notes where the linker puts code.
class PagesNoter final : public llvm::orc::ObjectLinkingLayer::Plugin {
 public:
  explicit PagesNoter(std::vector<std::span<const std::byte>>& pages) : pages_(pages) {}

  void modifyPassConfig(llvm::orc::MaterializationResponsibility&, llvm::jitlink::LinkGraph&,
                        llvm::jitlink::PassConfiguration& passes) override {
    passes.PostFixupPasses.push_back([this](llvm::jitlink::LinkGraph& graph) {
      for (const llvm::jitlink::Section& section : graph.sections())
        if ((section.getMemProt() & llvm::orc::MemProt::Exec) != llvm::orc::MemProt::None) note(section);
      return llvm::Error::success();
    });
  }
  llvm::Error notifyFailed(llvm::orc::MaterializationResponsibility&) override {
    return llvm::Error::success();
  }
  llvm::Error notifyRemovingResources(llvm::orc::JITDylib&, llvm::orc::ResourceKey) override {
    return llvm::Error::success();
  }
  void notifyTransferringResources(llvm::orc::JITDylib&, llvm::orc::ResourceKey,
                                   llvm::orc::ResourceKey) override {}

 private:
  void note(const llvm::jitlink::Section& section) {
    const llvm::jitlink::SectionRange range(section);
    if (range.empty()) return;
    constexpr uint64_t kPage = 4096;
    const uint64_t start = range.getStart().getValue() & -kPage;
    const uint64_t end = (range.getEnd().getValue() + kPage - 1) & -kPage;
    pages_.push_back({reinterpret_cast<const std::byte*>(start), end - start});
  }
  std::vector<std::span<const std::byte>>& pages_;
};

class Compiled final : public NativeCode {
 public:
  static Result<std::unique_ptr<Compiled>> create(llvm::orc::JITTargetMachineBuilder target) {
    std::unique_ptr<Compiled> compiled(new Compiled);
    const auto linker = [&](llvm::orc::ExecutionSession& session, const llvm::Triple&) {
      auto layer = std::make_unique<llvm::orc::ObjectLinkingLayer>(session);
      layer->addPlugin(std::make_unique<PagesNoter>(compiled->pages));
      return layer;
    };
    compiled->session_ = TRY(ours(llvm::orc::LLJITBuilder()
                                      .setJITTargetMachineBuilder(std::move(target))
                                      .setObjectLinkingLayerCreator(linker)
                                      .setPlatformSetUp(llvm::orc::setUpInactivePlatform)
                                      .create()));
    return compiled;
  }

  Result<void> add(std::unique_ptr<llvm::Module> module, std::unique_ptr<llvm::LLVMContext> context) {
    return ours(session_->addIRModule({std::move(module), std::move(context)}));
  }

  Result<void> find(const std::vector<bool>& exported) {
    functions.resize(exported.size());
    for (size_t i = 0; i < exported.size(); ++i)
      if (exported[i]) functions[i] = TRY(ours(session_->lookup(function_name(i)))).toPtr<NativeFunction>();
    return {};
  }

 private:
  std::unique_ptr<llvm::orc::LLJIT> session_;  // owns the code
};

Result<std::unique_ptr<NativeCode>> compile(const Executable::Code& code) {
  auto context = std::make_unique<llvm::LLVMContext>();
  Lifted lifted = TRY(lift(code, *context));

  auto target = TRY(ours(llvm::orc::JITTargetMachineBuilder::detectHost()));
  target.setCodeGenOptLevel(llvm::CodeGenOptLevel::Default);
  const auto machine = TRY(ours(target.createTargetMachine()));
  lifted.module->setDataLayout(machine->createDataLayout());
  lifted.module->setTargetTriple(target.getTargetTriple().str());
  if (llvm::verifyModule(*lifted.module)) return fail(ENOTSUP, code.program->name, "the JIT made invalid IR");
  optimise(lifted, *machine);

  auto compiled = TRY(Compiled::create(std::move(target)));
  TRY_VOID(compiled->add(std::move(lifted.module), std::move(context)));
  TRY_VOID(compiled->find(lifted.exported));
  return compiled;
}

}  // namespace

extern "C" [[gnu::visibility("default")]] const Jit* RING3_JIT_SYMBOL() {
  static const Jit jit = [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    return Jit{"LLVM " LLVM_VERSION_STRING ", for " + llvm::sys::getHostCPUName().str(), compile};
  }();
  return &jit;
}

}  // namespace ring3::bpf
