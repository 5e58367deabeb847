// Programs that walk buffers: every kind of descriptor, in both directions, seen through the eyes of a
// program.
#include <sys/mman.h>
#include <sys/uio.h>

#include <cstring>
#include <numeric>

#include "base/fd.hpp"
#include "hooks/test_ring.hpp"
#include "ring3/operation.hpp"

namespace ring3::test {
namespace {

constexpr size_t kPage = 4096;
enum Id : uint8_t { kSum = 1, kFill, kParity, kCopy, kResults, kDynptrs };
enum Type : uint8_t { kUser, kFixed, kVec, kKfixed, kRegVec };

struct Descriptor {
  uint8_t type, reserved = 0;
  uint16_t buf_index;
  uint32_t len;
  uint64_t addr;
};

uint64_t address_of(const void* pointer) { return reinterpret_cast<uint64_t>(pointer); }

struct Pages {
  explicit Pages(size_t count)
      : mapping(mmap(nullptr, count * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
                count * kPage) {
    refill();
  }
  void refill() {
    for (size_t i = 0; i < mapping.size(); ++i) mapping.data()[i] = static_cast<std::byte>(i * 31 + i / 509);
  }
  std::byte* at(size_t offset) const { return mapping.data() + offset; }
  Mapping mapping;
};

// Slot 0: the application's buffer; slot 1: a provider's, of four segments; slots 2 and 3: the same, to be
// written only and to be read only. Everything is 512-aligned but for what a test does.
class WalkTest : public BackendTest {
 protected:
  void SetUp() override {
    BackendTest::SetUp();
    if (IsSkipped()) return;
    ring_.emplace(must(TestRing::create(GetParam(), 16, abi::IORING_SETUP_BPF_EXT)));
    module_.emplace(must(open_fixture("walks")));
    must(load(*module_, {.checked = checked()}));
    for (const char* name : {"sum_ops", "fill_ops", "parity_ops", "copy_ops", "results_ops", "dynptrs_ops"})
      operations_.push_back(must(Operation::attach(*module_, ring_->ring(), name)));
    iovec vectors[5] = {{own_.at(0), own_.mapping.size()}};
    struct {
      uint32_t count = 5, flags = 0;
      uint64_t reserved = 0, vectors = 0, tags = 0;
    } table;
    table.vectors = address_of(vectors);
    ASSERT_EQ(ring_->ring().register_op(abi::IORING_REGISTER_BUFFERS2, &table, sizeof table), 0);
    for (unsigned slot : {1u, 2u, 3u})
      must(ring_->ring().provide_buffer(slot, {segments_,
                                               slot == 1   ? BufferUse::Both
                                               : slot == 2 ? BufferUse::Destination
                                                           : BufferUse::Source,
                                               {}}));
  }
  virtual bool checked() const { return false; }

  int run(Id id, std::vector<Descriptor> descriptors, uint32_t flags = 0) {
    abi::Sqe& sqe = ring_->push(abi::IORING_OP_BPF, 1);
    sqe.op_flags = uint32_t{id} << 24 | flags;
    sqe.addr = address_of(descriptors.data());
    sqe.len = static_cast<uint32_t>(descriptors.size());
    EXPECT_EQ(ring_->enter(1), 1);
    const auto cqes = ring_->reap();
    return cqes.size() == 1 ? cqes[0].res : -EPROTO;
  }
  template <typename T>
  T get(const char* name) {
    T value;
    std::memcpy(&value, must(module_->variable(name)).data(), sizeof value);
    return value;
  }
  std::vector<uint32_t> sizes() {
    const auto* all = reinterpret_cast<const uint32_t*>(must(module_->variable("sizes")).data());
    return {all, all + get<uint32_t>("chunks")};
  }
  static int sum_of(std::vector<std::byte> bytes) {
    uint32_t sum = 0;
    for (std::byte byte : bytes) sum += static_cast<uint8_t>(byte);
    return static_cast<int>(sum & 0x7fffffff);
  }

  Pages own_{8}, other_{8}, provided_{8};
  // 512 + 1024 + 5120 + 1536 bytes, out of order and across pages.
  const std::vector<BufferSegment> segments_ = {{provided_.at(4 * kPage), 512},
                                                {provided_.at(kPage - 512), 1024},
                                                {provided_.at(5 * kPage + 1024), 5120},
                                                {provided_.at(0), 1536}};
  static constexpr uint32_t kProvided = 512 + 1024 + 5120 + 1536;
  // Byte `offset` of the provider's buffer.
  std::byte& provided(size_t offset) {
    for (const BufferSegment& segment : segments_) {
      if (offset < segment.size) return static_cast<std::byte*>(segment.data)[offset];
      offset -= segment.size;
    }
    throw std::out_of_range("beyond the buffer");
  }

