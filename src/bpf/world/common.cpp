// The table of helpers. Names, numbers and arguments are Linux's; a helper without a row is refused at load.
#include "bpf/world/common.hpp"

#include "bpf/world/native.hpp"

extern "C" {
extern const unsigned char ring3_bpf_world_common_btf[];
extern const uint64_t ring3_bpf_world_common_btf_size;
}

namespace ring3::bpf {

namespace {

using enum Arg;

constexpr bool kSleepable = true, kGplOnly = true, kTrustedOnly = true, kContainsFaults = true;

// clang-format off
const Helper kHelpers[] = {
    {1, "bpf_map_lookup_elem", Ret::MapValueOrNull, {ConstMap, MapKey}, false, false, native<&common::map_lookup_elem>},
    {2, "bpf_map_update_elem", Ret::Scalar, {ConstMap, MapKey, MapValue, Anything}, false, false, native<&common::map_update_elem>},
    {3, "bpf_map_delete_elem", Ret::Scalar, {ConstMap, MapKey}, false, false, native<&common::map_delete_elem>},
    {5, "bpf_ktime_get_ns", Ret::Scalar, {}, false, false, native<&common::ktime_get_ns>},
    {6, "bpf_trace_printk", Ret::Scalar, {Mem, Size, Anything, Anything, Anything}, false, kGplOnly, native<&common::trace_printk>, false, kTrustedOnly},
    {7, "bpf_get_prandom_u32", Ret::Scalar, {}, false, false, native<&common::get_prandom_u32>},
    {8, "bpf_get_smp_processor_id", Ret::Scalar, {}, false, false, native<&common::get_smp_processor_id>},
    {14, "bpf_get_current_pid_tgid", Ret::Scalar, {}, false, false, native<&common::get_current_pid_tgid>},
    {15, "bpf_get_current_uid_gid", Ret::Scalar, {}, false, false, native<&common::get_current_uid_gid>},
    {16, "bpf_get_current_comm", Ret::Scalar, {UninitMem, Size}, false, false, native<&common::get_current_comm>},
    {93, "bpf_spin_lock", Ret::Void, {LockToTake}, false, false, native<&common::spin_lock>},
    {94, "bpf_spin_unlock", Ret::Void, {LockToDrop}, false, false, native<&common::spin_unlock>},
    {112, "bpf_probe_read_user", Ret::Scalar, {UninitMem, SizeOrZero, Anything}, false, kGplOnly, native<&common::probe_read_user>, false, kTrustedOnly},
    {114, "bpf_probe_read_user_str", Ret::Scalar, {UninitMem, SizeOrZero, Anything}, false, kGplOnly, native<&common::probe_read_user_str>, false, kTrustedOnly},
    {125, "bpf_ktime_get_boot_ns", Ret::Scalar, {}, false, false, native<&common::ktime_get_boot_ns>},
    {130, "bpf_ringbuf_output", Ret::Scalar, {ConstMap, Mem, SizeOrZero, Anything}, false, false, native<&common::ringbuf_output>},
    {131, "bpf_ringbuf_reserve", Ret::RingbufRecordOrNull, {ConstMap, ConstAllocSize, Anything}, false, false, native<&common::ringbuf_reserve>},
    {132, "bpf_ringbuf_submit", Ret::Void, {RingbufRecord, Anything}, false, false, native<&common::ringbuf_submit>},
    {133, "bpf_ringbuf_discard", Ret::Void, {RingbufRecord, Anything}, false, false, native<&common::ringbuf_discard>},
    {134, "bpf_ringbuf_query", Ret::Scalar, {ConstMap, Anything}, false, false, native<&common::ringbuf_query>},
    {148, "bpf_copy_from_user", Ret::Scalar, {UninitMem, SizeOrZero, Anything}, kSleepable, false, native<&common::copy_from_user>, false, kTrustedOnly},
    {160, "bpf_ktime_get_coarse_ns", Ret::Scalar, {}, false, false, native<&common::ktime_get_coarse_ns>},
    {164, "bpf_for_each_map_elem", Ret::Scalar, {ConstMap, Function, StackOrNull, Anything}, false, false, native<&common::for_each_map_elem>},
    {165, "bpf_snprintf", Ret::Scalar, {WritableMemOrNull, SizeOrZero, ConstString, MemOrNull, SizeOrZero}, false, kGplOnly, native<&common::snprintf>, false, kTrustedOnly},
    {177, "bpf_trace_vprintk", Ret::Scalar, {Mem, Size, MemOrNull, SizeOrZero}, false, kGplOnly, native<&common::trace_vprintk>, false, kTrustedOnly},
    {181, "bpf_loop", Ret::Scalar, {Anything, Function, StackOrNull, Anything}, false, false, native<&common::loop>},
    {182, "bpf_strncmp", Ret::Scalar, {Mem, Size, ConstString}, false, false, native<&common::strncmp>},
    {195, "bpf_map_lookup_percpu_elem", Ret::MapValueOrNull, {ConstMap, MapKey, Anything}, false, false, native<&common::map_lookup_percpu_elem>},
    {197, "bpf_dynptr_from_mem", Ret::Scalar, {WritableMem, SizeOrZero, Anything, UninitDynptr}, false, false, native<&common::dynptr_from_mem>},
    {198, "bpf_ringbuf_reserve_dynptr", Ret::Scalar, {ConstMap, Anything, Anything, UninitRingbufDynptr}, false, false, native<&common::ringbuf_reserve_dynptr>},
    {199, "bpf_ringbuf_submit_dynptr", Ret::Void, {RingbufDynptr, Anything}, false, false, native<&common::ringbuf_submit_dynptr>},
    {200, "bpf_ringbuf_discard_dynptr", Ret::Void, {RingbufDynptr, Anything}, false, false, native<&common::ringbuf_discard_dynptr>},
    {201, "bpf_dynptr_read", Ret::Scalar, {UninitMem, SizeOrZero, Dynptr, Anything, Anything}, false, false, native<&common::dynptr_read>, kContainsFaults},
    {202, "bpf_dynptr_write", Ret::Scalar, {Dynptr, Anything, Mem, SizeOrZero, Anything}, false, false, native<&common::dynptr_write>, kContainsFaults},
    {203, "bpf_dynptr_data", Ret::DynptrMemOrNull, {Dynptr, Anything, ConstAllocSize}, false, false, native<&common::dynptr_data>},
};

const Kfunc kKfuncs[] = {
    {"bpf_iter_num_new", KF_ITER_NEW, native<&common::iter_num_new>},
    {"bpf_iter_num_next", KF_ITER_NEXT | KF_RET_NULL, native<&common::iter_num_next>},
    {"bpf_iter_num_destroy", KF_ITER_DESTROY, native<&common::iter_num_destroy>},
    {"bpf_dynptr_slice", KF_RET_NULL, native<&common::dynptr_slice>},
    {"bpf_dynptr_slice_rdwr", KF_RET_NULL, native<&common::dynptr_slice_rdwr>},
    {"bpf_dynptr_adjust", 0, native<&common::dynptr_adjust>},
    {"bpf_dynptr_is_null", 0, native<&common::dynptr_is_null>},
    {"bpf_dynptr_is_rdonly", 0, native<&common::dynptr_is_rdonly>},
    {"bpf_dynptr_size", 0, native<&common::dynptr_size>},
    {"bpf_arena_alloc_pages", 0, native<&common::arena_alloc_pages>},
    {"bpf_arena_free_pages", 0, native<&common::arena_free_pages>},
    {"bpf_dynptr_clone", 0, native<&common::dynptr_clone>},
};
// clang-format on

}  // namespace

void add_common(World::Builder& builder) {
  builder.types(std::as_bytes(std::span(ring3_bpf_world_common_btf, ring3_bpf_world_common_btf_size)))
      .helpers(kHelpers)
      .kfuncs(kKfuncs);
}

}  // namespace ring3::bpf
