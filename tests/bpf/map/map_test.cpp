// What the kernel can't be asked about: addresses, walks, eviction, memory shared with others, ring buffers.
#include "bpf/map/map.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <functional>
#include <random>
#include <set>
#include <string>

#include "base/fd.hpp"
#include "seed.hpp"

namespace ring3::bpf {
namespace {

using namespace abi;

std::shared_ptr<Map> make(BpfMapType type, uint32_t key, uint32_t value, uint32_t entries,
                          uint32_t flags = 0) {
  auto map = Map::create({"test", type, key, value, entries, flags});
  EXPECT_TRUE(map) << map.error().text();
  return map ? *map : nullptr;
}

uint64_t value_at(const void* address) { return *static_cast<const uint64_t*>(address); }

// for_each with a lambda.
long walk(Map& map, std::function<bool(const void* key, void* value)> visit, unsigned cpu = 0) {
  return map.for_each(
      cpu,
      [](void* context, const void* key, void* value) {
        return (*static_cast<std::function<bool(const void*, void*)>*>(context))(key, value);
      },
      &visit);
}

TEST(Map, AKindThatWeDoNotHaveIsSaidSo) {
  const auto map = Map::create({"queue", static_cast<BpfMapType>(22), 0, 4, 16, 0});
  ASSERT_FALSE(map);
  EXPECT_EQ(map.error().code, ENOTSUP);
  EXPECT_EQ(map.error().text(), "map queue: maps of type 22 are not supported (EOPNOTSUPP)");
}

TEST(Map, HashesOfTooManyElementsAreE2big) {
  for (BpfMapType type : {BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_PERCPU_HASH}) {
    const auto map = Map::create({"huge", type, 4, 8, (1u << 31) + 1});
    ASSERT_FALSE(map);
    EXPECT_EQ(map.error().code, E2BIG);
  }
}

TEST(Array, ValuesAreOneBlockOfAlignedElements) {
  for (uint32_t flags : {0u, uint32_t{BPF_F_MMAPABLE}}) {
    const auto map = make(BPF_MAP_TYPE_ARRAY, 4, 13, 5, flags);
    ASSERT_EQ(map->values().size(), 5u * 16);
    for (uint32_t i = 0; i < 5; ++i) EXPECT_EQ(map->lookup(&i, 0), map->values().data() + i * 16u);
    const uint32_t beyond = 5;
    EXPECT_EQ(map->lookup(&beyond, 0), nullptr);
    EXPECT_EQ(map->fd() >= 0, flags != 0);
  }
}

TEST(Array, AMappingOfItsFileIsTheSameMemory) {
  const auto map = make(BPF_MAP_TYPE_ARRAY, 4, 8, 1000, BPF_F_MMAPABLE);
  void* memory = mmap(nullptr, 8000, PROT_READ | PROT_WRITE, MAP_SHARED, map->fd(), 0);
  ASSERT_NE(memory, MAP_FAILED);
  const Mapping owner(memory, 8000);
  const uint32_t key = 999;
  const uint64_t value = 0x1234;
  ASSERT_EQ(map->update(&key, &value, BPF_ANY, 0), 0);
  EXPECT_EQ(static_cast<uint64_t*>(memory)[999], 0x1234u);
  static_cast<uint64_t*>(memory)[999] = 0x5678;
  EXPECT_EQ(value_at(map->lookup(&key, 0)), 0x5678u);
}

class Percpu : public testing::TestWithParam<BpfMapType> {};
INSTANTIATE_TEST_SUITE_P(All, Percpu, testing::Values(BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_TYPE_PERCPU_HASH));

TEST_P(Percpu, AProgramWritesItsOwnCpusValue) {
  const auto map = make(GetParam(), 4, 8, 4);
  const uint32_t key = 2;
  const unsigned cpus = cpu_count();
  std::vector<uint64_t> all(cpus, 7), seen(cpus);
  ASSERT_EQ(map->write(&key, all.data(), BPF_ANY), 0);
  for (unsigned cpu = 0; cpu < cpus; ++cpu) {
    const uint64_t value = 100 + cpu;
    ASSERT_EQ(map->update(&key, &value, BPF_ANY, cpu), 0);
    ASSERT_EQ(map->read(&key, seen.data()), 0);
    for (unsigned other = 0; other < cpus; ++other) EXPECT_EQ(seen[other], other <= cpu ? 100 + other : 7);
    EXPECT_EQ(value_at(map->lookup(&key, cpu)), 100 + cpu);
  }
  // Addresses stay through updates, as programs hold them.
  void* before = map->lookup(&key, 0);
  ASSERT_EQ(map->write(&key, all.data(), BPF_EXIST), 0);
  EXPECT_EQ(map->lookup(&key, 0), before);
}

TEST(PercpuHash, AProgramsNewElementIsZeroOnOtherCpus) {
  const auto map = make(BPF_MAP_TYPE_PERCPU_HASH, 4, 8, 1);
  const uint64_t value = ~uint64_t{0};
  std::vector<uint64_t> all(cpu_count(), value), seen(cpu_count());
  uint32_t key = 1;
  ASSERT_EQ(map->write(&key, all.data(), BPF_ANY), 0);  // dirties the element
  ASSERT_EQ(map->erase(&key), 0);
  key = 2;
  const unsigned last = cpu_count() - 1;
  ASSERT_EQ(map->update(&key, &value, BPF_NOEXIST, last), 0);
  ASSERT_EQ(map->read(&key, seen.data()), 0);
  for (unsigned cpu = 0; cpu < cpu_count(); ++cpu) EXPECT_EQ(seen[cpu], cpu == last ? value : 0);
}

TEST(Hash, AnErasedValueIsStillMemory) {
  const auto map = make(BPF_MAP_TYPE_HASH, 4, 8, 2);
  const uint32_t key = 1;
  const uint64_t value = 11, other = 22;
  ASSERT_EQ(map->update(&key, &value, BPF_ANY, 0), 0);
  const void* held = map->lookup(&key, 0);
  ASSERT_EQ(map->update(&key, &other, BPF_ANY, 0), 0);
  EXPECT_EQ(value_at(held), 11u) << "an update makes a new value; who holds the old one sees no half of it";
  EXPECT_EQ(value_at(map->lookup(&key, 0)), 22u);
  ASSERT_EQ(map->erase(&key), 0);
  EXPECT_EQ(value_at(held), 11u);
}

TEST(Hash, ValuesAreAlignedWhateverTheKey) {
  for (uint32_t key_size : {1u, 3u, 4u, 8u, 13u, 100u}) {
    const auto map = make(BPF_MAP_TYPE_HASH, key_size, 5, 3);
    std::vector<char> key(key_size);
    for (char i = 0; i < 3; ++i) {
      key[0] = i;
      ASSERT_EQ(map->update(key.data(), "12345", BPF_ANY, 0), 0);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(map->lookup(key.data(), 0)) % 8, 0u);
    }
  }
}

class Walk : public testing::TestWithParam<BpfMapType> {};
INSTANTIATE_TEST_SUITE_P(All, Walk,
                         testing::Values(BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_LRU_HASH,
                                         BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_TYPE_PERCPU_HASH));

TEST_P(Walk, VisitsEveryElementOnce) {
  const auto map = make(GetParam(), 4, 8, 500);
  for (uint32_t key = 0; key < 500; ++key) {
    const uint64_t value = key * 3;
    ASSERT_EQ(map->update(&key, &value, BPF_ANY, 0), 0);
  }
  std::set<uint32_t> seen;
  const auto visit = [&](const void* key, void* value) {
    const uint32_t k = *static_cast<const uint32_t*>(key);
    EXPECT_TRUE(seen.insert(k).second);
    EXPECT_EQ(value_at(value), k * 3);
    return seen.size() % 250 != 0;
  };
  EXPECT_EQ(walk(*map, visit), 250) << "it ends where the visit says";
  seen.clear();
  EXPECT_EQ(walk(*map, [&](const void* k, void* v) { return visit(k, v), true; }), 500);
}

TEST(Hash, AWalkMayEraseAndUpdateWhatItVisits) {
  const auto map = make(BPF_MAP_TYPE_HASH, 4, 8, 500);
  const uint64_t value = 1, changed = 2;
  for (uint32_t key = 0; key < 500; ++key) ASSERT_EQ(map->update(&key, &value, BPF_ANY, 0), 0);
  std::multiset<uint32_t> seen;
  EXPECT_EQ(walk(*map,
                 [&](const void* key, void*) {
                   const uint32_t k = *static_cast<const uint32_t*>(key);
                   seen.insert(k);
                   return (k % 2 ? map->erase(&k) : map->update(&k, &changed, BPF_EXIST, 0)) == 0;
                 }),
            500);
  EXPECT_EQ(std::set<uint32_t>(seen.begin(), seen.end()).size(), 500u);
  EXPECT_EQ(walk(*map,
                 [&](const void* key, void* v) {
                   EXPECT_EQ(*static_cast<const uint32_t*>(key) % 2, 0u);
                   EXPECT_EQ(value_at(v), 2u);
                   return true;
                 }),
            250);
}

TEST(LruHash, EvictsWhatWasNotLookedUp) {
  constexpr uint32_t kRoom = 100, kHot = 10;
  const auto map = make(BPF_MAP_TYPE_LRU_HASH, 4, 8, kRoom);
  for (uint32_t key = 0; key < 10'000; ++key) {
    const uint64_t value = key;
    ASSERT_EQ(map->update(&key, &value, BPF_NOEXIST, 0), 0) << "an LRU map is never full";
    uint64_t stored;
    ASSERT_EQ(map->read(&key, &stored), 0)
        << "what was just stored is there; reading from outside is no use of it";
    ASSERT_EQ(stored, key);
    for (uint32_t hot = 0; hot < kHot && hot < key; ++hot)
      ASSERT_NE(map->lookup(&hot, 0), nullptr) << "after " << key;
  }
  EXPECT_EQ(walk(*map, [](const void*, void*) { return true; }), kRoom);
}

TEST(LruHash, OneElementIsEnough) {
  const auto map = make(BPF_MAP_TYPE_LRU_HASH, 4, 8, 1);
  for (uint32_t key = 0; key < 10; ++key) {
    const uint64_t value = key;
    ASSERT_EQ(map->update(&key, &value, BPF_NOEXIST, 0), 0);
    ASSERT_EQ(map->update(&key, &value, BPF_NOEXIST, 0), -EEXIST);
    ASSERT_EQ(map->update(&key, &value, BPF_EXIST, 0), 0);
    ASSERT_EQ(value_at(map->lookup(&key, 0)), key);
  }
}

class RingBufferTest : public testing::Test {
 protected:
  static constexpr uint32_t kBytes = 4096;
  std::shared_ptr<Map> map = make(BPF_MAP_TYPE_RINGBUF, 0, 0, kBytes);
  RingBuffer& ring = static_cast<RingBuffer&>(*map);