  // Three ways to name the same bytes [start, start + 8192) of own_, and two to name parts of the provider's.
  std::vector<std::pair<Descriptor, std::vector<std::byte*>>> buffers(uint32_t start, uint32_t bytes) {
    std::vector<std::pair<Descriptor, std::vector<std::byte*>>> all;
    std::vector<std::byte*> own, split, lent, lent_split;
    for (uint32_t i = 0; i < bytes; ++i) own.push_back(own_.at(start + i));
    const uint32_t first = bytes / 1024 * 512;
    vectors_[0] = {own_.at(start + bytes), first};
    vectors_[1] = {own_.at(start), 0};
    vectors_[2] = {own_.at(start), bytes - first};
    for (uint32_t i = 0; i < first; ++i) split.push_back(own_.at(start + bytes + i));
    for (uint32_t i = 0; i < bytes - first; ++i) split.push_back(own_.at(start + i));
    offsets_[0] = {reinterpret_cast<void*>(uintptr_t{1024}), 3072};
    offsets_[1] = {nullptr, bytes - 3072};
    for (uint32_t i = 0; i < bytes; ++i) lent.push_back(&provided(512 + i));
    for (uint32_t i = 0; i < bytes; ++i) lent_split.push_back(&provided(i < 3072 ? 1024 + i : i - 3072));
    all.push_back({{kUser, 0, 0, bytes, address_of(own_.at(start))}, own});
    all.push_back({{kFixed, 0, 0, bytes, address_of(own_.at(start))}, own});
    all.push_back({{kVec, 0, 0, 3, address_of(vectors_)}, split});
    all.push_back({{kKfixed, 0, 0, bytes, start}, own});
    all.push_back({{kRegVec, 0, 0, 3, address_of(vectors_)}, split});
    all.push_back({{kFixed, 0, 1, bytes, 512}, lent});
    all.push_back({{kKfixed, 0, 1, bytes, 512}, lent});
    all.push_back({{kRegVec, 0, 1, 2, address_of(offsets_)}, lent_split});
    return all;
  }
  iovec vectors_[3], offsets_[2];

