// From a file to programs that may run: object → collection → verdicts → executables. Nothing gets to the
// last stage that the verifier has not accepted.
#include "ring3/module.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "bpf/exec/executable.hpp"
#include "bpf/object/object.hpp"
#include "bpf/verifier/verify.hpp"
#include "hooks/module_state.hpp"
#include "hooks/verdict.hpp"
#include "hooks/world.hpp"

namespace ring3 {

namespace hooks {

namespace {

Result<std::shared_ptr<ModuleState>> instantiate(std::shared_ptr<const bpf::Object> object) {
  auto state = std::make_shared<ModuleState>();
  state->collection = TRY(bpf::Collection::create(std::move(object), world()));
  for (const bpf::StructOpsInstance& instance : state->collection->struct_ops()) {
    auto ops = std::make_unique<OpsState>();
    ops->instance = &instance;
    ops->operation.bytes = instance.bytes;
    state->ops.push_back(std::move(ops));
  }
  return state;
}

// Prepares the callbacks of that program for running.
Result<void> prepare(ModuleState& state, const bpf::VerifiedProgram& program, const LoadOptions& options) {
  const bpf::ExecutableOptions how = {.compiled = !options.interpret, .checked = options.checked};
  std::shared_ptr<const bpf::Executable> executable;
  for (const auto& ops : state.ops)
    for (const auto& callback : ops->instance->callbacks) {
      if (callback.program != program.shared()) continue;
      if (!executable) {
        const uint64_t start_ns = monotonic_ns();
        executable = TRY(bpf::Executable::create(program, how));
        if (executable->compiled()) state.verdicts.back().compile_ns = monotonic_ns() - start_ns;
      }
      ops->callback(callback.member->name) = executable;
      ops->operation.checked = options.checked;
    }
  return {};
}

}  // namespace

Result<ring::Ring*> OpsState::named_ring() const {
  const bpf::TypeRef& type = instance->type->type;
  const bpf::Btf::Field field = TRY(type.btf->field(type.id, "ring_fd"));
  int32_t fd;
  std::memcpy(&fd, instance->bytes.data() + field.offset, sizeof(fd));
  struct stat status;
  if (fstat(fd, &status) != 0) return fail(EBADF, instance->name, "ring_fd {} is not open", fd);
  ring::Ring* engine = ring::find(fd);
  if (!engine) return fail(EOPNOTSUPP, instance->name, "descriptor {} is no ring", fd);
  return engine;
}

std::shared_ptr<const bpf::Executable>& OpsState::callback(std::string_view name) {
  if (name == "loop_step") return loop.loop_step;
  if (name == "prep_fn") return operation.prep;
  if (name == "issue_fn") return operation.issue;
  if (name == "fail_fn") return operation.fail;
  assert(name == "cleanup_fn");
  return operation.cleanup;
}

Result<Variable> ModuleState::variable(std::string_view path) const {
  const bpf::Variable global = TRY(collection->variable(path));
  const std::string_view name = path.substr(0, path.find('.'));
  const bool of_ops = std::ranges::any_of(
      ops, [&](const auto& one) { return std::string_view(one->instance->name) == name; });
  return Variable{.bytes = global.bytes,
                  .type = {&collection->object().btf, global.type},
                  .bit_offset = global.bit_offset,
                  .bit_size = global.bit_size,
                  .frozen = global.frozen || (frozen && of_ops)};
}

Result<OpsState*> ModuleState::find_ops(std::string_view type, std::string_view name) const {
  OpsState* found = nullptr;
  std::string names;
  for (const auto& one : ops) {
    if (one->instance->type->name != type) continue;
    if (one->instance->name == name) return one.get();
    if (name.empty() && found)
      return fail(ENOENT, "", "there are several variables of struct {}: say which", type);
    found = name.empty() ? one.get() : nullptr;
    names += (names.empty() ? "" : ", ") + one->instance->name;
  }
  if (found) return found;
  return fail(ENOENT, std::string(name), "no such variable of struct {}; there is {}", type,
              names.empty() ? "none" : names);
}

}  // namespace hooks

Module::Module(std::shared_ptr<hooks::ModuleState> state) : state_(std::move(state)) {}
Module::Module(Module&&) noexcept = default;
Module& Module::operator=(Module&&) noexcept = default;
Module::~Module() = default;

Result<Module> Module::open(const std::string& path) {
  auto object = TRY(bpf::Object::open(path));
  return Module(TRY(hooks::instantiate(std::move(object))));
}

Result<Module> Module::parse(std::span<const std::byte> elf, std::string name) {
  auto object = TRY(bpf::Object::parse(elf, std::move(name)));
  return Module(TRY(hooks::instantiate(std::move(object))));
}

Result<std::span<std::byte>> Module::variable(std::string_view path) {
  const hooks::Variable variable = TRY(state_->variable(path));
  if (variable.bit_size) return fail(EINVAL, std::string(path), "a bit field has no bytes of its own");
  if (variable.frozen)
    return fail(EPERM, std::string(path), "a constant of a loaded object can't be changed");
  return variable.bytes;
}

Result<void> Module::set(std::string_view path, std::string_view value) {
  const hooks::Variable variable = TRY(state_->variable(path));
  if (variable.frozen)
    return fail(EPERM, std::string(path), "a constant of a loaded object can't be changed");
  return hooks::write_text(variable, path, value);
}

Result<void> Module::set(std::string_view path, uint64_t value) {
  const hooks::Variable variable = TRY(state_->variable(path));
  if (variable.frozen)
    return fail(EPERM, std::string(path), "a constant of a loaded object can't be changed");
  return hooks::write_number(variable, path, value);
}

Result<std::string> Module::get(std::string_view path) const {
  const hooks::Variable variable = TRY(state_->variable(path));
  return hooks::read_text(variable, path);
}

Result<bool> Module::load(const LoadOptions& options) {
  if (state_->frozen) return fail(EBUSY, "", "the object is loaded already");
  state_->frozen = true;
  state_->collection->freeze();
  bool accepted = true;
  for (const auto& program : state_->collection->programs()) {
    const bpf::Verdict verdict =
        bpf::verify(program, {.explain = options.explain, .strict = options.strict});
    state_->verdicts.push_back(hooks::describe(*program, verdict));
    accepted = accepted && verdict.has_value();
    if (verdict) TRY_VOID(hooks::prepare(*state_, *verdict, options));
  }
  state_->loaded = accepted;
  return accepted;
}

const std::vector<ProgramVerdict>& Module::verdicts() const { return state_->verdicts; }

std::vector<std::string> Module::struct_ops(std::string_view type) const {
  std::vector<std::string> names;
  for (const auto& ops : state_->ops)
    if (type.empty() || ops->instance->type->name == type) names.push_back(ops->instance->name);
  return names;
}

}  // namespace ring3
