#include "hooks/loop/world.hpp"

#include <cstdint>
#include <span>

#include "bpf/world/native.hpp"
#include "hooks/loop/kfuncs.hpp"

extern "C" {
extern const unsigned char ring3_hooks_loop_btf[];
extern const uint64_t ring3_hooks_loop_btf_size;
}

namespace ring3::hooks {

namespace {

using namespace bpf;

const Kfunc kKfuncs[] = {
    {"bpf_io_uring_submit_sqes", KF_SLEEPABLE, native<&submit_sqes>},
    {"bpf_io_uring_get_region", KF_RET_NULL, native<&get_region>},
};

StructOpsType ops_type() {
  StructOpsMember loop_step;
  loop_step.name = "loop_step";
  loop_step.must_exist = true;
  loop_step.opaque_arguments = 1u << 0;
  loop_step.writable = {{.argument = 1, .offset = 0, .size = 4}};  // iou_loop_params::cq_wait_idx

  StructOpsType type;
  type.name = "io_uring_bpf_ops";
  type.members = {loop_step};
  type.settable = {"ring_fd", "priv"};
  return type;
}

}  // namespace

void add_loop(World::Builder& builder) {
  builder.types(std::as_bytes(std::span(ring3_hooks_loop_btf, ring3_hooks_loop_btf_size)))
      .kfuncs(kKfuncs)
      .struct_ops(ops_type())
      .alias("iou_ctx", "io_ring_ctx");
}

}  // namespace ring3::hooks
