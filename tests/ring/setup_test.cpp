// io_uring_setup(2): which rings are refused, with which errno, and what the kernel fills in.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "subject.hpp"

namespace ring3::test {
namespace {

using namespace abi;

// What newer kernels than the one that runs the tests may know: compared only where the kernel takes them.
constexpr uint32_t kNewer =
    IORING_SETUP_CQE_MIXED | IORING_SETUP_SQE_MIXED | IORING_SETUP_SQ_REWIND | IORING_SETUP_BPF_EXT;

std::string set_up(Who who, unsigned entries, uint32_t flags, uint32_t cq_entries) {
  int error = 0;
  const auto subject = Subject::create(who, entries, {.cq_entries = cq_entries, .flags = flags}, &error);
  if (!subject) return fmt::format("{}", error);
  const Params& p = subject->params();
  return fmt::format("sq {} cq {} flags {:x} | {} {} {} {} {} {} {} | {} {} {} {} {} {} {}", p.sq_entries,
                     p.cq_entries, p.flags, p.sq_off.head, p.sq_off.tail, p.sq_off.ring_mask,
                     p.sq_off.ring_entries, p.sq_off.flags, p.sq_off.dropped, p.sq_off.array, p.cq_off.head,
                     p.cq_off.tail, p.cq_off.ring_mask, p.cq_off.ring_entries, p.cq_off.overflow,
                     p.cq_off.cqes, p.cq_off.flags);
}

bool kernel_has_io_uring() {
  int error = 0;
  return Subject::create(Who::Kernel, 1, {}, &error) != nullptr;
}

TEST(RingSetup, FlagsAndSizesAsTheKernelTakesThem) {
  if (!kernel_has_io_uring()) GTEST_SKIP() << "no io_uring on this machine to compare with";
  constexpr uint32_t kIssuer = IORING_SETUP_SINGLE_ISSUER, kDefer = kIssuer | IORING_SETUP_DEFER_TASKRUN;
  std::vector<uint32_t> flags = {0,
                                 kDefer,
                                 kDefer | IORING_SETUP_SQPOLL,
                                 kDefer | IORING_SETUP_TASKRUN_FLAG,
                                 kDefer | IORING_SETUP_COOP_TASKRUN,
                                 IORING_SETUP_SQPOLL | IORING_SETUP_COOP_TASKRUN,
                                 IORING_SETUP_SQPOLL | IORING_SETUP_TASKRUN_FLAG,
                                 IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
                                 IORING_SETUP_CQE32 | IORING_SETUP_CQE_MIXED,
                                 IORING_SETUP_CQE32 | IORING_SETUP_NO_SQARRAY,
                                 IORING_SETUP_SQE128 | IORING_SETUP_CQE32,
                                 IORING_SETUP_SQE128 | IORING_SETUP_SQE_MIXED};
  // ATTACH_WQ needs a ring, and NO_MMAP memory.
  for (unsigned bit = 0; bit < 32; ++bit)
    if (!((1u << bit) & (IORING_SETUP_ATTACH_WQ | IORING_SETUP_NO_MMAP))) flags.push_back(1u << bit);
  for (const uint32_t flag : flags) {
    for (const auto& [entries, cq_entries] : {std::pair{8u, 0u}, {5u, 0u}, {8u, 9u}}) {
      const uint32_t all = flag | (cq_entries ? uint32_t{IORING_SETUP_CQSIZE} : 0u);
      const std::string expected = set_up(Who::Kernel, entries, all, cq_entries);
      if ((flag & kNewer) && expected[0] == '-') continue;
      EXPECT_EQ(set_up(Who::Host, entries, all, cq_entries), expected) << fmt::format("flags {:x}", all);
      EXPECT_EQ(set_up(Who::Threads, entries, all, cq_entries), expected) << fmt::format("flags {:x}", all);
    }
  }
}

TEST(RingSetup, SizesAsTheKernelTakesThem) {
  if (!kernel_has_io_uring()) GTEST_SKIP() << "no io_uring on this machine to compare with";
  constexpr uint32_t kSize = IORING_SETUP_CQSIZE, kClamp = IORING_SETUP_CLAMP;
  struct Row {
    unsigned entries;
    uint32_t flags, cq_entries;
  };
  for (const Row& row :
       {Row{0, 0, 0}, Row{1, 0, 0}, Row{3, 0, 0}, Row{32768, 0, 0}, Row{32769, 0, 0}, Row{32769, kClamp, 0},
        Row{0, kClamp, 0}, Row{8, kSize, 0}, Row{8, kSize, 4}, Row{8, kSize, 7}, Row{8, kSize, 8},
        Row{8, kSize, 65537}, Row{8, kSize | kClamp, 65537}, Row{8, kSize | kClamp, 0}}) {
    const std::string expected = set_up(Who::Kernel, row.entries, row.flags, row.cq_entries);
    EXPECT_EQ(set_up(Who::Threads, row.entries, row.flags, row.cq_entries), expected)
        << row.entries << " entries, flags " << row.flags << ", cq " << row.cq_entries;
  }
}

// What only newer kernels have, by what uapi says of Linux 7.2.
TEST(RingSetup, SqRewindRules) {
  for (const Who who : {Who::Host, Who::Threads}) {
    EXPECT_EQ(set_up(who, 8, IORING_SETUP_SQ_REWIND, 0), "-22");
    EXPECT_EQ(set_up(who, 8, IORING_SETUP_SQ_REWIND | IORING_SETUP_NO_SQARRAY | IORING_SETUP_SQPOLL, 0),
              "-22");
    EXPECT_EQ(set_up(who, 8, IORING_SETUP_SQ_REWIND | IORING_SETUP_NO_SQARRAY, 0).substr(0, 9), "sq 8 cq 1");
  }
}

}  // namespace
}  // namespace ring3::test
