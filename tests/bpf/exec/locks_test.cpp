// Spin locks of programs at work: they exclude, updates leave them alone, and a run that ends in a fault
// drops its own. What the verifier asks of them is in tests/bpf/verifier/cases/locks.bpf.c.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.hpp"
#include "bpf/exec/assembler.hpp"
#include "bpf/exec/executable.hpp"
#include "bpf/link/collection.hpp"
#include "bpf/object/object.hpp"
#include "bpf/trust.hpp"
#include "bpf/verifier/verify.hpp"

namespace ring3::test {
namespace {

struct Account {
  uint32_t before, lock;
  uint64_t from, to;
};
constexpr uint64_t kTotal = 1000000;

const std::string kObjects = RING3_TEST_OBJECTS;

class Locks : public testing::Test {
 protected:
  void SetUp() override {
    auto object = bpf::Object::open(kObjects + "/locks.bpf.o");
    ASSERT_TRUE(object) << object.error().text();
    auto collection = bpf::Collection::create(*object, common_world());
    ASSERT_TRUE(collection) << collection.error().text();
    collection_ = std::move(*collection);
    const Account start{7, 0, kTotal, 0};
    for (const auto& map : collection_->maps()) {
      if (map->definition().key_size != 4 || map->definition().value_size != sizeof start) continue;
      maps_[map->definition().name] = map.get();
      EXPECT_EQ(map->write(&kKey, &start, abi::BPF_ANY), 0);
    }
    ASSERT_EQ(maps_.size(), 2u);
  }
  std::shared_ptr<const bpf::Program> program(std::string_view name) {
    for (const auto& program : collection_->programs())
      if (program->name == name) return program;
    return nullptr;
  }
  Account* value(const std::string& map) { return static_cast<Account*>(maps_[map]->lookup(&kKey, 0)); }

  static constexpr uint32_t kKey = 1;
  std::unique_ptr<bpf::Collection> collection_;
  std::map<std::string, bpf::Map*> maps_;
};

TEST_F(Locks, Exclude) {
  for (const char* map : {"array", "hash"}) {
    SCOPED_TRACE(map);
    auto verdict = bpf::verify(program(std::string("move_in_") + map));
    ASSERT_TRUE(verdict) << verdict.error().text();
    auto executable = bpf::Executable::create(std::move(*verdict));
    ASSERT_TRUE(executable) << executable.error().text();
    constexpr int kThreads = 4, kTurns = 50000;
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i)
      threads.emplace_back([&] {
        bpf::Execution execution(**executable);
        for (int turn = 0; turn < kTurns; ++turn) wrong += execution.run(0).r0 != 0;
      });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(value(map)->to, uint64_t{kThreads} * kTurns);
    EXPECT_EQ(value(map)->from, kTotal - uint64_t{kThreads} * kTurns);
  }
}

TEST_F(Locks, UpdatesLeaveThemAlone) {
  for (auto& [name, map] : maps_) {
    SCOPED_TRACE(name);
    Account update{1, ~0u, 2, 3}, seen{};
    // A program may hold it meanwhile.
    if (name == "array") value(name)->lock = 1;
    ASSERT_EQ(map->write(&kKey, &update, abi::BPF_ANY), 0);
    EXPECT_EQ(value(name)->lock, name == "array" ? 1u : 0u);
    EXPECT_EQ(value(name)->before, 1u);
    EXPECT_EQ(value(name)->from, 2u);
    EXPECT_EQ(value(name)->to, 3u);
    value(name)->lock = 1;
    ASSERT_EQ(map->read(&kKey, &seen), 0);
    EXPECT_EQ(seen.lock, 0u);
    EXPECT_EQ(seen.to, 3u);
    value(name)->lock = 0;
  }
}

TEST_F(Locks, AnUpdateUnderTheLockWaitsForIt) {
  for (auto& [name, map] : maps_) {
    SCOPED_TRACE(name);
    auto* held = value(name);
    auto& lock = *reinterpret_cast<bpf::SpinLock*>(&held->lock);
    lock.lock();
    std::atomic<bool> written{false};
    std::thread writer([&, map = map] {
      const Account update{1, 0, 5, 6};
      EXPECT_EQ(map->write(&kKey, &update, abi::BPF_F_LOCK), 0);
      written = true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_FALSE(written);
    EXPECT_EQ(held->to, 0u);
    lock.unlock();
    writer.join();
    EXPECT_EQ(held->to, 6u) << "where whoever waits for the lock will look";
    EXPECT_EQ(map->write(&kKey, held, abi::BPF_F_LOCK | abi::BPF_NOEXIST), -EEXIST);
    EXPECT_EQ(map->write(&kKey, held, 8), -EINVAL);
  }
}

TEST_F(Locks, AreDroppedByARunThatFaults) {
  const Mapping hidden(mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096);
  auto trusted = std::make_shared<bpf::Program>(*program("faults"));
  trusted->arguments = 1;
  auto executable = bpf::Executable::create(bpf::TrustForTests::trust(trusted));
  ASSERT_TRUE(executable) << executable.error().text();
  bpf::Execution execution(**executable);
  for (int turn = 0; turn < 2; ++turn) {
    EXPECT_TRUE(execution.run(reinterpret_cast<uint64_t>(hidden.data())).faulted);
    EXPECT_EQ(value("array")->lock, 0u);
  }
}

TEST(LockedMaps, AreRefusedWhereLinuxRefusesThem) {
  auto object = bpf::Object::open(kObjects + "/refused_locks.bpf.o");
  ASSERT_TRUE(object) << object.error().text();
  const std::map<std::string, int> expected = {
      {"two_locks", E2BIG}, {"many_locks", E2BIG}, {"lru", EOPNOTSUPP}, {"percpu", EOPNOTSUPP}};
  ASSERT_EQ((*object)->maps.size(), expected.size());
  for (const auto& definition : (*object)->maps) {
    auto map = bpf::Map::create(definition);
    ASSERT_FALSE(map) << definition.name;
    EXPECT_EQ(map.error().code, expected.at(definition.name)) << map.error().text();
  }
}

}  // namespace
}  // namespace ring3::test
