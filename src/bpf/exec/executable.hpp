// Runs verified programs: as native code where there is a JIT, else instruction by instruction. The
// interpreter is also the oracle for the JIT.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/contained.hpp"
#include "bpf/verifier/verify.hpp"

namespace ring3::bpf {

// Follows a checked run, for tests.
class RunObserver {
 public:
  struct Frame {
    const uint64_t* registers;  // r0 … r10
    uint32_t subprogram, slot;
  };
  virtual ~RunObserver() = default;
  // Before each instruction, and when a callback has returned to the call that made it: the functions that
  // are active, innermost last. What is said against it ends the run, as RunResult::violation.
  virtual std::string before(std::span<const Frame> frames) = 0;
};

struct ExecutableOptions {
  // Native code, if there is a JIT (bpf/exec/native.hpp); else it is interpreted. Not with `checked`.
  bool compiled = false;
  // Checks every access against the memory that the program was given, every register for having been
  // written, and counts instructions: an access that the verifier should have refused is reported, not made.
  // For tests; slow.
  bool checked = false;
  uint64_t insns_max = 0;  // checked only: stop after so many; 0: no limit
  RunObserver* observer = nullptr;  // checked only; outlives the Executable
};

struct RunResult {
  uint64_t r0 = 0;
  // It met memory that is not there (a buffer that was unmapped, a file cut short), and was left where it
  // stood: there is no r0. What it had acquired is given back.
  bool faulted = false;
  // checked only: empty, or what the program did that it must not do (the slot, the access). Until the next run.
  std::string_view violation;
  // checked only: it read stack that it had not written, which it may. What it then does can differ from
  // engine to engine.
  bool read_unwritten_stack = false;
};

// A program in the form that is run, made once. Immutable: any number of threads may run it, each
// with an Execution of its own.
class Executable {
 public:
  static Result<std::unique_ptr<Executable>> create(const VerifiedProgram& program,
                                                    ExecutableOptions options = {});
  ~Executable();

  bool compiled() const;
  struct Code;  // decoded, and the native code if it is compiled
  const Code& code() const { return *code_; }

 private:
  explicit Executable(std::unique_ptr<Code> code);
  std::unique_ptr<Code> code_;
};

// What one thread needs to run one program: stacks for eight frames, and the Machine that helpers see. Made
// once and used again: running takes no allocation, no lock and no system call of its own. The Executable
// must outlive it.
class Execution final : public Machine {
 public:
  explicit Execution(const Executable& executable);
  ~Execution();

  // r1 at entry; the verifier lets no program read more. For the checking mode, memory that it points to is declared with
  // allow() before.
  RunResult run(uint64_t r1 = 0) {
    if (native_) [[likely]] {
      const Landed landed = run_made(native_, static_cast<Machine&>(*this), r1);
      if (!landed.faulted) [[likely]]
        return {.r0 = landed.result};
      give_back();
      return {.faulted = true};
    }
    return interpret(r1);
  }
  uint64_t call(uint64_t function, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4) override;
  // Checking mode: the program may access these bytes until forget(). Ignored otherwise.
  void allow(const void* address, uint64_t size, bool writable);
  void forget();

 private:
  struct State;
  RunResult interpret(uint64_t r1);
  void give_back();
  const NativeFunction native_;  // the first function, at hand; nullptr: not compiled
  std::unique_ptr<State> state_;
};

}  // namespace ring3::bpf
