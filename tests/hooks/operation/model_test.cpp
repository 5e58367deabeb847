// Random chains of NOPs, reads, writes and operations, with failures, cancellations, drains and rings closed
// in their middle, compared with the model; and the model with the kernel, where a NOP stands for an
// operation. RING3_CHAINS=100000 RING3_SEED=… test_hooks_operation --gtest_filter='*Model*' runs more of
// them.
#include <algorithm>

#include "round.hpp"
#include "seed.hpp"
#include "subject.hpp"

namespace ring3::test {
namespace {

using namespace abi;

constexpr uint64_t kCancellation = 1ull << 32;  // user_data from here on

// Runs a round and compares. Throws what is wrong.
class Play {
 public:
  Play(Subject& subject, Round& round, std::mt19937& random, bool plain)
      : subject_(subject), round_(round), random_(random), plain_(plain) {}

  void submit() {
    for (const Sqe& sqe : round_.sqes(plain_)) subject_.push(sqe);
    take(subject_.run(0));
  }

  // Ends what blocks, in any order.
  void release_all() {
    std::vector<size_t> order(round_.chains().size());
    for (size_t i = 0; i < order.size(); i++) order[i] = i;
    std::ranges::shuffle(order, random_);
    for (size_t chain : order)
      if (round_.chains()[chain].blocks()) release(chain);
  }

  void await_cqes() {
    const auto give_up = Clock::now() + 20s;
    while (cqes_.size() < round_.visible()) {
      if (Clock::now() > give_up) fail("CQEs are missing");
      take(subject_.run(1));
    }
    take(subject_.run(0));
    if (cqes_.size() > round_.visible()) fail("too many CQEs");
  }

  void compare_cqes() {
    std::vector<std::vector<Cqe>> by_chain(round_.chains().size());
    for (const Cqe& cqe : cqes_) by_chain[chain_of(cqe.user_data)].push_back(cqe);
    for (size_t chain = 0; chain < by_chain.size(); chain++) {
      size_t at = 0;
      for (size_t i = 0; i < round_.expected(chain).size(); i++) {
        const Seen& seen = round_.expected(chain)[i];
        if (seen.silent) continue;
        if (at == by_chain[chain].size()) fail("a CQE is missing");
        const Cqe& cqe = by_chain[chain][at++];
        const bool blocked = round_.chains()[chain].steps[i].kind == Kind::Blocked;
        const int32_t res = blocked && cqe.res == -EINTR ? -ECANCELED : cqe.res;
        if (cqe.user_data != round_.first(chain) + i || res != seen.res)
          fail(fmt::format("a CQE is {}:{}, not {}:{}", cqe.user_data, cqe.res, round_.first(chain) + i,
                           seen.res));
      }
    }
    compare_drains();
  }

  // How often everything ran. `final`: also what has to be given back.
  bool counts_agree(Scripted& scripted, bool final) {
    for (size_t chain = 0; chain < round_.chains().size(); chain++)
      for (size_t i = 0; i < round_.expected(chain).size(); i++) {
        Counts wanted = round_.expected(chain)[i].counts;
        Counts given = scripted.counts(round_.first(chain) + uint32_t(i));
        if (!final) wanted.cleanup = given.cleanup = 0;
        if (wanted == given) continue;
        wrong_ = fmt::format("request {}: prep {} issue {} fail {} cleanup {}", round_.first(chain) + i,
                             given.prep, given.issue, given.fail, given.cleanup);
        return false;
      }
    return true;
  }
  void await_counts(Scripted& scripted, bool final) {
    const auto give_up = Clock::now() + 20s;
    while (!counts_agree(scripted, final)) {
      if (Clock::now() > give_up) fail(wrong_);
      take(subject_.run(0));
    }
  }
  [[noreturn]] void fail(const std::string& what) {
    std::string seen;
    for (const Cqe& cqe : cqes_) seen += fmt::format(" {}:{}", cqe.user_data, cqe.res);
    throw std::runtime_error(what + "\nCQEs:" + seen + round_.text());
  }

 private:
  void take(const std::vector<Cqe>& cqes) {
    for (const Cqe& cqe : cqes) {
      if (cqe.user_data >= kCancellation)
        cancelled_.push_back(cqe);
      else
        cqes_.push_back(cqe);
    }
  }

  size_t chain_of(uint64_t user_data) {
    for (size_t chain = round_.chains().size(); chain-- > 0;)
      if (user_data >= round_.first(chain)) return chain;
    fail(fmt::format("a CQE of an earlier round, {}", user_data));
  }

  // Nothing overtakes a drained chain, either way.
  void compare_drains() {
    for (size_t chain = 0; chain < round_.chains().size(); chain++) {
      if (!round_.chains()[chain].drained() || round_.chains()[chain].cut()) continue;
      bool began = false, overtaken = false;
      for (const Cqe& cqe : cqes_) {
        const size_t of = chain_of(cqe.user_data);
        if (round_.chains()[of].cut()) continue;  // never ran
        if (of < chain && began)
          fail(fmt::format("chain {} began before all before it were complete", chain));
        if (of == chain && overtaken) fail(fmt::format("chain {} was overtaken", chain));
        began |= of == chain;
        overtaken |= of > chain;
      }
    }
  }

