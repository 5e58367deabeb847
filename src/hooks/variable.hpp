// Globals as text: what `--set` takes and `--show` prints, by the variable's type in BTF.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "bpf/btf/btf.hpp"

namespace ring3::hooks {

// A global of the object, or a data member of a struct_ops variable.
struct Variable {
  std::span<std::byte> bytes;             // where it lives
  bpf::TypeRef type;                      // not resolved
  uint32_t bit_offset = 0, bit_size = 0;  // of a bit field
  bool frozen = false;                    // a constant of a loaded object
};

// Writes a value: integers in any C notation or as 'c', booleans also as true and false, enumerations by name
// or number, pointers as numbers, character arrays as the characters themselves (a NUL follows). EINVAL: not
// such a value, or a type that has none (structures, floats); ERANGE: it does not fit.
Result<void> write_text(const Variable& variable, std::string_view place, std::string_view value);
Result<void> write_number(const Variable& variable, std::string_view place, uint64_t value);

// The value as write_text would take it; structures and arrays as C initialisers.
Result<std::string> read_text(const Variable& variable, std::string_view place);

}  // namespace ring3::hooks
