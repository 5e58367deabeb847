// Helpers and kfuncs as programs call them: through the table, with registers.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <random>
#include <set>

#include "bpf/world/common.hpp"
#include "bpf/world/world.hpp"
#include "seed.hpp"

namespace ring3::bpf {
namespace {

using namespace abi;

// Stands in for an interpreter: callbacks are C++ functions.
class TestMachine final : public Machine {
 public:
  std::function<uint64_t(uint64_t, uint64_t, uint64_t, uint64_t)> callback;
  uint64_t call(uint64_t function, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4) override {
    EXPECT_EQ(function, kFunction);
    return callback(r1, r2, r3, r4);
  }
  static constexpr uint64_t kFunction = 0xf00d;
};

class Helpers : public testing::Test {
 protected:
  template <typename T>
  static uint64_t to_register(T value) {
    if constexpr (std::is_convertible_v<T, const void*>)
      return reinterpret_cast<uint64_t>(static_cast<const void*>(value));
    else
      return static_cast<uint64_t>(value);
  }

  template <typename... Args>
  int64_t run(NativeFunction function, Args... args) {
    uint64_t r[5] = {};
    size_t i = 0;
    ((r[i++] = to_register(args)), ...);
    return static_cast<int64_t>(function(machine, r[0], r[1], r[2], r[3], r[4]));
  }
  template <typename... Args>
  int64_t helper(uint32_t id, Args... args) {
    return run(world->helper(id)->implementation, args...);
  }
  template <typename... Args>
  int64_t kfunc(const char* name, Args... args) {
    return run(world->kfunc(name)->implementation, args...);
  }

  static std::shared_ptr<const World> make_world() {
    World::Builder builder;
    add_common(builder);
    return *builder.build();
  }
  static std::shared_ptr<Map> make_map(BpfMapType type, uint32_t key, uint32_t value, uint32_t entries) {
    return *Map::create({"test", type, key, value, entries});
  }

