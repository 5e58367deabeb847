// One way to use a ring, whoever performs it: the host kernel by raw system calls (the oracle), or ring3 on
// one of its back-ends. A behaviour is written once, run on all three, and must give the same answer.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "abi/io_uring.hpp"
#include "ring3/ring.hpp"

namespace ring3::test {

constexpr uint32_t kDefer = abi::IORING_SETUP_SINGLE_ISSUER | abi::IORING_SETUP_DEFER_TASKRUN;

enum class Who { Kernel, Host, Threads };
std::string name(Who who);

class Subject {
 public:
  virtual ~Subject() = default;
  // Null and `error` (a negative errno) if the set-up is refused.
  static std::unique_ptr<Subject> create(Who who, unsigned entries, abi::Params params, int* error = nullptr);

  virtual int enter(unsigned to_submit, unsigned min_complete, unsigned flags, const void* argument = nullptr,
                    size_t size = 0) = 0;
  virtual int register_op(unsigned opcode, void* argument, unsigned count) = 0;
  virtual int fd() const = 0;

  const abi::Params& params() const { return params_; }
  uint32_t& word(uint32_t offset) const { return *reinterpret_cast<uint32_t*>(rings_ + offset); }
  abi::Sqe& slot(uint32_t index) const;
  std::byte* rings() const { return rings_; }

  // Puts SQEs into the SQ, as liburing does; they are not submitted yet.
  void push(std::vector<abi::Sqe> sqes);
  // Takes all CQEs out of the CQ.
  std::vector<abi::Cqe> reap();
  // push() and enter() in one.
  int submit(std::vector<abi::Sqe> sqes, unsigned wait = 0);
  // Waits until `count` CQEs came, or about a second has passed, and takes them.
  std::vector<abi::Cqe> reap_count(unsigned count);

 protected:
  abi::Params params_{};
  std::byte* rings_ = nullptr;
  std::byte* sqes_ = nullptr;
};

// SQEs.
abi::Sqe nop(uint64_t user_data, uint8_t flags = 0);
abi::Sqe nop_result(uint64_t user_data, int32_t res, uint8_t flags = 0);
abi::Sqe invalid(uint64_t user_data, uint8_t flags = 0);
abi::Sqe transfer(uint8_t opcode, uint64_t user_data, int fd, void* buffer, uint32_t size, uint64_t offset,
                  uint8_t flags = 0);

// "user_data:res[/flags]", in the order of posting.
std::string text(const std::vector<abi::Cqe>& cqes);
// The same, sorted.
std::string sorted_text(std::vector<abi::Cqe> cqes);

// Runs a behaviour on all subjects that this machine has, and expects equal transcripts. Where the kernel is
// not to be had (or lacks what `params` asks for) the others are compared with each other.
using Behaviour = std::function<std::string(Subject&)>;
void compare(const char* what, unsigned entries, abi::Params params, const Behaviour& behaviour);

}  // namespace ring3::test
