#include "bpf/verifier/cfg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cerrno>

#include "bpf/isa/check.hpp"

namespace ring3::bpf {
using namespace abi;

namespace {
constexpr size_t SUBPROGRAMS_MAX = 256;  // as Linux

std::unexpected<Fault> fault(Rule rule, uint32_t insn, std::string message, std::string reason) {
  return std::unexpected(Fault{rule, insn, std::move(message), std::move(reason)});
}

// "the jump leaves its function" → "The jump leaves its function."
std::string sentence(std::string text) {
  if (text.empty()) return text;
  text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text + ".";
}
}  // namespace

bool Cfg::is_plain_jump(Insn insn) { return is_jump_class(insn) && insn_op(insn) == BPF_JA; }

bool Cfg::is_may_goto(Insn insn) { return insn.code == (BPF_JMP | BPF_JCOND); }

bool Cfg::is_conditional_jump(Insn insn) {
  if (!is_jump_class(insn)) return false;
  const uint8_t op = insn_op(insn);
  return op != BPF_JA && op != BPF_CALL && op != BPF_EXIT;
}

uint32_t Cfg::target(const Program& program, uint32_t insn) {
  return static_cast<uint32_t>(*jump_target(program.insns[insn], insn));
}

bool Cfg::calls_back(const Program& program, uint32_t insn) {
  const Insn i = program.insns[insn];
  if (!is_call(i) || i.src != BPF_HELPER_CALL) return false;
  const Helper* helper = program.world ? program.world->helper(i.imm) : nullptr;
  return helper && std::ranges::count(helper->arguments, Arg::Function) > 0;
}

bool Cfg::is_iterator_next(const Program& program, uint32_t insn) {
  const Insn i = program.insns[insn];
  if (!is_call(i) || i.src != BPF_PSEUDO_KFUNC_CALL || i.imm < 0) return false;
  return static_cast<size_t>(i.imm) < program.kfuncs.size() && program.kfuncs[i.imm]->flags & KF_ITER_NEXT;
}

std::expected<Cfg, Fault> Cfg::build(const Program& program) {
  Cfg cfg;
  if (program.insns.empty() || program.subprograms.empty())
    return fault(Rule::Malformed, 0, "empty program", "The program has no instructions.");
  if (program.subprograms.size() > SUBPROGRAMS_MAX)
    return fault(Rule::TooComplex, program.subprograms[SUBPROGRAMS_MAX].start, "too many subprograms",
                 fmt::format("The program has {} functions; there can be {}.", program.subprograms.size(),
                             SUBPROGRAMS_MAX));
  cfg.flags_.assign(program.insns.size(), 0);
  cfg.owner_.assign(program.insns.size(), 0);
  cfg.callees_.resize(program.subprograms.size());
  uint32_t next = 0;
  for (uint32_t i = 0; i < program.subprograms.size(); ++i) {
    const Subprogram& sub = program.subprograms[i];
    if (sub.start != next || sub.end <= sub.start || sub.end > program.insns.size())
      return fault(Rule::Malformed, next, fmt::format("invalid function {}", i),
                   "The functions don't tile the program.");
    next = sub.end;
    if (auto ok = cfg.scan(program, i); !ok) return std::unexpected(ok.error());
  }
  if (next != program.insns.size())
    return fault(Rule::Unreachable, next, fmt::format("unreachable insn {}", next),
                 "No function holds this instruction.");
  for (uint32_t i = 0; i < program.subprograms.size(); ++i)
    if (auto ok = cfg.reach(program, i); !ok) return std::unexpected(ok.error());
  if (auto ok = cfg.order(program); !ok) return std::unexpected(ok.error());
  return cfg;
}

// Marks where instructions start, and collects calls.
std::expected<void, Fault> Cfg::scan(const Program& program, uint32_t subprogram) {
  const Subprogram& sub = program.subprograms[subprogram];
  if (auto bad = check_function(program.insns, sub.start, sub.end))
    return fault(Rule::Malformed, bad->insn, bad->linux_message, sentence(bad->reason));
  for (uint32_t i = sub.start; i < sub.end; i += insn_slots(program.insns[i])) {
    const Insn insn = program.insns[i];
    flags_[i] |= Start;
    for (unsigned slot = 0; slot < insn_slots(insn); ++slot) owner_[i + slot] = subprogram;
    const bool calls = is_call(insn) && insn.src == BPF_PSEUDO_CALL;
    const bool takes = is_64bit_imm(insn) && insn.src == BPF_PSEUDO_FUNC;
    if (!calls && !takes) continue;
    if (insn.imm < 0 || static_cast<size_t>(insn.imm) >= program.subprograms.size())
      return fault(Rule::Malformed, i, fmt::format("invalid func index {}", insn.imm),
                   "There is no such function.");
    callees_[subprogram].push_back(insn.imm);
  }
  return {};
}

// Follows every edge inside one function, marking where states are worth comparing.
std::expected<void, Fault> Cfg::reach(const Program& program, uint32_t subprogram) {
  const Subprogram& sub = program.subprograms[subprogram];
  std::vector<uint32_t> work{sub.start};
  while (!work.empty()) {
    const uint32_t i = work.back();
    work.pop_back();
    if (flags_[i] & Reached) continue;
    flags_[i] |= Reached;
    const Insn insn = program.insns[i];
    if (is_exit(insn)) continue;
    if (is_plain_jump(insn)) {
      work.push_back(target(program, i));
      flags_[target(program, i)] |= Prune;
      continue;
    }
    const uint32_t next = i + insn_slots(insn);
    if (is_conditional_jump(insn)) {
      work.push_back(target(program, i));
      flags_[i] |= Prune;
      flags_[target(program, i)] |= Prune;
      if (is_may_goto(insn)) flags_[i] |= Checkpoint;
    }
    work.push_back(next);
    if (is_call(insn)) {
      if (insn.src == BPF_PSEUDO_CALL) flags_[next] |= Prune;
      if (calls_back(program, i) || is_iterator_next(program, i)) flags_[i] |= Prune | Checkpoint;
    }
  }
  for (uint32_t i = sub.start; i < sub.end; ++i)
    if (flags_[i] & Start && !(flags_[i] & Reached))
      return fault(Rule::Unreachable, i, fmt::format("unreachable insn {}", i),
                   "No path leads to this instruction.");
  return {};
}

std::expected<void, Fault> Cfg::order(const Program& program) {
  enum : uint8_t { New, Open, Done };
  std::vector<uint8_t> colour(callees_.size(), New);
  struct Visit {
    uint32_t subprogram;
    size_t next = 0;
  };
  for (uint32_t root = 0; root < callees_.size(); ++root) {
    if (colour[root] != New) continue;
    if (root != 0 && !program.subprograms[root].global)
      return fault(Rule::Unreachable, program.subprograms[root].start,
                   fmt::format("unreachable insn {}", program.subprograms[root].start),
                   fmt::format("Nothing calls {}().", program.subprograms[root].name));
    std::vector<Visit> path{{root}};
    colour[root] = Open;
    while (!path.empty()) {
      const uint32_t caller = path.back().subprogram;
      if (path.back().next == callees_[caller].size()) {
        colour[caller] = Done;
        bottom_up_.push_back(caller);
        path.pop_back();
        continue;
      }
      const uint32_t callee = callees_[caller][path.back().next++];
      if (colour[callee] == Open)
        return fault(Rule::Recursion, program.subprograms[caller].start,
                     fmt::format("recursive call from {}() to {}()", program.subprograms[caller].name,
                                 program.subprograms[callee].name),
                     "A function calls itself: the stack would have no bound.");
      if (colour[callee] == New) {
        colour[callee] = Open;
        path.push_back({callee});
      }
    }
  }
  return {};
}

}  // namespace ring3::bpf
