// Forwarded transfers that name provider buffers, on both back-ends.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <numeric>

#include "base/fd.hpp"
#include "ring/ring.hpp"

namespace ring3::ring {
namespace {

using namespace abi;

class Provided : public testing::TestWithParam<BackendKind> {
 protected:
  void SetUp() override {
    Params params{};
    auto made = Ring::create(8, params, GetParam());
    if (!made) GTEST_SKIP() << made.error().text();
    ring_ = std::move(*made);
    params_ = params;
    struct {
      uint32_t count = 4, flags = 1;
      uint64_t reserved = 0, vectors = 0, tags = 0;
    } table;
    ASSERT_EQ(ring_->register_op(IORING_REGISTER_BUFFERS2, reinterpret_cast<uint64_t>(&table), sizeof table),
              0);
    std::iota(memory_.begin(), memory_.end(), 0);
    provide(0, BufferUse::Both);
    file_ = FileDescriptor(memfd_create("file", MFD_CLOEXEC));
    std::vector<uint8_t> content(kFile);
    for (size_t i = 0; i < kFile; ++i) content[i] = static_cast<uint8_t>(i * 13 + 5);
    ASSERT_EQ(pwrite(file_.get(), content.data(), kFile, 0), static_cast<ssize_t>(kFile));
  }
  // 100 + 50 + 300 bytes, out of order.
  void provide(unsigned slot, BufferUse use) {
    const auto result = ring_->provide_buffer(
        slot,
        {{{&memory_[500], 100}, {&memory_[10], 50}, {&memory_[100], 300}}, use, [this] { ++released_; }});
    ASSERT_TRUE(result) << result.error().text();
  }
  size_t place(size_t offset) const {
    return offset < 100 ? 500 + offset : offset < 150 ? 10 + offset - 100 : 100 + offset - 150;
  }
  uint8_t& at(size_t offset) { return memory_[place(offset)]; }
  std::vector<uint8_t> file() const {
    std::vector<uint8_t> content(2 * kFile);
    content.resize(static_cast<size_t>(pread(file_.get(), content.data(), content.size(), 0)));
    return content;
  }

  static Sqe transfer(uint8_t opcode, int fd, uint16_t slot, uint64_t offset, uint32_t length,
                      uint64_t at = 0) {
    Sqe sqe{};
    sqe.opcode = opcode;
    sqe.fd = fd;
    sqe.buf_index = slot;
    sqe.addr = offset;
    sqe.len = length;
    sqe.off = at;
    return sqe;
  }
  uint32_t& word(uint32_t offset) { return *reinterpret_cast<uint32_t*>(ring_->sq_ring() + offset); }
  void push(std::vector<Sqe> sqes) {
    for (Sqe& sqe : sqes) {
      uint32_t& tail = word(params_.sq_off.tail);
      const uint32_t slot = tail & (params_.sq_entries - 1);
      word(params_.sq_off.array + 4 * slot) = slot;
      sqe.user_data = tail;
      reinterpret_cast<Sqe*>(ring_->sqes())[slot] = sqe;
      ++tail;
    }
  }
  std::vector<int> run(std::vector<Sqe> sqes) {
    const auto count = static_cast<unsigned>(sqes.size());
    push(std::move(sqes));
    EXPECT_EQ(ring_->enter(count, 0, 0, nullptr, 0), static_cast<int>(count));
    return reap(count);
  }
  std::vector<int> reap(unsigned count) {
    for (int i = 0; i < 1000 && word(params_.cq_off.tail) - word(params_.cq_off.head) < count; ++i)
      ring_->enter(0, count, IORING_ENTER_GETEVENTS, nullptr, 0);
    std::vector<std::pair<uint64_t, int>> found;
    auto* cqes = reinterpret_cast<Cqe*>(ring_->sq_ring() + params_.cq_off.cqes);
    for (uint32_t& head = word(params_.cq_off.head); head != word(params_.cq_off.tail); ++head) {
      const Cqe& cqe = cqes[head & (params_.cq_entries - 1)];
      found.emplace_back(cqe.user_data, cqe.res);
    }
    std::sort(found.begin(), found.end());
    std::vector<int> results;
    for (const auto& [who, result] : found) results.push_back(result);
    return results;
  }

