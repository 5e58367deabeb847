// uapi, "The BPF-controlled loop": verifier. What it refuses, in Linux's words, and what it accepts, run
// once.
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>

#include "harness.hpp"

namespace ring3::test {
namespace {

struct Refused {
  const char* program;
  int code;
  const char* message;  // a part of Linux's; empty: any
};

class RefusedTest : public testing::TestWithParam<Refused> {
 protected:
  static const ProgramVerdict* verdict_of(const std::string& program) {
    static Module module = [] {
      Module opened = must(open_fixture("refused"));
      EXPECT_FALSE(must(opened.load()));
      return opened;
    }();
    for (const ProgramVerdict& verdict : module.verdicts())
      if (verdict.program == program) return &verdict;
    return nullptr;
  }
};

TEST_P(RefusedTest, WithLinuxWording) {
  const ProgramVerdict* verdict = verdict_of(GetParam().program);
  ASSERT_TRUE(verdict);
  ASSERT_FALSE(verdict->accepted);
  EXPECT_EQ(verdict->refusal->code, GetParam().code) << verdict->text;
  EXPECT_NE(verdict->refusal->linux_message.find(GetParam().message), std::string::npos)
      << verdict->refusal->linux_message;
  EXPECT_TRUE(verdict->refusal->source.file.ends_with("refused.bpf.c")) << verdict->text;
  EXPECT_GT(verdict->refusal->source.line, 0u) << verdict->text;
}

INSTANTIATE_TEST_SUITE_P(
    , RefusedTest,
    testing::Values(Refused{"size_not_constant", EINVAL, "R3 is not a const"},
                    Refused{"size_above_4g", EINVAL, "rdonly/rdwr_buf_size exceeds u32 max"},
                    Refused{"params_at_4", EACCES, "cannot write into ptr_iou_loop_params at off=4 size=4"},
                    Refused{"params_8_wide", EACCES, "cannot write into ptr_iou_loop_params at off=0 size=8"},
                    Refused{"no_null_check", EACCES, "R0 invalid mem access 'mem_or_null'"},
                    Refused{"out_of_bounds", EACCES, "invalid access to memory, mem_size=64 off=64 size=1"},
                    Refused{"submit_without_sleep", EACCES,
                            "program must be sleepable to call sleepable kfunc"},
                    Refused{"context_write", EACCES, ""}, Refused{"write_user", EINVAL, ""},
                    Refused{"endless", EINVAL, ""}),
    [](const auto& one) { return std::string(one.param.program); });

// Each accepted program by its name, with what it must have found.
class AcceptedTest : public LoopTest {
 protected:
  using Found = std::array<uint64_t, 4>;

  Found run(const std::string& program) {
    TestRing ring = make_ring();
    Module module = must(open_fixture("accepted"));
    must(module.set("user_good", reinterpret_cast<uint64_t>(&user_word)));
    must(module.set("user_bad", uint64_t{0x10}));
    must(load(module));
    Loop loop = must(Loop::attach(module, ring.ring(), program + "_ops"));
    EXPECT_EQ(ring.enter(), 0);
    return *must(module.as<Found>("found"));
  }

  uint64_t user_word = 0x1122334455667788;
};

TEST_P(AcceptedTest, GetRegionWithoutSleep) { EXPECT_EQ(run("get_region_without_sleep")[0], 1u); }
TEST_P(AcceptedTest, OneAndTwoByteWritesToTheParameters) { EXPECT_EQ(run("params_narrow")[0], 0x12003456u); }
TEST_P(AcceptedTest, Printk) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(run("printk")[0], 1u);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("a line of test output: 7"), std::string::npos);
}
TEST_P(AcceptedTest, Ktime) {
  const auto found = run("ktime");
  EXPECT_GT(found[0], 0u);
  EXPECT_GE(found[1], found[0]);
}
TEST_P(AcceptedTest, HashMap) {
  const auto found = run("hash_map");
  EXPECT_EQ(found[0], 77u);
  EXPECT_EQ(int64_t(found[1]), 0);
  EXPECT_EQ(int64_t(found[2]), -ENOENT);
}
TEST_P(AcceptedTest, RingBuffer) { EXPECT_EQ(run("ring_buffer")[0], 16u) << "header and record"; }
TEST_P(AcceptedTest, BpfLoop) {
  const auto found = run("callback_loop");
  EXPECT_EQ(found[0], 1000u * 999 / 2);
  EXPECT_EQ(found[1], 1000u);
}
TEST_P(AcceptedTest, NumberIterator) { EXPECT_EQ(run("number_iterator")[0], 145u); }
TEST_P(AcceptedTest, TwoMillionIterations) { EXPECT_EQ(run("two_million")[0], 2'000'000u); }
TEST_P(AcceptedTest, PidTgid) {
  EXPECT_EQ(run("pid_tgid")[0], uint64_t(getpid()) << 32 | uint32_t(gettid()));
}
TEST_P(AcceptedTest, CopyFromUser) {
  const auto found = run("copy_user");
  EXPECT_EQ(found[0], 0u);
  EXPECT_EQ(found[1], user_word);
  EXPECT_EQ(int64_t(found[2]), -EFAULT);
}
TEST_P(AcceptedTest, ProbeReadUser) {
  const auto found = run("probe_user");
  EXPECT_EQ(found[0], 0u);
  EXPECT_EQ(found[1], user_word);
  EXPECT_EQ(int64_t(found[2]), -EFAULT);
}
TEST_P(AcceptedTest, Atomics) {
  const auto found = run("atomics");
  EXPECT_EQ(found[0], 9u);
  EXPECT_EQ(found[1], 5u);
  EXPECT_EQ(found[2], 7u);
}

RING3_LOOP_TESTS(AcceptedTest);

// The least of a few times, since others may have the processor.
TEST(ShippedPrograms, AreAcceptedWithinTenMilliseconds) {
#ifdef NDEBUG
  constexpr uint64_t kNsMax = 10'000'000;
#else
  constexpr uint64_t kNsMax = UINT64_MAX;  // sanitizers have a time of their own
#endif
  const TestRing ring = must(TestRing::create(BackendKind::Threads, 64, kLoopSetup));
  unsigned programs = 0;
  for (const auto& file : std::filesystem::directory_iterator(RING3_BUILD_DIR "/programs")) {
    if (!file.path().string().ends_with(".bpf.o")) continue;
    SCOPED_TRACE(file.path().filename().string());
    std::map<std::string, uint64_t> least_ns;
    for (int turn = 0; turn < 5; ++turn) {
      Module module = must(open_object(file.path(), &ring));
      must(module.load({.checked = true}));  // which is quick to prepare
      for (const ProgramVerdict& verdict : module.verdicts()) {
        EXPECT_TRUE(verdict.accepted) << verdict.text;
        auto [least, is_new] = least_ns.try_emplace(verdict.program, verdict.time_ns);
        if (!is_new) least->second = std::min(least->second, verdict.time_ns);
      }
    }
    programs += least_ns.size();
    for (const auto& [program, ns] : least_ns) EXPECT_LT(ns, kNsMax) << program;
  }
  EXPECT_GE(programs, 5u);
}

}  // namespace
}  // namespace ring3::test
