#include "harness.hpp"

namespace ring3::test {
namespace {

class IssueTest : public OperationTest {};

TEST_P(IssueTest, ResultIsWhatTheProgramLeft) {
  TestRing ring = make_ring();
  Scripted scripted;
  Operation operation = scripted.attach(ring);
  push_bpf(ring, 1);
  push_bpf(ring, 2, {.script = kSetInIssue, .set = 42});
  push_bpf(ring, 3, {.script = kIssueReturns, .returned = -EIO});
  EXPECT_EQ(ring.enter(3), 3);
  const auto cqes = ring.reap();
  ASSERT_EQ(cqes.size(), 3u);
  EXPECT_EQ(cqes[0].res, 0);
  EXPECT_EQ(cqes[1].res, 42);
  EXPECT_EQ(cqes[2].res, -EIO);
  EXPECT_EQ(scripted.counts(1), (Counts{1, 1, 0, 1}));
  EXPECT_EQ(scripted.counts(3), (Counts{1, 1, 1, 1}));
  EXPECT_EQ(scripted.dirty(), 0u);
}

RING3_BACKEND_TESTS(IssueTest);

}  // namespace
}  // namespace ring3::test
