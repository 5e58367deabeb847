// Explores the paths of one function, depth first: an instruction at a time, a branch taken later for each
// that can go both ways, until no path is left.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "bpf/verifier/verifier.hpp"

namespace ring3::bpf {
using namespace abi;

namespace {
constexpr size_t BRANCHES_MAX = 8192;  // as Linux
constexpr size_t STEPS_MAX = 256;      // without a stored state
// A program must not be able to keep the verifier busy: a few seconds of copying and comparing states, of
// which honest programs need milliseconds. In Linux only the visits are counted.
constexpr uint64_t WORK_MAX = 2'000'000'000;
}  // namespace

Verifier::Verifier(std::shared_ptr<const Program> program, const VerifyOptions& options, Cfg cfg)
    : program_(std::move(program)),
      options_(options),
      cfg_(std::move(cfg)),
      liveness_(*program_, cfg_),
      stored_(program_->insns.size()),
      stack_bytes_(program_->subprograms.size(), 0),
      facts_(program_->insns.size(), 0),
      pointer_uses_(program_->insns.size(), 0) {
  for (const auto& map : program_->maps) has_arena_ |= map->definition().type == BPF_MAP_TYPE_ARENA;
}

bool Verifier::verify_function(uint32_t subprogram) {
  root_ = subprogram;
  for (const auto& node : nodes_) stored_[node->state.insn].clear();
  nodes_.clear();
  log_.clear();
  links_.clear();
  branches_.clear();
  held_bytes_ = 0;
  parent_ = nullptr;
  last_visit_ = 0;
  current_ = State();
  current_.frames.emplace_back();
  frame().subprogram = subprogram;
  Value top = Value::pointer(Kind::Stack, program_->subprograms[subprogram].start);
  reg(10) = top;
  pc_ = program_->subprograms[subprogram].start;
  if (!(subprogram == 0 ? enter_main() : enter_global(subprogram))) return false;
  store_state();
  return explore();
}

bool Verifier::explore() {
  for (;;) {
    if (options_.explain) record();
    if (++stats_.insns_visited > options_.insns_max || work_ > WORK_MAX)
      return reject(Rule::TooComplex,
                    fmt::format("BPF program is too large. Processed {} insn", stats_.insns_visited),
                    "The paths through the program are too many or too long to be followed to their ends.");
    // The state that a function is entered with is stored already.
    const bool stored = log_.size() == parent_->log_position;
    if (cfg_.is_prune_point(pc_) && !stored) {
      const Visit seen = visit();
      if (seen == Visit::Rejected) return false;
      if (seen == Visit::Pruned) {
        if (!exit_path()) return true;
        continue;
      }
    } else if (log_.size() - parent_->log_position > STEPS_MAX) {
      store_state();  // so that following values backwards ends soon
    }
    if (options_.observer) {
      current_.insn = pc_;
      options_.observer->explore(stats_.insns_visited, last_visit_, current_);
    }
    last_visit_ = stats_.insns_visited;
    if (options_.log) log_insn();
    found(Visited);
    log_.push_back({.insn = pc_, .frame = frame_index()});
    path_over_ = false;
    if (!step()) return false;
    if (path_over_ && !exit_path()) return true;
  }
}

// Does one instruction, and moves pc_ on.
bool Verifier::step() {
  const Insn insn = program_->insns[pc_];
  bool ok = true;
  switch (insn_class(insn)) {
    case BPF_ALU:
    case BPF_ALU64:
      ok = alu(insn);
      break;
    case BPF_LD:
      ok = load_constant(insn);
      break;
    case BPF_LDX:
      ok = load(insn);
      break;
    case BPF_ST:
      ok = store(insn);
      break;
    case BPF_STX:
      ok = insn_mode(insn) == BPF_ATOMIC ? atomic(insn) : store(insn);
      break;
    default:
      ++jumps_;
      if (is_call(insn)) return call(insn);
      if (is_exit(insn)) return leave();
      return jump(insn);
  }
  pc_ += insn_slots(insn);
  return ok;
}

// Explores `state` later, from state.insn.
bool Verifier::push_branch(State state, bool enters) {
  if (branches_.size() >= BRANCHES_MAX)
    return reject(Rule::TooComplex,
                  fmt::format("The sequence of {} jumps is too complex.", branches_.size() + 1),
                  "Too many branches are open at once on one path.");
  ++parent_->branches;
  held_bytes_ += state.bytes();
  work_ += state.bytes() / 2;
  branches_.push_back({std::move(state), parent_, log_.size(), last_visit_, enters});
  return true;
}

// The current path is over: closes what it completes and takes up the branch left last. False: nothing is
// left.
bool Verifier::exit_path() {
  ++paths_;
  for (Node* node = parent_; node && --node->branches == 0;) {
    Node* up = node->parent;
    complete(node);
    if (node->evicted && !node->pinned) drop(node);
    node = up;
  }
  if (branches_.empty()) return false;
  Branch& next = branches_.back();
  held_bytes_ -= next.state.bytes();
  current_ = std::move(next.state);
  parent_ = next.parent;
  last_visit_ = next.visit;
  log_.resize(next.log_size);
  if (next.enters) log_.back().enters = true;
  branches_.pop_back();
  pc_ = current_.insn;
  return true;
}

void Verifier::complete(Node* node) {
  Node* entry = open_loop(node);
  if (!node->edges.empty()) settle(node);
  if (entry && node->parent) depend(node->parent, entry);
}

bool Verifier::readable(unsigned r) {
  if (reg(r).kind != Kind::NotInit) return true;
  return reject(
      Rule::Unset, r, fmt::format("R{} !read_ok", r),
      fmt::format("On this path nothing was written to r{}, or a call has overwritten it since.", r));
}

// Strict: addresses are not the program's to know or to give away.
bool Verifier::may_show(unsigned r, const char* where) {
  if (!options_.strict || !reg(r).is_pointer()) return true;
  return reject(Rule::ShownAddress, r, fmt::format("R{} leaks addr {}", r, where),
                "What it points to is not for others to know.");
}

bool Verifier::writable(unsigned r) {
  if (r != 10) return true;
  return reject(Rule::FramePointer, 10u, "frame pointer is read only",
                "It points to the stack, and can't be changed.");
}

bool Verifier::set(unsigned r, Value value) {
  if (!writable(r)) return false;
  value.origin = pc_;
  reg(r) = value;
  return true;
}

void Verifier::clobber_caller_saved() {
  for (unsigned r = 0; r <= 5; ++r) reg(r) = Value();
}

}  // namespace ring3::bpf