  static constexpr size_t kFile = 2000;
  std::vector<uint8_t> memory_ = std::vector<uint8_t>(1000);
  int released_ = 0;
  Params params_;
  FileDescriptor file_;
  std::unique_ptr<Ring> ring_;
};

TEST_P(Provided, ReadsFillTheirSegments) {
  const std::vector<uint8_t> before = memory_;
  ASSERT_EQ(run({transfer(IORING_OP_READ_FIXED, file_.get(), 0, 90, 200, 7)}), std::vector<int>{200});
  std::vector<uint8_t> expected = before;
  for (size_t i = 0; i < 200; ++i) expected[place(90 + i)] = static_cast<uint8_t>((7 + i) * 13 + 5);
  EXPECT_EQ(memory_, expected) << "and nothing else";
  ASSERT_EQ(run({transfer(IORING_OP_READ_FIXED, file_.get(), 0, 110, 20, 0)}), std::vector<int>{20});
  for (size_t i = 0; i < 20; ++i) EXPECT_EQ(at(110 + i), static_cast<uint8_t>(i * 13 + 5));
}

TEST_P(Provided, WritesComeFromTheirSegments) {
  std::vector<uint8_t> expected = file();
  for (size_t i = 0; i < 450; ++i) expected[33 + i] = at(i);
  ASSERT_EQ(run({transfer(IORING_OP_WRITE_FIXED, file_.get(), 0, 0, 450, 33)}), std::vector<int>{450});
  EXPECT_EQ(file(), expected);
}

TEST_P(Provided, InChainsAndShort) {
  Sqe read = transfer(IORING_OP_READ_FIXED, file_.get(), 0, 0, 450, 100);
  Sqe write = transfer(IORING_OP_WRITE_FIXED, file_.get(), 0, 0, 450, kFile);
  read.flags = IOSQE_IO_LINK;
  EXPECT_EQ(run({read, write}), (std::vector<int>{450, 450}));
  const std::vector<uint8_t> now = file();
  ASSERT_EQ(now.size(), kFile + 450);
  for (size_t i = 0; i < 450; ++i) ASSERT_EQ(now[kFile + i], now[100 + i]);
  // Past the end of the file: fewer than asked for, and the chain breaks.
  read.off = kFile + 400;
  EXPECT_EQ(run({read, write}), (std::vector<int>{50, -ECANCELED}));
  Sqe nop{};
  nop.opcode = IORING_OP_NOP;
  read.off = 0;
  nop.flags = IOSQE_IO_LINK;
  EXPECT_EQ(run({nop, read, write}), (std::vector<int>{0, 450, 450}));
}

TEST_P(Provided, RangesAndDirectionsAreKept) {
  provide(1, BufferUse::Destination);
  provide(2, BufferUse::Source);
  const int fd = file_.get();
  EXPECT_EQ(run({transfer(IORING_OP_READ_FIXED, fd, 0, 0, 451)}), std::vector<int>{-EFAULT});
  EXPECT_EQ(run({transfer(IORING_OP_READ_FIXED, fd, 0, 450, 1)}), std::vector<int>{-EFAULT});
  EXPECT_EQ(run({transfer(IORING_OP_READ_FIXED, fd, 0, ~uint64_t{0}, 2)}), std::vector<int>{-EFAULT});
  EXPECT_EQ(run({transfer(IORING_OP_READ_FIXED, fd, 3, 0, 1)}), std::vector<int>{-EFAULT}) << "an empty slot";
  EXPECT_EQ(run({transfer(IORING_OP_READ_FIXED, fd, 0, 449, 1)}), std::vector<int>{1});
  EXPECT_EQ(run({transfer(IORING_OP_READ_FIXED, fd, 0, 450, 0)}), std::vector<int>{0});
  EXPECT_EQ(run({transfer(IORING_OP_READ_FIXED, fd, 1, 0, 10)}), std::vector<int>{10});
  EXPECT_EQ(run({transfer(IORING_OP_READ_FIXED, fd, 2, 0, 10)}), std::vector<int>{-EFAULT});
  EXPECT_EQ(run({transfer(IORING_OP_WRITE_FIXED, fd, 1, 0, 10)}), std::vector<int>{-EFAULT});
  EXPECT_EQ(run({transfer(IORING_OP_WRITE_FIXED, fd, 2, 0, 10)}), std::vector<int>{10});
}

TEST_P(Provided, AreReleasedByTheLastWhoUsesThem) {
  int pipes[2];
  ASSERT_EQ(pipe2(pipes, O_CLOEXEC), 0);
  FileDescriptor reader(pipes[0]), writer(pipes[1]);
  push({transfer(IORING_OP_READ_FIXED, reader.get(), 0, 0, 450, ~uint64_t{0})});
  EXPECT_EQ(ring_->enter(1, 0, 0, nullptr, 0), 1);
  ASSERT_TRUE(ring_->withdraw_buffer(0));
  EXPECT_EQ(released_, 0) << "a request reads into it";
  EXPECT_EQ(run({transfer(IORING_OP_READ_FIXED, file_.get(), 0, 0, 10)}), std::vector<int>{-EFAULT});
  ASSERT_EQ(write(writer.get(), "0123456789", 10), 10);
  EXPECT_EQ(reap(1), std::vector<int>{10});
  EXPECT_EQ(released_, 1);
  EXPECT_EQ(at(9), '9');
  provide(0, BufferUse::Both);
  push({transfer(IORING_OP_READ_FIXED, reader.get(), 0, 0, 450, ~uint64_t{0})});
  EXPECT_EQ(ring_->enter(1, 0, 0, nullptr, 0), 1);
  ring_.reset();
  EXPECT_EQ(released_, 2) << "the ring is gone, and what was in flight";
}

TEST_P(Provided, MemoryThatIsGoneIsEfault) {
  const FileDescriptor gone(memfd_create("gone", MFD_CLOEXEC));
  ASSERT_EQ(ftruncate(gone.get(), 4096), 0);
  const Mapping mapping(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, gone.get(), 0), 4096);
  ASSERT_TRUE(ring_->provide_buffer(1, {{{mapping.data(), 4096}}, BufferUse::Both, {}}));
  EXPECT_EQ(run({transfer(IORING_OP_READ_FIXED, file_.get(), 1, 0, 100)}), std::vector<int>{100});
  ASSERT_EQ(ftruncate(gone.get(), 0), 0);
  EXPECT_EQ(run({transfer(IORING_OP_READ_FIXED, file_.get(), 1, 0, 100)}), std::vector<int>{-EFAULT});
}

INSTANTIATE_TEST_SUITE_P(All, Provided, testing::Values(BackendKind::Host, BackendKind::Threads),
                         [](const auto& param) {
                           return param.param == BackendKind::Host ? "host" : "threads";
                         });

}  // namespace
}  // namespace ring3::ring
