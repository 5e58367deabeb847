// ring3::Loop: finds the ops and the ring; all else is hooks::Loop.
#include "ring3/loop.hpp"

#include "base/error.hpp"
#include "hooks/loop/loop.hpp"
#include "hooks/module_state.hpp"
#include "ring/ring.hpp"

namespace ring3 {

namespace {

constexpr std::string_view kLoopOps = "io_uring_bpf_ops";

std::string reason(int code) {
  if (code == EBUSY) return "the ring has a loop, or these ops are attached to another ring";
  return "a ring with a loop needs IORING_SETUP_DEFER_TASKRUN, and neither SQPOLL nor IOPOLL";
}

Result<std::shared_ptr<hooks::Loop>> attach_to(Module& module, hooks::OpsState& ops, ring::Ring& engine) {
  // Owns the module's state, so that a loop outlives its module.
  std::shared_ptr<hooks::LoopOps> loop_ops(module.state().shared_from_this(), &ops.loop);
  auto loop = std::make_shared<hooks::Loop>(std::move(loop_ops));
  if (const int result = loop->attach(engine))
    return fail(-result, ops.instance->name, "{}", reason(-result));
  return loop;
}

Result<hooks::OpsState*> loaded_loop_ops(Module& module, std::string_view name) {
  hooks::OpsState* ops = TRY(module.state().find_ops(kLoopOps, name));
  if (!module.state().loaded || !ops->loop.loop_step)
    return fail(EINVAL, ops->instance->name, "the object is not loaded");
  return ops;
}

}  // namespace

Result<Loop> Loop::attach(Module& module, std::string_view name) {
  hooks::OpsState* ops = TRY(loaded_loop_ops(module, name));
  ring::Ring* engine = TRY(ops->named_ring());
  return Loop(TRY(attach_to(module, *ops, *engine)));
}

Result<Loop> Loop::attach(Module& module, Ring& ring, std::string_view name) {
  hooks::OpsState* ops = TRY(loaded_loop_ops(module, name));
  return Loop(TRY(attach_to(module, *ops, ring.engine())));
}

Loop::Loop(std::shared_ptr<hooks::Loop> loop) : loop_(std::move(loop)) {}
Loop::Loop(Loop&&) noexcept = default;
Loop& Loop::operator=(Loop&& other) noexcept {
  if (loop_ && loop_ != other.loop_) loop_->detach();
  loop_ = std::move(other.loop_);
  return *this;
}
Loop::~Loop() {
  if (loop_) loop_->detach();
}

void Loop::detach() {
  if (loop_) loop_->detach();
}
void Loop::stop() { loop_->stop(); }
void Loop::set_time_limit(std::optional<std::chrono::nanoseconds> limit) { loop_->set_time_limit(limit); }
uint64_t Loop::steps() const { return loop_->steps(); }

}  // namespace ring3
