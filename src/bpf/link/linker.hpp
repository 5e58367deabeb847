// What the stages of Collection::create share.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "bpf/link/collection.hpp"

namespace ring3::bpf {

// "file.c:12, in step": where an instruction comes from.
std::string source_place(const CodeSection& code, uint32_t slot);
// A name without the "___flavour" that objects may append to tell their variants of a kernel type apart.
std::string_view essential_name(std::string_view name);

class Linker {
 public:
  Linker(std::shared_ptr<const Object> object, std::shared_ptr<const World> world);
  Result<std::unique_ptr<Collection>> run();

 private:
  // A code section once its CO-RE relocations are applied.
  struct LinkedSection {
    std::vector<Insn> insns;
    std::vector<Unresolved> unresolved;  // slots of the section
  };
  struct FunctionId {
    uint32_t section, function;  // into Object::code, CodeSection::functions
    auto operator<=>(const FunctionId&) const = default;
  };

  Result<void> create_maps();
  Result<std::shared_ptr<Map>> place_in_arena(const DataSection& section);
  Result<void> resolve_externs();
  Result<void> apply_core();
  Result<void> link_struct_ops();
  Result<void> link_entries();

  // struct_ops.cpp
  Result<void> link_instance(const StructOpsVariable& variable);
  Result<void> link_member(const StructOpsVariable& variable, const BtfMember& member,
                           StructOpsInstance& out);
  Result<void> link_callback(const StructOpsVariable& variable, const StructOpsVariable::Callback& callback,
                             const BtfMember& in_world, StructOpsInstance& out);
  // gather.cpp
  class Gatherer;
  Result<std::shared_ptr<const Program>> gather(FunctionId entry, const Attachment& attachment);

  std::shared_ptr<const Object> object_;
  std::shared_ptr<const World> world_;
  std::unique_ptr<Collection> collection_;
  std::vector<LinkedSection> sections_;  // by code section
  std::vector<const Kfunc*> kfuncs_;     // by extern; nullptr: weak and missing
  std::map<std::pair<FunctionId, const StructOpsMember*>, std::shared_ptr<const Program>> programs_;
  uint64_t insns_linked_ = 0;
};

}  // namespace ring3::bpf
