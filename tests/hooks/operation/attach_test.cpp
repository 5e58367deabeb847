// uapi, IORING_OP_BPF: attach, detach, both designs at once, and the layouts of the interface.
#include <fcntl.h>
#include <unistd.h>

#include <atomic>

#include "bpf/world/world.hpp"
#include "harness.hpp"
#include "hooks/world.hpp"

namespace ring3::test {
namespace {

using namespace abi;

class AttachTest : public OperationTest {};
class DetachTest : public OperationTest {};

int code_of(const Result<Operation>& result) { return result ? 0 : result.error().code; }

// The result of one request, submitted alone.
int32_t result_of(TestRing& ring, const Request& request = {}) {
  push_bpf(ring, 1, request);
  EXPECT_EQ(ring.enter(1), 1);
  const auto cqes = ring.reap();
  return cqes.size() == 1 ? cqes[0].res : INT32_MIN;
}

// ---- what the interface fixes

TEST(OperationInterface, LayoutsAreThoseThatWerePosted) {
  const auto offset = [](const char* type, const char* member) {
    const bpf::TypeRef found = hooks::world()->find_type(bpf::BtfKind::Struct, type);
    return must(found.btf->field(found.id, member)).offset;
  };
  const auto size = [](const char* type) {
    const bpf::TypeRef found = hooks::world()->find_type(bpf::BtfKind::Struct, type);
    return found.btf->size_of(found.id);
  };
  EXPECT_EQ(offset("uring_bpf_ops", "id"), 0u);
  EXPECT_EQ(offset("uring_bpf_ops", "ring_fd"), 4u);
  EXPECT_EQ(offset("uring_bpf_ops", "prep_fn"), 8u);
  EXPECT_EQ(offset("uring_bpf_ops", "issue_fn"), 16u);
  EXPECT_EQ(offset("uring_bpf_ops", "fail_fn"), 24u);
  EXPECT_EQ(offset("uring_bpf_ops", "cleanup_fn"), 32u);
  EXPECT_EQ(size("uring_bpf_data"), 64u);
  EXPECT_EQ(offset("uring_bpf_data", "ops"), 8u);
  EXPECT_EQ(offset("uring_bpf_data", "opf"), 16u);
  EXPECT_EQ(offset("uring_bpf_data", "issue_flags"), 20u);
  EXPECT_EQ(offset("uring_bpf_data", "lock_depth"), 24u);
  EXPECT_EQ(offset("uring_bpf_data", "pdu"), 28u);
}

TEST_P(AttachTest, TheRingSaysThatItHasOperations) {
  TestRing ring = make_ring(16, 0);
  EXPECT_TRUE(ring.params().features & 1u << 18) << "IORING_FEAT_BPF";
  alignas(8) uint8_t probe[16 + 8 * 80] = {};
  ASSERT_EQ(ring.ring().register_op(IORING_REGISTER_PROBE, probe, 80), 0);
  EXPECT_EQ(probe[0], 65) << "the last opcode";
  EXPECT_EQ(probe[16 + 65 * 8 + 2], 1) << "supported";
}

// ---- attach

TEST_P(AttachTest, ARingWithoutBpfExtIsInvalid) {
  TestRing ring = make_ring(16, 0);
  Scripted scripted;
  EXPECT_EQ(code_of(Operation::attach(scripted.module(), ring.ring(), "scripted")), EINVAL);
}

TEST_P(AttachTest, IdsGoTo255) {
  TestRing ring = make_ring();
  Scripted scripted;
  EXPECT_EQ(code_of(Operation::attach(scripted.module(), ring.ring(), "beyond")), EINVAL);
  const Operation last = scripted.attach(ring, "last");
  EXPECT_EQ(last.id(), 255);
  EXPECT_EQ(result_of(ring, {.id = 255}), 0);
}

TEST_P(AttachTest, AllIdsOfARing) {
  TestRing ring = make_ring();
  std::vector<Operation> operations;
  for (unsigned id = 0; id < 256; id++) {
    Module module = must(open_fixture("scripted"));
    must(module.set("scripted.id", uint64_t{id}));
    must(load(module, {.interpret = true}));
    operations.push_back(must(Operation::attach(module, ring.ring(), "scripted")));
  }
  for (unsigned id = 0; id < 256; id++) EXPECT_EQ(result_of(ring, {.id = uint8_t(id)}), 0);
}

TEST_P(AttachTest, AnIdThatIsTakenIsBusy) {
  TestRing ring = make_ring();
  Scripted scripted, other;
  std::optional<Operation> operation = scripted.attach(ring);
  EXPECT_EQ(code_of(Operation::attach(scripted.module(), ring.ring(), "scripted")), EBUSY) << "the same map";
  EXPECT_EQ(code_of(Operation::attach(other.module(), ring.ring(), "scripted")), EBUSY) << "another object";
  const Operation another_id = other.attach(ring, "plain");
  operation.reset();
  EXPECT_EQ(code_of(Operation::attach(other.module(), ring.ring(), "scripted")), 0) << "free again";
}

TEST_P(AttachTest, RingFdNamesTheRing) {
  TestRing ring = make_ring();
  Module module = must(open_fixture("scripted"));
  must(module.set("scripted.ring_fd", uint64_t(ring.ring().fd())));
  must(module.set("plain.ring_fd", uint64_t(999)));
  const int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
  must(module.set("last.ring_fd", uint64_t(file)));
  must(load(module));
  EXPECT_EQ(code_of(Operation::attach(module, "scripted")), 0);
  EXPECT_EQ(code_of(Operation::attach(module, "plain")), EBADF);
  EXPECT_EQ(code_of(Operation::attach(module, "last")), EOPNOTSUPP);
  close(file);
}

TEST_P(AttachTest, NotLoadedIsInvalidAndUnknownIsNotFound) {
  TestRing ring = make_ring();
  Module module = must(open_fixture("scripted"));
  EXPECT_EQ(code_of(Operation::attach(module, ring.ring(), "scripted")), EINVAL);
  must(load(module));
  EXPECT_EQ(code_of(Operation::attach(module, ring.ring(), "nobody")), ENOENT);
  EXPECT_EQ(code_of(Operation::attach(module, ring.ring())), ENOENT) << "there are several";
}

TEST_P(AttachTest, OneMapOnTwoRingsClosedInEitherOrder) {
  for (const bool first_goes_first : {true, false}) {
    Scripted scripted;
    std::optional<TestRing> first = make_ring(), second = make_ring();
    std::optional<Operation> on_first = scripted.attach(*first), on_second = scripted.attach(*second);
    EXPECT_EQ(result_of(*first), 0);
    EXPECT_EQ(result_of(*second), 0);
    auto& gone = first_goes_first ? first : second;
    auto& left = first_goes_first ? second : first;
    gone.reset();
    EXPECT_EQ(result_of(*left), 0);
    (first_goes_first ? on_first : on_second).reset();
    EXPECT_EQ(result_of(*left), 0) << "the other ring's is untouched";
    left.reset();
    EXPECT_EQ(scripted.counts(1), (Counts{4, 4, 0, 4}));
  }
}

// What programs keep per CPU is of one ring: two rings may run at the same time.
TEST_P(AttachTest, ToProgramsARingIsACpu) {
  if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "there is but one CPU";
  Scripted scripted;
  TestRing first = make_ring(), second = make_ring();
  const Operation on_first = scripted.attach(first), on_second = scripted.attach(second);
  std::vector<uint32_t> cpus;
  for (TestRing* ring : {&first, &second, &first, &second}) {
    EXPECT_EQ(result_of(*ring), 0);
    cpus.push_back(*must(scripted.module().as<uint32_t>("cpu")));
  }
  EXPECT_NE(cpus[0], cpus[1]);
  EXPECT_EQ(cpus[0], cpus[2]);
  EXPECT_EQ(cpus[1], cpus[3]);
}

TEST_P(AttachTest, ClosingTheObjectDetachesNothing) {
  TestRing ring = make_ring();
  std::optional<Operation> operation;
  {
    Scripted scripted;
    operation.emplace(scripted.attach(ring));
  }
  EXPECT_EQ(result_of(ring, {.script = kSetInIssue, .set = 3}), 3);
}

// ---- detach

TEST_P(DetachTest, NewRequestsAreRefused) {
  TestRing ring = make_ring();
  Scripted scripted;
  Operation operation = scripted.attach(ring);
  EXPECT_EQ(result_of(ring), 0);
  operation.detach();
  EXPECT_EQ(result_of(ring), -EOPNOTSUPP);
  operation.detach();
  EXPECT_EQ(scripted.counts(1), (Counts{1, 1, 0, 1}));
}

TEST_P(DetachTest, OnTheRingsOwnTaskItRunsWhatIsInFlight) {
  for (const uint32_t flags : {uint32_t{IORING_SETUP_BPF_EXT}, kDeferred}) {
    TestRing ring = make_ring(16, flags);
    Scripted scripted;
    Operation operation = scripted.attach(ring);
    const Timespec soon = after(5ms);
    ring.push_timeout(1, soon).flags = IOSQE_IO_HARDLINK;
    push_bpf(ring, 2);
    EXPECT_EQ(ring.enter(2), 2);
    EXPECT_EQ(scripted.counts(2), (Counts{1, 0, 0, 0}));
    operation.detach();
    EXPECT_EQ(scripted.counts(2), (Counts{1, 1, 0, 1}));
    EXPECT_EQ(results(ring), "1:-62 2:0");
  }
}

TEST_P(DetachTest, AFullQueueDoesNotKeepItFromItsEnd) {
  TestRing ring = make_ring(16, kDeferred, 16);
  Scripted scripted;
  Operation operation = scripted.attach(ring);
  for (int round = 0; round < 2; round++) {
    for (uint64_t i = 0; i < 16; i++) ring.push_nop(100);
    EXPECT_EQ(ring.enter(16), 16);
  }
  const Timespec soon = after(5ms);
  ring.push_timeout(1, soon).flags = IOSQE_IO_HARDLINK;
  push_bpf(ring, 2);
  EXPECT_EQ(ring.enter(2), 2);
  operation.detach();
  EXPECT_EQ(scripted.counts(2), (Counts{1, 1, 0, 1}));
}

TEST_P(DetachTest, FromAnotherThreadItWaitsForTheRingsTask) {
  TestRing ring = make_ring(16, kDeferred);
  Scripted scripted;
  Operation operation = scripted.attach(ring);
  const Timespec soon = after(200ms);
  ring.push_timeout(1, soon).flags = IOSQE_IO_HARDLINK;
  push_bpf(ring, 2, {.flags = IOSQE_IO_HARDLINK});
  push_bpf(ring, 3);
  EXPECT_EQ(ring.enter(3), 3);
  std::atomic<bool> detached = false;
  std::jthread thread([&] {
    operation.detach();
    detached = true;
  });
  // New requests are refused while the detach waits.
  int32_t result = 0;
  while (result == 0) result = result_of(ring);
  EXPECT_EQ(result, -EOPNOTSUPP);
  EXPECT_FALSE(detached);
  EXPECT_EQ(ring.enter(0, 3, IORING_ENTER_GETEVENTS), 0);
  thread.join();
  EXPECT_EQ(results(ring), "1:-62 2:0 3:0");
  EXPECT_EQ(scripted.counts(2), (Counts{1, 1, 0, 1}));
  EXPECT_EQ(scripted.counts(3), (Counts{1, 1, 0, 1}));
}

TEST_P(DetachTest, FromAnotherThreadASleepingRingIsNoHindrance) {
  for (const uint32_t flags : {uint32_t{IORING_SETUP_BPF_EXT}, kDeferred}) {
    TestRing ring = make_ring(16, flags);
    Scripted scripted;
    Operation operation = scripted.attach(ring);
    const Timespec later = after(200ms);
    ring.push_timeout(1, later);
    std::atomic<bool> asleep = false, detached = false;
    std::jthread thread([&] {
      while (!asleep) std::this_thread::sleep_for(1ms);
      std::this_thread::sleep_for(20ms);
      operation.detach();
      detached = true;
    });
    asleep = true;
    EXPECT_EQ(ring.enter(1, 1, IORING_ENTER_GETEVENTS), 1);
    EXPECT_TRUE(detached) << "while the ring slept";
  }
}

TEST_P(DetachTest, AnotherThreadMayRunARingThatManyEnter) {
  TestRing ring = make_ring();
  Scripted scripted;
  Operation operation = scripted.attach(ring);
  const Timespec soon = after(20ms);
  ring.push_timeout(1, soon).flags = IOSQE_IO_HARDLINK;
  push_bpf(ring, 2);
  EXPECT_EQ(ring.enter(2), 2);
  std::jthread([&] { operation.detach(); }).join();  // nobody else enters the ring
  EXPECT_EQ(scripted.counts(2), (Counts{1, 1, 0, 1}));
}

TEST_P(DetachTest, EndsWhenTheRingIsDestroyedMeanwhile) {
  auto ring = std::make_optional(make_ring(16, kDeferred));
  Scripted scripted;
  Operation operation = scripted.attach(*ring);
  const Timespec never = after(1000s);
  ring->push_timeout(1, never).flags = IOSQE_IO_LINK;
  push_bpf(*ring, 2);
  EXPECT_EQ(ring->enter(2), 2);
  std::jthread thread([&] { operation.detach(); });
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(scripted.counts(2), (Counts{1, 0, 0, 0}));
  ring.reset();
  thread.join();
  EXPECT_EQ(scripted.counts(2), (Counts{1, 0, 0, 1}));
}

TEST_P(DetachTest, RingFirst) {
  Scripted scripted;
  auto ring = std::make_optional(make_ring());
  Operation operation = scripted.attach(*ring);
  EXPECT_EQ(result_of(*ring), 0);
  ring.reset();
  operation.detach();
  TestRing another = make_ring();
  operation = scripted.attach(another);
  EXPECT_EQ(result_of(another), 0);
}

TEST_P(DetachTest, MovingTheOperationKeepsIt) {
  TestRing ring = make_ring();
  Scripted scripted;
  Operation operation = scripted.attach(ring);
  Operation moved = std::move(operation);
  EXPECT_EQ(result_of(ring), 0);
  operation = std::move(moved);
  EXPECT_EQ(result_of(ring), 0);
  operation = scripted.attach(ring, "plain");
  EXPECT_EQ(result_of(ring), -EOPNOTSUPP);
  EXPECT_EQ(result_of(ring, {.id = kPlain}), 0);
}

// Attached and detached again and again by one thread while another one's ring runs requests of that id.
TEST_P(DetachTest, ComesAndGoesWhileTheRingRuns) {
  for (const uint32_t flags : {uint32_t{IORING_SETUP_BPF_EXT}, kDeferred}) {
    TestRing ring = make_ring(16, flags);
    Scripted scripted;
    std::atomic<bool> over = false;
    std::atomic<int> rounds = 0;
    std::jthread thread([&] {
      for (; !over; rounds++) {
        Operation operation = scripted.attach(ring);
        std::this_thread::yield();
      }
    });
    uint64_t served = 0, refused = 0;
    const auto end = Clock::now() + 300ms;
    for (uint64_t user_data = 0; Clock::now() < end || served == 0 || rounds < 10; user_data += 3) {
      ring.push_nop(user_data).flags = IOSQE_IO_HARDLINK;
      push_bpf(ring, user_data + 1);
      push_bpf(ring, user_data + 2);
      unsigned submitted = 0;
      while (submitted < 3)
        submitted += unsigned(std::max(0, ring.enter(3 - submitted, 0, IORING_ENTER_GETEVENTS)));
      for (const Cqe& cqe : ring.reap()) (cqe.res == 0 ? served : refused)++;
    }
    over = true;
    thread.join();
    ring.enter(0, 0, IORING_ENTER_GETEVENTS);
    uint64_t prepared = 0, cleaned = 0;
    for (uint32_t request = 0; request < 4096; request++) {
      prepared += scripted.counts(request).prep;
      cleaned += scripted.counts(request).cleanup;
    }
    EXPECT_EQ(prepared, cleaned);
    EXPECT_GT(prepared, 0u);
    EXPECT_EQ(scripted.dirty(), 0u);
  }
}

RING3_BACKEND_TESTS(AttachTest);
RING3_BACKEND_TESTS(DetachTest);

}  // namespace
}  // namespace ring3::test
