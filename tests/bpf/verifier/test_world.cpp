#include "test_world.hpp"

#include <cstdlib>

#include "bpf/world/native.hpp"

extern "C" {
extern const unsigned char ring3_hooks_loop_btf[];
extern const uint64_t ring3_hooks_loop_btf_size;
}

namespace ring3::bpf::test {

namespace {

int submit_nothing(void*, uint32_t) { return 0; }
void* no_region(void*, uint32_t, uint64_t) { return nullptr; }

const Kfunc kfuncs[] = {{"bpf_io_uring_submit_sqes", KF_SLEEPABLE, native<&submit_nothing>},
                        {"bpf_io_uring_get_region", KF_RET_NULL, native<&no_region>}};

}  // namespace

const std::shared_ptr<const World>& test_world() {
  static const std::shared_ptr<const World> world = [] {
    StructOpsMember step;
    step.name = "loop_step";
    step.must_exist = true;
    step.opaque_arguments = 1;
    step.writable = {{.argument = 1, .offset = 0, .size = 4}};
    StructOpsType type;
    type.name = "io_uring_bpf_ops";
    type.members = {step};
    type.settable = {"ring_fd", "priv"};
    World::Builder builder;
    add_common(builder);
    builder.types(std::as_bytes(std::span(ring3_hooks_loop_btf, ring3_hooks_loop_btf_size)))
        .kfuncs(kfuncs)
        .struct_ops(type)
        .alias("iou_ctx", "io_ring_ctx");
    auto built = builder.build();
    if (!built) abort();
    return std::move(*built);
  }();
  return world;
}

}  // namespace ring3::bpf::test
