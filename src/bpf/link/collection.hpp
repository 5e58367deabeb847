// Object × world → maps that exist and programs that can be verified. What libbpf does between open and load.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bpf/link/program.hpp"

namespace ring3::bpf {

// A global of the object, found by name and path ("params.depth", "bufs[3].addr"), or a data member of a
// struct_ops variable ("ops.ring_fd").
struct Variable {
  std::span<std::byte> bytes;             // where it lives now; valid as long as the Collection's maps
  TypeId type;                            // in the object's BTF; not resolved
  uint32_t bit_offset = 0, bit_size = 0;  // of a bit field
  bool frozen = false;                    // .rodata after freeze()
};

struct StructOpsInstance {
  std::string name;
  const StructOpsType* type = nullptr;
  bool link = false;
  std::vector<std::byte> bytes;  // the world's layout of the structure, data members filled in (ring_fd, …)
  struct Callback {
    const StructOpsMember* member;
    std::shared_ptr<const Program> program;
  };
  std::vector<Callback> callbacks;
};

class Collection {
 public:
  // Creates the maps, fills the data sections, relocates, applies CO-RE against the world's types. Errors:
  // EINVAL, ENOENT (a kfunc, type or struct_ops member that the world lacks; the place is the C line),
  // ENOTSUP.
  static Result<std::unique_ptr<Collection>> create(std::shared_ptr<const Object> object,
                                                    std::shared_ptr<const World> world);

  const Object& object() const { return *object_; }
  std::span<const std::shared_ptr<Map>> maps() const { return maps_; }  // of .maps, then the data sections
  std::shared_ptr<Map> map(std::string_view name) const;                // nullptr if there is none

  // A global variable. ENOENT says which names there are that come close.
  Result<Variable> variable(std::string_view path) const;
  // Freezes .rodata: from here on the verifier may take its contents as constants. Set variables before.
  void freeze();

  // Every struct_ops variable, and every entry program (those of struct_ops callbacks, then the rest).
  std::span<const StructOpsInstance> struct_ops() const { return struct_ops_; }
  std::span<const std::shared_ptr<const Program>> programs() const { return programs_; }

 private:
  friend class Linker;
  Collection() = default;
  Result<Variable> struct_ops_member(const StructOpsVariable& variable, std::string_view path) const;

  std::shared_ptr<const Object> object_;
  std::shared_ptr<const World> world_;
  std::vector<std::shared_ptr<Map>> maps_;
  mutable std::vector<StructOpsInstance> struct_ops_;  // variable() hands out their data members for writing
  std::vector<std::shared_ptr<const Program>> programs_;
};

}  // namespace ring3::bpf
