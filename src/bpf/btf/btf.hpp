// BTF: an immutable table of types, parsed and checked once. After parse() every id that a type refers to
// exists, no chain of modifiers is endless, every name is a valid string, and every size is finite, so
// readers need no checks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "abi/btf.hpp"
#include "base/error.hpp"

namespace ring3::bpf {

using TypeId = uint32_t;  // 0 is void
using abi::BtfKind;

struct BtfMember {
  std::string_view name;  // empty: anonymous struct or union
  TypeId type;
  uint32_t bit_offset;
  uint32_t bit_size;  // 0 unless a bit field
};
struct BtfParam {
  std::string_view name;
  TypeId type;
};
struct BtfEnumerator {
  std::string_view name;
  int64_t value;
};
struct BtfVariable {  // an entry of a data section
  TypeId variable;    // a Var
  uint32_t offset, size;
};

class Btf {
 public:
  Btf() = default;
  Btf(Btf&&) = default;  // move-only: names point into strings_
  Btf& operator=(Btf&&) = default;

  // Copies what it needs of the bytes of a .BTF section. EINVAL with the offset at fault.
  static Result<Btf> parse(std::span<const std::byte> section);

  // Number of types including void: valid ids are 0 … count() - 1.
  size_t count() const { return types_.size(); }

  BtfKind kind(TypeId id) const { return types_[id].kind; }
  std::string_view name(TypeId id) const { return types_[id].name; }
  // What a Ptr, Typedef, qualifier, Func, Var or DeclTag refers to; the element of an Array; the return of a
  // FuncProto.
  TypeId target(TypeId id) const { return types_[id].target; }
  // Array elements; 0 for other kinds.
  uint32_t array_length(TypeId id) const { return types_[id].length; }
  // Members of a Struct or Union (after nothing: anonymous ones appear as they are).
  std::span<const BtfMember> members(TypeId id) const;
  std::span<const BtfParam> parameters(TypeId func_proto) const;
  std::span<const BtfEnumerator> enumerators(TypeId id) const;
  std::span<const BtfVariable> variables(TypeId datasec) const;
  bool is_signed(TypeId id) const { return types_[id].is_signed; }         // Int, Enum, Enum64 (not resolved)
  bool is_char(TypeId id) const;                                           // an 8-bit integer
  abi::BtfLinkage linkage(TypeId id) const { return types_[id].linkage; }  // Func, Var

  // Without typedefs, qualifiers and type tags.
  TypeId resolve(TypeId id) const;
  // Bytes; pointers are 8, void, functions and forward declarations 0. Resolves.
  uint64_t size_of(TypeId id) const;
  // The type tags ("user", "arena", …) and declaration tags on the way to resolve(id).
  bool has_type_tag(TypeId id, std::string_view tag) const;
  // `component` -1: of the whole; else of that argument or member.
  bool has_decl_tag(TypeId func_or_var, std::string_view tag, int32_t component = -1) const;

  // The first type of that kind and name, or nothing.
  std::optional<TypeId> find(BtfKind kind, std::string_view name) const;
  // C-like spelling, for messages: "struct iou_loop_params *".
  std::string spell(TypeId id) const;

  struct Field {
    TypeId type;
    uint64_t offset;                        // bytes from the start of the outer type
    uint32_t bit_offset = 0, bit_size = 0;  // of a bit field, from `offset`
  };
  // Follows "a.b[2].c" (or "" for the type itself) from `type`; anonymous members are looked through. ENOENT
  // names the step that failed and what there is instead; ERANGE: index outside the array.
  Result<Field> field(TypeId type, std::string_view path) const;
  // The innermost member that covers byte `offset`, as "a.b[2].c", for messages; empty if none.
  std::string path_at(TypeId type, uint64_t offset) const;

  // A string of the string section by its offset (.BTF.ext refers to them so): printable UTF-8.
  std::optional<std::string_view> string_at(uint32_t offset) const;
  // An object file leaves open how large a data section is and where its variables lie. The reader of the
  // file says it: `offset_of` returns a variable's offset, or nothing if the variable is elsewhere and must
  // go from the list. Checks that every variable lies inside (its size in the list counts: clang may keep a
  // part of it only), and sorts them by offset.
  using OffsetOf = std::function<std::optional<uint32_t>(const BtfVariable&)>;
  Result<void> place_section(TypeId datasec, uint64_t size, const OffsetOf& offset_of);

 private:
  friend class BtfParser;
  struct Type {
    BtfKind kind = BtfKind::Void;
    bool is_signed = false;
    std::string_view name;
    TypeId target = 0;
    uint32_t length = 0;
    uint64_t size = 0;
    uint32_t first = 0, extent = 0;  // into the pool of its kind
    abi::BtfLinkage linkage = abi::BTF_STATIC;
  };

  std::vector<char> strings_;
  std::vector<Type> types_;
  std::vector<BtfMember> members_;
  std::vector<BtfParam> parameters_;
  std::vector<BtfEnumerator> enumerators_;
  std::vector<BtfVariable> variables_;
  struct DeclTag {
    TypeId target;
    int32_t component;
    std::string_view tag;
  };
  std::vector<DeclTag> decl_tags_;  // sorted by target
  std::unordered_multimap<std::string_view, TypeId> by_name_;
};

// A type of a certain BTF. The Btf outlives it.
struct TypeRef {
  const Btf* btf = nullptr;
  TypeId id = 0;
  explicit operator bool() const { return btf != nullptr; }
};

}  // namespace ring3::bpf
