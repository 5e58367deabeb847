// Programs at work on buffers that threads unmap, protect and cut short meanwhile: requests fail, or end
// early, and the process lives. RING3_HOSTILE_SECONDS=60 build/release/tests/test_hooks_buffer
// --gtest_filter='*Hostile*' does it for longer than ./test does.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include <atomic>
#include <cstring>
#include <random>

#include "base/fd.hpp"
#include "base/user_copy.hpp"
#include "hooks/test_ring.hpp"
#include "ring3/operation.hpp"
#include "seed.hpp"

namespace ring3::test {
namespace {

constexpr size_t kPage = 4096, kPages = 16, kBytes = kPage * kPages;
constexpr uint8_t kSum = 1, kFill = 2, kParity = 3, kCopy = 4;

struct Descriptor {
  uint8_t type = 0, reserved = 0;
  uint16_t buf_index = 0;
  uint32_t len = 0;
  uint64_t addr = 0;
};

std::chrono::milliseconds duration() {
  const char* given = std::getenv("RING3_HOSTILE_SECONDS");
  return given ? std::chrono::seconds(std::atoi(given)) : 1500ms;
}

// An address range that is anonymous memory, a file, or nothing at all, as a thread sees fit.
class Arena {
 public:
  Arena() : range_(map(nullptr, PROT_NONE, MAP_ANONYMOUS | MAP_NORESERVE, -1), kBytes) {
    file_ = FileDescriptor(memfd_create("hostile", MFD_CLOEXEC));
    restore();
  }
  std::byte* data() const { return range_.data(); }
  void restore() {
    EXPECT_EQ(ftruncate(file_.get(), kBytes), 0);
    map(data(), PROT_READ | PROT_WRITE, MAP_FIXED, file_.get());
  }
  // Nothing else of the process may land in the hole, so that nothing is unmapped in the proper sense:
  // PROT_NONE faults alike.
  void disturb(std::mt19937& random) {
    const size_t first = random() % kPages, count = 1 + random() % (kPages - first);
    std::byte* const at = data() + first * kPage;
    switch (random() % 6) {
      case 0:
        mmap(at, count * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
        break;
      case 1:
        mmap(at, count * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        break;
      case 2:
        mprotect(at, count * kPage, PROT_READ);
        break;
      case 3:
        EXPECT_EQ(ftruncate(file_.get(), static_cast<off_t>(first * kPage)), 0);
        break;
      case 4:
        madvise(at, count * kPage, MADV_DONTNEED);
        break;
      default:
        restore();
    }
  }

 private:
  static void* map(void* at, int protection, int flags, int fd) {
    return mmap(at, kBytes, protection, (fd < 0 ? MAP_PRIVATE : MAP_SHARED) | flags, fd, 0);
  }
  Mapping range_;
  FileDescriptor file_;
};

class HostileTest : public BackendTest {};

TEST_P(HostileTest, MemoryThatComesAndGoes) {
  const unsigned seed = seed_of_run();
  SCOPED_TRACE(testing::Message() << "RING3_SEED=" << seed);
  std::mt19937 random(seed);
  Arena arenas[3];
  TestRing ring = must(TestRing::create(GetParam(), 16, abi::IORING_SETUP_BPF_EXT));
  Module module = must(open_fixture("walks"));
  must(module.set("rounds", 20));
  must(load(module));
  std::vector<Operation> operations;
  for (const char* name : {"sum_ops", "fill_ops", "parity_ops", "copy_ops"})
    operations.push_back(must(Operation::attach(module, ring.ring(), name)));
  iovec vectors[3] = {{arenas[0].data(), kBytes}, {nullptr, 0}, {nullptr, 0}};
  struct {
    uint32_t count = 3, flags = 0;
    uint64_t reserved = 0, vectors = 0, tags = 0;
  } table;
  table.vectors = reinterpret_cast<uint64_t>(vectors);
  ASSERT_EQ(ring.ring().register_op(abi::IORING_REGISTER_BUFFERS2, &table, sizeof table), 0);
  must(ring.ring().provide_buffer(
      1, {{{arenas[1].data(), kBytes / 2}, {arenas[2].data(), kBytes / 2}}, BufferUse::Both, {}}));
  // What hostile iovecs and descriptors lie in changes too.
  Arena words;
  auto* const parts = reinterpret_cast<iovec*>(words.data());
  auto* const descriptors = reinterpret_cast<Descriptor*>(words.data() + 4 * kPage);

  std::atomic<bool> stop = false;
  std::vector<std::jthread> threads;
  for (Arena* arena : {&arenas[0], &arenas[1], &arenas[2], &words})
    threads.emplace_back([&stop, arena, mine = std::mt19937(random())]() mutable {
      while (!stop) {
        arena->disturb(mine);
        std::this_thread::sleep_for(std::chrono::microseconds(mine() % 200));
      }
    });

  const auto any = [&]() -> Descriptor {
    const Arena& arena = arenas[random() % 3];
    const auto length = static_cast<uint32_t>(512 * (1 + random() % (kBytes / 512)));
    switch (random() % 6) {
      case 0:
        return {1, 0, 0, length, reinterpret_cast<uint64_t>(arenas[0].data()) + kBytes - length};
      case 1: {
        const iovec part = {arena.data() + 512 * (random() % 100), 512 * (1 + random() % 20)};
        for (uint64_t i = 0; i < 4; ++i)
          copy_to_user(reinterpret_cast<uint64_t>(parts + i), &part, sizeof part);
        return {2, 0, 0, 4, reinterpret_cast<uint64_t>(parts)};
      }
      case 2:
        return {3, 0, static_cast<uint16_t>(random() % 2), length, kBytes - length};
      case 3: {
        const iovec part = {reinterpret_cast<void*>(uintptr_t{512 * (random() % 32)}), 8192};
        for (uint64_t i = 0; i < 3; ++i)
          copy_to_user(reinterpret_cast<uint64_t>(parts + i), &part, sizeof part);
        return {4, 0, 1, 3, reinterpret_cast<uint64_t>(parts)};
      }
      default:
        return {0, 0, 0, length, reinterpret_cast<uint64_t>(arena.data()) + kBytes - length};
    }
  };

  uint64_t requests = 0, faults = 0, whole = 0;
  for (const auto end = Clock::now() + duration(); Clock::now() < end; ++requests) {
    const Descriptor chosen[3] = {any(), any(), any()};
    copy_to_user(reinterpret_cast<uint64_t>(descriptors), chosen, sizeof chosen);
    const uint8_t operation = static_cast<uint8_t>(kSum + random() % 4);
    abi::Sqe& sqe = ring.push(abi::IORING_OP_BPF, requests);
    sqe.op_flags = uint32_t{operation} << 24;
    sqe.addr = reinterpret_cast<uint64_t>(random() % 4 ? chosen : descriptors);
    sqe.len = 3;
    ASSERT_EQ(ring.enter(1), 1);
    const auto cqes = ring.reap();
    ASSERT_EQ(cqes.size(), 1u);
    EXPECT_EQ(cqes[0].user_data, requests);
    // Vectors that were gone may have become others: EINVAL of a descriptor that reads as zeroes can't be,
    // but zeroes are an empty user buffer.
    EXPECT_TRUE(cqes[0].res >= 0 || cqes[0].res == -EFAULT) << cqes[0].res;
    (cqes[0].res == -EFAULT ? faults : whole)++;
  }
  stop = true;
  threads.clear();
  RecordProperty("requests", std::to_string(requests));
  std::printf("%llu requests: %llu whole or short, %llu with -EFAULT\n",
              static_cast<unsigned long long>(requests), static_cast<unsigned long long>(whole),
              static_cast<unsigned long long>(faults));
  EXPECT_GT(faults, 0u) << "the test must meet what it is about";
  EXPECT_GT(whole, 0u);

  // Whatever went before, everything works.
  for (Arena& arena : arenas) arena.restore();
  const Descriptor fill = {3, 0, 1, kBytes, 0};
  abi::Sqe& sqe = ring.push(abi::IORING_OP_BPF, 1);
  sqe.op_flags = uint32_t{kFill} << 24 | 0x5c;
  sqe.addr = reinterpret_cast<uint64_t>(&fill);
  ASSERT_EQ(ring.enter(1), 1);
  EXPECT_EQ(ring.reap().at(0).res, 0);
  EXPECT_EQ(arenas[1].data()[0], std::byte{0x5c});
  EXPECT_EQ(arenas[2].data()[kBytes / 2 - 1], std::byte{0x5c});
}

RING3_BACKEND_TESTS(HostileTest);

}  // namespace
}  // namespace ring3::test
