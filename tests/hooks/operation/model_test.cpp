// Random chains of NOPs, reads, writes and operations, with failures, cancellations, drains and rings closed
// in their middle, compared with the model; and the model with the kernel, where a NOP stands for an
// operation. RING3_CHAINS=100000 RING3_SEED=… test_hooks_operation --gtest_filter='*Model*' runs more of
// them.
#include "model.hpp"

#include <fcntl.h>
#include <liburing.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <list>

#include "seed.hpp"

namespace ring3::test {
namespace {

using namespace abi;

constexpr uint64_t kCancellation = 1ull << 32;  // user_data from here on

struct Pipe {
  Pipe() {
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  }
  ~Pipe() {
    close(ends[0]);
    close(ends[1]);
  }
  Pipe(const Pipe&) = delete;
  int ends[2];
};

// What chains read and write. It outlives the rings: requests that nobody waits for may be in flight to the
// end.
struct Files {
  Files() : file(memfd_create("model", MFD_CLOEXEC)), buffers(4096) {
    if (ftruncate(file, 4096) != 0) throw std::runtime_error("no memory file");
  }
  ~Files() { close(file); }
  Files(const Files&) = delete;
  uint64_t buffer(uint64_t user_data) {
    return reinterpret_cast<uint64_t>(&buffers[user_data % buffers.size()]);
  }

  int file;
  std::vector<std::array<char, 64>> buffers;  // one for each request
};

// A ring that takes SQEs: ours, or the kernel's.
class Subject {
 public:
  virtual ~Subject() = default;
  virtual void push(const Sqe& sqe) = 0;
  // Submits what was pushed, waits for that many CQEs or 100 ms, and returns all there are.
  virtual std::vector<Cqe> run(unsigned wait) = 0;
};

class Ours final : public Subject {
 public:
  explicit Ours(TestRing ring) : ring_(std::move(ring)) {}
  TestRing& ring() { return ring_; }
  void push(const Sqe& sqe) override {
    ring_.push(sqe.opcode, sqe.user_data) = sqe;
    ++pushed_;
  }
  std::vector<Cqe> run(unsigned wait) override {
    const Timespec limit = after(100ms);
    const GeteventsArg argument{.ts = reinterpret_cast<uint64_t>(&limit)};
    ring_.ring().enter(std::exchange(pushed_, 0), wait, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG,
                       &argument, sizeof argument);
    return ring_.reap();
  }

 private:
  TestRing ring_;
  unsigned pushed_ = 0;
};

class Kernel final : public Subject {
 public:
  Kernel() {
    ok_ = io_uring_queue_init(
              64, &ring_,
              IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN) == 0;
  }
  ~Kernel() override {
    if (ok_) io_uring_queue_exit(&ring_);
  }
  bool ok() const { return ok_; }
  void push(const Sqe& sqe) override { std::memcpy(io_uring_get_sqe(&ring_), &sqe, sizeof sqe); }
  std::vector<Cqe> run(unsigned wait) override {
    io_uring_submit(&ring_);
    io_uring_cqe* cqe;
    __kernel_timespec limit{.tv_sec = 0, .tv_nsec = 100'000'000};
    if (wait) io_uring_wait_cqes(&ring_, &cqe, wait, &limit, nullptr);
    io_uring_get_events(&ring_);
    std::vector<Cqe> cqes;
    while (io_uring_peek_cqe(&ring_, &cqe) == 0) {
      cqes.push_back({cqe->user_data, cqe->res, cqe->flags});
      io_uring_cqe_seen(&ring_, cqe);
    }
    return cqes;
  }

 private:
  io_uring ring_;
  bool ok_;
};

// Chains that are submitted together, and what is expected of them.
class Round {
 public:
  // Requests are numbered from `first` on: silent ones of the round before may still be in flight.
  Round(std::mt19937& random, const Draw& draw, Files& files, bool closes, uint32_t first)
      : files_(files), next_(first) {
    const size_t count = 1 + random() % 4;
    for (size_t i = 0; i < count; i++) chains_.push_back(draw_chain(random, draw));
    bool stuck = false, waits = false;  // something before never ends; and a drain is waited for
    for (Chain& chain : chains_) {
      waits |= stuck && chain.drained() && !cut(chain);
      const bool blocks = closes && reaches_block(chain);
      const Fate fate = !closes  ? Fate::Runs
                        : waits  ? Fate::NeverStarts
                        : blocks ? Fate::EndsWhereItBlocks
                                 : Fate::Runs;
      stuck |= blocks;
      waits |= blocks && chain.drained();
      expected_.push_back(expect(chain, fate));
      first_.push_back(next_);
      next_ += static_cast<uint32_t>(chain.steps.size());
    }
  }

