// Many threads on one map: nothing is lost, torn, or left locked.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "bpf/map/map.hpp"

namespace ring3::bpf {
namespace {

using namespace abi;

constexpr unsigned kThreads = 4;
constexpr uint32_t kEntries = 64, kKeys = 160;

class Concurrent : public testing::TestWithParam<BpfMapType> {};
INSTANTIATE_TEST_SUITE_P(All, Concurrent,
                         testing::Values(BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_PERCPU_HASH));

struct Value {
  uint64_t key, copy;
};

// Runs `body` on threads until a second has passed.
template <typename Body>
void hammer(Body body) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < kThreads; ++i)
    threads.emplace_back([&, i] {
      std::mt19937 random(i);
      while (!stop) body(random, i);
    });
  std::this_thread::sleep_for(std::chrono::seconds(1));
  stop = true;
  for (auto& thread : threads) thread.join();
}

TEST_P(Concurrent, ElementsStayWhole) {
  const bool lru = GetParam() == BPF_MAP_TYPE_LRU_HASH;
  const auto map = *Map::create({"shared", GetParam(), 4, sizeof(Value), kEntries});
  std::atomic<unsigned> wrong{0}, found{0}, full{0};
  hammer([&](std::mt19937& random, unsigned) {
    const uint32_t key = random() % kKeys;
    std::vector<Value> values(cpu_count(), Value{key, ~uint64_t{key}});
    uint32_t next;
    int result = 0;
    switch (random() % 8) {
      case 0:
      case 1:
      case 2:
        result = map->write(&key, values.data(), BPF_ANY);
        full += result == -E2BIG;
        wrong += result != 0 && result != (lru ? -ENOMEM : -E2BIG);
        break;
      case 3:
      case 4:
        result = map->erase(&key);
        wrong += result != 0 && result != -ENOENT;
        break;
      case 5:
        if (map->next_key(&key, &next) == 0) wrong += next >= kKeys;
        break;
      default:
        if (map->read(&key, values.data()) != 0) break;
        ++found;
        for (const Value& value : values) wrong += value.key != key || value.copy != ~uint64_t{key};
    }
  });
  EXPECT_EQ(wrong, 0u);
  EXPECT_GT(found, 1000u);
  EXPECT_EQ(full > 0, !lru);

  // Each key is there once, and not one element was lost: all can be used again.
  std::set<uint32_t> keys;
  uint32_t key;
  for (int result = map->next_key(nullptr, &key); result == 0; result = map->next_key(&key, &key))
    EXPECT_TRUE(keys.insert(key).second);
  EXPECT_LE(keys.size(), kEntries);
  for (uint32_t k : keys) EXPECT_EQ(map->erase(&k), 0);
  std::vector<Value> values(cpu_count());
  for (uint32_t k = 1000; k < 1000 + kEntries; ++k) EXPECT_EQ(map->write(&k, values.data(), BPF_NOEXIST), 0);
  const uint32_t one_more = 1;
  EXPECT_EQ(map->write(&one_more, values.data(), BPF_NOEXIST), lru ? 0 : -E2BIG);
}

TEST(ConcurrentRingBuffer, KeepsEachProducersOrder) {
  constexpr uint64_t kRecords = 20'000;
  const auto map = *Map::create({"shared", BPF_MAP_TYPE_RINGBUF, 0, 0, 8192});
  auto& ring = static_cast<RingBuffer&>(*map);
  struct Record {
    uint64_t producer, number;
    char padding[40];
  };
  std::vector<std::thread> producers;
  for (uint64_t producer = 0; producer < kThreads; ++producer)
    producers.emplace_back([&ring, producer] {
      for (uint64_t number = 0; number < kRecords;) {
        const size_t size = 16 + number % 40;
        void* record = ring.reserve(size);
        if (!record) {
          std::this_thread::yield();
          continue;
        }
        const Record content = {producer, number, {}};
        memcpy(record, &content, size);
        ring.commit(record, number % 16 == 15);
        ++number;
      }
    });
  struct Consumer {
    uint64_t next[kThreads] = {}, count = 0, wrong = 0;
  } consumer;
  const auto sink = [](void* context, std::span<const std::byte> bytes) {
    auto& c = *static_cast<Consumer*>(context);
    uint64_t producer, number;
    memcpy(&producer, bytes.data(), 8);
    memcpy(&number, bytes.data() + 8, 8);
    uint64_t& next = c.next[producer];
    if (next % 16 == 15) ++next;  // that one was discarded
    c.wrong += number != next || bytes.size() != 16 + number % 40;
    next = number + 1;
    ++c.count;
  };
  while (consumer.count < kThreads * (kRecords - kRecords / 16))
    if (ring.consume(sink, &consumer) == 0) std::this_thread::yield();
  for (auto& producer : producers) producer.join();
  EXPECT_EQ(consumer.wrong, 0u);
  EXPECT_EQ(ring.consume(sink, &consumer), 0u);
}

}  // namespace
}  // namespace ring3::bpf
