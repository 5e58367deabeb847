// A program that a world understands: every reference resolved, ready to be verified. Still only data.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bpf/btf/btf.hpp"
#include "bpf/isa/insn.hpp"
#include "bpf/map/map.hpp"
#include "bpf/object/object.hpp"
#include "bpf/world/world.hpp"

namespace ring3::bpf {

struct Subprogram {
  std::string name;
  uint32_t start, end;  // slots of Program::insns
  TypeId function = 0;  // its Func in the object's BTF; 0 if unknown
  bool global = false;
};

// An instruction that refers to a field or enumerator that the world's types lack: it was replaced by a call
// of helper CORE_POISON (as libbpf does), which no world has, so that the program is refused if it can get
// there.
struct Unresolved {
  uint32_t insn;
  std::string reason;  // "struct params has no member depth"
};
inline constexpr int32_t CORE_POISON = 0xbad2310;

// What a program is for. `member` set: a callback of a struct_ops type. Not set (tests, tools): a program of
// no hook, entered with `arguments` scalars.
struct Attachment {
  const StructOpsType* type = nullptr;
  const StructOpsMember* member = nullptr;
  TypeId prototype = 0;  // the callback's FuncProto, in type->type.btf
};

// The entry function is subprograms[0] and starts at slot 0; the functions that it reaches follow.
//
// References in instructions:
//   LD_IMM64 src=BPF_PSEUDO_MAP_IDX        imm: index into maps; loads the map
//   LD_IMM64 src=BPF_PSEUDO_MAP_IDX_VALUE  imm: index into maps, second imm: byte offset into its values
//   LD_IMM64 src=BPF_PSEUDO_FUNC           imm: index into subprograms; loads its address
//   LD_IMM64 src=0                         a plain constant (a missing weak extern is 0)
//                                          (of a kfunc's address only "is it there" is known: 1 if it is)
//   call src=BPF_HELPER_CALL               imm: helper id; CORE_POISON: see Program::unresolved
//   call src=BPF_PSEUDO_CALL               imm: index into subprograms (not a displacement)
//   call src=BPF_PSEUDO_KFUNC_CALL         imm: index into kfuncs, or -1: a weak kfunc that the world lacks
struct Program {
  std::string name;  // of the entry function
  std::string section;
  bool sleepable = false;
  bool gpl_compatible = false;
  Attachment attachment;
  unsigned arguments = 0;  // only if attachment.member is null: r1…r_n are scalars at entry

  std::vector<Insn> insns;
  std::vector<Subprogram> subprograms;
  std::vector<std::shared_ptr<Map>> maps;
  std::vector<const Kfunc*> kfuncs;
  std::vector<Unresolved> unresolved;    // sorted by insn
  std::vector<LineInfo> lines;           // sorted by insn, slots of this program
  std::shared_ptr<const Object> object;  // whose BTF and strings are used; may be null (raw instructions)
  std::shared_ptr<const World> world;

  const Btf* btf() const { return object ? &object->btf : nullptr; }
  const Subprogram& subprogram_at(uint32_t insn) const;
  // The C line that slot `insn` was made from, or nothing.
  const SourceLine* source_at(uint32_t insn) const;
};

// The instruction at `slot` as text, with the names of what it refers to.
std::string disassemble(const Program& program, uint32_t slot);

}  // namespace ring3::bpf