  std::vector<std::string> consume() {
    std::vector<std::string> records;
    const size_t count = ring.consume(
        [](void* context, std::span<const std::byte> record) {
          static_cast<std::vector<std::string>*>(context)->emplace_back(
              reinterpret_cast<const char*>(record.data()), record.size());
        },
        &records);
    EXPECT_EQ(count, records.size());
    return records;
  }
};

TEST_F(RingBufferTest, RecordsComeInOrderWholeAndOnce) {
  const unsigned seed = ring3::test::seed_of_run();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  std::deque<std::string> model;
  struct Held {
    void* record;
    std::string text;
    bool discard;
  };
  std::deque<Held> held;  // reserved, not committed; nothing behind the first of them can be seen
  for (int i = 0; i < 20'000; ++i) {
    const std::string text(random() % 300, static_cast<char>('a' + i % 26));
    if (void* record = ring.reserve(text.size())) {
      memcpy(record, text.data(), text.size());
      EXPECT_EQ(&RingBuffer::owner(record), &ring);
      held.push_back({record, text, random() % 8 == 0});
    }
    if (random() % 2) {
      while (!held.empty()) {
        ring.commit(held.front().record, held.front().discard);
        if (!held.front().discard) model.push_back(held.front().text);
        held.pop_front();
      }
    }
    if (random() % 4 == 0) {
      for (const std::string& record : consume()) {
        ASSERT_FALSE(model.empty());
        ASSERT_EQ(record, model.front());
        model.pop_front();
      }
      ASSERT_TRUE(model.empty());
    }
  }
}

TEST_F(RingBufferTest, ARecordStillBeingWrittenHoldsBackThoseBehind) {
  void* first = ring.reserve(8);
  ASSERT_EQ(ring.output("second", 6), 0);
  EXPECT_TRUE(consume().empty());
  memcpy(first, "12345678", 8);
  ring.commit(first, false);
  EXPECT_EQ(consume(), (std::vector<std::string>{"12345678", "second"}));
}

TEST_F(RingBufferTest, AConsumerThatLiesCannotMakeRecordsOverlap) {
  void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, map->fd(), 0);
  ASSERT_NE(page, MAP_FAILED);
  const Mapping consumer(page, 4096);
  auto* busy = static_cast<char*>(ring.reserve(1000));
  for (int i = 0; i < 100; ++i) {
    *static_cast<uint64_t*>(page) = ring.query(3);  // "all is consumed"
    auto* record = static_cast<char*>(ring.reserve(1000));
    if (!record) continue;
    EXPECT_TRUE(record + 1000 <= busy || record >= busy + 1000);
    ring.commit(record, false);
  }
  EXPECT_EQ(ring.reserve(3000), nullptr);
  *static_cast<uint64_t*>(page) = 12345;  // nonsense is survived
  consume();
}

