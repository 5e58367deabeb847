// What is behind a ring3::Module. Loops and operations share it: a module that was closed lives on as long as one is
// attached.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bpf/link/collection.hpp"
#include "hooks/loop/loop.hpp"
#include "hooks/operation/operations.hpp"
#include "hooks/variable.hpp"
#include "ring3/module.hpp"

namespace ring3::hooks {

// A struct_ops variable of the object.
struct OpsState {
  const bpf::StructOpsInstance* instance = nullptr;
  // Once loaded: of an io_uring_bpf_ops, and of a uring_bpf_ops.
  LoopOps loop;
  OperationOps operation;

  // The live ring that its ring_fd names. EBADF: not open; EOPNOTSUPP: no ring.
  Result<ring::Ring*> named_ring() const;
  // Where the executable of a callback belongs.
  std::shared_ptr<const bpf::Executable>& callback(std::string_view name);
};

struct ModuleState : std::enable_shared_from_this<ModuleState> {
  std::unique_ptr<bpf::Collection> collection;
  std::vector<std::unique_ptr<OpsState>> ops;
  std::vector<ProgramVerdict> verdicts;
  bool frozen = false;  // load() was called
  bool loaded = false;  // … and every program was accepted

  // A global, or a data member of a struct_ops variable ("ops.ring_fd"). ENOENT.
  Result<Variable> variable(std::string_view path) const;
  // The struct_ops variable `name` of struct `type`; an empty name: the only one there is. ENOENT.
  Result<OpsState*> find_ops(std::string_view type, std::string_view name) const;
};

}  // namespace ring3::hooks
