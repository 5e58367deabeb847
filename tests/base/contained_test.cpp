// Faults in code that is marked as contained end the run, and nothing else.
#include "base/contained.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <thread>

#include "base/fd.hpp"
#include "base/user_copy.hpp"

namespace ring3 {
namespace {

constexpr size_t kPage = 4096;

Mapping pages(size_t count, int protection) {
  return Mapping(mmap(nullptr, count * kPage, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), count * kPage);
}

struct Access {
  volatile uint64_t* address;
  bool write = false;
  int depth = 0;       // of calls before the access
  int reached = 0;     // how many of them came back
  uint64_t inner = 0;  // faults of the runs within
};

RING3_CONTAINED uint64_t use(void* opaque) {
  auto& access = *static_cast<Access*>(opaque);
  if (access.depth-- > 0) {
    const uint64_t value = use(opaque);
    ++access.reached;
    return value + 1;
  }
  if (access.write) *access.address = 7;
  return *access.address;
}

RING3_CONTAINED uint64_t use_within_another_run(void* opaque) {
  auto& access = *static_cast<Access*>(opaque);
  access.inner += run_contained(use, opaque).faulted;
  access.depth = 0;
  return use(opaque);
}

TEST(Contained, ARunWithoutFaultReturnsItsResult) {
  uint64_t word = 40;
  Access access{&word, false, 2};
  const Landed landed = run_contained(use, &access);
  EXPECT_EQ(landed.result, 42u);
  EXPECT_FALSE(landed.faulted);
  EXPECT_EQ(access.reached, 2);
}

TEST(Contained, AFaultLeavesEveryFrameOfTheRun) {
  const Mapping hidden = pages(1, PROT_NONE), readable = pages(1, PROT_READ);
  for (int depth : {0, 1, 20}) {
    Access access{reinterpret_cast<uint64_t*>(hidden.data()), false, depth};
    EXPECT_TRUE(run_contained(use, &access).faulted);
    EXPECT_EQ(access.reached, 0);
    Access write{reinterpret_cast<uint64_t*>(readable.data()), true, depth};
    EXPECT_TRUE(run_contained(use, &write).faulted);
    Access read{reinterpret_cast<uint64_t*>(readable.data()), false, depth};
    EXPECT_FALSE(run_contained(use, &read).faulted);
  }
}

TEST(Contained, AnAddressThatNoCpuHasIsAFaultToo) {
  Access access{reinterpret_cast<uint64_t*>(0x8000'0000'0000'0000), false};
  EXPECT_TRUE(run_contained(use, &access).faulted);
}

TEST(Contained, AFileCutUnderItsMappingIsAFault) {
  const FileDescriptor file(memfd_create("cut", MFD_CLOEXEC));
  ASSERT_EQ(ftruncate(file.get(), kPage), 0);
  const Mapping mapping(mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0), kPage);
  Access access{reinterpret_cast<uint64_t*>(mapping.data()), true};
  EXPECT_FALSE(run_contained(use, &access).faulted);
  ASSERT_EQ(ftruncate(file.get(), 0), 0);
  EXPECT_TRUE(run_contained(use, &access).faulted);
  EXPECT_FALSE(is_readable(reinterpret_cast<uint64_t>(mapping.data())));
}

TEST(Contained, RunsNest) {
  const Mapping hidden = pages(1, PROT_NONE);
  Access access{reinterpret_cast<uint64_t*>(hidden.data())};
  EXPECT_TRUE(run_contained(use_within_another_run, &access).faulted);
  EXPECT_EQ(access.inner, 1u);
}

TEST(Contained, EachThreadHasItsOwnRun) {
  const Mapping hidden = pages(1, PROT_NONE);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int round = 0; round < 2000; ++round) {
        Access access{reinterpret_cast<uint64_t*>(hidden.data()), false, round % 5};
        EXPECT_TRUE(run_contained(use, &access).faulted);
      }
    });
}

template <typename T>
void check_accesses() {
  const Mapping writable = pages(1, PROT_READ | PROT_WRITE), readable = pages(1, PROT_READ),
                hidden = pages(1, PROT_NONE);
  const auto at = [](const Mapping& mapping) { return reinterpret_cast<uint64_t>(mapping.data()) + 8; };
  const T value = static_cast<T>(0xf1e2'd3c4'b5a6'9788);
  T loaded = 1;
  EXPECT_TRUE(contained_store(at(writable), value));
  EXPECT_TRUE(contained_load(at(writable), loaded));
  EXPECT_EQ(loaded, value);
  // Nothing beside it was touched.
  uint64_t around[3];
  memcpy(around, writable.data(), sizeof around);
  EXPECT_EQ(around[0], 0u);
  EXPECT_EQ(around[1], uint64_t{value});
  EXPECT_EQ(around[2], 0u);
  EXPECT_FALSE(contained_store(at(readable), value));
  EXPECT_TRUE(contained_load(at(readable), loaded));
  EXPECT_EQ(loaded, 0u);
  loaded = 1;
  EXPECT_FALSE(contained_load(at(hidden), loaded));
  EXPECT_EQ(loaded, 0u);
  EXPECT_FALSE(contained_store(at(hidden), value));
}

TEST(Contained, SingleAccessesSayWhetherTheyWereMade) {
  check_accesses<uint8_t>();
  check_accesses<uint16_t>();
  check_accesses<uint32_t>();
  check_accesses<uint64_t>();
}

TEST(Contained, ProbesChangeNothing) {
  Mapping writable = pages(1, PROT_READ | PROT_WRITE);
  writable.data()[5] = std::byte{0xa5};
  const auto address = reinterpret_cast<uint64_t>(writable.data()) + 5;
  EXPECT_TRUE(is_readable(address));
  EXPECT_TRUE(is_writable(address));
  EXPECT_EQ(writable.data()[5], std::byte{0xa5});
  const Mapping readable = pages(1, PROT_READ), hidden = pages(1, PROT_NONE);
  EXPECT_TRUE(is_readable(reinterpret_cast<uint64_t>(readable.data())));
  EXPECT_FALSE(is_writable(reinterpret_cast<uint64_t>(readable.data())));
  EXPECT_FALSE(is_readable(reinterpret_cast<uint64_t>(hidden.data())));
}

}  // namespace
}  // namespace ring3
