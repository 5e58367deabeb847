// What the verifier knows of one register or of one spilled register: nothing, a number, or a pointer with
// what it points to and how far its offset may lie from the start of that.
#pragma once

#include <cstdint>
#include <string>

#include "bpf/btf/btf.hpp"
#include "bpf/verifier/scalar.hpp"

namespace ring3::bpf {

enum class Kind : uint8_t {
  NotInit,
  Scalar,
  Context,   // the array of arguments that a struct_ops program is entered with
  Stack,     // frame `frame`, offsets from its top
  Map,       // the map itself, as LD_IMM64 gives it
  MapValue,  // an element of map `index`
  Memory,    // `size` bytes
  Object,    // a structure of the world, `type`; a handle where the world says so
  Arena,     // anywhere, at its low half, in the program's arena
  Function,  // the address of subprogram `index`
  Dynptr,    // slots of the stack only
  Iterator,  // slots of the stack only
};

enum class DynptrKind : uint8_t { Local, Ringbuf, Chunk };
enum class IteratorPhase : uint8_t { Active, Drained };

struct Value {
  Kind kind = Kind::NotInit;
  bool or_null = false;
  bool precise = false;    // Scalar of a stored state: the verdict may depend on its exact range
  bool read_only = false;  // Memory, Dynptr
  bool ringbuf = false;    // Memory: a record that bpf_ringbuf_reserve returned
  bool foreign = false;    // Memory: of a buffer, which may go away at any time
  uint8_t frame = 0;
  uint8_t part = 0;      // Dynptr, Iterator: which of its slots, 0 at the lowest address
  uint8_t argument = 0;  // Object: 1 + index of the entry's argument that it came in by; 0: another source
  DynptrKind dynptr = DynptrKind::Local;
  IteratorPhase phase = IteratorPhase::Active;
  // Scalars with one id hold one value, but for `delta`; pointers with one id are NULL together, or point to
  // one value with a lock; dynptrs with one id are clones of each other's memory.
  uint32_t id = 0;
  int32_t delta = 0;
  bool low = false;  // the sum with delta is of 32 bits and wraps; the one value is of 32 bits then, too
  uint32_t reference = 0;  // the reference (or dynptr, iterator) that keeps what it points to alive
  uint32_t index = 0;
  uint32_t size = 0;
  uint32_t depth = 0;   // Iterator: how often next() has been entered on this path
  int32_t offset = 0;   // pointers: the constant part; `scalar` is the variable part
  uint32_t origin = 0;  // the instruction that made it; for people, never compared
  TypeRef type;
  Scalar scalar;

  bool is_scalar() const { return kind == Kind::Scalar; }
  bool is_pointer() const { return kind > Kind::Scalar; }
  bool is_constant() const { return is_scalar() && scalar.is_constant(); }
  bool is_null() const { return is_constant() && scalar.value() == 0; }
  bool has_constant_offset() const { return scalar.is_constant(); }

  static Value number(const Scalar& scalar, uint32_t origin = 0) {
    Value value;
    value.kind = Kind::Scalar;
    value.scalar = scalar;
    value.origin = origin;
    return value;
  }
  static Value unknown(uint32_t origin = 0) { return number(Scalar::unknown(), origin); }
  static Value pointer(Kind kind, uint32_t origin = 0) {
    Value value;
    value.kind = kind;
    value.scalar = Scalar::constant(0);
    value.origin = origin;
    return value;
  }
  // Forgets that it equals other values.
  void unlink() {
    id = 0;
    delta = 0;
    low = false;
  }
};

// Linux's name of the value's type, as in "R0 invalid mem access 'map_value_or_null'".
std::string kind_name(const Value& value);
// Linux's spelling of it in a log line: "scalar(umax=255,…)", "map_value(off=8,…)", "fp-8".
std::string value_text(const Value& value);

}  // namespace ring3::bpf
