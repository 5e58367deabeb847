// The verifier at work on one program. The methods are spread over the files of this folder by subject; each
// file says at its top what it answers for. Methods that return bool return false after reject(): the caller
// returns at once.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bpf/verifier/cfg.hpp"
#include "bpf/verifier/fault.hpp"
#include "bpf/verifier/graph.hpp"
#include "bpf/verifier/liveness.hpp"
#include "bpf/verifier/observer.hpp"
#include "bpf/verifier/state.hpp"
#include "bpf/verifier/verify.hpp"

namespace ring3::bpf {

class Verifier {
 public:
  static Verdict run(std::shared_ptr<const Program> program, const VerifyOptions& options);

 private:
  enum class Access : uint8_t { Read, Write };
  enum class Match : uint8_t { Loose, Within, Exact };
  enum class Visit : uint8_t { Explore, Pruned, Rejected };
  struct Branch {
    State state;
    Node* parent;
    size_t log_size;
    uint32_t visit;  // that it comes from
    bool enters;     // the last step of the log is a call into a callback
  };
  // What a call has learned of its arguments.
  struct Call {
    std::string_view name;
    const Helper* helper = nullptr;
    const Kfunc* kfunc = nullptr;
    int map = -1;                           // index, of the ConstMap argument
    std::optional<uint64_t> constant_size;  // of the memory returned
    bool constant_size_read_only = false;
    uint32_t release = 0;                   // the reference that the call takes away
    bool found = false;                     // a lookup that can't fail
    unsigned callback = 0;                  // the register with its function
    std::optional<Value> iterator, dynptr;  // their slots as they were
    Value iterator_pointer;
    std::optional<Value> room;  // the pointer to where a dynptr is made
    bool makes_ringbuf_dynptr = false;
    unsigned skip = 0;  // a parameter that was checked together with the one before: 1 + index
  };

  Verifier(std::shared_ptr<const Program> program, const VerifyOptions& options, Cfg cfg);

  // explore.cpp: paths
  bool verify_function(uint32_t subprogram);
  bool explore();
  bool step();
  bool exit_path();  // the path is over; false: nothing is left
  bool push_branch(State state, bool enters = false);
  void complete(Node* node);

  // entry.cpp: what a function may suppose at its start
  bool enter_main();

  // prune.cpp
  Visit visit();
  Visit hit(Node* node, Node* entry);
  void store_state();
  void clean(State& state) const;
  void drop(Node* node);
  void evict(uint32_t insn, size_t index);
  bool memory_is_bounded();
  static Node* open_loop(const Node* node);
  static void depend(Node* node, Node* entry);
  void widen(const State& old, State& now) const;
  const Node* previous_visit(uint32_t insn, const Node* from) const;

  // compare.cpp
  bool matches(const State& old, const State& now, Match match) const;
  bool might_loop(const State& old, const State& now) const;
  uint16_t live_registers(const State& state, size_t frame) const;
  uint64_t live_slots(const State& state, size_t frame) const;

  // precision.cpp
  void need(unsigned reg);
  void need(const Demand& demand);
  void need_from(Node* node, size_t end, Demand demand);
  void settle(Node* node);
  void add_back_edge(Node* entry, Node* target);
  void backwards(std::span<const Step> steps, Demand& demand) const;
  static bool mark(Node* node, Demand& demand);
  static Demand precise_of(const State& state);

  // arithmetic.cpp
  bool alu(Insn insn);
  bool move(Insn insn);
  bool cast_address_space(Insn insn);
  bool arena_arithmetic(Insn insn);
  bool byte_swap_or_negate(Insn insn);
  static void keep_link(Insn insn, const Value& x, const Value& constant, Value& sum);
  bool split_sign(Insn insn);
  bool pointer_arithmetic(Insn insn, const Value& pointer, const Scalar& number);
  bool sane_offset(unsigned at_fault, const Value& pointer, const Scalar& number, bool is_result);
  bool stays_inside(unsigned reg, unsigned added, const Value& pointer, const Scalar& number);

  // branch.cpp
  bool jump(Insn insn);
  bool may_goto();
  bool jump_on_numbers(Insn insn);
  bool jump_on_pointers(Insn insn);
  bool go_both_ways(State taken);
  static void refine(State& state, unsigned r, const Scalar& scalar);
  uint32_t linked(Insn insn);
  void settle_null(State& state, uint32_t id, bool is_null) const;