  TestMachine machine;
  std::shared_ptr<const World> world = make_world();
};

TEST_F(Helpers, MapsAreReachedThroughTheTable) {
  const auto map = make_map(BPF_MAP_TYPE_HASH, 4, 8, 4);
  const uint32_t key = 3;
  const uint64_t value = 99;
  EXPECT_EQ(helper(1, map.get(), &key), 0);
  EXPECT_EQ(helper(2, map.get(), &key, &value, BPF_EXIST), -ENOENT);
  EXPECT_EQ(helper(2, map.get(), &key, &value, BPF_NOEXIST), 0);
  EXPECT_EQ(*reinterpret_cast<uint64_t*>(helper(1, map.get(), &key)), 99u);
  EXPECT_EQ(helper(3, map.get(), &key), 0);
  EXPECT_EQ(helper(3, map.get(), &key), -ENOENT);
}

TEST_F(Helpers, PerCpuValuesGoByTheMachinesCpu) {
  const auto map = make_map(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 1);
  const uint32_t key = 0;
  for (machine.cpu = 0; machine.cpu < cpu_count(); ++machine.cpu) {
    const uint64_t value = 10 + machine.cpu;
    EXPECT_EQ(helper(2, map.get(), &key, &value, BPF_ANY), 0);
    EXPECT_EQ(helper(8), machine.cpu);
  }
  for (unsigned cpu = 0; cpu < cpu_count(); ++cpu)
    EXPECT_EQ(*reinterpret_cast<uint64_t*>(helper(195, map.get(), &key, cpu)), 10 + cpu);
  EXPECT_EQ(helper(195, map.get(), &key, cpu_count()), 0);
  EXPECT_EQ(helper(195, map.get(), &key, UINT32_MAX), 0);
}

TEST_F(Helpers, LoopCallsUntilToldToStop) {
  uint64_t calls = 0;
  machine.callback = [&](uint64_t i, uint64_t context, uint64_t, uint64_t) {
    EXPECT_EQ(i, calls++);
    EXPECT_EQ(context, 0xc0ffeeu);
    return i == 6;
  };
  EXPECT_EQ(helper(181, 5, TestMachine::kFunction, 0xc0ffee, 0), 5);
  calls = 0;
  EXPECT_EQ(helper(181, 100, TestMachine::kFunction, 0xc0ffee, 0), 7);
  calls = 0;
  EXPECT_EQ(helper(181, 0, TestMachine::kFunction, 0xc0ffee, 0), 0);
  EXPECT_EQ(helper(181, 1, TestMachine::kFunction, 0xc0ffee, 1), -EINVAL);
  EXPECT_EQ(helper(181, (1 << 23) + 1, TestMachine::kFunction, 0xc0ffee, 0), -E2BIG);
  machine.callback = [&](auto...) { return 0; };
  EXPECT_EQ(helper(181, 1 << 23, TestMachine::kFunction, 0, 0), 1 << 23);
}

TEST_F(Helpers, ForEachMapElemPassesMapKeyValueAndContext) {
  const auto map = make_map(BPF_MAP_TYPE_ARRAY, 4, 8, 6);
  uint32_t calls = 0;
  machine.callback = [&](uint64_t m, uint64_t key, uint64_t value, uint64_t context) -> uint64_t {
    EXPECT_EQ(m, to_register(map.get()));
    EXPECT_EQ(*reinterpret_cast<uint32_t*>(key), calls);
    EXPECT_EQ(value, to_register(map->lookup(&calls, 0)));
    EXPECT_EQ(context, 7u);
    return ++calls == 4;
  };
  EXPECT_EQ(helper(164, map.get(), TestMachine::kFunction, 7, 0), 4);
  EXPECT_EQ(helper(164, map.get(), TestMachine::kFunction, 7, 1), -EINVAL);
}

TEST_F(Helpers, TimesAreTheClocks) {
  const auto now = [](clockid_t clock) {
    timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * 1'000'000'000ll + time.tv_nsec;
  };
  for (auto [id, clock] :
       {std::pair{5u, CLOCK_MONOTONIC}, {125u, CLOCK_BOOTTIME}, {160u, CLOCK_MONOTONIC_COARSE}}) {
    const int64_t before = now(clock), time = helper(id), after = now(clock);
    EXPECT_LE(before, time) << id;
    EXPECT_LE(time, after) << id;
  }
}

TEST_F(Helpers, TheTaskIsTheThreadThatRuns) {
  EXPECT_EQ(helper(14), int64_t{getpid()} << 32 | gettid());
  EXPECT_EQ(helper(15), int64_t{getgid()} << 32 | getuid());
  char before[16], name[24];
  pthread_getname_np(pthread_self(), before, sizeof before);
  pthread_setname_np(pthread_self(), "fifteen_letters");
  memset(name, '?', sizeof name);
  EXPECT_EQ(helper(16, name, 16), 0);
  EXPECT_STREQ(name, "fifteen_letters");
  EXPECT_EQ(name[16], '?');
  memset(name, '?', sizeof name);
  EXPECT_EQ(helper(16, name, 4), 0);
  EXPECT_STREQ(name, "fif");
  memset(name, '?', sizeof name);
  EXPECT_EQ(helper(16, name, 24), 0);
  EXPECT_EQ(std::string(name, 24), std::string("fifteen_letters") + std::string(9, '\0'));
  pthread_setname_np(pthread_self(), before);
}

TEST_F(Helpers, RandomNumbersAre32BitsAndDiffer) {
  std::set<int64_t> seen;
  uint64_t ones = 0;
  for (int i = 0; i < 10'000; ++i) {
    const int64_t number = helper(7);
    ASSERT_EQ(number >> 32, 0);
    ones += static_cast<uint64_t>(__builtin_popcountll(static_cast<uint64_t>(number)));
    seen.insert(number);
  }
  EXPECT_GT(seen.size(), 9'900u);
  EXPECT_NEAR(static_cast<double>(ones), 160'000.0, 4'000.0);
}

TEST_F(Helpers, UserReadsGiveBytesOrEfaultAndZeros) {
  char text[] = "user memory";
  char out[16];
  for (uint32_t id : {112u, 148u}) {
    memset(out, '?', sizeof out);
    EXPECT_EQ(helper(id, out, sizeof text, text), 0);
    EXPECT_STREQ(out, text);
    for (uint64_t bad : {uint64_t{0}, uint64_t{8}, uint64_t{1} << 63, UINT64_MAX}) {
      memset(out, '?', sizeof out);
      EXPECT_EQ(helper(id, out, 12, bad), -EFAULT);
      EXPECT_EQ(std::string(out, 16), std::string(12, '\0') + "????");
    }
    EXPECT_EQ(helper(id, out, 0, 0), 0);
  }
  EXPECT_EQ(helper(114, out, sizeof out, text), 12);
  EXPECT_STREQ(out, text);
  EXPECT_EQ(helper(114, out, 5, text), 5);
  EXPECT_STREQ(out, "user");
  EXPECT_EQ(helper(114, out, 5, 8), -EFAULT);
  EXPECT_EQ(std::string(out, 5), std::string(5, '\0'));
  EXPECT_EQ(helper(114, out, 0, text), 0);
}

TEST_F(Helpers, PrintkGoesWhereTheMachineSays) {
  std::string printed;
  machine.context = &printed;
  machine.print = [](void* context, std::string_view text) { *static_cast<std::string*>(context) += text; };
  char format[] = "%d of %s at %llx";
  EXPECT_EQ(helper(6, format, sizeof format, -5, "seven", 0xabcdef012345), 27);
  EXPECT_EQ(printed, "-5 of seven at abcdef012345");
  printed.clear();
  const uint64_t data[] = {1, 2, 3, 4};
  char four[] = "%u%u%u%u";
  EXPECT_EQ(helper(177, four, sizeof four, data, sizeof data), 4);
  EXPECT_EQ(printed, "1234");
  printed.clear();
  EXPECT_EQ(helper(6, format, 5, 0, 0, 0), -EINVAL) << "the NUL lies beyond the size";
  EXPECT_EQ(helper(6, four, sizeof four, 1, 2, 3), -EINVAL) << "three arguments are all there are";
  EXPECT_EQ(helper(177, four, sizeof four, data, 12), -EINVAL);
  EXPECT_EQ(helper(177, four, sizeof four, nullptr, 8), -EINVAL);
  EXPECT_EQ(helper(177, four, sizeof four, data, 13 * 8), -EINVAL);
  EXPECT_EQ(printed, "");
  machine.print = nullptr;
  EXPECT_EQ(helper(6, format, sizeof format, 1, "x", 2), 11);
}

TEST_F(Helpers, SnprintfCountsTheNul) {
  char out[8];
  const uint64_t data[] = {12345};
  EXPECT_EQ(helper(165, out, sizeof out, "n=%d", data, 8), 8);
  EXPECT_STREQ(out, "n=12345");
  EXPECT_EQ(helper(165, out, 4, "n=%d", data, 8), 8);
  EXPECT_STREQ(out, "n=1");
  EXPECT_EQ(helper(165, nullptr, 0, "n=%d", data, 8), 8);
  EXPECT_EQ(helper(165, out, sizeof out, "n=%d", data, 7), -EINVAL);
}

TEST_F(Helpers, StrncmpIsTheCLibrarys) {
  const auto sign = [](int64_t x) { return (x > 0) - (x < 0); };
  std::mt19937 random(1);
  for (int i = 0; i < 5000; ++i) {
    char a[8] = {}, b[8] = {};
    for (int j = 0; j < 7; ++j) {
      a[j] = static_cast<char>(random() % 3 * 100);  // NUL, 'd' and a negative char
      b[j] = random() % 4 ? a[j] : static_cast<char>(random() % 3 * 100);
    }
    const uint32_t size = 1 + random() % 8;
    ASSERT_EQ(sign(helper(182, a, size, b)), sign(strncmp(a, b, size)));
  }
}

TEST_F(Helpers, RingBufferRecordsFindTheirRingBuffer) {
  const auto map = make_map(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096);
  EXPECT_EQ(helper(130, map.get(), "one", 3, 4), -EINVAL);
  EXPECT_EQ(helper(130, map.get(), "one", 3, 1), 0);
  EXPECT_EQ(helper(131, map.get(), 8, 1), 0);
  const int64_t kept = helper(131, map.get(), 3, 0), dropped = helper(131, map.get(), 3, 0);
  ASSERT_TRUE(kept && dropped);
  memcpy(reinterpret_cast<void*>(kept), "two", 3);
  helper(132, kept, 0);
  helper(133, dropped, 0);
  Dynptr dynptr;
  EXPECT_EQ(helper(198, map.get(), 5, 0, &dynptr), 0);
  EXPECT_EQ(helper(202, &dynptr, 0, "three", 5, 0), 0);
  helper(199, &dynptr, 0);
  EXPECT_TRUE(dynptr.is_null());
  EXPECT_EQ(helper(198, map.get(), 5, 0, &dynptr), 0);
  helper(200, &dynptr, 0);
  EXPECT_EQ(helper(198, map.get(), 1 << 24, 0, &dynptr), -E2BIG);
  EXPECT_TRUE(dynptr.is_null());
  EXPECT_EQ(helper(198, map.get(), 5, 1, &dynptr), -EINVAL);
  EXPECT_EQ(helper(198, map.get(), 4096, 0, &dynptr), -EINVAL);
  helper(199, &dynptr, 0);  // a reservation that failed is submitted all the same
  EXPECT_EQ(helper(134, map.get(), 1), 4096);
  std::vector<std::string> records;
  static_cast<RingBuffer&>(*map).consume(
      [](void* context, std::span<const std::byte> record) {
        static_cast<std::vector<std::string>*>(context)->emplace_back(
            reinterpret_cast<const char*>(record.data()), record.size());
      },
      &records);
  EXPECT_EQ(records, (std::vector<std::string>{"one", "two", "three"}));
}

// Dynptrs against a plain window on the same bytes, through random narrowing, reads and writes.
TEST_F(Helpers, DynptrsAreWindows) {
  const unsigned seed = ring3::test::seed_of_run();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 500; ++round) {
    std::vector<unsigned char> memory(1 + random() % 200), model(memory.size());
    Dynptr dynptr;
    ASSERT_EQ(helper(197, memory.data(), memory.size(), 0, &dynptr), 0);
    uint64_t start = 0, end = memory.size();
    for (int step = 0; step < 30; ++step) {
      const uint64_t size = end - start, offset = random() % 220, length = random() % 220;
      const bool inside = offset + length <= size;
      unsigned char buffer[256];
      for (auto& byte : buffer) byte = static_cast<unsigned char>(random());
      ASSERT_EQ(kfunc("bpf_dynptr_size", &dynptr), static_cast<int64_t>(size));
      const int64_t where = inside ? static_cast<int64_t>(to_register(memory.data() + start + offset)) : 0;
      switch (random() % 5) {
        case 0:
          ASSERT_EQ(helper(202, &dynptr, offset, buffer, length, 0), inside ? 0 : -E2BIG);
          if (inside) memcpy(model.data() + start + offset, buffer, length);
          break;
        case 1:
          ASSERT_EQ(helper(201, buffer, length, &dynptr, offset, 0), inside ? 0 : -E2BIG);
          if (inside) {
            ASSERT_EQ(memcmp(buffer, model.data() + start + offset, length), 0);
          } else {
            ASSERT_EQ(std::count(buffer, buffer + length, 0), static_cast<long>(length));
          }
          break;
        case 2:
          ASSERT_EQ(helper(203, &dynptr, offset, length), where);
          break;
        case 3:
          ASSERT_EQ(kfunc("bpf_dynptr_slice", &dynptr, offset, buffer, length), where);
          ASSERT_EQ(kfunc("bpf_dynptr_slice_rdwr", &dynptr, offset, nullptr, length), where);
          break;
        default: {
          const uint64_t from = random() % 20, to = random() % (size + 3);
          const int64_t expected = from > to ? -EINVAL : from > size || to > size ? -ERANGE : 0;
          ASSERT_EQ(kfunc("bpf_dynptr_adjust", &dynptr, from, to), expected);
          if (expected == 0) end = start + to, start += from;
        }
      }
    }
    ASSERT_EQ(memory, model);
  }
}

TEST_F(Helpers, NullAndReadOnlyDynptrsRefuse) {
  char bytes[8] = "1234567", out[8];
  Dynptr null, clone;
  EXPECT_EQ(helper(197, bytes, 1 << 24, 0, &null), -E2BIG);
  EXPECT_EQ(helper(197, bytes, 8, 1, &null), -EINVAL);
  EXPECT_EQ(kfunc("bpf_dynptr_is_null", &null), 1);
  EXPECT_EQ(kfunc("bpf_dynptr_is_rdonly", &null), 0);
  EXPECT_EQ(kfunc("bpf_dynptr_size", &null), -EINVAL);
  EXPECT_EQ(kfunc("bpf_dynptr_adjust", &null, 0, 0), -EINVAL);
  EXPECT_EQ(kfunc("bpf_dynptr_clone", &null, &clone), -EINVAL);
  EXPECT_EQ(helper(201, out, 0, &null, 0, 0), -EINVAL);
  EXPECT_EQ(helper(202, &null, 0, out, 0, 0), -EINVAL);
  EXPECT_EQ(helper(203, &null, 0, 0), 0);

  const Dynptr read_only(bytes, 8, Dynptr::Kind::Local, true);
  EXPECT_EQ(kfunc("bpf_dynptr_is_rdonly", &read_only), 1);
  EXPECT_EQ(kfunc("bpf_dynptr_clone", &read_only, &clone), 0);
  EXPECT_EQ(kfunc("bpf_dynptr_is_rdonly", &clone), 1);
  EXPECT_EQ(helper(201, out, 8, &clone, 0, 0), 0);
  EXPECT_STREQ(out, bytes);
  EXPECT_EQ(helper(201, out, 8, &clone, 0, 1), -EINVAL);
  EXPECT_EQ(helper(202, &clone, 0, out, 8, 0), -EINVAL);
  EXPECT_EQ(helper(203, &clone, 0, 8), 0);
  EXPECT_EQ(kfunc("bpf_dynptr_slice", &clone, 2, nullptr, 4), static_cast<int64_t>(to_register(bytes + 2)));
  EXPECT_EQ(kfunc("bpf_dynptr_slice_rdwr", &clone, 2, nullptr, 4), 0);
}

TEST_F(Helpers, ADynptrOverUsersMemoryMayFault) {
  void* memory = mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  ASSERT_EQ(mprotect(static_cast<char*>(memory) + 4096, 4096, PROT_NONE), 0);
  const Dynptr dynptr(memory, 8192, Dynptr::Kind::User, false);
  char bytes[16] = {};
  EXPECT_EQ(helper(202, &dynptr, 4080, bytes, 16, 0), 0);
  EXPECT_EQ(helper(201, bytes, 16, &dynptr, 4080, 0), 0);
  EXPECT_EQ(helper(202, &dynptr, 4081, bytes, 16, 0), -EFAULT);
  EXPECT_EQ(helper(201, bytes, 16, &dynptr, 4081, 0), -EFAULT);
  EXPECT_EQ(helper(201, bytes, 16, &dynptr, 8177, 0), -E2BIG);
  munmap(memory, 8192);
}

TEST_F(Helpers, NumberIteratorsCount) {
  const struct {
    int32_t start, end;
    int64_t result, numbers;
  } cases[] = {{0, 5, 0, 5},
               {-3, 3, 0, 6},
               {5, 5, 0, 0},
               {5, 4, -EINVAL, 0},
               {0, 1 << 23, 0, 1 << 23},
               {0, (1 << 23) + 1, -E2BIG, 0},
               {INT32_MIN, INT32_MAX, -E2BIG, 0},
               {INT32_MIN, INT32_MIN + 3, 0, 3},
               {INT32_MAX - 3, INT32_MAX, 0, 3}};
  for (const auto& each : cases) {
    SCOPED_TRACE(testing::Message() << each.start << " to " << each.end);
    alignas(8) uint64_t iterator = ~uint64_t{0};
    EXPECT_EQ(static_cast<int32_t>(kfunc("bpf_iter_num_new", &iterator, each.start, each.end)), each.result);
    int64_t numbers = 0;
    while (const int64_t number = kfunc("bpf_iter_num_next", &iterator)) {
      if (*reinterpret_cast<int32_t*>(number) != each.start + numbers) break;
      ++numbers;
    }
    EXPECT_EQ(numbers, each.numbers);
    EXPECT_EQ(kfunc("bpf_iter_num_next", &iterator), 0) << "what has ended stays so";
    kfunc("bpf_iter_num_destroy", &iterator);
  }
}

}  // namespace
}  // namespace ring3::bpf
