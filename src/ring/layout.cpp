#include "ring/layout.hpp"

#include <bit>
#include <cerrno>

namespace ring3::ring {
namespace {

using namespace abi;

// REGISTERED_FD_ONLY is left out: a ring here is a memory file, not a slot of the task's ring table.
constexpr uint32_t kKnownFlags =
    IORING_SETUP_IOPOLL | IORING_SETUP_SQPOLL | IORING_SETUP_SQ_AFF | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP |
    IORING_SETUP_ATTACH_WQ | IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN |
    IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SQE128 | IORING_SETUP_CQE32 | IORING_SETUP_SINGLE_ISSUER |
    IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_NO_MMAP | IORING_SETUP_NO_SQARRAY | IORING_SETUP_HYBRID_IOPOLL |
    IORING_SETUP_CQE_MIXED | IORING_SETUP_SQE_MIXED | IORING_SETUP_SQ_REWIND |
    IORING_SETUP_BPF_EXT;

constexpr uint32_t kFeatures =
    IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_RW_CUR_POS |
    IORING_FEAT_CUR_PERSONALITY | IORING_FEAT_FAST_POLL | IORING_FEAT_POLL_32BITS | IORING_FEAT_SQPOLL_NONFIXED |
    IORING_FEAT_EXT_ARG | IORING_FEAT_NATIVE_WORKERS | IORING_FEAT_CQE_SKIP | IORING_FEAT_LINKED_FILE |
    IORING_FEAT_RECVSEND_BUNDLE | IORING_FEAT_MIN_TIMEOUT | IORING_FEAT_NO_IOWAIT | IORING_FEAT_BPF;

// One row per rule: a ring with all flags of `have` and none of `lack` is refused.
struct FlagRule {
  uint32_t have, lack;
};
constexpr FlagRule kFlagRules[] = {
    {IORING_SETUP_SQ_AFF, IORING_SETUP_SQPOLL},
    {IORING_SETUP_SQPOLL | IORING_SETUP_COOP_TASKRUN, 0},
    {IORING_SETUP_SQPOLL | IORING_SETUP_TASKRUN_FLAG, 0},
    {IORING_SETUP_SQPOLL | IORING_SETUP_DEFER_TASKRUN, 0},
    {IORING_SETUP_TASKRUN_FLAG, IORING_SETUP_COOP_TASKRUN | IORING_SETUP_DEFER_TASKRUN},
    {IORING_SETUP_DEFER_TASKRUN, IORING_SETUP_SINGLE_ISSUER},
    {IORING_SETUP_HYBRID_IOPOLL, IORING_SETUP_IOPOLL},
    {IORING_SETUP_CQE32 | IORING_SETUP_CQE_MIXED, 0},
    {IORING_SETUP_SQE128 | IORING_SETUP_SQE_MIXED, 0},
    {IORING_SETUP_SQ_REWIND, IORING_SETUP_NO_SQARRAY},
    {IORING_SETUP_SQ_REWIND | IORING_SETUP_SQPOLL, 0},
};

}  // namespace

int check_setup(uint32_t entries, const Params& params, Layout& layout) {
  const uint32_t flags = params.flags;
  if ((flags & ~kKnownFlags) || params.resv[0] || params.resv[1] || params.resv[2]) return -EINVAL;
  for (const FlagRule& rule : kFlagRules)
    if ((flags & rule.have) == rule.have && !(flags & rule.lack)) return -EINVAL;

  const bool clamp = flags & IORING_SETUP_CLAMP;
  if (entries == 0) return -EINVAL;
  if (entries > IORING_MAX_ENTRIES) {
    if (!clamp) return -EINVAL;
    entries = IORING_MAX_ENTRIES;
  }
  layout.flags = flags;
  layout.sq_entries = std::bit_ceil(entries);
  layout.cq_entries = 2 * layout.sq_entries;
  if (flags & IORING_SETUP_CQSIZE) {
    uint32_t cq_entries = params.cq_entries;
    if (cq_entries == 0) return -EINVAL;
    if (cq_entries > IORING_MAX_CQ_ENTRIES) {
      if (!clamp) return -EINVAL;
      cq_entries = IORING_MAX_CQ_ENTRIES;
    }
    layout.cq_entries = std::bit_ceil(cq_entries);
    if (layout.cq_entries < layout.sq_entries) return -EINVAL;
  }
  layout.sqe_shift = flags & IORING_SETUP_SQE128 ? 7 : 6;
  layout.cqe_shift = flags & IORING_SETUP_CQE32 ? 5 : 4;
  // As Linux lays it out: wide CQEs double the headers' share too, and the array begins on a cache line.
  size_t size = kCqes + size_t{layout.cq_entries} * sizeof(Cqe);
  if (flags & IORING_SETUP_CQE32) size *= 2;
  size = (size + 63) & ~size_t{63};
  if (!(flags & IORING_SETUP_NO_SQARRAY)) {
    layout.array_offset = static_cast<uint32_t>(size);
    size += size_t{layout.sq_entries} * sizeof(uint32_t);
  }
  layout.ring_size = round_to_pages(size);
  layout.sqes_size = round_to_pages(size_t{layout.sq_entries} << layout.sqe_shift);
  return 0;
}

void report_layout(const Layout& layout, Params& params) {
  params.sq_entries = layout.sq_entries;
  params.cq_entries = layout.cq_entries;
  params.features = kFeatures;
  const uint64_t sqes = params.sq_off.user_addr, rings = params.cq_off.user_addr;
  params.sq_off = {.head = kSqHead,
                   .tail = kSqTail,
                   .ring_mask = kSqMask,
                   .ring_entries = kSqEntries,
                   .flags = kSqFlags,
                   .dropped = kSqDropped,
                   .array = layout.array_offset,
                   .user_addr = layout.has(IORING_SETUP_NO_MMAP) ? sqes : 0};
  params.cq_off = {.head = kCqHead,
                   .tail = kCqTail,
                   .ring_mask = kCqMask,
                   .ring_entries = kCqEntries,
                   .overflow = kCqOverflow,
                   .cqes = kCqes,
                   .flags = kCqFlags,
                   .user_addr = layout.has(IORING_SETUP_NO_MMAP) ? rings : 0};
}

}  // namespace ring3::ring