TEST_F(RingBufferTest, IsLaidOutAsLinuxDoes) {
  ASSERT_EQ(ring.output("hello", 5), 0);
  ring.commit(ring.reserve(3), true);
  void* memory = mmap(nullptr, 2 * 4096 + kBytes, PROT_READ, MAP_SHARED, map->fd(), 0);
  ASSERT_NE(memory, MAP_FAILED);
  const Mapping pages(memory, 2 * 4096 + kBytes);
  const auto u64 = [&](size_t at) { return *reinterpret_cast<const uint64_t*>(pages.data() + at); };
  const auto u32 = [&](size_t at) { return *reinterpret_cast<const uint32_t*>(pages.data() + at); };
  EXPECT_EQ(u64(0), 0u);         // consumer
  EXPECT_EQ(u64(4096), 32u);     // producers: 8 + 5 rounded up to 16, 8 + 3 to 16
  EXPECT_EQ(u32(2 * 4096), 5u);  // committed: neither busy nor discarded
  EXPECT_EQ(memcmp(pages.data() + 2 * 4096 + 8, "hello", 5), 0);
  EXPECT_EQ(u32(2 * 4096 + 16), 3u | 1u << 30);  // discarded
  EXPECT_EQ(consume(), std::vector<std::string>{"hello"});
  EXPECT_EQ(u64(0), 32u);
}

TEST_F(RingBufferTest, AnswersQueries) {
  ASSERT_EQ(ring.output("hello", 5), 0);
  ASSERT_EQ(consume().size(), 1u);
  ASSERT_EQ(ring.output("hello", 5), 0);
  const uint64_t expected[] = {16, kBytes, 16, 32, 0, 0};
  for (uint64_t flags = 0; flags < std::size(expected); ++flags)
    EXPECT_EQ(ring.query(flags), expected[flags]);
}

TEST_F(RingBufferTest, RefusesRecordsThatCanNeverFit) {
  for (uint64_t size :
       {uint64_t{kBytes - 8}, uint64_t{kBytes}, uint64_t{UINT32_MAX}, UINT64_MAX - 3, UINT64_MAX}) {
    EXPECT_EQ(ring.reserve(size), nullptr) << size;
    EXPECT_EQ(ring.output("", size), -EAGAIN) << size;
  }
  EXPECT_NE(ring.reserve(kBytes - 16), nullptr);
}

}  // namespace
}  // namespace ring3::bpf
