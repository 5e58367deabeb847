// A compiled BPF object as an inert value: what the file says, checked and decoded, the same on every host.
// Nothing in it depends on a world or a machine; link/ brings those in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "abi/btf.hpp"
#include "base/error.hpp"
#include "bpf/btf/btf.hpp"
#include "bpf/isa/insn.hpp"
#include "bpf/map/map.hpp"

namespace ring3::bpf {

// A place in C, for messages.
struct SourceLine {
  std::string_view file, text;  // text: the line as written
  uint32_t line = 0, column = 0;
};

struct LineInfo {
  uint32_t insn;  // slot within its section
  SourceLine source;
};
struct FuncInfo {
  uint32_t insn;
  TypeId function;  // a Func
};
struct CoreRelocation {
  uint32_t insn;
  TypeId type;
  std::string_view access;  // "0:1:2"
  abi::BpfCoreReloKind kind;
};

// What an instruction refers to by name.
struct Relocation {
  enum class Kind : uint8_t {
    Map,              // a map of .maps, by index; LD_IMM64
    Data,             // byte `offset` of data section `index`; LD_IMM64
    Call,             // the function at slot `offset` of code section `index`; a call
    FunctionAddress,  // its address; LD_IMM64
    Extern,           // extern `index`: a kfunc call, or an LD_IMM64 of its address
  };
  uint32_t insn;
  Kind kind;
  uint32_t index;
  uint64_t offset;
};

struct Function {
  std::string name;
  uint32_t start, end;  // slots within its section
  bool global;          // linkage: verified on its own
};

// An executable section: ".text" holds subprograms, any other an entry program or several.
struct CodeSection {
  std::string name;
  std::vector<Insn> insns;
  std::vector<Function> functions;      // sorted by start, without gaps
  std::vector<Relocation> relocations;  // these four sorted by insn
  std::vector<LineInfo> lines;
  std::vector<FuncInfo> function_types;
  std::vector<CoreRelocation> core_relocations;
};

struct DataSection {
  // Arena: variables that live in the object's arena map.
  enum class Kind : uint8_t { Data, Rodata, Bss, Arena };
  std::string name;  // ".data", ".rodata.str1.1", ".bss", ".data.shared"
  Kind kind;
  std::vector<std::byte> bytes;
  TypeId datasec = 0;  // its BTF type; 0 if it has none
};

struct Extern {
  std::string name;
  bool weak;
  bool is_function;
  TypeId type;  // a Func or Var
};

// A variable of .struct_ops or .struct_ops.link.
struct StructOpsVariable {
  std::string name;
  TypeId type;
  bool link;                     // of .struct_ops.link
  std::vector<std::byte> bytes;  // as initialised; callbacks are zero
  struct Callback {
    uint32_t offset;
    uint32_t section, function;
  };  // member at byte `offset` is that function
  std::vector<Callback> callbacks;
};

struct Object {
  // Parses an ELF file of clang's BPF back-end. EINVAL (not such a file, or broken: place is the section or
  // symbol, the message says what), ENOTSUP (BTF missing, a map definition or relocation that we don't have).
  static Result<std::shared_ptr<const Object>> parse(std::span<const std::byte> file, std::string name);
  static Result<std::shared_ptr<const Object>> open(const std::string& path);

  std::string name;  // for messages: the file's
  std::string license;
  Btf btf;
  std::vector<CodeSection> code;
  std::vector<DataSection> data;
  std::vector<MapDefinition> maps;  // of .maps
  std::vector<Extern> externs;
  std::vector<StructOpsVariable> struct_ops;
};

}  // namespace ring3::bpf
