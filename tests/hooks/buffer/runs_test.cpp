// Descriptors against the buffers of a ring, without a program: the bytes that each names, in their order.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include <cstring>
#include <random>
#include <vector>

#include "base/fd.hpp"
#include "hooks/buffer/chunks.hpp"
#include "ring/ring.hpp"
#include "seed.hpp"

namespace ring3::hooks {
namespace {

constexpr uint64_t kPage = 4096;

Mapping pages(size_t count) {
  return Mapping(mmap(nullptr, count * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
                 count * kPage);
}
uint64_t address_of(const void* pointer) { return reinterpret_cast<uint64_t>(pointer); }

struct Chunk {
  uint64_t address, bytes;
  bool operator==(const Chunk&) const = default;
};

// A ring with the application's buffer in slot 0, a provider's, in three segments, in slot 1, and one in each
// direction in slots 2 (destination) and 3 (source). Slot 4 is empty.
class Buffers : public testing::TestWithParam<BackendKind> {
 protected:
  void SetUp() override {
    abi::Params params{};
    auto made = ring::Ring::create(8, params, GetParam());
    if (!made) GTEST_SKIP() << made.error().text();
    ring_ = std::move(*made);
    struct {
      uint32_t count = 5, flags = 0;
      uint64_t reserved = 0, vectors = 0, tags = 0;
    } table;
    const iovec vectors[5] = {{own_.data() + 100, 3 * kPage}};
    table.vectors = address_of(vectors);
    ASSERT_EQ(ring_->register_op(abi::IORING_REGISTER_BUFFERS2, address_of(&table), sizeof table), 0);
    for (unsigned slot : {1u, 2u, 3u}) {
      const BufferUse use = slot == 1   ? BufferUse::Both
                            : slot == 2 ? BufferUse::Destination
                                        : BufferUse::Source;
      const auto provided = ring_->provide_buffer(slot, {segments_, use, [this] { ++released_; }});
      ASSERT_TRUE(provided) << provided.error().text();
    }
  }

  int open(BufferDescriptor descriptor, int direction = kSource) {
    return iterator_.open(ring_->buffers(), descriptor, direction);
  }
  std::vector<Chunk> chunks(BufferDescriptor descriptor, int direction = kSource) {
    std::vector<Chunk> found;
    EXPECT_EQ(open(descriptor, direction), 0);
    while (const int32_t* bytes = iterator_.next()) {
      bpf::Dynptr dynptr;
      EXPECT_EQ(iterator_.make_dynptr(dynptr, false), 0);
      EXPECT_EQ(dynptr.size(), static_cast<uint64_t>(*bytes));
      found.push_back({address_of(dynptr.at(0)), dynptr.size()});
    }
    EXPECT_EQ(iterator_.next(), nullptr) << "once at the end, always";
    return found;
  }
  ssize_t copy(BufferDescriptor to, BufferDescriptor from) { return copy_buffer(ring_->buffers(), to, from); }

  Mapping own_ = pages(4), provided_ = pages(4);
  const std::vector<BufferSegment> segments_ = {{provided_.data() + 3 * kPage, 1000},
                                                {provided_.data() + 10, kPage},
                                                {provided_.data() + 2 * kPage, 24}};
  int released_ = 0;
  std::unique_ptr<ring::Ring> ring_;
  BufferIterator iterator_;
};

TEST_P(Buffers, ChunksEndAtPagesOfTheBuffer) {
  const uint64_t start = address_of(own_.data()) + 4000;
  const std::vector<Chunk> expected = {{start, 96}, {start + 96, kPage}, {start + 96 + kPage, 808}};
  EXPECT_EQ(chunks({kUser, 0, 0, 5000, start}), expected);
  EXPECT_EQ(chunks({kFixed, 0, 0, 5000, start}), expected);
  EXPECT_EQ(chunks({kKernelFixed, 0, 0, 5000, 3900}), expected) << "counted from the start of the buffer";
  EXPECT_EQ(chunks({kUser, 0, 0, 0, start}), std::vector<Chunk>{});
}

TEST_P(Buffers, VectorsAreWalkedInTheirOrderAndTheEmptyOnesSkipped) {
  const uint64_t base = address_of(own_.data());
  const iovec vectors[] = {
      {own_.data() + 200, 10}, {own_.data() + 300, 0}, {own_.data() + 8000, 300}, {own_.data() + 100, 1}};
  const std::vector<Chunk> expected = {
      {base + 200, 10}, {base + 8000, 192}, {base + 8192, 108}, {base + 100, 1}};
  EXPECT_EQ(chunks({kVector, 0, 0, 4, address_of(vectors)}), expected);
  EXPECT_EQ(chunks({kRegisteredVector, 0, 0, 4, address_of(vectors)}), expected);
  EXPECT_EQ(chunks({kVector, 0, 0, 0, address_of(vectors)}), std::vector<Chunk>{});
}

TEST_P(Buffers, ProviderBuffersAreWalkedBySegments) {
  const uint64_t base = address_of(provided_.data());
  const std::vector<Chunk> all = {
      {base + 3 * kPage, 1000}, {base + 10, kPage - 10}, {base + kPage, 10}, {base + 2 * kPage, 24}};
  EXPECT_EQ(chunks({kKernelFixed, 0, 1, 1000 + kPage + 24, 0}), all);
  EXPECT_EQ(chunks({kFixed, 0, 1, 1000 + kPage + 24, 0}), all) << "its addresses count from 0";
  const std::vector<Chunk> part = {{base + 3 * kPage + 999, 1}, {base + 10, 5}};
  EXPECT_EQ(chunks({kKernelFixed, 0, 1, 6, 999}), part);
  const iovec vectors[] = {{reinterpret_cast<void*>(1000 + kPage), 24}, {nullptr, 3}};
  const std::vector<Chunk> by_vectors = {{base + 2 * kPage, 24}, {base + 3 * kPage, 3}};
  EXPECT_EQ(chunks({kRegisteredVector, 0, 1, 2, address_of(vectors)}), by_vectors);
}

TEST_P(Buffers, WhatCannotBeNamedIsRefused) {
  const uint64_t base = address_of(own_.data()) + 100, size = 3 * kPage, provided = 1000 + kPage + 24;
  EXPECT_EQ(open({5, 0, 0, 1, base}), -EINVAL);
  EXPECT_EQ(open({255, 0, 0, 1, base}), -EINVAL);
  for (int direction : {-1, 2}) EXPECT_EQ(open({kUser, 0, 0, 1, base}, direction), -EINVAL);
  for (uint16_t slot : {4, 5, 65535})
    for (uint8_t type : {kFixed, kKernelFixed, kRegisteredVector})
      EXPECT_EQ(open({type, 0, slot, 0, 0}), -EFAULT);
  // The last byte is in it, the next is not.
  EXPECT_EQ(open({kFixed, 0, 0, 1, base + size - 1}), 0);
  EXPECT_EQ(open({kFixed, 0, 0, 1, base + size}), -EFAULT);
  EXPECT_EQ(open({kFixed, 0, 0, 1, base - 1}), -EFAULT);
  EXPECT_EQ(open({kFixed, 0, 0, static_cast<uint32_t>(size + 1), base}), -EFAULT);
  EXPECT_EQ(open({kKernelFixed, 0, 0, 1, size - 1}), 0);
  EXPECT_EQ(open({kKernelFixed, 0, 0, 1, size}), -EFAULT);
  EXPECT_EQ(open({kKernelFixed, 0, 1, static_cast<uint32_t>(provided), 0}), 0);
  EXPECT_EQ(open({kKernelFixed, 0, 1, static_cast<uint32_t>(provided), 1}), -EFAULT);
  for (uint64_t address : {~uint64_t{0}, ~uint64_t{0} - 7, -base}) {
    EXPECT_EQ(open({kFixed, 0, 0, 8, address}), -EFAULT);
    EXPECT_EQ(open({kKernelFixed, 0, 0, 8, address}), -EFAULT);
    EXPECT_EQ(open({kKernelFixed, 0, 1, 8, address}), -EFAULT);
  }
  EXPECT_EQ(open({kUser, 0, 0, 8, ~uint64_t{0} - 3}), -EFAULT);
}

TEST_P(Buffers, BadVectorsAreRefused) {
  const iovec outside[] = {{own_.data() + 100, 1}, {own_.data() + 100 + 3 * kPage, 1}};
  EXPECT_EQ(open({kRegisteredVector, 0, 0, 1, address_of(outside)}), 0);
  EXPECT_EQ(open({kRegisteredVector, 0, 0, 2, address_of(outside)}), -EFAULT);
  EXPECT_EQ(open({kVector, 0, 0, 2, address_of(outside)}), 0) << "memory of the application, whatever it is";
  EXPECT_EQ(open({kVector, 0, 0, 1, 16}), -EFAULT);
  const std::vector<iovec> many(1025, iovec{own_.data(), 1});
  EXPECT_EQ(open({kVector, 0, 0, 1024, address_of(many.data())}), 0);
  EXPECT_EQ(open({kVector, 0, 0, 1025, address_of(many.data())}), -EINVAL);
}

TEST_P(Buffers, AVectorThatGoesBadEndsTheWalk) {
  iovec vectors[] = {{own_.data() + 100, 8}, {own_.data() + 200, 8}};
  ASSERT_EQ(open({kRegisteredVector, 0, 0, 2, address_of(vectors)}), 0);
  ASSERT_NE(iterator_.next(), nullptr);
  vectors[1].iov_base = provided_.data();
  EXPECT_EQ(iterator_.next(), nullptr);
  EXPECT_EQ(iterator_.next(), nullptr);
}

TEST_P(Buffers, DirectionsAreKept) {
  for (int direction : {kDestination, kSource}) {
    EXPECT_EQ(open({kKernelFixed, 0, 1, 1, 0}, direction), 0);
    EXPECT_EQ(open({kKernelFixed, 0, 2, 1, 0}, direction), direction == kDestination ? 0 : -EFAULT);
    EXPECT_EQ(open({kKernelFixed, 0, 3, 1, 0}, direction), direction == kSource ? 0 : -EFAULT);
    const iovec vector = {nullptr, 1};
    EXPECT_EQ(open({kRegisteredVector, 0, 2, 1, address_of(&vector)}, direction),
              direction == kDestination ? 0 : -EFAULT);
  }
}

TEST_P(Buffers, DynptrsAreOfTheChunkAndInItsDirection) {
  bpf::Dynptr dynptr(own_.data(), 1, bpf::Dynptr::Kind::Local, false);
  ASSERT_EQ(open({kUser, 0, 0, 6000, address_of(own_.data()) + 4090}, kDestination), 0);
  EXPECT_EQ(iterator_.make_dynptr(dynptr, false), -EINVAL) << "no chunk yet";
  EXPECT_TRUE(dynptr.is_null());
  ASSERT_NE(iterator_.next(), nullptr);
  EXPECT_EQ(iterator_.make_dynptr(dynptr, false), 0);
  EXPECT_TRUE(dynptr.is_read_only());
  EXPECT_EQ(iterator_.make_dynptr(dynptr, true), 0);
  EXPECT_FALSE(dynptr.is_read_only());
  EXPECT_EQ(dynptr.size(), 6u);

  ASSERT_EQ(open({kUser, 0, 0, 100, address_of(own_.data())}, kSource), 0);
  EXPECT_EQ(iterator_.make_dynptr(dynptr, true), -EPERM);
  EXPECT_TRUE(dynptr.is_null());
  ASSERT_NE(iterator_.next(), nullptr);
  EXPECT_EQ(iterator_.make_dynptr(dynptr, true), -EPERM);
  EXPECT_TRUE(dynptr.is_null());
  ASSERT_EQ(iterator_.next(), nullptr);
  EXPECT_EQ(iterator_.make_dynptr(dynptr, false), -EINVAL) << "behind the last chunk";
  EXPECT_TRUE(dynptr.is_null());
}

TEST_P(Buffers, AFailedIteratorIsAtItsEnd) {
  EXPECT_EQ(open({9, 0, 0, 0, 0}), -EINVAL);
  EXPECT_EQ(iterator_.next(), nullptr);
  bpf::Dynptr dynptr;
  EXPECT_EQ(iterator_.make_dynptr(dynptr, false), -EINVAL);
  iterator_.close();
}

TEST_P(Buffers, MemoryThatIsNotThereEndsTheWalk) {
  mprotect(own_.data() + kPage, kPage, PROT_READ);
  mprotect(own_.data() + 2 * kPage, kPage, PROT_NONE);
  const BufferDescriptor all = {kUser, 0, 0, 4 * kPage, address_of(own_.data())};
  EXPECT_EQ(chunks(all, kDestination).size(), 1u);
  EXPECT_EQ(chunks(all, kSource).size(), 2u);
  EXPECT_EQ(chunks({kUser, 0, 0, 100, 4096}).size(), 0u);
}

TEST_P(Buffers, CopiesBetweenAllKinds) {
  const uint64_t base = address_of(own_.data());
  const iovec split[] = {{own_.data() + 200, 1500}, {own_.data() + 5000, 1500}};
  const iovec offsets[] = {{reinterpret_cast<void*>(900), 1500}, {reinterpret_cast<void*>(2400), 1500}};
  const BufferDescriptor sources[] = {{kUser, 0, 0, 3000, base + 200},
                                      {kFixed, 0, 0, 3000, base + 200},
                                      {kVector, 0, 0, 2, address_of(split)},
                                      {kKernelFixed, 0, 0, 3000, 100},
                                      {kRegisteredVector, 0, 0, 2, address_of(split)}};
  Mapping other = pages(1);
  const iovec parts[] = {{other.data(), 2000}, {other.data() + 2000, 1000}};
  const BufferDescriptor targets[] = {{kUser, 0, 0, 3000, address_of(other.data())},
                                      {kVector, 0, 0, 2, address_of(parts)},
                                      {kFixed, 0, 1, 3000, 900},
                                      {kKernelFixed, 0, 1, 3000, 900},
                                      {kRegisteredVector, 0, 1, 2, address_of(offsets)}};
  for (size_t i = 0; i < 4 * kPage; ++i) own_.data()[i] = static_cast<std::byte>(i * 7 + i / 251);
  for (const BufferDescriptor& source : sources)
    for (const BufferDescriptor& target : targets) {
      SCOPED_TRACE(testing::Message() << +source.type << " to " << +target.type);
      memset(other.data(), 0, kPage);
      memset(provided_.data(), 0, 4 * kPage);
      ASSERT_EQ(copy(target, source), 3000);
      const bool by_address = target.buf_index == 0;
      for (size_t i = 0; i < 3000; ++i) {
        const bool second_half = (source.type == kVector || source.type == kRegisteredVector) && i >= 1500;
        const std::byte expected = own_.data()[second_half ? 5000 + i - 1500 : 200 + i];
        const std::byte found = by_address ? other.data()[i]
                                : i < 100  ? provided_.data()[3 * kPage + 900 + i]
                                           : provided_.data()[10 + i - 100];
        ASSERT_EQ(found, expected) << i;
      }
    }
}

TEST_P(Buffers, ACopyIsAsLongAsTheShorterOneAndAsFarAsMemoryGoes) {
  const uint64_t base = address_of(own_.data());
  Mapping other = pages(3);
  const uint64_t target = address_of(other.data());
  EXPECT_EQ(copy({kUser, 0, 0, 10, target}, {kUser, 0, 0, 20, base}), 10);
  EXPECT_EQ(copy({kUser, 0, 0, 20, target}, {kUser, 0, 0, 10, base}), 10);
  EXPECT_EQ(copy({kUser, 0, 0, 0, target}, {kUser, 0, 0, 10, base}), 0);
  munmap(other.data() + kPage, kPage);
  EXPECT_EQ(copy({kUser, 0, 0, 3 * kPage, target + 100}, {kUser, 0, 0, 4 * kPage, base}), kPage - 100);
  EXPECT_EQ(copy({kUser, 0, 0, 3 * kPage, base}, {kUser, 0, 0, 3 * kPage, target}), kPage);
  EXPECT_EQ(copy({kUser, 0, 0, 100, target + kPage}, {kUser, 0, 0, 100, base}), -EFAULT);
  EXPECT_EQ(copy({kUser, 0, 0, 100, base}, {kUser, 0, 0, 100, 1}), -EFAULT);
  EXPECT_EQ(copy({7, 0, 0, 100, base}, {kUser, 0, 0, 100, base}), -EINVAL);
  EXPECT_EQ(copy({kUser, 0, 0, 100, base}, {kKernelFixed, 0, 2, 100, 0}), -EFAULT) << "only a destination";
  EXPECT_EQ(copy({kKernelFixed, 0, 3, 100, 0}, {kUser, 0, 0, 100, base}), -EFAULT) << "only a source";
}

TEST_P(Buffers, SlotsFollowRegistrations) {
  const BufferDescriptor first = {kKernelFixed, 0, 0, 1, 0}, second = {kKernelFixed, 0, 1, 1, 0};
  const iovec vectors[2] = {{nullptr, 0}, {own_.data() + 8, 8}};
  struct {
    uint32_t first = 0, reserved = 0;
    uint64_t vectors = 0, tags = 0;
    uint32_t count = 2, reserved2 = 0;
  } update;
  update.vectors = address_of(vectors);
  EXPECT_EQ(ring_->register_op(abi::IORING_REGISTER_BUFFERS_UPDATE, address_of(&update), sizeof update), 2);
  EXPECT_EQ(open(first), -EFAULT);
  EXPECT_EQ(chunks(second), (std::vector<Chunk>{{address_of(own_.data()) + 8, 1}}));
  EXPECT_EQ(released_, 1) << "the provider's buffer was replaced";
  EXPECT_EQ(ring_->withdraw_buffer(1).error().code, EBUSY);
  EXPECT_EQ(ring_->withdraw_buffer(0).error().code, EINVAL);
  EXPECT_EQ(ring_->withdraw_buffer(9).error().code, EINVAL);
  EXPECT_TRUE(ring_->withdraw_buffer(2));
  EXPECT_EQ(released_, 2);
  EXPECT_EQ(open({kKernelFixed, 0, 2, 1, 0}, kDestination), -EFAULT);
  EXPECT_EQ(ring_->register_op(abi::IORING_UNREGISTER_BUFFERS, 0, 0), 0);
  EXPECT_EQ(released_, 3);
  EXPECT_EQ(open(second), -EFAULT);
  EXPECT_EQ(ring_->register_op(abi::IORING_UNREGISTER_BUFFERS, 0, 0), -ENXIO);
  EXPECT_EQ(ring_->register_op(abi::IORING_REGISTER_BUFFERS, address_of(vectors + 1), 1), 0);
  EXPECT_EQ(open(first), 0);
}

TEST_P(Buffers, WhatCannotBeProvidedIsRefused) {
  const auto provide = [&](unsigned slot, std::vector<BufferSegment> segments) {
    const auto result =
        ring_->provide_buffer(slot, {std::move(segments), BufferUse::Both, [this] { ++released_; }});
    return result ? 0 : result.error().code;
  };
  EXPECT_EQ(provide(0, segments_), EBUSY);
  EXPECT_EQ(provide(1, segments_), EBUSY);
  EXPECT_EQ(provide(5, segments_), EINVAL);
  EXPECT_EQ(provide(4, {}), EINVAL);
  EXPECT_EQ(provide(4, {{own_.data(), 0}}), EINVAL);
  EXPECT_EQ(provide(4, {{nullptr, 1}}), EINVAL);
  EXPECT_EQ(provide(4, {{own_.data(), 1}, {own_.data(), SIZE_MAX}}), EINVAL);
  EXPECT_EQ(provide(4, std::vector<BufferSegment>(1025, {own_.data(), 1})), EINVAL);
  EXPECT_EQ(released_, 0);
  EXPECT_EQ(provide(4, std::vector<BufferSegment>(1024, {own_.data(), 1})), 0);
  ring_.reset();
  EXPECT_EQ(released_, 4);
}

// The chunks of any descriptor are its bytes, whatever the segments.
TEST_P(Buffers, RandomRangesOfRandomSegments) {
  const unsigned seed = test::seed_of_run();
  SCOPED_TRACE(testing::Message() << "RING3_SEED=" << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 300; ++round) {
    std::vector<BufferSegment> segments;
    std::vector<uint64_t> bytes;  // the address of each byte
    for (size_t i = 0, count = 1 + random() % 8; i < count; ++i) {
      const uint64_t at = random() % (3 * kPage), size = 1 + random() % (i % 2 ? 64 : kPage);
      segments.push_back({own_.data() + at, size});
      for (uint64_t j = 0; j < size; ++j) bytes.push_back(address_of(own_.data()) + at + j);
    }
    ASSERT_TRUE(ring_->provide_buffer(4, {segments}));
    const uint64_t offset = random() % bytes.size();
    const auto length = static_cast<uint32_t>(1 + random() % (bytes.size() - offset));
    std::vector<uint64_t> found;
    for (const Chunk& chunk : chunks({kKernelFixed, 0, 4, length, offset})) {
      ASSERT_LE(chunk.address % kPage + chunk.bytes, kPage);
      for (uint64_t j = 0; j < chunk.bytes; ++j) found.push_back(chunk.address + j);
    }
    ASSERT_EQ(found, std::vector<uint64_t>(bytes.begin() + static_cast<ptrdiff_t>(offset),
                                           bytes.begin() + static_cast<ptrdiff_t>(offset + length)));
    ASSERT_TRUE(ring_->withdraw_buffer(4));
  }
}

INSTANTIATE_TEST_SUITE_P(All, Buffers, testing::Values(BackendKind::Host, BackendKind::Threads),
                         [](const auto& param) {
                           return param.param == BackendKind::Host ? "host" : "threads";
                         });

}  // namespace
}  // namespace ring3::hooks