  std::optional<TestRing> ring_;
  std::optional<Module> module_;
  std::vector<Operation> operations_;
};

std::vector<std::byte> bytes_at(const std::vector<std::byte*>& places) {
  std::vector<std::byte> bytes;
  for (const std::byte* place : places) bytes.push_back(*place);
  return bytes;
}

TEST_P(WalkTest, EveryKindIsReadWholeInChunksWithinPages) {
  // Neither aligned nor a multiple of anything.
  for (const auto& [descriptor, places] : buffers(777, 7000)) {
    SCOPED_TRACE(testing::Message() << "type " << +descriptor.type << " slot " << descriptor.buf_index);
    EXPECT_EQ(run(kSum, {descriptor}), sum_of(bytes_at(places)));
    const auto chunks = sizes();
    EXPECT_EQ(std::accumulate(chunks.begin(), chunks.end(), 0u), 7000u);
    size_t at = 0;
    for (uint32_t size : chunks) {
      ASSERT_GT(size, 0u);
      EXPECT_EQ(address_of(places[at]) / kPage, address_of(places[at + size - 1]) / kPage);
      EXPECT_EQ(places[at + size - 1] - places[at], size - 1) << "one piece";
      at += size;
    }
  }
  run(kSum, {{kUser, 0, 0, 2 * kPage, address_of(own_.at(100))}});
  EXPECT_EQ(sizes(), (std::vector<uint32_t>{kPage - 100, kPage, 100}));
}

TEST_P(WalkTest, EveryKindIsWrittenAndNothingElse) {
  for (const auto& [descriptor, places] : buffers(1024, 6656)) {
    SCOPED_TRACE(testing::Message() << "type " << +descriptor.type << " slot " << descriptor.buf_index);
    own_.refill();
    provided_.refill();
    const Pages before(8);
    ASSERT_EQ(run(kFill, {descriptor}, 0xa7), 0);
    std::vector<bool> touched(16 * kPage);
    for (const std::byte* place : places) {
      const bool own = place >= own_.at(0) && place < own_.at(8 * kPage - 1) + 1;
      touched[own ? place - own_.at(0) : 8 * kPage + (place - provided_.at(0))] = true;
    }
    for (size_t i = 0; i < 16 * kPage; ++i) {
      const std::byte now = i < 8 * kPage ? *own_.at(i) : *provided_.at(i - 8 * kPage);
      ASSERT_EQ(now, touched[i] ? std::byte{0xa7} : *before.at(i % (8 * kPage))) << i;
    }
  }
}

TEST_P(WalkTest, SeveralIteratorsInOnePass) {
  // The chunks of the three are the same ones: all lie alike in their pages.
  Pages first(4), second(4), result(4);
  second.at(0)[700] = std::byte{0x77};
  ASSERT_EQ(run(kParity, {{kUser, 0, 0, 8192, address_of(result.at(512))},
                          {kUser, 0, 0, 8192, address_of(first.at(512))},
                          {kUser, 0, 0, 8192, address_of(second.at(512))}}),
            0);
  for (size_t i = 512; i < 512 + 8192; ++i) ASSERT_EQ(*result.at(i), *first.at(i) ^ *second.at(i)) << i;
  EXPECT_EQ(get<uint32_t>("chunks"), 3u);
  // Into a provider's buffer, from one.
  std::vector<std::byte> from;
  for (size_t i = 0; i < 512; ++i) from.push_back(provided(i));
  ASSERT_EQ(
      run(kParity,
          {{kKfixed, 0, 2, 512, 512}, {kKfixed, 0, 3, 512, 0}, {kUser, 0, 0, 512, address_of(first.at(0))}}),
      0);
  for (size_t i = 0; i < 512; ++i) ASSERT_EQ(provided(512 + i), from[i] ^ *first.at(i)) << i;
}

TEST_P(WalkTest, AnyKindIsCopiedToAnyOther) {
  Pages target(8), lent(8);
  must(ring_->ring().provide_buffer(4, {{{lent.at(100), 2000}, {lent.at(5000), 9000}}, BufferUse::Both, {}}));
  const iovec parts[] = {{target.at(10), 3000}, {target.at(4000), 5000}};
  const iovec offsets[] = {{reinterpret_cast<void*>(uintptr_t{1000}), 3000},
                           {reinterpret_cast<void*>(uintptr_t{4000}), 5000}};
  const Descriptor targets[] = {{kUser, 0, 0, 8000, address_of(target.at(10))},
                                {kVec, 0, 0, 2, address_of(parts)},
                                {kFixed, 0, 4, 8000, 1000},
                                {kKfixed, 0, 4, 8000, 1000},
                                {kRegVec, 0, 4, 2, address_of(offsets)}};
  for (const auto& [source, places] : buffers(777, 7000))
    for (const Descriptor& to : targets) {
      SCOPED_TRACE(testing::Message()
                   << "type " << +source.type << " slot " << source.buf_index << " to " << +to.type);
      std::memset(target.at(0), 0, 8 * kPage);
      std::memset(lent.at(0), 0, 8 * kPage);
      ASSERT_EQ(run(kCopy, {to, source}), 7000) << "the shorter of the two";
      for (size_t i = 0; i < 7000; ++i) {
        const size_t in_lent = 1000 + i;
        const std::byte now = to.type == kUser  ? *target.at(10 + i)
                              : to.type == kVec ? *target.at(i < 3000 ? 10 + i : 1000 + i)
                                                : *lent.at(in_lent < 2000 ? 100 + in_lent : 3000 + in_lent);
        ASSERT_EQ(now, *places[i]) << i;
      }
    }
}

TEST_P(WalkTest, ResultsOfNew) {
  const uint64_t own = address_of(own_.at(0));
  const auto opened = [&](Descriptor descriptor, int direction = 1) {
    run(kResults, {descriptor}, static_cast<uint32_t>(direction + 1));
    return get<int>("new_result");
  };
  EXPECT_EQ(opened({kUser, 0, 0, 10, own}), 0);
  EXPECT_EQ(opened({kUser, 0, 0, 10, own}, 0), 0);
  EXPECT_EQ(opened({kUser, 0, 0, 10, own}, -1), -EINVAL);
  EXPECT_EQ(opened({kUser, 0, 0, 10, own}, 2), -EINVAL);
  EXPECT_EQ(opened({5, 0, 0, 10, own}), -EINVAL);
  for (Type type : {kFixed, kKfixed, kRegVec})
    for (uint16_t slot : {4, 5, 40000}) EXPECT_EQ(opened({type, 0, slot, 0, 0}), -EFAULT);
  EXPECT_EQ(opened({kKfixed, 0, 2, 10, 0}, 1), -EFAULT) << "to be written only";
  EXPECT_EQ(opened({kKfixed, 0, 3, 10, 0}, 0), -EFAULT) << "to be read only";
  EXPECT_EQ(opened({kKfixed, 0, 1, kProvided, 0}), 0);
  EXPECT_EQ(opened({kKfixed, 0, 1, kProvided, 1}), -EFAULT);
  EXPECT_EQ(opened({kFixed, 0, 0, 10, own - 1}), -EFAULT);
  EXPECT_EQ(opened({kVec, 0, 0, 1, 8}), -EFAULT);
}

TEST_P(WalkTest, ResultsOfDynptrs) {
  const uint64_t own = address_of(own_.at(0));
  ASSERT_EQ(run(kResults, {{kUser, 0, 0, 5000, own + 4000}}, 1 + 0), 0);
  EXPECT_EQ(get<int>("early_dynptr_result"), -EINVAL) << "before the first chunk";
  EXPECT_EQ(get<uint64_t>("was_null"), 1u);
  EXPECT_EQ(get<int>("dynptr_result"), 0);
  EXPECT_EQ(get<uint64_t>("dynptr_size"), 96u);
  EXPECT_EQ(get<uint64_t>("read_only"), 1u);
  EXPECT_EQ(get<int>("dynptr_rdwr_result"), 0);
  EXPECT_EQ(get<int>("write_result"), 0);
  EXPECT_EQ(*own_.at(4000), std::byte{0x5a});
  EXPECT_EQ(get<uint64_t>("next_after_end"), 0u);
  EXPECT_EQ(get<uint32_t>("chunks"), 96u + 2);

  ASSERT_EQ(run(kResults, {{kUser, 0, 0, 10, own}}, 1 + 1), 0);
  EXPECT_EQ(get<int>("dynptr_result"), 0);
  EXPECT_EQ(get<int>("dynptr_rdwr_result"), -EPERM);
  EXPECT_EQ(get<uint64_t>("was_null"), 3u);
  EXPECT_EQ(get<int>("write_result"), -EINVAL) << "the null dynptr";
}

TEST_P(WalkTest, AFailedIteratorHasNothing) {
  ASSERT_EQ(run(kResults, {{9, 0, 0, 5000, address_of(own_.at(0))}}, 1 + 1), 0);
  EXPECT_EQ(get<int>("new_result"), -EINVAL);
  EXPECT_EQ(get<int>("early_dynptr_result"), -EINVAL);
  EXPECT_EQ(get<uint32_t>("chunks"), 0u);
  EXPECT_EQ(run(kSum, {{9, 0, 0, 5000, 0}}), -EINVAL);
}

TEST_P(WalkTest, DynptrsOverChunks) {
  for (size_t i = 0; i < 200; ++i) *own_.at(kPage + i) = static_cast<std::byte>(i);
  const auto word = [](uint8_t first) {
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; ++i) value |= uint64_t(first + i) << (8 * i);
    return value;
  };
  ASSERT_EQ(run(kDynptrs, {{kFixed, 0, 0, 200, address_of(own_.at(kPage))}}), 0);
  EXPECT_EQ(get<int>("adjust_result"), 0);
  EXPECT_EQ(get<uint64_t>("size_after"), 100u);
  EXPECT_EQ(get<uint64_t>("clone_size"), 100u);
  EXPECT_EQ(get<uint64_t>("slice_word"), word(24));
  EXPECT_EQ(get<uint64_t>("data_word"), word(16));
  const auto outside = get<std::array<uint64_t, 3>>("outside");
  EXPECT_EQ(outside, (std::array<uint64_t, 3>{0, 0, word(0)}));
  EXPECT_EQ(get<uint64_t>("rdonly_slice_is_null"), 1u);
  EXPECT_EQ((get<std::array<int, 3>>("read_results")), (std::array<int, 3>{0, -E2BIG, -EINVAL}));
  EXPECT_EQ((get<std::array<int, 3>>("write_results")), (std::array<int, 3>{0, -E2BIG, -EINVAL}));
  for (size_t i = 0; i < 200; ++i)
    EXPECT_EQ(*own_.at(kPage + i), i >= 24 && i < 32 ? std::byte{0xff} : static_cast<std::byte>(i));
}

RING3_BACKEND_TESTS(WalkTest);

// The same programs under the checking interpreter, which knows what memory each may touch, and when no more.
class CheckedWalkTest : public WalkTest {
 protected:
  bool checked() const override { return true; }
};

TEST_P(CheckedWalkTest, NothingIsTouchedThatIsNotTheirs) {
  for (const auto& [descriptor, places] : buffers(1024, 4096)) {
    EXPECT_EQ(run(kSum, {descriptor}), sum_of(bytes_at(places)));
    EXPECT_EQ(run(kFill, {descriptor}, 3), 0);
    EXPECT_EQ(run(kCopy, {descriptor, {kUser, 0, 0, 100, address_of(other_.at(0))}}), 100);
    EXPECT_EQ(run(kResults, {descriptor}, 1), 0);
    EXPECT_EQ(run(kDynptrs, {descriptor}), 0);
    EXPECT_EQ(run(kParity, {descriptor, descriptor, descriptor}), 0);
  }
}

RING3_BACKEND_TESTS(CheckedWalkTest);

}  // namespace
}  // namespace ring3::test
