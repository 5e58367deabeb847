// The kernel's ring, by liburing.
#include "subject.hpp"

#include <liburing.h>

#include <cstring>

namespace ring3::test {

namespace {

class Kernel final : public Subject {
 public:
  Kernel() {
    ok_ = io_uring_queue_init(
              64, &ring_,
              IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN) == 0;
  }
  ~Kernel() override {
    if (ok_) io_uring_queue_exit(&ring_);
  }
  bool ok() const { return ok_; }
  void push(const abi::Sqe& sqe) override { std::memcpy(io_uring_get_sqe(&ring_), &sqe, sizeof sqe); }
  std::vector<abi::Cqe> run(unsigned wait) override {
    io_uring_submit(&ring_);
    io_uring_cqe* cqe;
    __kernel_timespec limit{.tv_sec = 0, .tv_nsec = 100'000'000};
    if (wait) io_uring_wait_cqes(&ring_, &cqe, wait, &limit, nullptr);
    io_uring_get_events(&ring_);
    std::vector<abi::Cqe> cqes;
    while (io_uring_peek_cqe(&ring_, &cqe) == 0) {
      cqes.push_back({cqe->user_data, cqe->res, cqe->flags});
      io_uring_cqe_seen(&ring_, cqe);
    }
    return cqes;
  }

 private:
  io_uring ring_;
  bool ok_;
};

}  // namespace

std::unique_ptr<Subject> kernel_subject() {
  auto kernel = std::make_unique<Kernel>();
  return kernel->ok() ? std::move(kernel) : nullptr;
}

}  // namespace ring3::test
