// From a Program to a VerifiedProgram: the stages, and what holds after each.
#include <fmt/format.h>
#include <time.h>

#include <cerrno>

#include "bpf/verifier/report.hpp"
#include "bpf/verifier/verifier.hpp"

namespace ring3::bpf {
using namespace abi;

namespace {
uint64_t now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec);
}

constexpr int NESTING_MAX = 16;  // of structures by value; BTF may claim that one contains itself

// Structures inside map values that helpers manage and that are not modelled.
bool has_managed_fields(const Btf& btf, TypeId type, int depth = 0) {
  type = btf.resolve(type);
  if (depth > NESTING_MAX) return false;
  if (btf.kind(type) == BtfKind::Array) return has_managed_fields(btf, btf.target(type), depth + 1);
  if (btf.kind(type) != BtfKind::Struct) return false;
  static constexpr std::string_view MANAGED[] = {"bpf_res_spin_lock", "bpf_timer",     "bpf_wq",
                                                 "bpf_task_work",     "bpf_list_head", "bpf_rb_root",
                                                 "bpf_refcount"};
  for (std::string_view name : MANAGED)
    if (btf.name(type) == name) return true;
  for (const BtfMember& member : btf.members(type))
    if (btf.has_type_tag(member.type, "kptr") || has_managed_fields(btf, member.type, depth + 1)) return true;
  return false;
}

// Where the program first refers to that map.
uint32_t first_use(const Program& program, size_t map) {
  for (uint32_t i = 0; i < program.insns.size(); i += insn_slots(program.insns[i])) {
    const Insn insn = program.insns[i];
    const bool names_map = insn.src == BPF_PSEUDO_MAP_IDX || insn.src == BPF_PSEUDO_MAP_IDX_VALUE;
    if (is_64bit_imm(insn) && names_map && static_cast<size_t>(insn.imm) == map) return i;
  }
  return 0;
}

std::optional<Fault> check_maps(const Program& program, bool strict) {
  unsigned arenas = 0;
  for (size_t i = 0; i < program.maps.size(); ++i) {
    const MapDefinition& definition = program.maps[i]->definition();
    if (definition.type == BPF_MAP_TYPE_ARENA && ++arenas > 1)
      return Fault{Rule::Arena, first_use(program, i), "Only one arena per program",
                   fmt::format("Map {} is its second arena.", definition.name)};
    if (definition.type == BPF_MAP_TYPE_ARENA && strict)
      return Fault{
          Rule::Arena, first_use(program, i), "CAP_BPF and CAP_PERFMON are required to use arena",
          "What others write into an arena can be any number, and strict verification trusts nobody."};
    if (definition.value && has_managed_fields(*definition.value.btf, definition.value.id))
      return Fault{Rule::Unsupported, 0, "map value with special fields is not supported",
                   fmt::format("Values of map {} hold a timer, a list, a kernel pointer or the like.",
                               definition.name)};
  }
  return std::nullopt;
}
}  // namespace

Verdict Verifier::run(std::shared_ptr<const Program> program, const VerifyOptions& options) {
  const uint64_t start = now_ns();
  auto refuse = [&](const Fault& fault, VerifyStats stats, std::vector<PathStep> path = {}) -> Verdict {
    stats.time_ns = now_ns() - start;
    Rejection rejection = make_rejection(program, fault, stats);
    rejection.path = std::move(path);
    return std::unexpected(std::move(rejection));
  };
  // Instructions are well formed, control stays in its function, calls form no cycle.
  auto cfg = Cfg::build(*program);
  if (!cfg) return refuse(cfg.error(), {});
  // Nothing that the program refers to has contents that the verifier doesn't model.
  if (auto fault = check_maps(*program, options.strict)) return refuse(*fault, {});
  // No path from the entry, or into a global function that a path calls, does what it must not.
  Verifier verifier(program, options, std::move(*cfg));
  for (size_t done = 0; done < verifier.roots_.size(); ++done)
    if (!verifier.verify_function(verifier.roots_[done]))
      return refuse(*verifier.fault_, verifier.stats_,
                    options.explain ? verifier.story() : std::vector<PathStep>());
  // Every chain of calls fits on the stack.
  if (!verifier.check_depth()) return refuse(*verifier.fault_, verifier.stats_);

  VerifiedProgram verified;
  verified.proof_ = verifier.proof();
  verified.program_ = std::move(program);
  verified.arena_uses_ = verifier.arena_uses();
  verified.stack_bytes_ = std::move(verifier.stack_bytes_);
  verified.stats_ = std::move(verifier.stats_);
  verified.stats_.time_ns = now_ns() - start;
  return verified;
}

Verdict verify(std::shared_ptr<const Program> program, const VerifyOptions& options) {
  return Verifier::run(std::move(program), options);
}

}  // namespace ring3::bpf
