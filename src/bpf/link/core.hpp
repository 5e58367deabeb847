// CO-RE: instructions of an object that depend on the layout of a type are made to fit the world's type of
// that name.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bpf/link/program.hpp"

namespace ring3::bpf {

// Applies every CO-RE relocation of `code` to `insns`, its instructions. Where the world lacks the field or
// enumerator, the instruction is poisoned and the reason added to `unresolved`. EINVAL: a relocation that
// makes no sense.
Result<void> apply_core_relocations(const Btf& btf, const World& world, const CodeSection& code,
                                    std::vector<Insn>& insns, std::vector<Unresolved>& unresolved);

// A field, found by the path that an access string takes ("0:1:2") from a type.
struct CoreField {
  struct Step {
    std::string_view name;  // a member; empty: an element of an array
    uint32_t index = 0;     // of the element
    TypeId type = 0;        // what the step leads to, in the same BTF
  };
  TypeId root = 0;
  uint32_t root_index = 0;  // the root type taken as an array: "1:…" is p[1]…
  std::vector<Step> steps;  // anonymous members are stepped over
  TypeId type = 0;          // of the field itself
  uint64_t bit_offset = 0;  // from the start of the root type
  uint32_t bit_size = 0;    // of a bit field; else 0
};

// What the access string says of the object's type. EINVAL.
Result<CoreField> local_field(const Btf& btf, TypeId root, std::string_view access);
// The same field of the type `target`, by the names of its members; an Error's message says what is missing.
Result<CoreField> target_field(const Btf& btf, const CoreField& field, const World& world, TypeRef target);

// Whether a type of the object and one of the world are the same but for what CO-RE can adjust: what
// bpf_core_type_matches() asks.
bool types_match(const Btf& btf, TypeId type, const World& world, TypeRef target);

}  // namespace ring3::bpf
