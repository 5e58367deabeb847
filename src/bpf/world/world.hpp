// What programs may name: types, helpers, kfuncs and struct_ops types. A world is to a program what a
// kernel's BTF and tables are to libbpf and the verifier. Immutable once built; programs keep a reference to
// theirs.
//
// Declaring a kfunc is one entry: its name, flags and implementation here, its C prototype in a types file
// (*.bpf.c, see bpf_types() in cmake/Bpf.cmake), whose BTF tells verifier and interpreter all about its
// arguments.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "bpf/btf/btf.hpp"
#include "bpf/map/map.hpp"
#include "bpf/map/spin_lock.hpp"

namespace ring3::bpf {

// What an implementation of a helper or kfunc may ask of whoever runs the program.
class Machine {
 public:
  // Runs the BPF function whose address a program took (BPF_PSEUDO_FUNC), with r1…r4. For callbacks.
  virtual uint64_t call(uint64_t function, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4) = 0;
  // Records of ring buffers that the program has reserved and not given back: if its run ends in a fault,
  // nobody else can.
  std::vector<void*> records;
  SpinLock* lock = nullptr;  // the one that the program holds: the same
  unsigned cpu = 0;          // index for per-CPU maps; constant while a program runs
  void* context = nullptr;   // the hook's own (hooks/loop: its Loop)
  void (*print)(void* context, std::string_view text) = nullptr;  // bpf_printk; nullptr drops

 protected:
  ~Machine() = default;
};

// r1…r5 in, r0 out. Must not throw, and may trust what the verifier checked of its arguments, nothing else.
using NativeFunction = uint64_t (*)(Machine& machine, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4,
                                    uint64_t r5);

// Flags of a kfunc, with the kernel's meaning.
enum KfuncFlag : uint32_t {
  KF_ACQUIRE = 1 << 0,   // returns a reference that must be released
  KF_RELEASE = 1 << 1,   // releases the reference in its first reference argument
  KF_RET_NULL = 1 << 2,  // the pointer returned may be NULL
  KF_TRUSTED_ARGS = 1 << 4,
  KF_SLEEPABLE = 1 << 5,
  KF_RCU = 1 << 7,
  KF_ITER_NEW = 1 << 8,
  KF_ITER_NEXT = 1 << 9,
  KF_ITER_DESTROY = 1 << 10,
};

struct Kfunc {
  std::string name;
  uint32_t flags = 0;
  NativeFunction implementation = nullptr;
  TypeRef function;  // its Func, in one of the world's BTFs; filled in by World::Builder
};

// How the verifier treats a helper's arguments and result: Linux's classes, by Linux's meaning.
// A ConstMap reaches the implementation as a bpf::Map*.
enum class Arg : uint8_t {
  None,
  Anything,
  ConstMap,  // a map, known at load time
  // Memory of the key or value size of the ConstMap argument, initialised.
  MapKey,
  MapValue,
  // Memory whose size is in the next argument: initialised and read; initialised and written; written whole.
  Mem,
  WritableMem,
  UninitMem,
  MemOrNull,
  WritableMemOrNull,
  // The size of the argument before.
  Size,
  SizeOrZero,
  ConstAllocSize,       // a constant that sizes the memory returned; may be zero
  RingbufRecord,        // memory that bpf_ringbuf_reserve returned; released by the call
  Function,             // a callback
  StackOrNull,          // its context
  ConstString,          // NUL-terminated, in a frozen read-only map
  Dynptr,               // an initialised dynptr of any kind
  UninitDynptr,         // room for one over the memory of the first argument (a map value)
  UninitRingbufDynptr,  // room for one over a new record: an obligation, also if the call fails
  RingbufDynptr,        // such a one; released by the call
  LockToTake,           // the struct bpf_spin_lock of a map value: held from the call on
  LockToDrop,           // the one that is held
};
enum class Ret : uint8_t { Void, Scalar, MapValueOrNull, RingbufRecordOrNull, DynptrMemOrNull };

struct Helper {
  uint32_t id = 0;        // BPF_FUNC_*
  std::string_view name;  // "bpf_map_lookup_elem"
  Ret returns = Ret::Scalar;
  Arg arguments[5] = {};
  bool sleepable = false;  // only in sleepable programs
  bool gpl_only = false;
  NativeFunction implementation = nullptr;
  // Takes memory that may go away while it runs, such as a buffer's.
  bool contains_faults = false;
  bool trusted_only = false;  // shows memory that is not the program's: refused by strict verification
};

// A callback of a struct_ops type.
struct StructOpsMember {
  std::string_view name;
  bool may_sleep = true;            // a struct_ops.s program may be attached
  bool must_exist = false;          // EINVAL at load without it
  uint32_t nullable_arguments = 0;  // bit i: argument i may be NULL
  // Bytes that the program may write through argument i, from the start of the structure; all else is
  // read-only.
  struct Writable {
    uint8_t argument;
    uint32_t offset, size;
  };
  std::vector<Writable> writable;
  // Structures that programs can't look into: argument i is only a handle to pass on.
  uint32_t opaque_arguments = 0;
};

struct StructOpsType {
  std::string_view name;                   // "io_uring_bpf_ops"
  std::vector<StructOpsMember> members;    // callbacks only; their prototypes are in `type`
  std::vector<std::string_view> settable;  // data members that the object may set ("ring_fd", "priv")
  TypeRef type;                            // the structure; filled in by World::Builder
};

class World {
 public:
  class Builder;

  // With aliases: a name of a kernel type that the world knows by another one ("iou_ctx" for "io_ring_ctx").
  const Kfunc* kfunc(std::string_view name) const;
  const Helper* helper(uint32_t id) const;
  const StructOpsType* struct_ops(std::string_view name) const;
  TypeRef find_type(BtfKind kind, std::string_view name) const;
  // True if the two names mean the same type of the world.
  bool same_type_name(std::string_view a, std::string_view b) const;

  std::span<const Kfunc> kfuncs() const { return kfuncs_; }
  std::span<const Helper> helpers() const { return helpers_; }
  std::span<const StructOpsType> struct_ops_types() const { return struct_ops_; }

 private:
  std::vector<std::shared_ptr<const Btf>> btfs_;
  std::vector<Kfunc> kfuncs_;
  std::vector<Helper> helpers_;
  std::vector<StructOpsType> struct_ops_;
  std::vector<std::pair<std::string, std::string>> aliases_;
};

// Puts a world together. build() checks that every kfunc and struct_ops type has its prototype.
class World::Builder {
 public:
  // Types and prototypes, as the BTF of a compiled types file.
  Builder& types(std::span<const std::byte> btf);
  Builder& kfuncs(std::span<const Kfunc> kfuncs);
  Builder& helpers(std::span<const Helper> helpers);
  Builder& struct_ops(const StructOpsType& type);
  Builder& alias(std::string_view name, std::string_view means);
  Result<std::shared_ptr<const World>> build();

 private:
  std::vector<std::vector<std::byte>> blobs_;
  std::shared_ptr<World> world_ = std::make_shared<World>();
};

// What every world has: the helpers and kfuncs of the kernel that need nothing of io_uring (maps, ring
// buffers, bpf_loop, number iterators, dynptrs, printk, time, user copies). src/bpf/world/common*.cpp.
void add_common(World::Builder& builder);

}  // namespace ring3::bpf