  // memory.cpp
  bool load_constant(Insn insn);
  bool load(Insn insn);
  bool store(Insn insn);
  bool atomic(Insn insn);
  bool access(unsigned reg, int offset, unsigned size, Access kind, bool aligned, const Value* stored,
              Value* loaded);
  bool check_map_access(unsigned reg, int offset, uint64_t size, Access kind);
  bool check_region(unsigned reg, int offset, uint64_t size, uint64_t region);
  bool check_aligned(unsigned reg, int offset, unsigned size);
  bool read_context(unsigned reg, int offset, unsigned size, Access kind, Value* loaded);
  Value entry_argument(unsigned index);
  bool note_pointer(bool arena);
  std::vector<ArenaUse> arena_uses() const;
  bool load_frozen(const Value& pointer, int offset, unsigned size, Value* loaded) const;

  // object.cpp
  bool access_object(unsigned reg, int offset, unsigned size, Access kind);
  bool read_member(unsigned reg, uint64_t at, uint64_t size);

  // stack.cpp
  bool stack_bounds(unsigned reg, int offset, uint64_t size, const char* doing);
  bool stack_write(unsigned reg, int offset, unsigned size, const Value* stored);
  bool stack_read(unsigned reg, int offset, unsigned size, Value* loaded);
  bool read_slot(const Slot& slot, int offset, unsigned size, Value* loaded);
  bool write_slot(uint8_t frame, int offset, unsigned size, const Value* stored);
  bool stack_region(unsigned reg, int offset, uint64_t size, bool writes, bool reads);
  bool overwrite(Frame& frame, unsigned slot);

  // call.cpp, call_arguments.cpp: helpers
  bool call(Insn insn);
  bool call_helper(Insn insn);
  bool failed_relocation();
  bool check_argument(Call& call, unsigned index);
  bool check_map_argument(Call& call, unsigned reg);
  bool check_memory_argument(unsigned reg, uint64_t size, bool writes, bool reads);
  bool check_memory_and_size(unsigned memory, unsigned size, bool writes, bool reads, bool zero_is_fine);
  bool check_size_is_bounded(unsigned size, bool zero_is_fine);
  bool check_constant_string(unsigned reg);
  bool check_record(Call& call, unsigned reg);
  bool check_key(Call& call, unsigned reg);
  std::optional<uint32_t> constant_key(unsigned reg) const;
  bool keeps_foreign_memory(unsigned arguments);
  bool expect(unsigned reg, bool ok, std::string_view expected);
  bool known_constant(unsigned reg, uint64_t* value, Rule rule, const char* message);
  bool finish_helper(Call& call);

  // kfunc.cpp, kfunc_arguments.cpp
  bool call_kfunc(Insn insn);
  bool kfunc_argument(Call& call, unsigned index, std::span<const BtfParam> parameters);
  bool kfunc_scalar(Call& call, unsigned index, std::string_view name);
  bool kfunc_pointer(Call& call, unsigned index, std::span<const BtfParam> parameters);
  bool kfunc_object(Call& call, unsigned index, TypeRef type);
  bool finish_kfunc(Call& call);
  bool kfunc_result(Call& call);

  // lifetime.cpp
  uint32_t acquire();
  bool release(uint32_t reference);
  void invalidate(uint32_t reference);
  void invalidate_dynptrs(uint32_t reference);
  bool check_leaks(size_t from);
  bool new_iterator(Call& call, unsigned reg, TypeRef type);
  bool old_iterator(Call& call, unsigned reg, TypeRef type);
  bool advance_iterator(const Call& call);
  void destroy_iterator(const Call& call);
  bool old_dynptr(Call& call, unsigned reg, bool ringbuf);
  bool room_for_dynptr(Call& call, unsigned reg);
  bool new_dynptr(const Call& call, DynptrKind kind, uint32_t reference, bool read_only);
  bool on_stack(unsigned reg, uint64_t size, Rule rule);
  std::optional<int> fixed_stack_offset(const Value& value) const;

  // lock.cpp
  bool has_lock(uint32_t map) const;
  bool check_lock(unsigned reg, bool takes);
  bool may_call_locked(Insn insn);
  bool spares_lock(unsigned reg, int offset, uint64_t size);

  // global.cpp
  struct GlobalParameter {
    Kind kind;  // Scalar, Memory of `size` bytes, Object of `type`, Context
    bool or_null = false;
    uint32_t size = 0;
    TypeRef type = {};
  };
  bool check_prototype(const Subprogram& sub);
  bool enter_global(uint32_t subprogram);
  bool call_global(uint32_t subprogram);
  std::optional<GlobalParameter> global_parameter(const Subprogram& sub, unsigned index);
  bool pass_to_global(const Subprogram& sub, unsigned index, const GlobalParameter& parameter);
  bool pass_object(const Subprogram& sub, unsigned index, TypeRef type);
  uint8_t argument_of_type(TypeRef type);
  bool same_type(TypeRef a, TypeRef b) const;

