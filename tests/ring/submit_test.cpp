// Submission and chains: each behaviour on the host kernel's ring and on both of ours.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <random>
#include <thread>

#include "seed.hpp"
#include "subject.hpp"

namespace ring3::test {
namespace {

using namespace abi;

constexpr uint8_t kLink = IOSQE_IO_LINK, kHard = IOSQE_IO_HARDLINK, kSkip = IOSQE_CQE_SKIP_SUCCESS,
                  kDrain = IOSQE_IO_DRAIN;
const Timespec kSoon{0, 1'000'000};

// How many waits of 4 ms without a CQE mean that no more will come: where more want to run than can, the
// kernel's workers come late.
int patience() {
  double load = 0;
  return ::getloadavg(&load, 1) == 1 && load > std::thread::hardware_concurrency() ? 25 : 3;
}

// Whatever comes until it is quiet, or `most` have come. `least` are waited for longer.
std::vector<Cqe> collected(Subject& subject, int most, size_t least = 0) {
  std::vector<Cqe> cqes = subject.reap();
  const int quiet_enough = patience();
  for (int quiet = 0;
       quiet < (cqes.size() < least ? 500 : quiet_enough) && static_cast<int>(cqes.size()) < most;) {
    const Timespec ts{0, 4'000'000};
    const GeteventsArg argument{.ts = reinterpret_cast<uint64_t>(&ts)};
    subject.enter(0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &argument, sizeof argument);
    const auto more = subject.reap();
    quiet = more.empty() ? quiet + 1 : 0;
    cqes.insert(cqes.end(), more.begin(), more.end());
  }
  return cqes;
}

std::string submitted(Subject& subject, std::vector<Sqe> sqes) {
  const int result = subject.submit(std::move(sqes));
  std::string answer = fmt::format("{} {}", result, text(collected(subject, result)));
  return answer + fmt::format(" head {} tail {}", subject.word(subject.params().sq_off.head),
                              subject.word(subject.params().sq_off.tail));
}

struct Row {
  const char* what;
  std::vector<Sqe> sqes;
};

const std::vector<Row>& rows() {
  static const std::vector<Row> all = {
      {"nops", {nop(1), nop(2), nop(3), nop(4)}},
      {"results", {nop_result(1, 7), nop_result(2, -5), nop_result(3, INT32_MIN)}},
      {"invalid alone", {nop(1), invalid(2), nop(3)}},
      {"invalid head of a chain", {invalid(1, kLink), nop(2, kLink), nop(3), nop(4)}},
      {"invalid in a chain", {nop(1, kLink), invalid(2, kLink), nop(3), nop(4)}},
      {"invalid at the end of a chain", {nop(1, kLink), nop(2, kLink), invalid(3), nop(4)}},
      {"invalid in a hard chain", {nop(1, kHard), invalid(2, kHard), nop(3), nop(4)}},
      {"two invalid in a chain", {invalid(1, kLink), invalid(2, kLink), nop(3)}},
      {"bad flags", {nop(1, 0x80), nop(2)}},
      {"bad flags in a chain", {nop(1, kLink), nop(2, 0x80 | kLink), nop(3)}},
      {"buffer select on a NOP", {nop(1, IOSQE_BUFFER_SELECT), nop(2)}},
      {"chain", {nop(1, kLink), nop(2, kLink), nop(3), nop(4)}},
      {"chain cut by the batch", {nop(1, kLink), nop(2, kLink)}},
      {"two chains", {nop(1, kLink), nop(2), nop(3, kLink), nop(4), nop(5)}},
      {"chain fails at 1", {nop_result(1, -5, kLink), nop(2, kLink), nop(3), nop(4)}},
      {"chain fails at 2", {nop(1, kLink), nop_result(2, -5, kLink), nop(3), nop(4)}},
      {"chain fails at 3", {nop(1, kLink), nop(2, kLink), nop_result(3, -5), nop(4)}},
      {"hard chain fails at 1", {nop_result(1, -5, kHard), nop(2, kHard), nop(3), nop(4)}},
      {"hard chain fails at 2", {nop(1, kHard), nop_result(2, -5, kHard), nop(3), nop(4)}},
      {"mixed links", {nop_result(1, -5, kHard), nop_result(2, -6, kLink), nop(3, kHard), nop(4)}},
      {"both link flags", {nop_result(1, -5, kLink | kHard), nop(2)}},
      {"skip", {nop(1, kSkip), nop(2), nop_result(3, -5, kSkip)}},
      {"skip in a chain", {nop(1, kLink | kSkip), nop(2, kLink), nop(3, kSkip)}},
      {"skip fails", {nop_result(1, -5, kLink | kSkip), nop(2, kLink), nop(3)}},
      {"skip of the cancelled", {nop_result(1, -5, kLink), nop(2, kLink | kSkip), nop(3, kSkip)}},
      {"skip fails in the middle", {nop(1, kLink | kSkip), nop_result(2, -5, kLink | kSkip), nop(3), nop(4)}},
      {"skip hard fails", {nop_result(1, -5, kHard | kSkip), nop(2)}},
      {"skip and invalid", {nop(1, kLink | kSkip), invalid(2, kLink), nop(3, kSkip)}},
      {"skip on the invalid", {invalid(1, kLink | kSkip), nop(2)}},
      {"ioprio of a NOP", {Sqe{.opcode = IORING_OP_NOP, .ioprio = 1, .user_data = 1}, nop(2)}},
      {"NOP flags", {Sqe{.opcode = IORING_OP_NOP, .op_flags = 1u << 20, .user_data = 1}, nop(2)}},
      {"unknown personality", {Sqe{.opcode = IORING_OP_NOP, .user_data = 1, .personality = 9}, nop(2)}},
      {"link timeout alone",
       {Sqe{.opcode = IORING_OP_LINK_TIMEOUT,
            .addr = reinterpret_cast<uint64_t>(&kSoon),
            .len = 1,
            .user_data = 1},
        nop(2)}},
      {"cancel of nothing", {Sqe{.opcode = IORING_OP_ASYNC_CANCEL, .addr = 77, .user_data = 1}, nop(2)}},
      {"poll remove of nothing", {Sqe{.opcode = IORING_OP_POLL_REMOVE, .addr = 77, .user_data = 1}}},
      {"timeout remove of nothing", {Sqe{.opcode = IORING_OP_TIMEOUT_REMOVE, .addr = 77, .user_data = 1}}},
      {"cancel of nothing breaks a chain",
       {Sqe{.opcode = IORING_OP_ASYNC_CANCEL, .flags = kLink, .addr = 77, .user_data = 1}, nop(2)}},
      {"fsync with a buffer", {Sqe{.opcode = IORING_OP_FSYNC, .fd = -1, .addr = 1, .user_data = 1}, nop(2)}},
  };
  return all;
}

void compare_rows(uint32_t flags) {
  for (const Row& row : rows())
    compare(row.what, 16, {.flags = flags}, [&](Subject& subject) { return submitted(subject, row.sqes); });
}

TEST(RingSubmit, Plain) { compare_rows(0); }
TEST(RingSubmit, DeferTaskrun) { compare_rows(kDefer); }
TEST(RingSubmit, SubmitAll) { compare_rows(kDefer | IORING_SETUP_SUBMIT_ALL); }
TEST(RingSubmit, NoSqArray) { compare_rows(kDefer | IORING_SETUP_NO_SQARRAY); }
TEST(RingSubmit, Sqe128Cqe32) { compare_rows(kDefer | IORING_SETUP_SQE128 | IORING_SETUP_CQE32); }

TEST(RingSubmit, OnlyTheHeadIsSeenBeforeTaskWork) {
  compare("chain", 8, {.flags = kDefer}, [](Subject& subject) {
    const int result = subject.submit({nop(1, kLink), nop(2, kLink), nop(3), nop(4)});
    const std::string first = text(subject.reap());
    return fmt::format("{} {} {}", result, first, text(collected(subject, result)));
  });
}

TEST(RingSubmit, BadIndicesAreDropped) {
  compare("bad index", 8, {}, [](Subject& subject) {
    subject.push({nop(1), nop(2), nop(3)});
    const Params& p = subject.params();
    subject.word(p.sq_off.array + 4) = 1000;
    std::string answer;
    for (int i = 0; i < 3; ++i)
      answer += fmt::format("{} head {} dropped {} {}; ", subject.enter(3, 0, 0), subject.word(p.sq_off.head),
                            subject.word(p.sq_off.dropped), text(subject.reap()));
    return answer;
  });
}

TEST(RingSubmit, HostileHeadsAndTails) {
  compare("tail beyond the ring", 4, {}, [](Subject& subject) {
    const Params& p = subject.params();
    for (uint32_t i = 0; i < 4; ++i) {
      subject.slot(i) = nop(i);
      subject.word(p.sq_off.array + 4 * i) = i;
    }
    subject.word(p.sq_off.head) = 12345;
    subject.word(p.sq_off.tail) = 1000;
    const int result = subject.enter(100, 0, 0);
    return fmt::format("{} {} head {}", result, sorted_text(subject.reap()), subject.word(p.sq_off.head));
  });
  compare("CQ head beyond the tail", 4, {}, [](Subject& subject) {
    const Params& p = subject.params();
    subject.word(p.cq_off.head) = 77;
    const int result = subject.submit({nop(1), nop(2)});
    return fmt::format("{} tail {} flags {}", result, subject.word(p.cq_off.tail),
                       subject.word(p.sq_off.flags) & 2);
  });
}

TEST(RingSubmit, Rewind) {
  constexpr uint32_t kFlags = kDefer | IORING_SETUP_NO_SQARRAY | IORING_SETUP_SQ_REWIND;
  for (const Who who : {Who::Host, Who::Threads}) {
    int error = 0;
    const auto subject = Subject::create(who, 4, {.flags = kFlags}, &error);
    ASSERT_TRUE(subject) << error;
    for (uint32_t i = 0; i < 4; ++i) subject->slot(i) = nop(i + 1);
    EXPECT_EQ(subject->enter(2, 0, 0), 2);
    EXPECT_EQ(text(subject->reap()), "[1:0 2:0]");
    EXPECT_EQ(subject->enter(100, 0, 0), 4) << "clamped to the size";
    EXPECT_EQ(text(subject->reap()), "[1:0 2:0 3:0 4:0]") << "always from slot 0, as it is";
    EXPECT_EQ(subject->word(subject->params().sq_off.head), 0u);
  }
}

TEST(RingSubmit, Drain) {
  compare("drain", 8, {.flags = kDefer}, [](Subject& subject) {
    const Timespec ts{0, 20'000'000};
    const Sqe timeout{
        .opcode = IORING_OP_TIMEOUT, .addr = reinterpret_cast<uint64_t>(&ts), .len = 1, .user_data = 1};
    const int result = subject.submit({timeout, nop(2, kDrain), nop(3), nop(4, kDrain | kLink), nop(5)});
    const std::string first = text(subject.reap());
    return fmt::format("{} {} {}", result, first, text(subject.reap_count(5)));
  });
}

// Chains of NOPs and reads, drawn at random: the same CQEs, in the same order within each chain.
TEST(RingSubmit, RandomChains) {
  const unsigned seed = ring3::test::seed_of_run();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random(seed);
  const auto pick = [&](unsigned count) { return random() % count; };
  const int file = ::memfd_create("chains", 0);
  ASSERT_EQ(::ftruncate(file, 100), 0);
  static char buffers[12][64];
  for (int round = 0; round < 200; ++round) {
    std::vector<Sqe> sqes;
    std::map<uint64_t, unsigned> chain_of;
    unsigned chain = 0;
    for (unsigned i = 0, count = 1 + pick(12); i < count; ++i) {
      uint8_t flags = 0;
      if (pick(3) != 0) flags |= pick(3) ? kLink : kHard;
      if (pick(5) == 0) flags |= kSkip;
      Sqe sqe;
      switch (pick(8)) {
        case 0:
          sqe = nop_result(i, -5, flags);
          break;
        case 1:
          sqe = transfer(IORING_OP_READ, i, file, buffers[i], 64, 64, flags);  // short: 36 bytes
          break;
        case 2:
          sqe = transfer(IORING_OP_READ, i, -1, buffers[i], 64, 0, flags);
          break;
        case 3:
        case 4:
          sqe = transfer(IORING_OP_READ, i, file, buffers[i], 50, 0, flags);
          break;
        case 5:
          if (pick(6) == 0) {
            sqe = invalid(i, flags);
            break;
          }
          [[fallthrough]];
        default:
          sqe = nop(i, flags);
      }
      sqes.push_back(sqe);
      chain_of[i] = chain;
      if (!(flags & (kLink | kHard))) ++chain;
    }
    std::string what = fmt::format("round {}:", round);
    for (const Sqe& sqe : sqes)
      what += fmt::format(" {}({:x}:{})", sqe.opcode, sqe.flags, static_cast<int>(sqe.len));
    size_t least = 0;  // as many as the first subject, the kernel, had to say
    compare(what.c_str(), 16, {.flags = kDefer}, [&](Subject& subject) {
      const int result = subject.submit(sqes);
      std::vector<Cqe> cqes = collected(subject, result, least);
      least = std::max(least, cqes.size());
      std::ranges::stable_sort(cqes, {}, [&](const Cqe& cqe) { return chain_of[cqe.user_data]; });
      return fmt::format("{} {}", result, text(cqes));
    });
    if (::testing::Test::HasFailure()) break;
  }
  ::close(file);
}

}  // namespace
}  // namespace ring3::test
