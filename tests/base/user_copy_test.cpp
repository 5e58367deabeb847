// Copies from and to every kind of bad address, against what the page tables say.
#include "base/user_copy.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.hpp"
#include "seed.hpp"

namespace ring3 {
namespace {

constexpr size_t kPage = 4096;

uint64_t address(const void* p) { return reinterpret_cast<uint64_t>(p); }

// `good` pages that can be read and written, then one that can't be touched.
Mapping fenced(size_t good) {
  void* memory =
      mmap(nullptr, (good + 1) * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  EXPECT_NE(memory, MAP_FAILED);
  EXPECT_EQ(mprotect(static_cast<char*>(memory) + good * kPage, kPage, PROT_NONE), 0);
  return {memory, (good + 1) * kPage};
}

struct BadAddress {
  const char* name;
  uint64_t address;
};

class BadAddresses : public testing::TestWithParam<BadAddress> {};

TEST_P(BadAddresses, AreEfaultAtAnySize) {
  std::vector<char> ours(3 * kPage);
  for (size_t size : {1, 2, 7, 8, 9, 63, 255, 256, 257, 4096, 8193}) {
    EXPECT_EQ(copy_from_user(ours.data(), GetParam().address, size), -EFAULT) << size;
    EXPECT_EQ(copy_to_user(GetParam().address, ours.data(), size), -EFAULT) << size;
    EXPECT_EQ(copy_string_from_user(ours.data(), GetParam().address, size), -EFAULT) << size;
  }
  // No byte is asked for, so none is missing.
  EXPECT_EQ(copy_from_user(ours.data(), GetParam().address, 0), 0);
  EXPECT_EQ(copy_to_user(GetParam().address, ours.data(), 0), 0);
  EXPECT_EQ(copy_string_from_user(ours.data(), GetParam().address, 0), 0);
}

INSTANTIATE_TEST_SUITE_P(All, BadAddresses,
                         testing::Values(BadAddress{"null", 0}, BadAddress{"low", 8},
                                         BadAddress{"last_user_page", 0x7fff'ffff'f000},
                                         BadAddress{"non_canonical", 0x8000'0000'0000},
                                         BadAddress{"non_canonical_high", 0x8000'0000'0000'0000},
                                         BadAddress{"kernel", 0xffff'ffff'8100'0000},
                                         BadAddress{"last_byte", UINT64_MAX}),
                         [](const auto& test) { return test.param.name; });

TEST(UserCopy, StopsWhereThePagesStop) {
  const Mapping memory = fenced(2);
  auto* theirs = reinterpret_cast<unsigned char*>(memory.data());
  const unsigned seed = ring3::test::seed_of_run();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (size_t i = 0; i < 2 * kPage; ++i) theirs[i] = static_cast<unsigned char>(random());
  std::vector<unsigned char> ours(4 * kPage), model(2 * kPage);
  for (int round = 0; round < 20'000; ++round) {
    const size_t offset = random() % (2 * kPage);
    const size_t size = random() % 2 ? random() % 600 : random() % (3 * kPage);
    const bool whole = offset + size <= 2 * kPage;
    SCOPED_TRACE(testing::Message() << "offset " << offset << " size " << size);
    ASSERT_EQ(copy_from_user(ours.data(), address(theirs + offset), size), whole ? 0 : -EFAULT);
    if (!whole) continue;
    ASSERT_EQ(memcmp(ours.data(), theirs + offset, size), 0);
    for (size_t i = 0; i < size; ++i) ours[i] = static_cast<unsigned char>(round + i);
    memcpy(model.data(), theirs, 2 * kPage);
    memcpy(model.data() + offset, ours.data(), size);
    ASSERT_EQ(copy_to_user(address(theirs + offset), ours.data(), size), 0);
    ASSERT_EQ(memcmp(model.data(), theirs, 2 * kPage), 0);
  }
}

TEST(UserCopy, StringsEndAtTheirNulOrAtTheSize) {
  const Mapping memory = fenced(1);
  auto* page = reinterpret_cast<char*>(memory.data());
  for (size_t length = 0; length < 70; ++length) {
    memset(page, 'x', kPage);
    char* text = page + kPage - length - 1;  // its NUL is the last byte before the fence
    page[kPage - 1] = 0;
    for (size_t size = 1; size < 80; ++size) {
      char ours[80];
      memset(ours, '?', sizeof ours);
      const size_t written = std::min(size, length + 1);
      ASSERT_EQ(copy_string_from_user(ours, address(text), size), static_cast<long>(written)) << length;
      ASSERT_EQ(std::string(ours), std::string(text, written - 1));
      ASSERT_EQ(ours[written], '?');
    }
  }
  page[kPage - 1] = 'x';
  char ours[16];
  EXPECT_EQ(copy_string_from_user(ours, address(page + kPage - 4), 16), -EFAULT);
  EXPECT_EQ(copy_string_from_user(ours, address(page + kPage - 4), 4), 4);
  EXPECT_STREQ(ours, "xxx");
}

TEST(UserCopy, ReadOnlyMemoryCanBeReadOnly) {
  Mapping memory = fenced(1);
  ASSERT_EQ(mprotect(memory.data(), kPage, PROT_READ), 0);
  char ours[300] = {};
  for (size_t size : {1, 8, 300}) {
    EXPECT_EQ(copy_from_user(ours, address(memory.data()), size), 0);
    EXPECT_EQ(copy_to_user(address(memory.data()), ours, size), -EFAULT);
  }
}

TEST(UserCopy, AFileTruncatedUnderItsMappingIsEfault) {
  FileDescriptor file(memfd_create("truncated", MFD_CLOEXEC));
  ASSERT_EQ(ftruncate(file.get(), 2 * kPage), 0);
  void* memory = mmap(nullptr, 2 * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  ASSERT_NE(memory, MAP_FAILED);
  const Mapping owner(memory, 2 * kPage);
  std::vector<char> ours(2 * kPage);
  EXPECT_EQ(copy_from_user(ours.data(), address(memory), 2 * kPage), 0);
  ASSERT_EQ(ftruncate(file.get(), kPage), 0);
  EXPECT_EQ(copy_from_user(ours.data(), address(memory), kPage), 0);
  EXPECT_EQ(copy_from_user(ours.data(), address(memory), kPage + 1), -EFAULT);
  EXPECT_EQ(copy_to_user(address(memory) + kPage, ours.data(), 8), -EFAULT);
}

TEST(UserCopy, SurvivesThreadsThatUnmapMeanwhile) {
  constexpr size_t kBytes = 16 * kPage;
  void* memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  std::atomic<bool> stop{false};
  std::thread unmapper([&] {
    while (!stop) {
      // The range stays ours, so that nobody else's memory gets in between.
      mmap(memory, kBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
      mmap(memory, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    }
  });
  std::atomic<uint64_t> good{0}, bad{0}, other{0};
  std::vector<std::thread> copiers;
  for (int i = 0; i < 2; ++i)
    copiers.emplace_back([&] {
      std::vector<char> ours(kBytes);
      for (unsigned round = 0; !stop; ++round) {
        const size_t size = round % 3 == 0 ? 64 : kBytes;
        const int result = round % 2 ? copy_from_user(ours.data(), address(memory), size)
                                     : copy_to_user(address(memory), ours.data(), size);
        (result == 0 ? good : result == -EFAULT ? bad : other)++;
      }
    });
  std::this_thread::sleep_for(std::chrono::seconds(2));
  stop = true;
  unmapper.join();
  for (auto& copier : copiers) copier.join();
  munmap(memory, kBytes);
  EXPECT_EQ(other, 0u);
  EXPECT_GT(good, 0u);
  EXPECT_GT(bad, 0u);
}

TEST(UserCopy, WorksOnAnAlternateStack) {
  std::vector<char> memory(4 * SIGSTKSZ);
  const stack_t stack = {.ss_sp = memory.data(), .ss_flags = 0, .ss_size = memory.size()};
  stack_t before;
  ASSERT_EQ(sigaltstack(&stack, &before), 0);
  char ours[8];
  EXPECT_EQ(copy_from_user(ours, 0, sizeof ours), -EFAULT);
  ASSERT_EQ(sigaltstack(&before, nullptr), 0);
}

}  // namespace
}  // namespace ring3
