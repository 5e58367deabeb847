#include <dlfcn.h>

#include "base/error.hpp"
#include "bpf/exec/native.hpp"

namespace ring3::bpf {

namespace {

#define RING3_TEXT(symbol) #symbol
#define RING3_TEXT_OF(symbol) RING3_TEXT(symbol)

// The dynamic linker looks for it: by the search path of whatever this code is linked into, which the build,
// the installed command and the packages for applications set, then where all libraries are.
Result<const Jit*> load() {
  // Never unloaded: code that it made may be running.
  void* const module = dlopen("libring3_jit.so", RTLD_NOW | RTLD_LOCAL);
  if (void* const symbol = module ? dlsym(module, RING3_TEXT_OF(RING3_JIT_SYMBOL)) : nullptr)
    return reinterpret_cast<const Jit* (*)()>(symbol)();
  return fail(ENOENT, "JIT", "{}", dlerror());
}

}  // namespace

const Result<const Jit*>& jit() {
  static const Result<const Jit*> loaded = load();
  return loaded;
}

}  // namespace ring3::bpf
