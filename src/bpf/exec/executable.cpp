// Executable and Execution: what others see of this folder.
#include "bpf/exec/executable.hpp"

#include <utility>

#include "base/contained.hpp"
#include "base/user_copy.hpp"
#include "bpf/exec/checker.hpp"
#include "bpf/exec/code.hpp"
#include "bpf/exec/native.hpp"
#include "bpf/exec/run.hpp"

namespace ring3::bpf {

Result<std::unique_ptr<Executable>> Executable::create(const VerifiedProgram& program,
                                                       ExecutableOptions options) {
  std::unique_ptr<Code> code = TRY(decode(program, options));
  // Accesses of arenas are the interpreter's alone.
  if (options.compiled && !options.checked && !code->arena && jit()) {
    code->native = TRY((*jit())->compile(*code));
    for (const std::span<const std::byte> pages : code->native->pages) code->contained.emplace_back(pages);
  }
  return std::unique_ptr<Executable>(new Executable(std::move(code)));
}

Executable::Executable(std::unique_ptr<Code> code) : code_(std::move(code)) {}
Executable::~Executable() = default;

bool Executable::compiled() const { return code_->native != nullptr; }

// Clang's sanitizer looks for a function's type in front of its code. The JIT puts none there.
#if defined(__clang__)
#define CALLS_MADE_CODE __attribute__((no_sanitize("function")))
#else
#define CALLS_MADE_CODE
#endif

struct Execution::State {
  State(const Executable::Code& program, Machine& machine) : code(program) {
    if (program.options.checked)
      checker = std::make_unique<Checker>(program, machine);
    else if (program.native)
      native = program.native->functions.data();
    else
      frames = std::make_unique<Frames>();
    if (frames) frames->arena = program.arena;
  }

  // Not checked.
  CALLS_MADE_CODE uint64_t run(size_t subprogram, Machine& machine, const uint64_t (&r)[5]) {
    if (native) return native[subprogram](machine, r[0], r[1], r[2], r[3], r[4]);
    return run_fast(&code.ops[code.entries[subprogram]], machine, *frames, r);
  }

  const Executable::Code& code;
  const NativeFunction* native = nullptr;  // compiled only: by subprogram
  std::unique_ptr<Checker> checker;        // checking mode only
  // Interpreted only. Zeroed: a program may read stack that it did not write, and must find nothing there but
  // its own.
  std::unique_ptr<Frames> frames;
};

Execution::Execution(const Executable& executable)
    : native_(executable.compiled() ? executable.code().native->functions[0] : nullptr),
      state_(new State(executable.code(), *this)) {
  ensure_fault_handler();
}
Execution::~Execution() = default;

RunResult Execution::interpret(uint64_t r1) {
  if (state_->checker) {
    const RunResult result = state_->checker->run({r1, 0, 0, 0, 0});
    if (result.faulted || !result.violation.empty()) give_back();
    return result;
  }
  struct Run {
    State& state;
    Machine& machine;
    uint64_t arguments[5];
  } run = {*state_, *this, {r1, 0, 0, 0, 0}};
  const Landed landed = run_contained(
      [](void* opaque) {
        auto& [state, machine, arguments] = *static_cast<Run*>(opaque);
        return state.run(0, machine, arguments);
      },
      &run);
  if (landed.faulted) {
    state_->frames->depth = 0;
    give_back();
  }
  return {.r0 = landed.result, .faulted = landed.faulted != 0};
}

// What the run that a fault, or the checker, ended can't give back any more.
void Execution::give_back() {
  for (void* record : records) RingBuffer::owner(record).commit(record, true);
  records.clear();
  if (lock) std::exchange(lock, nullptr)->unlock();
}

uint64_t Execution::call(uint64_t function, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4) {
  if (state_->checker) return state_->checker->call(function, {r1, r2, r3, r4});
  const uint64_t arguments[5] = {r1, r2, r3, r4, 0};
  return state_->run(state_->code.subprogram_of(function), *this, arguments);
}

void Execution::allow(const void* address, uint64_t size, bool writable) {
  if (state_->checker) state_->checker->allow(reinterpret_cast<uint64_t>(address), size, writable);
}

void Execution::forget() {
  if (state_->checker) state_->checker->forget();
}

}  // namespace ring3::bpf
