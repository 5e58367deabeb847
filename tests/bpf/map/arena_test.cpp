// Arenas by themselves: what Linux refuses, where they lie, and their two views. tests/hooks/arena_test.cpp
// has programs.
#include "bpf/map/arena.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <thread>

#include "base/contained.hpp"

namespace ring3::bpf {
namespace {

using namespace abi;
constexpr uint64_t kPage = 4096;

MapDefinition definition(uint32_t pages, uint64_t at = 0, uint32_t flags = BPF_F_MMAPABLE) {
  MapDefinition made;
  made.name = "arena";
  made.type = BPF_MAP_TYPE_ARENA;
  made.max_entries = pages;
  made.flags = flags;
  made.extra = at;
  return made;
}
int refusal(const MapDefinition& asked) {
  const auto map = Map::create(asked);
  return map ? 0 : map.error().code;
}
std::shared_ptr<Arena> make(const MapDefinition& asked) {
  auto map = Map::create(asked);
  EXPECT_TRUE(map) << map.error().text();
  return std::static_pointer_cast<Arena>(*map);
}
// Room for that many bytes, where an application may have it: under a sanitizer much of the address space is taken.
uint64_t free_place(uint64_t bytes) {
  void* const room = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  EXPECT_NE(room, MAP_FAILED);
  munmap(room, bytes);
  return reinterpret_cast<uint64_t>(room);
}
bool program_sees(const Arena& arena, uint64_t pointer) {
  return is_readable(arena.program_base() + static_cast<uint32_t>(pointer));
}

TEST(Arena, WhatLinuxRefuses) {
  EXPECT_EQ(refusal(definition(1)), 0);
  EXPECT_EQ(refusal(definition(0)), EINVAL);
  EXPECT_EQ(refusal(definition(1, 0, 0)), EINVAL);
  EXPECT_EQ(refusal(definition(1, 0, BPF_F_MMAPABLE | BPF_F_RDONLY_PROG)), EINVAL);
  EXPECT_EQ(refusal(definition(1, (uint64_t{1} << 44) + 1)), EINVAL);
  EXPECT_EQ(refusal(definition((1 << 20) + 1)), E2BIG);
  EXPECT_EQ(refusal(definition(2, (uint64_t{3} << 32) - kPage)), ERANGE);
  MapDefinition with_key = definition(1), with_value = definition(1);
  with_key.key_size = 4;
  with_value.value_size = 4;
  EXPECT_EQ(refusal(with_key), EINVAL);
  EXPECT_EQ(refusal(with_value), EINVAL);
}

TEST(Arena, LiesWhereItIsToldAndNeverAcrossFourGiB) {
  // At the start of a span, so that it can't cross the next.
  const uint64_t span = uint64_t{1} << 32;
  const uint64_t place = (free_place(2 * span) + span - 1) & -span;
  const auto placed = make(definition(16, place));
  EXPECT_EQ(placed->user_start(), place);
  EXPECT_EQ(refusal(definition(16, place)), EBUSY);
  std::vector<std::shared_ptr<Arena>> several;
  for (uint32_t pages : {1u, 1000u, 1u << 18, (1u << 19) + 1, 1u << 20, 1u << 20}) {
    several.push_back(make(definition(pages)));
    const uint64_t start = several.back()->user_start();
    EXPECT_EQ(start >> 32, (start + pages * kPage - 1) >> 32) << pages;
    const uint64_t last = several.back()->allocate(start + (pages - 1) * kPage, 1);
    EXPECT_EQ(last, start + (pages - 1) * kPage);
    EXPECT_TRUE(program_sees(*several.back(), last));
  }
}

TEST(Arena, BothViewsAreOfTheSamePages) {
  const auto arena = make(definition(16));
  const uint64_t page = arena->allocate(0, 2);
  ASSERT_EQ(page, arena->user_start());
  const uint64_t program = arena->program_base() + static_cast<uint32_t>(page);
  *reinterpret_cast<uint64_t*>(page + kPage) = 77;
  EXPECT_EQ(*reinterpret_cast<uint64_t*>(program + kPage), 77u);
  EXPECT_FALSE(program_sees(*arena, page + 2 * kPage));
  arena->free(page, 1);
  EXPECT_FALSE(program_sees(*arena, page));
  EXPECT_EQ(*reinterpret_cast<uint64_t*>(page + kPage), 77u);
  EXPECT_FALSE(arena->fault(static_cast<uint32_t>(page)));
  *reinterpret_cast<uint64_t*>(page) = 5;
  EXPECT_FALSE(program_sees(*arena, page));
  EXPECT_TRUE(arena->fault(static_cast<uint32_t>(page) + 100));
  EXPECT_EQ(*reinterpret_cast<uint64_t*>(program), 5u);
}

TEST(Arena, TheGuardHoldsWhateverTheOffset) {
  const auto arena = make(definition(16));
  for (int64_t at : {int64_t{-32768}, int64_t{-1}, (int64_t{1} << 32) + 32767 + 8})
    EXPECT_FALSE(is_readable(arena->program_base() + static_cast<uint64_t>(at))) << at;
  // It is ours, and not just empty by chance.
  void* const taken = mmap(reinterpret_cast<void*>(arena->program_base() - kPage), kPage, PROT_READ,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  EXPECT_EQ(taken, MAP_FAILED);
}

TEST(Arena, SegvOnFaultKeepsTheApplicationOut) {
  const auto arena = make(definition(16, 0, BPF_F_MMAPABLE | BPF_F_SEGV_ON_FAULT));
  EXPECT_FALSE(is_writable(arena->user_start()));
  const uint64_t page = arena->allocate(0, 1);
  EXPECT_TRUE(is_writable(page));
  EXPECT_FALSE(is_writable(page + kPage));
  arena->free(page, 1);
  EXPECT_FALSE(is_writable(page));
}

TEST(Arena, HasNoElements) {
  const auto arena = make(definition(16));
  uint32_t key = 0;
  EXPECT_EQ(arena->lookup(&key, 0), nullptr);
  EXPECT_EQ(arena->update(&key, &key, 0, 0), -EOPNOTSUPP);
  EXPECT_EQ(arena->erase(&key), -EOPNOTSUPP);
  EXPECT_EQ(arena->next_key(nullptr, &key), -EOPNOTSUPP);
}

TEST(Arena, ThreadsNeverShareAPage) {
  const auto arena = make(definition(256));
  std::vector<std::jthread> threads;
  for (uint64_t mine = 1; mine <= 4; ++mine)
    threads.emplace_back([&, mine] {
      for (int i = 0; i < 300; ++i) {
        const uint64_t count = 1 + (mine + static_cast<uint64_t>(i)) % 7;
        const uint64_t pages = arena->allocate(0, count);
        ASSERT_NE(pages, 0u);
        for (uint64_t p = 0; p < count; ++p) {
          auto& word = *reinterpret_cast<uint64_t*>(pages + p * kPage);
          ASSERT_EQ(word, 0u);
          word = mine;
        }
        for (uint64_t p = 0; p < count; ++p) ASSERT_EQ(*reinterpret_cast<uint64_t*>(pages + p * kPage), mine);
        arena->free(pages, count);
      }
    });
}

}  // namespace
}  // namespace ring3::bpf
