// io_uring_enter(2) and io_uring_register(2): waiting, time, signals, overflow, tasks, and what is
// registered.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "ring3/ring.h"
#include "subject.hpp"

namespace ring3::test {
namespace {

using namespace abi;

constexpr unsigned kGet = IORING_ENTER_GETEVENTS, kExt = IORING_ENTER_EXT_ARG;

uint64_t address(const void* pointer) { return reinterpret_cast<uint64_t>(pointer); }

TEST(RingEnter, ArgumentsAndErrors) {
  for (const uint32_t flags : {0u, kDefer})
    compare("arguments", 8, {.flags = flags}, [](Subject& s) {
      std::string answer;
      const auto note = [&](int result) { answer += fmt::format("{} ", result); };
      const Timespec ts{0, 1'000'000};
      GeteventsArg argument{.ts = address(&ts)};
      note(s.enter(0, 0, 1u << 20));
      note(s.enter(0, 0, 0));
      note(s.enter(5, 0, 0));
      note(s.enter(0, 0, kGet));
      note(s.enter(0, 1, kGet | kExt, &argument, sizeof argument));
      note(s.enter(0, 1, kGet | kExt, &argument, 8));
      note(s.enter(0, 1, kGet | kExt, reinterpret_cast<void*>(16), sizeof argument));
      argument.ts = 16;
      note(s.enter(0, 1, kGet | kExt, &argument, sizeof argument));
      argument = {.sigmask = address(&ts), .sigmask_sz = 4};
      note(s.enter(0, 1, kGet | kExt, &argument, sizeof argument));
      note(s.enter(0, 1, kExt, &argument, sizeof argument));
      note(s.submit({nop(1), nop(2)}, 1));
      note(s.enter(0, 2, kGet));
      s.push({nop(3)});
      argument = {.ts = address(&ts)};
      note(s.enter(1, 100, kGet | kExt, &argument, sizeof argument));
      note(s.enter(0, 100, kGet | kExt, &argument, sizeof argument));
      s.push({nop(4)});
      note(s.enter(3, 100, kGet));  // fewer than asked for: no wait
      return answer + text(s.reap());
    });
}

TEST(RingEnter, MinWait) {
  compare("min_wait", 8, {.flags = kDefer}, [](Subject& s) {
    const Timespec soon{0, 5'000'000}, late{2, 0};
    s.push({{.opcode = IORING_OP_TIMEOUT, .addr = address(&soon), .len = 1, .user_data = 1}});
    const GeteventsArg argument{.min_wait_usec = 30'000, .ts = address(&late)};
    const int result = s.enter(1, 4, kGet | kExt, &argument, sizeof argument);
    return fmt::format("{} {}", result, text(s.reap()));
  });
}

TEST(RingEnter, Overflow) {
  for (const uint32_t flags : {0u, kDefer})
    compare("overflow", 4, {.cq_entries = 4, .flags = flags | IORING_SETUP_CQSIZE}, [](Subject& s) {
      std::string answer;
      const Params& p = s.params();
      for (unsigned i = 0; i < 10; i += 2)
        answer += fmt::format("{} tail {} flag {} ", s.submit({nop(i), nop(i + 1)}), s.word(p.cq_off.tail),
                              s.word(p.sq_off.flags) & IORING_SQ_CQ_OVERFLOW);
      answer += fmt::format("lost {} ", s.word(p.cq_off.overflow));
      for (int i = 0; i < 3; ++i) {
        answer += text(s.reap());
        answer +=
            fmt::format(" {} flag {} ", s.enter(0, 0, kGet), s.word(p.sq_off.flags) & IORING_SQ_CQ_OVERFLOW);
      }
      return answer;
    });
}

TEST(RingEnter, ManyTurnsRoundTheRing) {
  compare("wrap", 4, {.flags = kDefer}, [](Subject& s) {
    uint64_t sum = 0, next = 0;
    for (int turn = 0; turn < 1000; ++turn) {
      if (s.submit({nop(next), nop(next + 1), nop(next + 2)}, 3) != 3) return std::string("short");
      for (const Cqe& cqe : s.reap()) {
        if (cqe.user_data != next++) return fmt::format("out of order at {}", next);
        sum += cqe.user_data;
      }
    }
    return fmt::format("{}", sum);
  });
}

TEST(RingEnter, SignalsEndAWait) {
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
  GTEST_SKIP() << "the thread sanitizer holds signals back until a call that it knows";
#endif
#endif

  struct sigaction action {
  }, before{};
  static volatile sig_atomic_t handled;
  action.sa_handler = [](int) { handled = handled + 1; };
  sigaction(SIGUSR1, &action, &before);
  compare("signal", 4, {.flags = kDefer}, [](Subject& s) {
    handled = 0;
    sigset_t block, old;
    sigemptyset(&block);
    sigaddset(&block, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &block, &old);
    pthread_kill(pthread_self(), SIGUSR1);
    const Timespec ts{0, 2'000'000};
    GeteventsArg argument{.ts = address(&ts)};
    std::string answer =
        fmt::format("{} {} ", s.enter(0, 1, kGet | kExt, &argument, sizeof argument), int{handled});
    const uint64_t open = 0;
    const Timespec late{2, 0};
    argument = {.sigmask = address(&open), .sigmask_sz = 8, .ts = address(&late)};
    answer += fmt::format("{} {} ", s.enter(0, 1, kGet | kExt, &argument, sizeof argument), int{handled});
    pthread_kill(pthread_self(), SIGUSR1);
    answer += fmt::format("{} {}", s.enter(0, 1, kGet, &open, 8), int{handled});
    pthread_sigmask(SIG_SETMASK, &old, nullptr);
    return answer;
  });
  sigaction(SIGUSR1, &before, nullptr);
}

TEST(RingEnter, OtherTasks) {
  compare("other tasks", 4, {.flags = kDefer}, [](Subject& s) {
    std::string answer;
    std::thread([&] {
      s.push({nop(1)});
      answer += fmt::format("{} {} {} ", s.enter(1, 0, 0), s.enter(0, 0, kGet),
                            s.register_op(IORING_UNREGISTER_FILES, nullptr, 0));
    }).join();
    const pid_t child = ::fork();
    if (child == 0) ::_exit(s.enter(1, 0, 0) == -EEXIST ? 7 : 8);
    int status = 0;
    ::waitpid(child, &status, 0);
    return answer + fmt::format("{} {}", WEXITSTATUS(status), s.enter(1, 0, 0));
  });
}

TEST(RingEnter, DisabledUntilEnabled) {
  compare("R_DISABLED", 4, {.flags = kDefer | IORING_SETUP_R_DISABLED}, [](Subject& s) {
    std::string answer = fmt::format("{} {} ", s.submit({nop(1)}), s.enter(0, 0, kGet));
    answer += fmt::format("{} ", s.register_op(IORING_REGISTER_ENABLE_RINGS, nullptr, 0));
    answer +=
        fmt::format("{} {} ", s.register_op(IORING_REGISTER_ENABLE_RINGS, nullptr, 0), s.enter(1, 0, 0));
    return answer + text(s.reap());
  });
}

// A thread that waits does not keep another from submitting what it waits for.
TEST(RingEnter, OneWaitsAnotherSubmits) {
  compare("two threads", 4, {}, [](Subject& s) {
    int waited = 1;
    std::thread waiter([&] {
      const Timespec ts{5, 0};
      const GeteventsArg argument{.ts = address(&ts)};
      waited = s.enter(0, 1, kGet | kExt, &argument, sizeof argument);
    });
    ::usleep(20'000);
    const auto begin = std::chrono::steady_clock::now();
    const int result = s.submit({nop(1)});
    waiter.join();
    const bool quick = std::chrono::steady_clock::now() - begin < std::chrono::seconds(2);
    return fmt::format("{} {} {} {}", result, waited, quick, text(s.reap()));
  });
}

TEST(RingRequests, CancelPollAndTimeouts) {
  compare("cancel", 8, {.flags = kDefer}, [](Subject& s) {
    int pipe[2];
    if (::pipe(pipe) != 0) return std::string();
    const Timespec late{100, 0}, soon{0, 1'000'000};
    const auto poll = [&](uint64_t user_data) {
      return Sqe{.opcode = IORING_OP_POLL_ADD, .fd = pipe[0], .op_flags = 1, .user_data = user_data};
    };
    const Sqe timeout{.opcode = IORING_OP_TIMEOUT, .addr = address(&late), .len = 1, .user_data = 2};
    std::string answer;
    s.submit({poll(1), timeout, poll(1), poll(3)});
    s.submit({{.opcode = IORING_OP_ASYNC_CANCEL, .addr = 1, .op_flags = 1, .user_data = 10}});
    answer += sorted_text(s.reap_count(3));
    s.submit({{.opcode = IORING_OP_TIMEOUT_REMOVE, .addr = 2, .user_data = 11}});
    answer += sorted_text(s.reap_count(2));
    s.submit({{.opcode = IORING_OP_POLL_REMOVE, .addr = 3, .user_data = 12}});
    answer += sorted_text(s.reap_count(2));
    s.submit({poll(4), poll(5)});
    s.submit({{.opcode = IORING_OP_POLL_REMOVE, .off = 44, .addr = 4, .len = 4, .user_data = 13},
              {.opcode = IORING_OP_ASYNC_CANCEL, .addr = 5, .user_data = 14}});
    answer += sorted_text(s.reap_count(3));
    if (::write(pipe[1], "x", 1) != 1) answer += "?";
    answer += sorted_text(s.reap_count(1));
    s.submit({{.opcode = IORING_OP_TIMEOUT, .addr = address(&soon), .len = 1, .user_data = 6}});
    answer += text(s.reap_count(1));
    ::close(pipe[0]);
    ::close(pipe[1]);
    return answer;
  });
}

TEST(RingRequests, LinkTimeouts) {
  compare("link timeout", 8, {.flags = kDefer}, [](Subject& s) {
    int pipe[2];
    if (::pipe(pipe) != 0) return std::string();
    char byte;
    const Timespec soon{0, 5'000'000}, late{100, 0};
    const auto timer = [&](uint64_t user_data, const Timespec& ts, uint8_t flags = 0) {
      return Sqe{.opcode = IORING_OP_LINK_TIMEOUT,
                 .flags = flags,
                 .addr = address(&ts),
                 .len = 1,
                 .user_data = user_data};
    };
    std::string answer;
    s.submit({transfer(IORING_OP_READ, 1, pipe[0], &byte, 1, 0, IOSQE_IO_LINK), timer(2, soon)});
    answer += sorted_text(s.reap_count(2));
    s.submit({transfer(IORING_OP_READ, 1, pipe[0], &byte, 1, 0, IOSQE_IO_LINK), timer(2, soon, IOSQE_IO_LINK),
              nop(3)});
    answer += sorted_text(s.reap_count(3));
    if (::write(pipe[1], "x", 1) != 1) answer += "?";
    s.submit({transfer(IORING_OP_READ, 1, pipe[0], &byte, 1, 0, IOSQE_IO_LINK), timer(2, late, IOSQE_IO_LINK),
              nop(3)});
    answer += sorted_text(s.reap_count(3));
    s.submit({nop(1, IOSQE_IO_LINK), timer(2, late, IOSQE_IO_LINK), nop(3)});
    answer += sorted_text(s.reap_count(3));
    s.submit({nop(1, IOSQE_IO_LINK), timer(2, late, IOSQE_IO_LINK), timer(3, late)});
    answer += sorted_text(s.reap_count(3));
    ::close(pipe[0]);
    ::close(pipe[1]);
    return answer;
  });
}

TEST(RingRequests, TimeoutsThatCountCompletions) {
  compare("counted timeout", 8, {.flags = kDefer}, [](Subject& s) {
    const Timespec late{100, 0};
    s.submit(
        {{.opcode = IORING_OP_TIMEOUT, .off = 2, .addr = address(&late), .len = 1, .user_data = 9}, nop(1)});
    std::string answer = text(s.reap());
    s.submit({nop(2)});
    return answer + sorted_text(s.reap_count(2));
  });
}

TEST(RingRegister, FilesAndBuffers) {
  compare("files and buffers", 8, {.flags = kDefer}, [](Subject& s) {
    int file = ::memfd_create("file", 0);
    static char page[4096];
    if (::pwrite(file, "hello, ring", 11, 0) != 11) return std::string();
    struct {
      void* base;
      size_t size;
    } vector{page, sizeof page};
    std::string answer;
    const auto note = [&](int result) { answer += fmt::format("{} ", result); };
    note(s.register_op(IORING_UNREGISTER_FILES, nullptr, 0));
    note(s.register_op(IORING_REGISTER_FILES, &file, 1));
    note(s.register_op(IORING_REGISTER_FILES, &file, 1));
    note(s.register_op(IORING_REGISTER_BUFFERS, &vector, 1));
    note(s.submit({transfer(IORING_OP_READ_FIXED, 1, 0, page + 100, 11, 0, IOSQE_FIXED_FILE)}));
    answer += text(s.reap_count(1));
    answer += std::string(page + 100, 11);
    note(s.submit({transfer(IORING_OP_READ_FIXED, 2, 0, page + 4090, 11, 0, IOSQE_FIXED_FILE)}));
    answer += text(s.reap_count(1));
    note(s.submit({transfer(IORING_OP_READ, 3, 5, page, 11, 0, IOSQE_FIXED_FILE)}));
    answer += text(s.reap_count(1));
    note(s.register_op(IORING_UNREGISTER_BUFFERS, nullptr, 0));
    note(s.register_op(IORING_UNREGISTER_FILES, nullptr, 0));
    note(s.register_op(4000, nullptr, 0));
    ::close(file);
    return answer;
  });
}

TEST(RingRegister, Region) {
  compare("region", 8, {.flags = kDefer}, [](Subject& s) {
    std::string answer;
    RegionDesc region{.size = 8192};
    MemRegionReg registration{.region_uptr = address(&region)};
    const auto attempt = [&](auto change) {
      RegionDesc r{.size = 8192};
      MemRegionReg m{.region_uptr = address(&r)};
      change(r, m);
      answer += fmt::format("{} ", s.register_op(IORING_REGISTER_MEM_REGION, &m, 1));
    };
    attempt([](RegionDesc& r, MemRegionReg&) { r.size = 100; });
    attempt([](RegionDesc& r, MemRegionReg&) { r.size = 0; });
    attempt([](RegionDesc& r, MemRegionReg&) { r.flags = 2; });
    attempt([](RegionDesc& r, MemRegionReg&) { r.flags = 1; });
    attempt([](RegionDesc& r, MemRegionReg&) { r.id = 1; });
    attempt([](RegionDesc& r, MemRegionReg&) { r.resv[0] = 1; });
    attempt([](RegionDesc& r, MemRegionReg&) { r.user_addr = 4096; });
    attempt([](RegionDesc& r, MemRegionReg&) { r.user_addr = 4096, r.flags = 1; });
    attempt([](RegionDesc& r, MemRegionReg&) { r.mmap_offset = 4096; });
    attempt([](RegionDesc&, MemRegionReg& m) { m.resv[0] = 1; });
    attempt([](RegionDesc&, MemRegionReg& m) { m.flags = 2; });
    attempt([](RegionDesc&, MemRegionReg& m) { m.flags = IORING_MEM_REGION_REG_WAIT_ARG; });
    attempt([](RegionDesc&, MemRegionReg& m) { m.region_uptr = 16; });
    answer += fmt::format("{} {:x} ", s.register_op(IORING_REGISTER_MEM_REGION, &registration, 1),
                          region.mmap_offset);
    answer += fmt::format("{} ", s.register_op(IORING_REGISTER_MEM_REGION, &registration, 1));
    auto* mapped = static_cast<char*>(::mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, s.fd(),
                                             static_cast<off_t>(region.mmap_offset)));
    if (mapped == MAP_FAILED) return answer + "not mapped";
    mapped[8191] = 1;
    ::munmap(mapped, 8192);
    return answer;
  });
}

TEST(RingRegister, EventfdCountsTurnsThatPosted) {
  compare("eventfd", 8, {}, [](Subject& s) {
    std::string answer;
    int event = ::eventfd(0, EFD_NONBLOCK), none = -1;
    int pipe[2];
    if (::pipe(pipe) != 0) return std::string();
    const auto signalled = [&] {
      uint64_t count = 0;
      return ::read(event, &count, 8) == 8;
    };
    answer += fmt::format("{} ", s.register_op(IORING_UNREGISTER_EVENTFD, nullptr, 0));
    answer += fmt::format("{} ", s.register_op(IORING_REGISTER_EVENTFD, &none, 1));
    answer += fmt::format("{} ", s.register_op(IORING_REGISTER_EVENTFD, &pipe[0], 1));
    answer += fmt::format("{} ", s.register_op(IORING_REGISTER_EVENTFD, &event, 1));
    answer += fmt::format("{} ", s.register_op(IORING_REGISTER_EVENTFD, &event, 1));
    s.submit({nop(1)});
    answer += fmt::format("{} ", signalled());
    // Finished while nobody is inside the ring: the eventfd says so.
    char byte;
    s.submit({transfer(IORING_OP_READ, 2, pipe[0], &byte, 1, 0)});
    while (signalled()) {
    }
    if (::write(pipe[1], "x", 1) != 1) return std::string();
    bool seen = false;
    for (int i = 0; i < 200 && !seen; ++i) {
      ::usleep(1000);
      seen = signalled();
    }
    answer += fmt::format("{} {} ", seen, text(s.reap_count(2)));
    answer += fmt::format("{} ", s.register_op(IORING_UNREGISTER_EVENTFD, nullptr, 0));
    s.submit({nop(3)});
    while (signalled()) {
    }
    ::close(pipe[0]);
    ::close(pipe[1]);
    ::close(event);
    return answer;
  });
}

// A resource's tag would come back as somebody else's token: refused, not misdelivered.
TEST(RingRegister, TagsAreRefused) {
  for (const Who who : {Who::Host, Who::Threads}) {
    const auto s = Subject::create(who, 4, {.flags = kDefer});
    ASSERT_TRUE(s);
    int file = ::memfd_create("file", 0);
    const uint64_t tag = uint64_t{1} << 32;
    struct {
      uint32_t number, flags;
      uint64_t resv2, data, tags;
    } registration{1, 0, 0, address(&file), address(&tag)};
    EXPECT_EQ(s->register_op(IORING_REGISTER_FILES2, &registration, sizeof registration), -EINVAL);
    ::close(file);
  }
}

TEST(RingC, MapsAndDrivesLikeTheSystemCalls) {
  Params params{};
  const int fd = ring3_setup(8, reinterpret_cast<io_uring_params*>(&params));
  ASSERT_GE(fd, 0);
  auto* rings = static_cast<char*>(::mmap(nullptr, params.sq_off.array + 4 * params.sq_entries,
                                          PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQ_RING));
  auto* sqes = static_cast<Sqe*>(::mmap(nullptr, 8 * sizeof(Sqe), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                                        static_cast<off_t>(IORING_OFF_SQES)));
  ASSERT_NE(rings, MAP_FAILED);
  ASSERT_NE(static_cast<void*>(sqes), MAP_FAILED);
  sqes[0] = nop_result(5, 42);
  reinterpret_cast<uint32_t*>(rings + params.sq_off.array)[0] = 0;
  *reinterpret_cast<uint32_t*>(rings + params.sq_off.tail) = 1;
  EXPECT_EQ(ring3_enter(fd, 1, 1, kGet, nullptr, 0), 1);
  Cqe cqe;
  std::memcpy(&cqe, rings + params.cq_off.cqes, sizeof cqe);
  EXPECT_EQ(cqe.user_data, 5u);
  EXPECT_EQ(cqe.res, 42);
  EXPECT_EQ(ring3_register(fd, IORING_REGISTER_RESIZE_RINGS, nullptr, 0), -EINVAL);
  EXPECT_EQ(ring3_close(fd), 0);
  EXPECT_EQ(ring3_close(fd), -EBADF);
  EXPECT_EQ(ring3_enter(fd, 0, 0, 0, nullptr, 0), -EBADF);
  ::munmap(rings, params.sq_off.array + 4 * params.sq_entries);
  ::munmap(sqes, 8 * sizeof(Sqe));
}

}  // namespace
}  // namespace ring3::test
