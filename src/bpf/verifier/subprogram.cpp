// Functions of the program itself. A static function is followed at each call, with what is known of its
// arguments (global ones: global.cpp). A callback may run any number of times, so its body is followed until nothing new is learned.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "bpf/verifier/verifier.hpp"

namespace ring3::bpf {
using namespace abi;

namespace {
constexpr uint32_t LOOP = 181;
// What Linux's JITs round a frame up to.
uint32_t frame_bytes(uint32_t stack) { return (std::max(stack, 1u) + 15) & ~15u; }
}  // namespace

bool Verifier::push_frame(State& state, uint32_t subprogram) {
  if (state.frames.size() >= BPF_FRAMES_MAX)
    return reject(Rule::CallDepth,
                  fmt::format("the call stack of {} frames is too deep", state.frames.size() + 1),
                  fmt::format("At most {} functions may be active at once.", BPF_FRAMES_MAX));
  Frame callee;
  callee.subprogram = subprogram;
  callee.call_site = pc_;
  callee.references = state.references.size();
  callee.registers[10] = Value::pointer(Kind::Stack, program_->subprograms[subprogram].start);
  callee.registers[10].frame = static_cast<uint8_t>(state.frames.size());
  state.frames.push_back(std::move(callee));
  return true;
}

bool Verifier::call_subprogram(Insn insn) {
  const auto index = static_cast<uint32_t>(insn.imm);
  if (program_->subprograms[index].global) return call_global(index);
  if (!push_frame(current_, index)) return false;
  Frame& caller = current_.frames[current_.frames.size() - 2];
  for (unsigned r = 1; r <= 5; ++r) reg(r) = caller.registers[r];
  for (unsigned r = 0; r <= 5; ++r) caller.registers[r] = Value();
  log_.back().enters = true;
  pc_ = program_->subprograms[index].start;
  return true;
}

bool Verifier::returns_void(uint32_t subprogram) const {
  const TypeId function = program_->subprograms[subprogram].function;
  const Btf* btf = program_btf();
  if (!btf || function == 0) return false;
  const TypeId result = btf->resolve(btf->target(btf->target(function)));
  return btf->kind(result) == BtfKind::Void;
}

// Leaves a run of the callback for later, and goes on as if it had run for the last time.
bool Verifier::call_callback(const Call& call) {
  const uint32_t index = reg(call.callback).index;
  found(OpenLoop);
  const bool loop = call.helper->id == LOOP;
  if (loop) {
    if (!expect(1, reg(1).is_scalar(), "scalar")) return false;
    need(1);
    if (frame().callback_depth >= reg(1).scalar.umax) {
      frame().callback_depth = 0;
      return true;
    }
  }
  State next = current_;
  if (!push_frame(next, index)) return false;
  Frame& callee = next.top();
  Frame& caller = next.frames[next.frames.size() - 2];
  callee.is_callback = true;
  Value context = caller.registers[3];
  if (loop) {
    callee.registers[1] = Value::unknown(pc_);
    callee.registers[2] = context;
  } else {
    const MapDefinition& map = program_->maps[call.map]->definition();
    callee.registers[1] = caller.registers[1];
    Value key = Value::pointer(Kind::Memory, pc_);
    key.size = map.key_size;
    key.read_only = true;
    Value value = Value::pointer(Kind::MapValue, pc_);
    value.index = static_cast<uint32_t>(call.map);
    if (has_lock(value.index)) value.id = fresh_id();
    callee.registers[2] = key;
    callee.registers[3] = value;
    callee.registers[4] = context;
  }
  ++caller.callback_depth;
  ++next.callback_depth;
  next.insn = program_->subprograms[index].start;
  frame().callback_depth = 0;
  return push_branch(std::move(next), true);
}

bool Verifier::leave() {
  if (current_.frames.size() == 1) return leave_entry();
  const Value result = reg(0);
  if (result.kind == Kind::Stack)
    return reject(Rule::StackEscape, 0u, "cannot return stack pointer to the caller",
                  "The function's stack is gone when it returns.");
  if (frame().is_callback) return leave_callback();
  pc_ = frame().call_site + 1;
  current_.frames.pop_back();
  reg(0) = result;
  return true;
}

// Back to the call, which decides whether the callback runs again.
bool Verifier::leave_callback() {
  if (!readable(0)) return false;
  if (!reg(0).is_scalar())
    return reject(Rule::CallbackNumber, 0u, "R0 not a scalar value", "A callback returns 0 or 1.");
  need(0);
  const Scalar& result = reg(0).scalar;
  if (result.smin < 0 || result.smax > 1)
    return reject(
        Rule::CallbackResult, 0u,
        result.smin == INT64_MIN && result.smax == INT64_MAX
            ? "At callback return the register R0 has unknown scalar value should have been in [0, 1]"
            : fmt::format("At callback return the register R0 has smin={} smax={} should have been in [0, 1]",
                          result.smin, result.smax),
        "A callback returns 0 to go on or 1 to stop.");
  if (!check_leaks(frame().references)) return false;
  pc_ = frame().call_site;
  current_.frames.pop_back();
  if (const Node* before = previous_visit(pc_, parent_)) widen(before->state, current_);
  return true;
}

bool Verifier::leave_entry() {
  const Attachment& hook = program_->attachment;
  bool has_result = true;
  if (root_ == 0 && hook.member) {
    const Btf& btf = *hook.type->type.btf;
    has_result = btf.kind(btf.resolve(btf.target(hook.prototype))) != BtfKind::Void;
  } else {
    has_result = !returns_void(root_);
  }
  if (has_result && !readable(0)) return false;
  if (has_result && !reg(0).is_scalar() && (root_ != 0 || hook.member))
    return reject(
        Rule::ProgramResult, 0u,
        fmt::format("At {} exit the register R0 is not a {}value ({})", root_ == 0 ? "program" : "subprogram",
                    root_ == 0 ? "known " : "scalar ", kind_name(reg(0))),
        "The result must be a number.");
  if (has_result && !may_show(0, "as return value")) return false;
  if (!check_leaks(0)) return false;
  if (current_.lock)
    return reject(Rule::Lock,
                  "BPF_EXIT instruction in main prog cannot be used inside bpf_spin_lock-ed region",
                  "A lock is held on this path.");
  path_over_ = true;
  return true;
}

// The first instruction of `caller` that calls `callee`, or takes its address.
uint32_t Verifier::call_site(uint32_t caller, uint32_t callee) const {
  const Subprogram& sub = program_->subprograms[caller];
  for (uint32_t i = sub.start; i < sub.end; i += insn_slots(program_->insns[i])) {
    const Insn insn = program_->insns[i];
    const bool refers =
        (is_call(insn) && insn.src == BPF_PSEUDO_CALL) || (is_64bit_imm(insn) && insn.src == BPF_PSEUDO_FUNC);
    if (refers && static_cast<uint32_t>(insn.imm) == callee) return i;
  }
  return sub.start;
}

// The sum of the frames of every chain of calls.
bool Verifier::check_depth() {
  struct Chain {
    uint32_t bytes = 0, calls = 0, frames = 0;
  };
  std::vector<Chain> deepest(program_->subprograms.size());
  for (uint32_t sub : cfg_.bottom_up()) {
    Chain below;
    uint32_t frames = 0;
    pc_ = program_->subprograms[sub].start;
    for (uint32_t callee : cfg_.callees(sub)) {
      frames = std::max(frames, deepest[callee].frames);
      if (deepest[callee].bytes <= below.bytes) continue;
      below = deepest[callee];
      pc_ = call_site(sub, callee);
    }
    deepest[sub] = {below.bytes + frame_bytes(stack_bytes_[sub]), below.calls + 1, frames + 1};
    deepest_ = std::max(deepest_, deepest[sub].bytes);
    if (deepest[sub].frames > BPF_FRAMES_MAX)
      return reject(Rule::CallDepth,
                    fmt::format("the call stack of {} frames is too deep !", deepest[sub].frames),
                    fmt::format("At most {} functions may be active at once.", BPF_FRAMES_MAX));
    if (deepest[sub].bytes > BPF_STACK_BYTES)
      return reject(
          Rule::StackDepth,
          fmt::format("combined stack size of {} calls is {}. Too large", deepest[sub].calls,
                      deepest[sub].bytes),
          fmt::format("The functions active at once may use {} bytes of stack together.", BPF_STACK_BYTES));
  }
  return true;
}

}  // namespace ring3::bpf
