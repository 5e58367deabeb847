// Native code of programs. What makes it, the JIT (src/bpf/jit), is a module of its own, because LLVM is
// large and slow to load: libring3_jit.so is loaded when a program is first compiled, if it is there.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bpf/exec/code.hpp"

namespace ring3::bpf {

// Owns the native code of one program. Immutable; any number of threads may run it.
class NativeCode {
 public:
  virtual ~NativeCode() = default;
  // By subprogram. nullptr for those that only other subprograms call.
  std::vector<NativeFunction> functions;
  std::vector<std::span<const std::byte>> pages;  // where it lies, whole pages
};

// What the module defines. It sees the library's types and none of its functions.
struct Jit {
  std::string description;  // "LLVM 19.1.7, for znver4"
  Result<std::unique_ptr<NativeCode>> (*compile)(const Executable::Code& code);
};
// The symbol is a `const Jit* ()`. Its name has the version, so that a module of another one is not taken.
#define RING3_JIT_SYMBOL ring3_jit_0_1

// The JIT, looked for at the first call, or why there is none (ENOENT). Any thread.
const Result<const Jit*>& jit();

}  // namespace ring3::bpf
