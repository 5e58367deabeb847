// The behaviour suite's frame: each test runs on `host`, on `threads`, and straight on the kernel's io_uring
// ("kernel"). The expectations are written down once; that the kernel meets them shows that they are Linux's.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "backend/backend.hpp"
#include "base/fd.hpp"

namespace ring3::backend::test {

using abi::Sqe;
using abi::Timespec;

// The kernel's own ring behind the same interface, with nothing of ours in between but the system call.
Result<std::unique_ptr<Backend>> create_kernel(const Config& config);

inline constexpr uint64_t kMillisecond = 1'000'000, kSecond = 1'000'000'000;
uint64_t now_ns(clockid_t clock = CLOCK_MONOTONIC);

// An address that no process has mapped, below and above what user space may use.
inline constexpr uint64_t kWildAddress = 0x10, kWildKernelAddress = 0xffff800000001000;

// SQEs, by opcode. Addresses are numbers, so that wild ones are as easy as good ones.
Sqe make_sqe(uint8_t opcode, int fd = -1, uint64_t addr = 0, uint32_t len = 0, uint64_t off = 0,
             uint32_t op_flags = 0);
inline uint64_t address(const void* pointer) { return reinterpret_cast<uint64_t>(pointer); }
Sqe linked(Sqe sqe);
Sqe hard_linked(Sqe sqe);
Sqe with_flags(Sqe sqe, uint8_t flags);

// A temporary file that has no name, filled with `size` bytes of a pattern that differs at each offset.
FileDescriptor temporary_file(size_t size = 0);
std::string pattern(size_t offset, size_t size);

struct SocketPair {
  FileDescriptor left, right;
};
SocketPair socket_pair(int type = 1 /* SOCK_STREAM */);

class Suite : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override;
  // Replaces the back-end; skips the test where it can't be had.
  void create(const Config& config);
  bool is_kernel() const { return std::string(GetParam()) == "kernel"; }
  bool is_threads() const { return std::string(GetParam()) == "threads"; }
  bool is_host() const { return std::string(GetParam()) == "host"; }

  // Queues `chain` with user_data counting up from `first_token`.
  void queue(std::vector<Sqe> chain, uint64_t first_token = 1);
  // Waits until `count` completions came since the last call and files them under their tokens.
  void collect(size_t count, uint64_t limit_ns = 5 * kSecond);
  // Both, for one chain that completes with nothing else in flight: the results in the chain's order.
  std::vector<int> run(std::vector<Sqe> chain);
  int run(Sqe sqe) { return run(std::vector<Sqe>{sqe})[0]; }
  // The result that a token was completed with; fails the test if there is none.
  int result_of(uint64_t token);

  std::unique_ptr<Backend> backend_;
  std::map<uint64_t, Completion> done_;
  std::vector<Completion> order_;
};

#define RING3_BACKEND_SUITE(name)                                                          \
  INSTANTIATE_TEST_SUITE_P(Backends, name, ::testing::Values("host", "threads", "kernel"), \
                           [](const auto& parameter) { return std::string(parameter.param); })

}  // namespace ring3::backend::test
