// Our maps against those of the running kernel: the same definitions and the same operations, drawn at
// random, must give the same errors, values and sets of keys.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstring>
#include <map>
#include <ostream>
#include <random>

#include "base/fd.hpp"
#include "bpf/map/map.hpp"
#include "kernel_map.hpp"
#include "seed.hpp"

namespace ring3::bpf {
namespace {

using namespace abi;

constexpr uint32_t kNoSuchFlag = 1u << 30;

struct Named {
  const char* name;
  BpfMapType type;
  friend std::ostream& operator<<(std::ostream& out, const Named& named) { return out << named.name; }
};
constexpr Named kTypes[] = {{"array", BPF_MAP_TYPE_ARRAY},
                            {"percpu_array", BPF_MAP_TYPE_PERCPU_ARRAY},
                            {"hash", BPF_MAP_TYPE_HASH},
                            {"lru_hash", BPF_MAP_TYPE_LRU_HASH},
                            {"percpu_hash", BPF_MAP_TYPE_PERCPU_HASH},
                            {"ringbuf", BPF_MAP_TYPE_RINGBUF}};

class Oracle : public testing::TestWithParam<Named> {
 protected:
  void SetUp() override {
    if (auto reason = kernel::unavailable()) GTEST_SKIP() << *reason;
    if (kernel::possible_cpus() != cpu_count())
      GTEST_SKIP() << "the kernel's per-CPU maps are for " << kernel::possible_cpus() << " CPUs, ours for "
                   << cpu_count();
  }
  bool indexed() const {
    return GetParam().type == BPF_MAP_TYPE_ARRAY || GetParam().type == BPF_MAP_TYPE_PERCPU_ARRAY;
  }
  bool per_cpu() const {
    return GetParam().type == BPF_MAP_TYPE_PERCPU_ARRAY || GetParam().type == BPF_MAP_TYPE_PERCPU_HASH;
  }
};

class ElementOracle : public Oracle {};  // all but ring buffers, which have no elements

constexpr auto kTestName = [](const auto& test) { return test.param.name; };
INSTANTIATE_TEST_SUITE_P(All, Oracle, testing::ValuesIn(kTypes), kTestName);
INSTANTIATE_TEST_SUITE_P(All, ElementOracle, testing::ValuesIn(std::begin(kTypes), std::end(kTypes) - 1),
                         kTestName);

TEST_P(Oracle, RefusesTheSameDefinitions) {
  unsigned refused = 0, accepted = 0;
  for (uint32_t key : {0u, 1u, 4u, 8u, 600u, 5u << 20})
    for (uint32_t value : {0u, 1u, 8u, 32768u, 32769u, 4u << 20, 5u << 20, 1u << 31})
      for (uint32_t entries : {0u, 1u, 3u, 4096u, 6000u, 8192u})
        for (uint32_t flags :
             {uint32_t{0}, uint32_t{BPF_F_NO_PREALLOC}, uint32_t{BPF_F_RDONLY}, uint32_t{BPF_F_WRONLY},
              BPF_F_RDONLY | BPF_F_WRONLY, uint32_t{BPF_F_RDONLY_PROG}, uint32_t{BPF_F_WRONLY_PROG},
              BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG, uint32_t{BPF_F_MMAPABLE}, kNoSuchFlag}) {
          const MapDefinition definition{"oracle", GetParam().type, key, value, entries, flags};
          // Large ones are not tried: whether they succeed is a matter of the memory that there is.
          if ((uint64_t{key} + value) * entries > 16 << 20 && (value < 1u << 31 || entries > 1)) continue;
          const auto ours = Map::create(definition);
          const kernel::Map theirs(definition.type, key, value, entries, flags);
          ASSERT_EQ(ours ? 0 : ours.error().code, theirs.error())
              << fmt::format("key {} value {} entries {} flags {:#x}", key, value, entries, flags);
          ++(ours ? accepted : refused);
        }
  EXPECT_GT(refused, 50u);
  EXPECT_GT(accepted, 1u);
  const MapDefinition extra{"oracle", GetParam().type, 4, 8, 4096, 0, 1};
  EXPECT_EQ(Map::create(extra).error().code, kernel::Map(extra.type, 4, 8, 4096, 0, 1).error());
}

// Both maps at once: every operation is done on both and compared.
class Pair {
 public:
  Pair(const MapDefinition& definition, bool per_cpu)
      : ours(*Map::create(definition)),
        theirs(definition.type, definition.key_size, definition.value_size, definition.max_entries,
               definition.flags),
        value_bytes(per_cpu ? (definition.value_size + 7) / 8 * 8 * cpu_count() : definition.value_size) {}

  void write(const void* key, std::mt19937& random, uint64_t flags) {
    std::vector<char> value(value_bytes);
    for (char& byte : value) byte = static_cast<char>(random());
    ASSERT_EQ(ours->write(key, value.data(), flags), theirs.write(key, value.data(), flags)) << flags;
  }
  void read(const void* key) {
    std::vector<char> a(value_bytes), b(value_bytes);
    ASSERT_EQ(ours->read(key, a.data()), theirs.read(key, b.data()));
    ASSERT_EQ(a, b);
  }
  void remove(const void* key) { ASSERT_EQ(ours->remove(key), theirs.remove(key)); }