  int32_t cancel(uint64_t user_data) {
    const uint64_t own = kCancellation + ++cancellations_;
    subject_.push({.opcode = IORING_OP_ASYNC_CANCEL, .fd = -1, .addr = user_data, .user_data = own});
    const auto give_up = Clock::now() + 20s;
    for (;;) {
      for (const Cqe& cqe : cancelled_)
        if (cqe.user_data == own) return cqe.res;
      if (Clock::now() > give_up) fail("a cancellation is not answered");
      take(subject_.run(1));
    }
  }

  void release(size_t chain) {
    const Chain& one = round_.chains()[chain];
    const auto blocked = size_t(std::ranges::find(one.steps, Kind::Blocked, &Step::kind) - one.steps.begin());
    const bool reached = one.reaches_block();
    if (one.release != Release::Cancel) {
      const size_t bytes = one.release == Release::Full ? 8 : 4;
      if (::write(round_.pipe_of(chain).ends[1], "12345678", bytes) != ssize_t(bytes))
        fail("the pipe is full");
      return;
    }
    // What has not started can't be found, so nothing happens to a successor.
    if (reached && blocked + 1 < one.steps.size() && cancel(round_.first(chain) + blocked + 1) != -ENOENT)
      fail("a request that had not started was cancelled");
    const auto give_up = Clock::now() + 20s;
    const uint64_t user_data = round_.first(chain) + blocked;
    const auto ended = [&] { return std::ranges::find(cqes_, user_data, &Cqe::user_data) != cqes_.end(); };
    // It may not have come to it yet; and a kernel's worker that blocks in it may be interrupted without us.
    while (cancel(user_data) == -ENOENT && reached && !ended())
      if (Clock::now() > give_up) fail("what blocks was never found");
  }

  Subject& subject_;
  Round& round_;
  std::mt19937& random_;
  const bool plain_;
  std::vector<Cqe> cqes_, cancelled_;
  uint64_t cancellations_ = 0;
  std::string wrong_;
};

size_t chains_wanted(size_t otherwise) {
  const char* given = std::getenv("RING3_CHAINS");
  return given ? std::strtoul(given, nullptr, 0) : otherwise;
}

class ModelTest : public OperationTest {};

// What went wrong, and how to see it again.
std::string report(unsigned seed, size_t chains, const std::exception& wrong, const std::string& before) {
  return fmt::format("seed {}, after {} chains: {}\nthe round before:{}", seed, chains, wrong.what(), before);
}

TEST_P(ModelTest, ChainsDoWhatTheModelSays) {
  const unsigned seed = seed_of_run();
  std::mt19937 random(seed);
  Scripted scripted({.interpret = random() % 2 == 0});
  Files files;
  const auto counts = must(scripted.module().variable("counts"));
  size_t chains = 0;
  std::string before;
  const size_t wanted = chains_wanted(3000);
  try {
    while (chains < wanted) {
      const uint32_t flags =
          IORING_SETUP_SUBMIT_ALL | (random() % 2 ? kDeferred : uint32_t{IORING_SETUP_BPF_EXT});
      auto subject = std::make_optional<Ours>(make_ring(64, flags));
      const Operation operation = scripted.attach(subject->ring());
      std::ranges::fill(counts, std::byte{0});
      uint32_t next = 1;
      for (size_t rounds = 1 + random() % 25; rounds-- > 0;) {
        const bool closes = rounds == 0;
        Round round(random, {.drains = random() % 3 == 0}, files, closes, next);
        next = round.next();
        chains += round.chains().size();
        Play play(*subject, round, random, false);
        play.submit();
        if (!closes) play.release_all();
        play.await_cqes();
        play.await_counts(scripted, !closes);
        play.compare_cqes();
        if (closes) subject.reset();
        if (!play.counts_agree(scripted, true)) play.fail("something was not cleaned up, or twice");
        before = round.text();
      }
    }
  } catch (const std::exception& wrong) {
    FAIL() << report(seed, chains, wrong, before);
  }
  EXPECT_EQ(scripted.dirty(), 0u) << "seed " << seed;
  RecordProperty("chains", static_cast<int>(chains));
}

RING3_BACKEND_TESTS(ModelTest);

TEST(Model, AgreesWithTheKernel) {
  const unsigned seed = seed_of_run();
  std::mt19937 random(seed);
  Files files;
  size_t chains = 0;
  std::string before;
  const size_t wanted = chains_wanted(1000);
  try {
    while (chains < wanted) {
      const auto kernel = kernel_subject();
      if (!kernel) GTEST_SKIP() << "no io_uring on this machine to compare with";
      uint32_t next = 1;
      const bool drains = random() % 3 == 0;  // Linux has no drains on a ring with skipped CQEs
      for (size_t rounds = 25; rounds-- > 0;) {
        Round round(random, {.drains = drains, .skips = !drains, .plain = true}, files, false, next);
        next = round.next();
        chains += round.chains().size();
        Play play(*kernel, round, random, true);
        play.submit();
        play.release_all();
        play.await_cqes();
        play.compare_cqes();
        before = round.text();
      }
    }
  } catch (const std::exception& wrong) {
    FAIL() << report(seed, chains, wrong, before);
  }
}

}  // namespace
}  // namespace ring3::test