  // subprogram.cpp
  bool call_subprogram(Insn insn);
  bool call_callback(const Call& call);
  bool push_frame(State& state, uint32_t subprogram);
  bool leave();
  bool leave_callback();
  bool leave_entry();
  uint32_t call_site(uint32_t caller, uint32_t callee) const;
  bool check_depth();

  // report.cpp
  // `r`: the register that holds the value at fault. No remedy: the rule's.
  bool reject(Rule rule, unsigned r, std::string linux_message, std::string reason, std::string remedy = {});
  bool reject(Rule rule, std::string linux_message, std::string reason, std::string remedy = {});
  // Where the bytes that it may reach begin and end, in offsets; nothing if what it points to has no size.
  struct Extent {
    int64_t begin, end;
  };
  std::optional<Extent> extent(const Value& pointer) const;
  // What would keep an access of `size` bytes, `fixed` and the variable part from the base, in the extent.
  std::string what_fits(const Value& pointer, int64_t fixed, uint64_t size) const;
  // What would keep the number in r within what is left behind the pointer; empty if that is not known.
  std::string check_before(unsigned r, const Value& pointer, const char* before) const;
  void log_insn();

  // explain.cpp: the path that was refused
  void record();
  std::string note(size_t step) const;
  std::vector<PathStep> story() const;

  // proof.cpp: what is found out about an instruction on the way
  enum Fact : uint8_t {
    Visited = 1,
    Stack = 2,
    MapValues = 4,
    OtherMemory = 8,
    Structures = 16,
    Arguments = 32,
    OpenLoop = 64,
    Acquires = 128
  };
  void found(Fact fact) { facts_[pc_] |= fact; }
  void found_access(Kind kind);
  Proof proof() const;

  Frame& frame() { return current_.frames.back(); }
  Value& reg(unsigned r) { return frame().registers[r]; }
  const Value& reg(unsigned r) const { return current_.frames.back().registers[r]; }
  uint8_t frame_index() const { return static_cast<uint8_t>(current_.frames.size() - 1); }
  bool readable(unsigned r);
  bool may_show(unsigned r, const char* where);
  bool writable(unsigned r);
  bool set(unsigned r, Value value);
  void clobber_caller_saved();
  uint32_t fresh_id() { return ++last_id_; }
  void touch_stack(uint32_t subprogram, int offset);
  void note_access(uint8_t frame, unsigned slot);
  const Btf* program_btf() const { return program_->btf(); }
  bool returns_void(uint32_t subprogram) const;

  std::shared_ptr<const Program> program_;
  VerifyOptions options_;
  Cfg cfg_;
  Liveness liveness_;
  VerifyStats stats_;
  std::optional<Fault> fault_;

  State current_;
  uint32_t pc_ = 0;
  uint32_t last_visit_ = 0;  // on this path
  bool path_over_ = false;
  Node* parent_ = nullptr;
  std::vector<Branch> branches_;
  std::vector<Step> log_;
  std::vector<Demand> links_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<std::vector<Node*>> stored_;  // by instruction, newest last
  mutable uint64_t work_ = 0;               // about the nanoseconds spent on states
  size_t held_bytes_ = 0;                   // of states and steps that are kept
  uint32_t last_id_ = 0;
  std::vector<uint32_t> roots_ = {0};  // the entry, and the global functions that some path calls
  uint32_t root_ = 0;                  // the one being verified
  uint32_t jumps_ = 0, jumps_at_store_ = 0, insns_at_store_ = 0;
  int store_source_ = -1;  // the register that a store stores
  std::vector<uint32_t> stack_bytes_;
  uint32_t deepest_ = 0;        // bytes of stack, of the deepest chain of calls
  std::vector<uint8_t> facts_;  // by instruction: Fact
  // By instruction: what its pointer was.
  enum PointerUse : uint8_t { OfArena = 1, OfOther = 2 };
  std::vector<uint8_t> pointer_uses_;
  bool has_arena_ = false;
  uint32_t paths_ = 0;
  // By step of log_, the register that it gave a value, or told something of: VerifyOptions::explain.
  std::vector<std::pair<unsigned, Value>> after_;
};

}  // namespace ring3::bpf