  template <typename M>
  std::map<std::vector<char>, std::vector<char>> contents(M& map) {
    std::map<std::vector<char>, std::vector<char>> all;
    std::vector<char> key(ours->definition().key_size), value(value_bytes);
    int result = map.next_key(nullptr, key.data());
    for (; result == 0; result = map.next_key(key.data(), key.data())) {
      EXPECT_EQ(map.read(key.data(), value.data()), 0);
      EXPECT_TRUE(all.emplace(key, value).second) << "a key came twice";
    }
    EXPECT_EQ(result, -ENOENT);
    return all;
  }
  void compare_contents() { ASSERT_EQ(contents(*ours), contents(theirs)); }

  std::shared_ptr<Map> ours;
  kernel::Map theirs;
  size_t value_bytes;
};

TEST_P(ElementOracle, DoesTheSameOperations) {
  const unsigned seed = ring3::test::seed_of_run();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 12; ++round) {
    const uint32_t key_size = indexed() ? 4 : 4 + random() % 20;
    const uint32_t value_size = 1 + random() % 40;
    // An LRU map of the kernel evicts early, as its CPUs hoard free elements: here it never has to.
    const uint32_t entries = GetParam().type == BPF_MAP_TYPE_LRU_HASH ? 4096 : 1 + random() % 24;
    const uint32_t flags = !indexed() && entries < 4096 && random() % 2 ? uint32_t{BPF_F_NO_PREALLOC} : 0;
    Pair pair({"oracle", GetParam().type, key_size, value_size, entries, flags}, per_cpu());
    ASSERT_TRUE(pair.theirs.valid());
    for (int i = 0; i < 2000; ++i) {
      std::vector<char> key(key_size, 'k');
      const uint32_t number = random() % 32;
      memcpy(key.data(), &number, 4);
      constexpr uint64_t kFlags[] = {BPF_ANY, BPF_ANY, BPF_NOEXIST, BPF_EXIST, 3, BPF_F_LOCK, 8, UINT64_MAX};
      switch (random() % 8) {
        case 0:
        case 1:
        case 2:
        case 3:
          ASSERT_NO_FATAL_FAILURE(pair.write(key.data(), random, kFlags[random() % std::size(kFlags)]));
          break;
        case 4:
        case 5:
          ASSERT_NO_FATAL_FAILURE(pair.remove(key.data()));
          break;
        default:
          ASSERT_NO_FATAL_FAILURE(pair.read(key.data()));
      }
      if (i % 100 == 0) {
        ASSERT_NO_FATAL_FAILURE(pair.compare_contents());
      }
    }
    ASSERT_NO_FATAL_FAILURE(pair.compare_contents());
  }
}

TEST_P(ElementOracle, GuardsItsContentsAlike) {
  std::mt19937 random(1);
  const uint32_t key = 0;
  for (uint32_t flags : {0u, uint32_t{BPF_F_RDONLY}, uint32_t{BPF_F_WRONLY}, uint32_t{BPF_F_RDONLY_PROG}}) {
    SCOPED_TRACE(flags);
    Pair pair({"oracle", GetParam().type, 4, 8, 4, flags}, per_cpu());
    ASSERT_TRUE(pair.theirs.valid());
    for (bool frozen : {false, true}) {
      SCOPED_TRACE(frozen);
      if (frozen) {
        pair.ours->freeze();
        // The kernel lets nobody freeze what he may not write.
        if (pair.theirs.freeze() != 0) break;
      }
      pair.write(&key, random, BPF_ANY);
      pair.read(&key);
      pair.remove(&key);
    }
  }
}

// How much fits, and what is said when it does not, with records of many sizes and a consumer that lags.
TEST(RingBufferOracle, TakesTheSameRecords) {
  if (auto reason = kernel::unavailable()) GTEST_SKIP() << *reason;
  constexpr uint32_t kBytes = 4096;
  const auto map = *Map::create({"oracle", BPF_MAP_TYPE_RINGBUF, 0, 0, kBytes});
  auto& ours = static_cast<RingBuffer&>(*map);
  const kernel::Map theirs(BPF_MAP_TYPE_RINGBUF, 0, 0, kBytes, 0);
  ASSERT_TRUE(theirs.valid());
  void* mapped = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, theirs.fd(), 0);
  ASSERT_NE(mapped, MAP_FAILED);
  const Mapping their_consumer(mapped, 4096);
  void* our_page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, map->fd(), 0);
  ASSERT_NE(our_page, MAP_FAILED);
  const Mapping our_consumer(our_page, 4096);

  std::vector<uint32_t> sizes = {1, 7, 8, 9, 100, 248, 400, 480};
  std::vector<kernel::RingBufferWriter> writers;
  writers.reserve(sizes.size());
  for (uint32_t size : sizes) ASSERT_TRUE(writers.emplace_back(theirs, size, 0).valid());
  const unsigned seed = ring3::test::seed_of_run();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const char data[512] = {};
  unsigned full = 0;
  for (int i = 0; i < 20'000; ++i) {
    if (random() % 16 == 0) {  // the consumer catches up, on both sides
      const uint64_t produced = ours.query(3);
      memcpy(their_consumer.data(), &produced, 8);
      memcpy(our_consumer.data(), &produced, 8);
      continue;
    }
    const size_t which = random() % sizes.size();
    const int mine = ours.output(data, sizes[which]);
    ASSERT_EQ(mine, writers[which].run()) << "record " << i << " of " << sizes[which] << " bytes";
    full += mine != 0;
  }
  EXPECT_GT(full, 100u);
}

}  // namespace
}  // namespace ring3::bpf
