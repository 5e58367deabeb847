// ring3::Operation: finds the ops and the ring; all else is hooks::Operations.
#include "ring3/operation.hpp"

#include <utility>

#include "base/error.hpp"
#include "hooks/module_state.hpp"
#include "hooks/operation/operations.hpp"

namespace ring3 {

namespace {

constexpr std::string_view kOperationOps = "uring_bpf_ops";

Result<hooks::OpsState*> loaded_operation_ops(Module& module, std::string_view name) {
  hooks::OpsState* ops = TRY(module.state().find_ops(kOperationOps, name));
  if (!module.state().loaded) return fail(EINVAL, ops->instance->name, "the object is not loaded");
  return ops;
}

Result<std::shared_ptr<hooks::Operations>> add_to(Module& module, const hooks::OpsState& ops,
                                                  ring::Ring& engine) {
  auto operations = hooks::Operations::of(engine);
  if (!operations)
    return fail(EINVAL, ops.instance->name, "a ring with operations needs IORING_SETUP_BPF_EXT");
  // Owns the module's state, so that an operation outlives its module.
  std::shared_ptr<const hooks::OperationOps> owned(module.state().shared_from_this(), &ops.operation);
  const uint16_t id = owned->id();
  const int result = operations->add(std::move(owned));
  if (result == -EBUSY) return fail(EBUSY, ops.instance->name, "the ring has an operation with id {}", id);
  if (result != 0) return fail(-result, ops.instance->name, "id {} is beyond 255", id);
  return operations;
}

}  // namespace

Result<Operation> Operation::attach(Module& module, std::string_view name) {
  hooks::OpsState* ops = TRY(loaded_operation_ops(module, name));
  ring::Ring* engine = TRY(ops->named_ring());
  return Operation(TRY(add_to(module, *ops, *engine)), static_cast<uint8_t>(ops->operation.id()));
}

Result<Operation> Operation::attach(Module& module, Ring& ring, std::string_view name) {
  hooks::OpsState* ops = TRY(loaded_operation_ops(module, name));
  return Operation(TRY(add_to(module, *ops, ring.engine())), static_cast<uint8_t>(ops->operation.id()));
}

Operation::Operation(std::shared_ptr<hooks::Operations> operations, uint8_t id)
    : operations_(std::move(operations)), id_(id) {}
Operation::Operation(Operation&&) noexcept = default;
Operation& Operation::operator=(Operation&& other) noexcept {
  detach();
  operations_ = std::move(other.operations_);
  id_ = other.id_;
  return *this;
}
Operation::~Operation() { detach(); }

void Operation::detach() {
  if (const auto operations = std::exchange(operations_, nullptr)) operations->remove(id_);
}

}  // namespace ring3
