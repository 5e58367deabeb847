// The checking interpreter: the same instructions as run_fast(), each looked at before it is made. What the
// program must not do is described and ends the run; it is never done.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "bpf/exec/code.hpp"
#include "bpf/exec/memory.hpp"

namespace ring3::bpf {

class Checker {
 public:
  Checker(const Executable::Code& code, Machine& machine);

  RunResult run(const std::array<uint64_t, 5>& arguments);
  // A callback from within a helper. Non-zero (which ends the helper's loop) once there is a violation.
  uint64_t call(uint64_t function, const std::array<uint64_t, 4>& arguments);
  void allow(uint64_t address, uint64_t size, bool writable);
  void forget();

 private:
  static constexpr int kFrames = 2 * abi::BPF_FRAMES_MAX;
  static constexpr uint32_t kStack = abi::BPF_STACK_BYTES;

  struct Frame {
    std::array<uint64_t, 11> r;
    std::bitset<11> known;        // registers that were written
    std::bitset<kStack> written;  // bytes of the stack, from its lowest address
    std::bitset<kStack> opaque;   // bytes of iterators and dynptrs: not the program's to look into
    uint32_t stack_bytes;         // that the verifier granted: the uppermost ones
    uint32_t subprogram;
    uint32_t slot;  // being executed
    uint32_t may_goto_left;
    // Between two frames lies memory that is nobody's.
    std::byte gap[kStack];
    alignas(16) std::byte stack[kStack];

    uint64_t top() const { return reinterpret_cast<uint64_t>(stack + kStack); }
  };
  // What the program does with memory.
  enum class Use : uint8_t { Read, Write, ReadWrite };

  // checker.cpp: the loop
  Frame& frame() { return frames_[depth_ - 1]; }
  const Op& op() { return code_.ops[frame().slot]; }
  Frame* enter(uint32_t subprogram);             // nullptr: violated
  uint64_t loop();                               // until the current frame returns, or a violation
  bool step(uint32_t& next);                     // executes, and says which slot comes next; false: violated
  bool step_arena(const Op& op, Opcode opcode);  // arena_steps.cpp
  bool step_cmpxchg(const Op& op, unsigned bytes);
  bool step_call_native();
  bool observe();
  bool step_call_local();
  bool step_exit();
  bool must_return_value() const;

  // Notes what the program did. Always false, for callers to return.
  bool violate(std::string what);
  bool violated() const { return !violation_.empty(); }
  bool over() const { return violated() || faulted_; }
  // The memory is the program's to access, but not there: that ends the run, as in the fast loop. Returns
  // false.
  bool fault() {
    faulted_ = true;
    return false;
  }
  std::string where();

  bool need(unsigned reg);
  void set(unsigned reg, uint64_t value);
  // Checks an access, and marks stack written. `argument`: the register through which a call makes it, or 0.
  bool access(uint64_t address, uint64_t bytes, Use use, unsigned argument = 0);
  bool access_stack(Frame& owner, uint64_t address, uint64_t bytes, Use use, unsigned argument);
  // An iterator or dynptr on the stack: made, used or ended by a call.
  bool make_object(unsigned reg, uint64_t bytes);
  bool use_object(unsigned reg, uint64_t bytes);
  bool end_object(unsigned reg, uint64_t bytes);
  bool access_atomic(uint64_t address, unsigned bytes, Use use);
  Frame* stack_owner(uint64_t address);
  std::string describe(uint64_t address) const;

  // calls.cpp: what helpers and kfuncs are given and return
  struct Call {
    std::array<uint64_t, 6> r;  // r1…r5 as they were
    const Map* map = nullptr;   // the helper's ConstMap argument
    uint64_t alloc_size = 0;    // its ConstAllocSize argument
    uint64_t owner = 0;         // the dynptr or iterator that what it returns belongs to
    bool takes_callback = false;
    bool has_result = true;
  };
  bool check_helper(const Helper& helper, Call& call);
  bool check_argument(const Helper& helper, unsigned reg, Call& call);
  void take_result(const Helper& helper, const Call& call, uint64_t result);
  bool check_memory(unsigned reg, uint64_t size, Use use, bool may_be_null);
  bool check_string(unsigned reg);
  bool check_function(unsigned reg);
  bool check_map(unsigned reg, Call& call);
  void add_map_value(const Map& map, uint64_t address);
  // kfunc_calls.cpp
  bool check_kfunc(const Kfunc& kfunc, Call& call);
  bool check_pointer(const Kfunc& kfunc, std::span<const BtfParam> parameters, unsigned index, Call& call);
  void take_result(const Kfunc& kfunc, const Call& call, uint64_t result);

  const Executable::Code& code_;
  Machine& machine_;
  Memory memory_;
  std::unique_ptr<Frame[]> frames_;
  int depth_ = 0;
  int base_ = 0;  // depth of the innermost loop()'s first frame
  uint64_t result_ = 0;
  uint64_t insns_ = 0;
  std::string violation_;
  bool faulted_ = false;
  bool read_unwritten_stack_ = false;
  // Of the helper that runs now: how many arguments its callbacks take, and the map whose elements they see.
  unsigned callback_arguments_ = 0;
  const Map* callback_map_ = nullptr;
};

}  // namespace ring3::bpf
