// Writes one function of a generated program, an idiom at a time, and knows meanwhile roughly what each
// register and stack slot holds, so that most of what it writes is valid.
#pragma once

#include <array>
#include <vector>

#include "bpf/isa/insn.hpp"
#include "generator.hpp"

namespace ring3::bpf::oracle {

struct Held {
  enum Is : uint8_t { Nothing, Number, Pointer } is = Nothing;
  // Pointers: to byte `offset` of `size` bytes.
  bool writable = false, on_stack = false;
  int16_t offset = 0;
  uint16_t size = 0;
  bool operator==(const Held&) const = default;
};

inline constexpr unsigned SLOTS = 8;  // that idioms use freely: fp-8 … fp-64

struct Knowledge {
  std::array<Held, 10> registers;
  std::array<Held, SLOTS> slots;
  // What holds after either.
  void meet(const Knowledge& other);
};

// The functions made so far; calls ask for new ones.
struct Plan {
  std::vector<Prototype> functions = {Prototype::Main};
  // A function after `caller` that can be called: a new one while there are few, or one of before. 0: none.
  unsigned callee(Draw& draw, unsigned caller, Prototype prototype);
};

class Writer {
 public:
  Writer(Draw& draw, Plan& plan, unsigned function) : draw_(draw), plan_(plan), function_(function) {}
  // The function's instructions. Calls and function addresses have the callee's index in imm.
  std::vector<Insn> write();

 private:
  struct Label {
    std::vector<size_t> jumps;
    Knowledge known;
  };

  // writer.cpp
  void enter();
  void steps(unsigned count);
  void step();
  void emit(Insn insn) { out_.push_back(insn); }
  void emit_wide(uint8_t dst, uint8_t kind, uint64_t value);
  void jump(Insn insn, Label& label);  // fills in the distance when the label is placed
  void place(Label& label, bool falls_in);
  void restore(const Knowledge& wanted);
  void forget_arguments();  // r1 … r5, which a call destroys
  uint8_t free_register();
  uint8_t number();                             // a register that holds one
  uint8_t pointer(bool write, unsigned bytes);  // one to memory of so many bytes, that may be moved
  bool slot_with(Held::Is is, unsigned& slot);
  void set_number(uint8_t r);
  void set_pointer(uint8_t r, uint16_t size, bool writable, int16_t offset = 0);
  void make_number(uint8_t r);
  void make_pointer(uint8_t r);
  void load_to(uint8_t r, uint8_t pointer, int16_t offset, uint8_t width, bool sign);
  bool is_pinned(uint8_t r) const { return pinned_ >> r & 1; }
  bool room() const { return out_.size() < budget_; }
  static int16_t slot_offset(unsigned slot) { return static_cast<int16_t>(-8 * static_cast<int>(slot) - 8); }

  // numbers.cpp
  void arithmetic();
  void shift_or_divide();
  void move();
  void unary();
  uint8_t condition();
  void jump_if(Label& label);
  void bound(uint8_t r, unsigned limit);
  void branch();
  void leave_early();
  void compare_pointers();
  void loop();
  void count_down();
  void may_goto_loop();

  // memory.cpp
  uint8_t width() { return static_cast<uint8_t>(draw_.below(4) << 3); }
  void access(uint8_t pointer, int16_t offset, uint8_t width, bool may_write);
  void access_fixed();
  void access_variable();
  void access_stack_variable();
  void spill();
  void fill();
  void atomic();
  void move_pointer();
  void constants();

  // calls.cpp
  void argument(uint8_t r);  // a number in it
  void stack_address(uint8_t r, int16_t offset);
  void call_static();
  void call_global();
  void call_loop();
  void lookup();
  void update();
  void iterate();
  void record();
  void dynptr();
  void emit_call(uint8_t kind, int32_t imm);

  Draw& draw_;
  Plan& plan_;
  const unsigned function_;
  std::vector<Insn> out_;
  Knowledge known_;
  Label* escape_ = nullptr;  // where to go to give up: the end of the innermost region
  uint16_t pinned_ = 0;      // registers not to be written
  uint16_t pinned_slots_ = 0;
  unsigned depth_ = 0, loops_ = 0, objects_ = 0;
  size_t budget_ = 0;
};

}  // namespace ring3::bpf::oracle
