#include "bpf/exec/checker.hpp"

#include <fmt/format.h>

#include <cstring>
#include <type_traits>

#include "base/contained.hpp"
#include "bpf/exec/run.hpp"

namespace ring3::bpf {

using namespace abi;

namespace {

template <typename T>
bool load(uint64_t address, uint64_t& value) {
  std::make_unsigned_t<T> bits;
  const bool loaded = contained_load(address, bits);
  value = static_cast<uint64_t>(static_cast<int64_t>(static_cast<T>(bits)));
  return loaded;
}

}  // namespace

Checker::Checker(const Executable::Code& code, Machine& machine)
    : code_(code), machine_(machine), frames_(new Frame[kFrames]) {
  for (const auto& map : code.program->maps) {
    const MapDefinition& definition = map->definition();
    if (definition.type == BPF_MAP_TYPE_ARENA) continue;
    const std::span<std::byte> values = map->values();
    // Other elements than the first are reached by a lookup, which says where.
    if (!values.empty())
      memory_.add({reinterpret_cast<uint64_t>(values.data()), definition.value_size,
                   !(definition.flags & BPF_F_RDONLY_PROG), Region::Life::Program, 0, false,
                   fmt::format("map {}", definition.name)});
  }
}

void Checker::allow(uint64_t address, uint64_t size, bool writable) {
  memory_.add({address, size, writable, Region::Life::Allowed, 0, false, "memory given to the program"});
}

void Checker::forget() { memory_.drop_life(Region::Life::Allowed); }

RunResult Checker::run(const std::array<uint64_t, 5>& arguments) {
  depth_ = 0;
  insns_ = 0;
  violation_.clear();
  faulted_ = false;
  read_unwritten_stack_ = false;
  memory_.drop_life(Region::Life::Run);
  if (Frame* first = enter(0)) {
    const Program& program = *code_.program;
    // A struct_ops callback gets one register: the address of its arguments.
    const unsigned count = program.attachment.member ? 1 : program.arguments;
    std::copy(arguments.begin(), arguments.end(), first->r.begin() + 1);
    for (unsigned i = 1; i <= std::min(count, 5u); ++i) first->known.set(i);
    result_ = loop();
  }
  return {over() ? 0 : result_, faulted_, violation_, read_unwritten_stack_};
}

uint64_t Checker::call(uint64_t function, const std::array<uint64_t, 4>& arguments) {
  if (over()) return 1;
  const int base = base_;
  const unsigned count = callback_arguments_;
  const Map* const map = callback_map_;
  Frame* const callee = enter(static_cast<uint32_t>(function ^ kFunctionTag));
  if (!callee) return 1;
  std::copy(arguments.begin(), arguments.end(), callee->r.begin() + 1);
  for (unsigned i = 1; i <= count; ++i) callee->known.set(i);
  if (map) {
    memory_.add({arguments[1], map->definition().key_size, false, Region::Life::Run, 0, false,
                 fmt::format("key of map {}", map->definition().name)});
    add_map_value(*map, arguments[2]);
  }
  const uint64_t result = loop();
  if (code_.options.observer && !violated()) observe();
  base_ = base;
  callback_arguments_ = count;
  callback_map_ = map;
  return over() ? 1 : result;
}

Checker::Frame* Checker::enter(uint32_t subprogram) {
  if (depth_ == kFrames) {
    violate(fmt::format("calls are nested deeper than {} frames", kFrames));
    return nullptr;
  }
  Frame& f = frames_[depth_++];
  f.r.fill(0);
  f.r[10] = f.top();
  f.known.reset();
  f.known.set(10);
  std::memset(f.stack, 0, kStack);
  f.written.reset();
  f.opaque.reset();
  f.subprogram = subprogram;
  f.stack_bytes = std::min(code_.stack_bytes[subprogram], kStack);
  f.slot = code_.entries[subprogram];
  f.may_goto_left = kMayGotoBudget;
  return &f;
}

bool Checker::observe() {
  RunObserver::Frame active[kFrames];
  for (int i = 0; i < depth_; ++i) active[i] = {frames_[i].r.data(), frames_[i].subprogram, frames_[i].slot};
  std::string said = code_.options.observer->before(std::span(active, static_cast<size_t>(depth_)));
  return said.empty() || violate(std::move(said));
}

uint64_t Checker::loop() {
  base_ = depth_;
  const int base = base_;
  while (depth_ >= base) {
    if (code_.options.insns_max != 0 && insns_ == code_.options.insns_max) {
      violate(fmt::format("still running after {} instructions", insns_));
      return 0;
    }
    ++insns_;
    if (code_.options.observer && !observe()) return 0;
    const int depth = depth_;
    uint32_t next = frame().slot + 1;
    if (!step(next)) return 0;
    if (depth_ == depth) frame().slot = next;
  }
  return result_;
}

#define IMM(U) static_cast<U>(static_cast<int64_t>(op.imm))
#define CASE(name) case Opcode::name:

#define ALU(label, bits, is_register, expression)                                                \
  CASE(label) {                                                                                  \
    RING3_WIDTH(bits)                                                                            \
    constexpr bool is_move = Opcode::label >= Opcode::Mov64K && Opcode::label <= Opcode::Mov32X; \
    if ((!is_move && !need(op.dst)) || (is_register && !need(op.src))) return false;             \
    [[maybe_unused]] const U a = static_cast<U>(r[op.dst]);                                      \
    const U b = is_register ? static_cast<U>(r[op.src]) : IMM(U);                                \
    set(op.dst, static_cast<U>(expression));                                                     \
    return true;                                                                                 \
  }
#define JUMP(label, bits, is_register, condition)                      \
  CASE(label) {                                                        \
    RING3_WIDTH(bits)                                                  \
    if (!need(op.dst) || (is_register && !need(op.src))) return false; \
    const U a = static_cast<U>(r[op.dst]);                             \
    const U b = is_register ? static_cast<U>(r[op.src]) : IMM(U);      \
    if (condition) next += op.off;                                     \
    return true;                                                       \
  }
#define ATOMIC(label, bits, statement)                                                                  \
  CASE(label) {                                                                                         \
    RING3_WIDTH(bits)                                                                                   \
    if (!need(op.src) || !need(op.dst) || !access_atomic(r[op.dst] + op.off, bits / 8, Use::ReadWrite)) \
      return false;                                                                                     \
    if (!is_writable(r[op.dst] + op.off)) return fault();                                               \
    U* const p = reinterpret_cast<U*>(r[op.dst] + op.off);                                              \
    const U b = static_cast<U>(r[op.src]);                                                              \
    statement;                                                                                          \
    return true;                                                                                        \
  }
#define FOUR(kind, name, e)                                                                \
  kind(name##64K, 64, false, e) kind(name##64X, 64, true, e) kind(name##32K, 32, false, e) \
      kind(name##32X, 32, true, e)

#define RING3_ALU(name, bpf_op, bpf_off, expression) FOUR(ALU, name, expression)
#define RING3_JUMP(name, bpf_op, condition) FOUR(JUMP, name, condition)
#define RING3_UNARY(name, expression) \
  CASE(name) {                        \
    if (!need(op.dst)) return false;  \
    const uint64_t a = r[op.dst];     \
    set(op.dst, expression);          \
    return true;                      \
  }
#define RING3_EXTEND(name, bpf_class, bpf_off, expression) \
  CASE(name) {                                             \
    if (!need(op.src)) return false;                       \
    const uint64_t b = r[op.src];                          \
    set(op.dst, expression);                               \
    return true;                                           \
  }
#define RING3_LOAD(name, bpf_mode, bpf_size, type)                                           \
  CASE(name) {                                                                               \
    if (!need(op.src) || !access(r[op.src] + op.off, sizeof(type), Use::Read)) return false; \
    uint64_t value;                                                                          \
    if (!load<type>(r[op.src] + op.off, value)) return fault();                              \
    set(op.dst, value);                                                                      \
    return true;                                                                             \
  }
#define RING3_STORE(name, bpf_size, type)                                                        \
  CASE(name##K) {                                                                                \
    if (!need(op.dst) || !access(r[op.dst] + op.off, sizeof(type), Use::Write)) return false;    \
    return contained_store<type>(r[op.dst] + op.off, IMM(type)) || fault();                      \
  }                                                                                              \
  CASE(name##X) {                                                                                \
    if (!need(op.src) || !need(op.dst) || !access(r[op.dst] + op.off, sizeof(type), Use::Write)) \
      return false;                                                                              \
    return contained_store<type>(r[op.dst] + op.off, static_cast<type>(r[op.src])) || fault();   \
  }
#define RING3_ATOMIC(name, bpf_imm, action) ATOMIC(name##64, 64, action) ATOMIC(name##32, 32, action)
#define RING3_ATOMIC_FETCH(name, bpf_imm, old) \
  ATOMIC(name##64, 64, set(op.src, old)) ATOMIC(name##32, 32, set(op.src, old))
#define RING3_ATOMIC_ORDERED(name, bpf_size, type)                                                      \
  CASE(name##Load) {                                                                                    \
    if (!need(op.src) || !access_atomic(r[op.src] + op.off, sizeof(type), Use::Read)) return false;     \
    if (!is_readable(r[op.src] + op.off)) return fault();                                               \
    set(op.dst, __atomic_load_n(reinterpret_cast<type*>(r[op.src] + op.off), __ATOMIC_ACQUIRE));        \
    return true;                                                                                        \
  }                                                                                                     \
  CASE(name##Store) {                                                                                   \
    if (!need(op.src) || !need(op.dst) || !access_atomic(r[op.dst] + op.off, sizeof(type), Use::Write)) \
      return false;                                                                                     \
    if (!is_writable(r[op.dst] + op.off)) return fault();                                               \
    __atomic_store_n(reinterpret_cast<type*>(r[op.dst] + op.off), static_cast<type>(r[op.src]),         \
                     __ATOMIC_RELEASE);                                                                 \
    return true;                                                                                        \
  }

bool Checker::step(uint32_t& next) {
  Frame& f = frame();
  const Op& op = code_.ops[f.slot];
  std::array<uint64_t, 11>& r = f.r;
  switch (code_.opcodes[f.slot]) {
#include "bpf/exec/opcodes.def"
    CASE(Cmpxchg64) return step_cmpxchg(op, 8);
    CASE(Cmpxchg32) return step_cmpxchg(op, 4);
    CASE(LoadImm64) {
      set(op.dst, code_.ops[f.slot + 1].word);
      ++next;
      return true;
    }
    CASE(Goto) {
      next += op.imm;
      return true;
    }
    CASE(MayGoto) {
      if (f.may_goto_left == 0)
        next += op.imm;
      else
        --f.may_goto_left;
      return true;
    }
    CASE(CallNative) return step_call_native();
    CASE(CallLocal) return step_call_local();
    CASE(Exit) return step_exit();
    CASE(Trap) return violate("runs into a slot that is no instruction, or calls a kfunc that is missing");
    default:
      return step_arena(op, code_.opcodes[f.slot]);
  }
}

bool Checker::step_cmpxchg(const Op& op, unsigned bytes) {
  std::array<uint64_t, 11>& r = frame().r;
  const uint64_t address = r[op.dst] + op.off;
  if (!need(0) || !need(op.src) || !need(op.dst) || !access_atomic(address, bytes, Use::ReadWrite))
    return false;
  if (!is_writable(address)) return fault();
  if (bytes == 8) {
    uint64_t expected = r[0];
    __atomic_compare_exchange_n(reinterpret_cast<uint64_t*>(address), &expected, r[op.src], false,
                                __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    set(0, expected);
  } else {
    uint32_t expected = static_cast<uint32_t>(r[0]);
    __atomic_compare_exchange_n(reinterpret_cast<uint32_t*>(address), &expected,
                                static_cast<uint32_t>(r[op.src]), false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    set(0, expected);
  }
  return true;
}

bool Checker::step_call_local() {
  Frame& caller = frame();
  Frame* const callee = enter(static_cast<uint32_t>(code_.program->insns[caller.slot].imm));
  if (!callee) return false;
  for (unsigned i = 1; i <= 5; ++i) {
    callee->r[i] = caller.r[i];
    callee->known[i] = caller.known[i];
    caller.known.reset(i);
  }
  ++caller.slot;
  return true;
}

bool Checker::must_return_value() const {
  const Attachment& attachment = code_.program->attachment;
  if (depth_ != 1 || !attachment.member || !attachment.prototype) return true;
  const Btf& btf = *attachment.type->type.btf;
  return btf.resolve(btf.target(attachment.prototype)) != 0;
}

bool Checker::step_exit() {
  Frame& f = frame();
  memory_.drop_stack(f.top() - kStack, kStack);
  if (depth_ == base_) {
    if (must_return_value() && !need(0)) return false;
    result_ = f.r[0];
    --depth_;
    return true;
  }
  --depth_;
  Frame& caller = frame();
  caller.r[0] = f.r[0];
  caller.known[0] = f.known[0];
  return true;
}

}  // namespace ring3::bpf
