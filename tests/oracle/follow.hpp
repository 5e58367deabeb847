// Does a run of an accepted program stay within what the verifier claimed of it?
//
// The verifier's exploration is a graph. A visit is an instruction, with the state claimed before it; its
// edges lead to the visits that came next on some path. Where a path ended because an earlier visit covers
// it, the edge leads there. The verifier is right if this graph simulates every run: if the run is at a visit
// and fits its state, then after the instruction it fits the state of a visit that an edge leads to. So that
// is what is checked, before every instruction, of every register and every slot of the stack, beginning with
// the entry's state; nothing is read into the verifier's claims but the following.
//
// What a state claims: a number lies in its Scalar, and numbers of one id differ by their deltas (Value says
// how); a pointer points into its frame or array at one of its offsets, or is at least not NULL; bytes known
// to be zero are.
//
// Where a path joins an earlier visit, two kinds of values need not fit that visit's state, and are *loose*
// from then on, and claim nothing:
//  - values that are dead there (the stored state doesn't have them). If one were read after all, then as
//  what
//    it is not, and the run would leave the graph or its memory.
//  - numbers not marked precise, unless the comparison was strict. The verifier says that no conclusion was
//    drawn from them. So what is computed from a loose number is loose, and where a branch compares one, what
//    the branch teaches of the others is. A jump that was decided by them, or memory reached by them, is no
//    excuse: which way a run goes, and where its pointers point, is always checked. A precision mark that is
//    missing shows as a run that leaves the graph.
//
// A global function is explored by itself: while it runs, the run follows its own graph, whose frame 0 is the
// function's, and then goes on in the caller's.
#pragma once

#include <bitset>
#include <string>
#include <vector>

#include "bpf/exec/executable.hpp"
#include "bpf/link/program.hpp"
#include "bpf/verifier/observer.hpp"

namespace ring3::bpf::oracle {

// Values that claim nothing, of one frame.
struct Loose {
  uint16_t registers = 0;
  std::bitset<abi::BPF_STACK_BYTES> bytes;  // from the lowest address
};

// What one verification claimed. Reused from program to program.
class Claims : public VerifyObserver {
 public:
  struct Visit {
    State state;
    uint32_t known = 0;        // joins: the visit that the path goes on from
    std::vector<Loose> loose;  // joins: what need not fit there, by frame
    std::vector<uint32_t> next;
  };
  void start(const Program& program);
  void explore(uint32_t visit, uint32_t from, const State& state) override;
  void join(uint32_t visit, uint32_t from, const State& state, uint32_t known, const State& stored,
            bool loosely) override;

  const Program& program() const { return *program_; }
  const Visit& operator[](uint32_t visit) const { return visits_[visit]; }
  uint32_t entry(uint32_t subprogram) const { return entries_[subprogram]; }
  uint32_t count() const { return count_; }

 private:
  Visit& add(uint32_t visit, uint32_t from, const State& state);

  const Program* program_ = nullptr;
  std::vector<Visit> visits_;  // the first count_ are this program's
  uint32_t count_ = 0;
  std::vector<uint32_t> entries_;  // by subprogram; 0: not explored
};

// A run against them.
class Follower : public RunObserver {
 public:
  explicit Follower(const Claims& claims) : claims_(claims) {}
  // Before each run. After `steps_max` instructions the run is ended.
  void start(uint64_t steps_max);
  std::string before(std::span<const Frame> frames) override;
  // The run was ended because it is long, or was not ended.
  bool is_content() const { return escape_.empty(); }
  const std::string& escape() const { return escape_; }
  uint64_t steps() const { return steps_; }

 private:
  struct Candidate {
    uint32_t visit;
    std::vector<Loose> loose;  // by frame
  };
  struct Activation {  // of the entry or of a global function
    size_t base;       // its frame
    std::vector<Candidate> candidates;
  };

  void reach(uint32_t visit, std::vector<Loose> loose, std::span<const Frame> frames,
             std::vector<Candidate>& out);
  std::vector<Loose> pass(const Candidate& from, const State& to) const;
  void pass_jump(const State& state, Insn insn, std::vector<Loose>& loose) const;
  void pass_alu(const State& state, Insn insn, Loose& loose) const;
  void pass_memory(Insn insn, std::vector<Loose>& loose) const;
  bool fits(const State& state, const std::vector<Loose>& loose, std::span<const Frame> frames);
  bool value_fits(const Value& value, uint64_t concrete, std::span<const Frame> frames) const;
  bool miss(std::string what);

  const Claims& claims_;
  std::vector<Activation> activations_;
  uint64_t steps_ = 0, steps_max_ = 0;
  std::string escape_;
  std::string miss_;  // why the last candidate didn't fit
  // The innermost frame before the last instruction, and where the stacks were.
  std::array<uint64_t, 11> registers_ = {};
  std::vector<uint64_t> tops_;
};

}  // namespace ring3::bpf::oracle
