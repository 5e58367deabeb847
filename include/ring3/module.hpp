// A compiled BPF object, opened for use: set its globals, load (verify) it, then attach it to a ring
// (ring3/loop.hpp).
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ring3/error.hpp"
#include "ring3/verdict.hpp"

struct io_uring_params;

namespace ring3 {

namespace hooks {
struct ModuleState;
}

struct LoadOptions {
  // Programs are compiled to native code where there is a JIT (libring3_jit.so); not with one of these.
  bool interpret = false;
  bool checked = false;  // run under the checking interpreter (slow, for tests)
  bool explain = false;  // keep how a refused path came about (ProgramVerdict::path)
  // Verify as programs of people who are not trusted: no addresses as numbers, no look at stack never written
  // or at the process's other memory (docs/verifier.md).
  bool strict = false;
};

// Move-only. Not thread-safe, except that variables may be read and written by any thread as any shared
// memory.
class Module {
 public:
  // Reads the object, makes its maps and resolves its references. EINVAL, ENOENT, ENOTSUP with the place.
  static Result<Module> open(const std::string& path);
  static Result<Module> parse(std::span<const std::byte> elf, std::string name);

  Module(Module&&) noexcept;
  Module& operator=(Module&&) noexcept;
  ~Module();

  // The bytes of a global ("depth", "params.size", "bufs[2].addr"), live: the program sees writes, the
  // application sees the program's. ENOENT with near names; EPERM for a write to .rodata after load.
  Result<std::span<std::byte>> variable(std::string_view path);
  // The same through text: numbers in any C notation, characters for char arrays. EINVAL, ERANGE.
  Result<void> set(std::string_view path, std::string_view value);
  Result<void> set(std::string_view path, uint64_t value);
  Result<std::string> get(std::string_view path) const;
  // Tells the program where the words of its ring are: fills in its global `ring`, a struct ring3_layout of
  // <ring3/bpf/queues.h>, from what Ring::setup() returned. ENOENT if it has no such global. Before load().
  Result<void> set_ring(const io_uring_params& params);

  // A typed window on a map's memory.
  template <typename T>
  Result<T*> as(std::string_view path) {
    auto bytes = variable(path);
    if (!bytes) return std::unexpected(bytes.error());
    if (bytes->size() != sizeof(T))
      return std::unexpected(Error{
          EINVAL, std::string(path),
          "the variable has " + std::to_string(bytes->size()) + " bytes, not " + std::to_string(sizeof(T))});
    return reinterpret_cast<T*>(bytes->data());
  }

  // Verifies every program, freezes .rodata, and prepares the programs for running. A refusal is no Error:
  // look at verdicts(). True if all were accepted.
  Result<bool> load(const LoadOptions& options = {});
  const std::vector<ProgramVerdict>& verdicts() const;

  // Names of the struct_ops variables of a type ("io_uring_bpf_ops"; empty: all).
  std::vector<std::string> struct_ops(std::string_view type = {}) const;

  hooks::ModuleState& state() const { return *state_; }

 private:
  explicit Module(std::shared_ptr<hooks::ModuleState> state);
  std::shared_ptr<hooks::ModuleState> state_;
};

}  // namespace ring3
