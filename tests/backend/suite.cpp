#include "suite.hpp"

#include <sys/socket.h>

#include "backend/host/kernel_ring.hpp"

namespace ring3::backend::test {

namespace {

class KernelBackend final : public Backend {
 public:
  explicit KernelBackend(host::KernelRing ring) : ring_(std::move(ring)) {}

  std::string_view name() const override { return "kernel"; }
  int queue(std::span<const Sqe> chain) override {
    if (ring_.room() < chain.size()) flush();
    for (const Sqe& sqe : chain) ring_.push() = sqe;
    ring_.last_pushed().flags &= ~(abi::IOSQE_IO_LINK | abi::IOSQE_IO_HARDLINK);
    return 0;
  }
  int flush() override { return std::min(0, ring_.enter(0, 0)); }
  int wait(unsigned completions, const WaitLimits& limits) override {
    Timespec left{};
    if (limits.deadline_ns) {
      uint64_t now = now_ns(), ns = *limits.deadline_ns > now ? *limits.deadline_ns - now : 0;
      left = {static_cast<int64_t>(ns / kSecond), static_cast<int64_t>(ns % kSecond)};
    }
    return std::min(0, ring_.enter(completions, abi::IORING_ENTER_GETEVENTS, limits.signal_mask,
                                   limits.deadline_ns ? &left : nullptr));
  }
  size_t reap(std::span<Completion> out) override {
    size_t count = std::min<size_t>(out.size(), ring_.ready());
    for (size_t i = 0; i < count; ++i)
      out[i] = {ring_.peek(i).user_data, ring_.peek(i).res, ring_.peek(i).flags};
    ring_.consume(count);
    return count;
  }
  void wake() override {}
  int register_op(unsigned opcode, uint64_t argument, unsigned count) override {
    return ring_.register_op(opcode, argument, count);
  }
  bool supports(uint8_t) const override { return true; }

 private:
  host::KernelRing ring_;
};

}  // namespace

Result<std::unique_ptr<Backend>> create_kernel(const Config& config) {
  host::KernelRingConfig kernel{config.entries, config.cq_entries,
                                abi::IORING_SETUP_CQSIZE | abi::IORING_SETUP_SUBMIT_ALL | config.setup_flags};
  if (config.setup_flags & abi::IORING_SETUP_SINGLE_ISSUER)
    kernel.setup_flags |= abi::IORING_SETUP_DEFER_TASKRUN;
  return std::make_unique<KernelBackend>(TRY(host::KernelRing::create(kernel)));
}

uint64_t now_ns(clockid_t clock) {
  timespec now;
  ::clock_gettime(clock, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

Sqe make_sqe(uint8_t opcode, int fd, uint64_t addr, uint32_t len, uint64_t off, uint32_t op_flags) {
  Sqe sqe{};
  sqe.opcode = opcode;
  sqe.fd = fd;
  sqe.addr = addr;
  sqe.len = len;
  sqe.off = off;
  sqe.op_flags = op_flags;
  return sqe;
}
Sqe with_flags(Sqe sqe, uint8_t flags) {
  sqe.flags |= flags;
  return sqe;
}
Sqe linked(Sqe sqe) { return with_flags(sqe, abi::IOSQE_IO_LINK); }
Sqe hard_linked(Sqe sqe) { return with_flags(sqe, abi::IOSQE_IO_HARDLINK); }

std::string pattern(size_t offset, size_t size) {
  std::string text(size, 0);
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>((offset + i) * 31 + ((offset + i) >> 8));
  return text;
}

FileDescriptor temporary_file(size_t size) {
  FileDescriptor file(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  std::string bytes = pattern(0, size);
  EXPECT_EQ(::pwrite(file.get(), bytes.data(), size, 0), static_cast<ssize_t>(size));
  return file;
}

SocketPair socket_pair(int type) {
  int fds[2];
  EXPECT_EQ(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds), 0);
  return {FileDescriptor(fds[0]), FileDescriptor(fds[1])};
}

void Suite::SetUp() {
  create({.entries = 64, .cq_entries = 128, .setup_flags = abi::IORING_SETUP_SINGLE_ISSUER});
}

void Suite::create(const Config& config) {
  backend_.reset();
  auto created = is_host()      ? create_host(config)
                 : is_threads() ? create_threads(config)
                                : create_kernel(config);
  if (!created && !is_threads()) GTEST_SKIP() << created.error().text();
  ASSERT_TRUE(created) << created.error().text();
  backend_ = std::move(*created);
}

void Suite::queue(std::vector<Sqe> chain, uint64_t first_token) {
  for (Sqe& sqe : chain) sqe.user_data = first_token++;
  ASSERT_EQ(backend_->queue(chain), 0);
}

void Suite::collect(size_t count, uint64_t limit_ns) {
  uint64_t deadline = now_ns() + limit_ns;
  size_t got = 0;
  std::array<Completion, 64> out;
  while (got < count) {
    int result = backend_->wait(1, {.deadline_ns = deadline});
    size_t n = backend_->reap(out);
    for (size_t i = 0; i < n; ++i) {
      done_[out[i].token] = out[i];
      order_.push_back(out[i]);
    }
    got += n;
    if (got >= count) break;
    ASSERT_TRUE(result == 0 || result == -EINTR)
        << errno_name(-result) << " after " << got << " of " << count;
    ASSERT_LT(now_ns(), deadline) << "after " << got << " of " << count;
  }
}

std::vector<int> Suite::run(std::vector<Sqe> chain) {
  size_t count = chain.size();
  done_.clear();
  queue(std::move(chain));
  collect(count);
  std::vector<int> results;
  for (uint64_t token = 1; token <= count; ++token) results.push_back(result_of(token));
  return results;
}

int Suite::result_of(uint64_t token) {
  auto found = done_.find(token);
  if (found != done_.end()) return found->second.res;
  ADD_FAILURE() << "no completion of " << token;
  return INT32_MIN;
}

}  // namespace ring3::backend::test
