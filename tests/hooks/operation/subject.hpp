// A ring that takes SQEs: ours, or the kernel's.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "hooks/test_ring.hpp"

namespace ring3::test {

class Subject {
 public:
  virtual ~Subject() = default;
  virtual void push(const abi::Sqe& sqe) = 0;
  // Submits what was pushed, waits for that many CQEs or 100 ms, and returns all there are.
  virtual std::vector<abi::Cqe> run(unsigned wait) = 0;
};

class Ours final : public Subject {
 public:
  explicit Ours(TestRing ring) : ring_(std::move(ring)) {}
  TestRing& ring() { return ring_; }
  void push(const abi::Sqe& sqe) override {
    ring_.push(sqe.opcode, sqe.user_data) = sqe;
    ++pushed_;
  }
  std::vector<abi::Cqe> run(unsigned wait) override {
    const abi::Timespec limit = after(100ms);
    const abi::GeteventsArg argument{.ts = reinterpret_cast<uint64_t>(&limit)};
    ring_.ring().enter(std::exchange(pushed_, 0), wait,
                       abi::IORING_ENTER_GETEVENTS | abi::IORING_ENTER_EXT_ARG, &argument, sizeof argument);
    return ring_.reap();
  }

 private:
  TestRing ring_;
  unsigned pushed_ = 0;
};

// nullptr: no io_uring on this machine.
std::unique_ptr<Subject> kernel_subject();

}  // namespace ring3::test