  const std::vector<Chain>& chains() const { return chains_; }
  uint32_t next() const { return next_; }  // the first of the next round
  uint32_t first(size_t chain) const { return first_[chain]; }
  const std::vector<Seen>& expected(size_t chain) const { return expected_[chain]; }
  static bool cut(const Chain& chain) {
    return std::ranges::any_of(chain.steps, [](const Step& step) { return step.error != 0; });
  }
  // Whether the chain comes to its Blocked step.
  static bool reaches_block(const Chain& chain) {
    if (cut(chain)) return false;
    for (const Step& step : chain.steps) {
      if (step.kind == Kind::Blocked) return true;
      if (step.failed && !(step.flags & IOSQE_IO_HARDLINK)) return false;
    }
    return false;
  }
  size_t visible() const {
    size_t count = 0;
    for (const auto& chain : expected_) count += size_t(std::ranges::count(chain, false, &Seen::silent));
    return count;
  }

  void push(Subject& subject, bool plain) {
    for (size_t chain = 0; chain < chains_.size(); chain++)
      for (size_t i = 0; i < chains_[chain].steps.size(); i++)
        subject.push(sqe(chains_[chain].steps[i], pipe_of(chain), first_[chain] + i, plain));
  }
  Pipe& pipe_of(size_t chain) {
    while (pipes_.size() <= chain) pipes_.emplace_back();
    return *std::next(pipes_.begin(), ptrdiff_t(chain));
  }

  // "chain 0: nop bpf(…)…", for messages.
  std::string text() const;

 private:
  Sqe sqe(const Step& step, const Pipe& pipe, uint64_t user_data, bool plain) {
    Sqe sqe{.flags = step.flags, .fd = -1, .user_data = user_data};
    switch (step.kind) {
      case Kind::Invalid:
        sqe.opcode = 200;
        break;
      case Kind::Read:
      case Kind::Write:
        sqe.opcode = step.kind == Kind::Read ? IORING_OP_READ : IORING_OP_WRITE;
        sqe.fd = step.res == -EBADF ? -1 : files_.file;
        sqe.off = step.res == 36 ? 4096 - 36 : 0;
        sqe.addr = files_.buffer(user_data);
        sqe.len = 50;
        break;
      case Kind::Blocked:
        sqe.opcode = IORING_OP_READ;
        sqe.fd = pipe.ends[0];
        sqe.addr = files_.buffer(user_data);
        sqe.len = 8;
        break;
      case Kind::Bpf:
        if (!plain) return bpf_sqe(user_data, with_flags(step.script, step.flags));
        if (step.error) sqe.opcode = 200;
        [[fallthrough]];
      case Kind::Nop:
        sqe.len = static_cast<uint32_t>(step.res);
        sqe.op_flags = IORING_NOP_INJECT_RESULT;
    }
    return sqe;
  }
  static Request with_flags(Request request, uint8_t flags) {
    request.flags = flags;
    return request;
  }

  Files& files_;
  std::vector<Chain> chains_;
  std::vector<std::vector<Seen>> expected_;
  std::vector<uint32_t> first_;  // user_data of each chain's first request; the others follow
  std::list<Pipe> pipes_;
  uint32_t next_;
};

std::string Round::text() const {
  static const char* const kinds[] = {"nop", "read", "write", "bpf", "invalid", "blocked"};
  std::string text;
  for (size_t chain = 0; chain < chains_.size(); chain++) {
    text += fmt::format("\nchain {} ({}):", chain, int(chains_[chain].release));
    for (size_t i = 0; i < chains_[chain].steps.size(); i++) {
      const Step& step = chains_[chain].steps[i];
      const Seen& seen = expected_[chain][i];
      text += fmt::format(
          "\n  {} {} flags {:x} script {} set {} returned {} → {}{}, prep {} issue {} fail {} cleanup {}",
          first_[chain] + i, kinds[int(step.kind)], step.flags, step.script.script, step.script.set,
          step.script.returned, seen.res, seen.silent ? " silently" : "", seen.counts.prep, seen.counts.issue,
          seen.counts.fail, seen.counts.cleanup);
    }
  }
  return text;
}

// Runs a round and compares. Throws what is wrong.
class Play {
 public:
  Play(Subject& subject, Round& round, std::mt19937& random, bool plain)
      : subject_(subject), round_(round), random_(random), plain_(plain) {}

  void submit() {
    round_.push(subject_, plain_);
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
      if (!round_.chains()[chain].drained() || Round::cut(round_.chains()[chain])) continue;
      bool began = false, overtaken = false;
      for (const Cqe& cqe : cqes_) {
        const size_t of = chain_of(cqe.user_data);
        if (Round::cut(round_.chains()[of])) continue;  // never ran
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
    const bool reached = Round::reaches_block(one);
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
  Scripted scripted;
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
      Kernel kernel;
      if (!kernel.ok()) GTEST_SKIP() << "no io_uring on this machine to compare with";
      uint32_t next = 1;
      const bool drains = random() % 3 == 0;  // Linux has no drains on a ring with skipped CQEs
      for (size_t rounds = 25; rounds-- > 0;) {
        Round round(random, {.drains = drains, .skips = !drains, .plain = true}, files, false, next);
        next = round.next();
        chains += round.chains().size();
        Play play(kernel, round, random, true);
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
