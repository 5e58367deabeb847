#include "hooks/operation/world.hpp"

#include <cstdint>
#include <span>

#include "bpf/world/native.hpp"
#include "hooks/operation/data.hpp"
#include "hooks/operation/kfuncs.hpp"

extern "C" {
extern const unsigned char ring3_hooks_operation_btf[];
extern const uint64_t ring3_hooks_operation_btf_size;
}

namespace ring3::hooks {

namespace {

using namespace bpf;

const Kfunc kKfuncs[] = {
    {"uring_bpf_set_result", 0, native<&set_result>},
};

StructOpsMember callback(std::string_view name) {
  StructOpsMember member;
  member.name = name;
  member.may_sleep = false;
  member.writable = {
      {.argument = 0, .offset = offsetof(UringBpfData, pdu), .size = sizeof(UringBpfData::pdu)}};
  return member;
}

}  // namespace

void add_operation(World::Builder& builder) {
  StructOpsType type;
  type.name = "uring_bpf_ops";
  type.members = {callback("prep_fn"), callback("issue_fn"), callback("fail_fn"), callback("cleanup_fn")};
  type.settable = {"id", "ring_fd"};
  builder.types(std::as_bytes(std::span(ring3_hooks_operation_btf, ring3_hooks_operation_btf_size)))
      .kfuncs(kKfuncs)
      .struct_ops(type);
}

}  // namespace ring3::hooks
