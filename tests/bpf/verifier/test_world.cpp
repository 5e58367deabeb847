#include "test_world.hpp"

#include <cstdlib>

#include "bpf/world/native.hpp"

extern "C" {
extern const unsigned char ring3_hooks_loop_btf[];
extern const uint64_t ring3_hooks_loop_btf_size;
extern const unsigned char ring3_hooks_operation_btf[];
extern const uint64_t ring3_hooks_operation_btf_size;
extern const unsigned char ring3_hooks_buffer_btf[];
extern const uint64_t ring3_hooks_buffer_btf_size;
extern const unsigned char ring3_test_kfuncs_btf[];
extern const uint64_t ring3_test_kfuncs_btf_size;
}

namespace ring3::bpf::test {

namespace {

int submit_nothing(void*, uint32_t) { return 0; }
void* no_region(void*, uint32_t, uint64_t) { return nullptr; }
uint64_t nothing(Machine&, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) { return 0; }

const Kfunc kfuncs[] = {{"bpf_io_uring_submit_sqes", KF_SLEEPABLE, native<&submit_nothing>},
                        {"bpf_io_uring_get_region", KF_RET_NULL, native<&no_region>},
                        {"uring_bpf_set_result", 0, nothing},
                        {"bpf_iter_uring_buf_new", KF_ITER_NEW, nothing},
                        {"bpf_iter_uring_buf_next", KF_ITER_NEXT | KF_RET_NULL, nothing},
                        {"bpf_iter_uring_buf_destroy", KF_ITER_DESTROY, nothing},
                        {"bpf_uring_buf_dynptr", 0, nothing},
                        {"bpf_uring_buf_dynptr_rdwr", 0, nothing},
                        {"uring_bpf_memcpy", 0, nothing},
                        {"ring3_test_acquire", KF_ACQUIRE | KF_RET_NULL, nothing},
                        {"ring3_test_release", KF_RELEASE, nothing},
                        {"ring3_test_look", 0, nothing},
                        {"ring3_test_maybe", 0, nothing},
                        {"ring3_test_read", 0, nothing},
                        {"ring3_test_fill", 0, nothing},
                        {"ring3_test_read_constant", 0, nothing},
                        {"ring3_test_constant", 0, nothing},
                        {"ring3_test_make", 0, nothing},
                        {"ring3_test_change", 0, nothing},
                        {"ring3_test_see", 0, nothing},
                        {"ring3_test_ignore", 0, nothing},
                        {"ring3_test_string", 0, nothing},
                        {"ring3_test_map", 0, nothing},
                        {"ring3_test_rdonly", KF_RET_NULL, nothing},
                        {"ring3_test_rdwr", KF_RET_NULL, nothing}};

StructOpsType operation() {
  StructOpsMember issue;
  issue.name = "issue_fn";
  issue.may_sleep = false;
  issue.writable = {{.argument = 0, .offset = 28, .size = 36}};
  StructOpsType type;
  type.name = "uring_bpf_ops";
  type.members = {issue};
  type.settable = {"id", "ring_fd"};
  return type;
}

std::span<const std::byte> bytes(const unsigned char* data, uint64_t size) {
  return std::as_bytes(std::span(data, size));
}

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
    builder.types(bytes(ring3_hooks_loop_btf, ring3_hooks_loop_btf_size))
        .types(bytes(ring3_hooks_operation_btf, ring3_hooks_operation_btf_size))
        .types(bytes(ring3_hooks_buffer_btf, ring3_hooks_buffer_btf_size))
        .types(bytes(ring3_test_kfuncs_btf, ring3_test_kfuncs_btf_size))
        .kfuncs(kfuncs)
        .struct_ops(type)
        .struct_ops(operation())
        .alias("iou_ctx", "io_ring_ctx");
    auto built = builder.build();
    if (!built) abort();
    return std::move(*built);
  }();
  return world;
}

}  // namespace ring3::bpf::test
