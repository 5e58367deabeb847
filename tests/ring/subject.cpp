#include "subject.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "ring/ring.hpp"

namespace ring3::test {
namespace {

using namespace abi;

class Kernel final : public Subject {
 public:
  int open(unsigned entries, Params params) {
    params_ = params;
    fd_ = static_cast<int>(::syscall(SYS_io_uring_setup, entries, &params_));
    if (fd_ < 0) return -errno;
    rings_size_ = std::max<size_t>(
        params_.sq_off.array + params_.sq_entries * 4,
        params_.cq_off.cqes + params_.cq_entries * (params.flags & IORING_SETUP_CQE32 ? 32 : 16));
    sqes_size_ = params_.sq_entries * (params.flags & IORING_SETUP_SQE128 ? 128 : 64);
    rings_ = map(rings_size_, IORING_OFF_SQ_RING);
    sqes_ = map(sqes_size_, IORING_OFF_SQES);
    return rings_ && sqes_ ? 0 : -ENOMEM;
  }
  ~Kernel() override {
    if (rings_) ::munmap(rings_, rings_size_);
    if (sqes_) ::munmap(sqes_, sqes_size_);
    if (fd_ >= 0) ::close(fd_);
  }
  int enter(unsigned to_submit, unsigned min_complete, unsigned flags, const void* argument,
            size_t size) override {
    const long result = ::syscall(SYS_io_uring_enter, fd_, to_submit, min_complete, flags, argument, size);
    return result < 0 ? -errno : static_cast<int>(result);
  }
  int register_op(unsigned opcode, void* argument, unsigned count) override {
    const long result = ::syscall(SYS_io_uring_register, fd_, opcode, argument, count);
    return result < 0 ? -errno : static_cast<int>(result);
  }
  int fd() const override { return fd_; }

 private:
  std::byte* map(size_t size, uint64_t offset) {
    void* address = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd_,
                           static_cast<off_t>(offset));
    return address == MAP_FAILED ? nullptr : static_cast<std::byte*>(address);
  }
  int fd_ = -1;
  size_t rings_size_ = 0, sqes_size_ = 0;
};

class Ours final : public Subject {
 public:
  int open(unsigned entries, Params params, BackendKind kind) {
    params_ = params;
    auto ring = ring::Ring::create(entries, params_, kind);
    if (!ring) return -ring.error().code;
    ring_ = std::move(*ring);
    rings_ = ring_->sq_ring();
    sqes_ = ring_->sqes();
    return 0;
  }
  int enter(unsigned to_submit, unsigned min_complete, unsigned flags, const void* argument,
            size_t size) override {
    return ring_->enter(to_submit, min_complete, flags, argument, size);
  }
  int register_op(unsigned opcode, void* argument, unsigned count) override {
    return ring_->register_op(opcode, reinterpret_cast<uint64_t>(argument), count);
  }
  int fd() const override { return ring_->fd(); }

 private:
  std::unique_ptr<ring::Ring> ring_;
};

}  // namespace

std::string name(Who who) {
  return who == Who::Kernel ? "kernel" : who == Who::Host ? "ring3 on host" : "ring3 on threads";
}

std::unique_ptr<Subject> Subject::create(Who who, unsigned entries, Params params, int* error) {
  int result;
  std::unique_ptr<Subject> subject;
  if (who == Who::Kernel) {
    auto kernel = std::make_unique<Kernel>();
    result = kernel->open(entries, params);
    subject = std::move(kernel);
  } else {
    auto ours = std::make_unique<Ours>();
    result = ours->open(entries, params, who == Who::Host ? BackendKind::Host : BackendKind::Threads);
    subject = std::move(ours);
  }
  if (error) *error = result;
  if (result != 0) return nullptr;
  return subject;
}

Sqe& Subject::slot(uint32_t index) const {
  const size_t size = params_.flags & IORING_SETUP_SQE128 ? 128 : 64;
  return *reinterpret_cast<Sqe*>(sqes_ + index * size);
}

void Subject::push(std::vector<Sqe> sqes) {
  const uint32_t mask = params_.sq_entries - 1;
  uint32_t tail = word(params_.sq_off.tail);
  for (const Sqe& sqe : sqes) {
    slot(tail & mask) = sqe;
    if (!(params_.flags & IORING_SETUP_NO_SQARRAY))
      word(params_.sq_off.array + 4 * (tail & mask)) = tail & mask;
    ++tail;
  }
  __atomic_store_n(&word(params_.sq_off.tail), tail, __ATOMIC_RELEASE);
}

std::vector<Cqe> Subject::reap() {
  std::vector<Cqe> cqes;
  const uint32_t tail = __atomic_load_n(&word(params_.cq_off.tail), __ATOMIC_ACQUIRE);
  uint32_t head = word(params_.cq_off.head);
  const size_t size = params_.flags & IORING_SETUP_CQE32 ? 32 : 16;
  for (; head != tail; ++head) {
    Cqe cqe;
    std::memcpy(&cqe, rings_ + params_.cq_off.cqes + (head & (params_.cq_entries - 1)) * size, sizeof cqe);
    cqes.push_back(cqe);
  }
  __atomic_store_n(&word(params_.cq_off.head), head, __ATOMIC_RELEASE);
  return cqes;
}

int Subject::submit(std::vector<Sqe> sqes, unsigned wait) {
  const auto count = static_cast<unsigned>(sqes.size());
  push(std::move(sqes));
  return enter(count, wait, wait ? uint32_t{IORING_ENTER_GETEVENTS} : 0u);
}

std::vector<Cqe> Subject::reap_count(unsigned count) {
  std::vector<Cqe> cqes;
  for (int tries = 0; tries < 100 && cqes.size() < count; ++tries) {
    const Timespec ts{0, 10'000'000};
    const GeteventsArg argument{.ts = reinterpret_cast<uint64_t>(&ts)};
    enter(0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &argument, sizeof argument);
    for (const Cqe& cqe : reap()) cqes.push_back(cqe);
  }
  return cqes;
}

Sqe nop(uint64_t user_data, uint8_t flags) {
  return {.opcode = IORING_OP_NOP, .flags = flags, .fd = -1, .user_data = user_data};
}

Sqe nop_result(uint64_t user_data, int32_t res, uint8_t flags) {
  Sqe sqe = nop(user_data, flags);
  sqe.len = static_cast<uint32_t>(res);
  sqe.op_flags = IORING_NOP_INJECT_RESULT;
  return sqe;
}

Sqe invalid(uint64_t user_data, uint8_t flags) {
  Sqe sqe = nop(user_data, flags);
  sqe.opcode = 200;
  return sqe;
}

Sqe transfer(uint8_t opcode, uint64_t user_data, int fd, void* buffer, uint32_t size, uint64_t offset,
             uint8_t flags) {
  return {.opcode = opcode,
          .flags = flags,
          .fd = fd,
          .off = offset,
          .addr = reinterpret_cast<uint64_t>(buffer),
          .len = size,
          .user_data = user_data};
}

std::string text(const std::vector<Cqe>& cqes) {
  std::string result;
  for (const Cqe& cqe : cqes) {
    result += fmt::format("{}{}:{}", result.empty() ? "" : " ", cqe.user_data, cqe.res);
    if (cqe.flags) result += fmt::format("/{:x}", cqe.flags);
  }
  return "[" + result + "]";
}

std::string sorted_text(std::vector<Cqe> cqes) {
  std::ranges::sort(cqes, [](const Cqe& a, const Cqe& b) {
    return std::tie(a.user_data, a.res, a.flags) < std::tie(b.user_data, b.res, b.flags);
  });
  return text(cqes);
}

void compare(const char* what, unsigned entries, Params params, const Behaviour& behaviour) {
  std::string expected, from;
  for (const Who who : {Who::Kernel, Who::Host, Who::Threads}) {
    int error = 0;
    const auto subject = Subject::create(who, entries, params, &error);
    if (!subject) {
      EXPECT_TRUE(who != Who::Threads) << what << ": no ring of threads: " << error;
      continue;  // a kernel without this, or without io_uring
    }
    const std::string transcript = behaviour(*subject);
    if (from.empty()) {
      expected = transcript;
      from = name(who);
    } else {
      EXPECT_EQ(transcript, expected) << what << ": " << name(who) << " differs from " << from;
    }
  }
}

}  // namespace ring3::test
