// What the tests of the programs on top of IORING_OP_BPF share: a ring as an application has it, and buffers
// of each kind. Like an application they use the public headers and liburing's SQE.
#pragma once

#include <gtest/gtest.h>
#include <liburing.h>

#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "ring3/module.hpp"
#include "ring3/operation.h"
#include "ring3/operation.hpp"
#include "ring3/queues.hpp"
#include "ring3/ring.hpp"

namespace ring3::test {

using Bytes = std::vector<uint8_t>;
using Descs = std::vector<io_bpf_buf_desc>;
using Random = std::mt19937_64;

// The value, or an exception that fails the test with the error's text.
template <typename T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().text());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

Bytes random_bytes(size_t size, Random& random);

inline constexpr io_bpf_buf_type kKinds[] = {IO_BPF_BUF_USER, IO_BPF_BUF_FIXED, IO_BPF_BUF_VEC,
                                             IO_BPF_BUF_KFIXED, IO_BPF_BUF_REG_VEC};

// A buffer of some kind: a descriptor, and the pieces of memory behind it.
class Buffer {
 public:
  const io_bpf_buf_desc& desc() const { return desc_; }
  size_t size() const { return size_; }
  Bytes get() const;
  void set(const Bytes& bytes);

 private:
  friend class Memory;
  io_bpf_buf_desc desc_{};
  size_t size_ = 0;
  std::vector<iovec> pieces_;
  std::vector<iovec> vectors_;  // as the descriptor has them
};

// The memory of a ring: registered buffer 0 is the application's, registered buffer 1 a provider's, in
// segments of odd sizes and in no order. Hands out buffers that don't overlap, of any alignment.
class Memory {
 public:
  explicit Memory(Ring& ring);
  Buffer make(io_bpf_buf_type kind, size_t size, Random& random);
  // Page-aligned, for the sake of the fast paths.
  Buffer make_aligned(io_bpf_buf_type kind, size_t size);
  void clear() { own_used_ = provided_used_ = 0; }

 private:
  Buffer place(io_bpf_buf_type kind, size_t size, size_t misaligned, Random* random);
  std::vector<iovec> provided_pieces(size_t offset, size_t size) const;

  Mapping own_, provided_;
  std::vector<iovec> segments_;
  size_t own_used_ = 0, provided_used_ = 0;
};

// A ring, and one request at a time on it.
class ProgramRing {
 public:
  explicit ProgramRing(BackendKind backend, unsigned flags = 0);
  Ring& ring() { return ring_; }
  Queues& queues() { return queues_; }
  const io_uring_params& params() const { return params_; }
  // Loads programs/NAME.bpf.o and attaches its operation.
  Module& attach(const std::string& name, bool checked = false);
  // cqe->res of a request of that operation, or of the one with that id.
  int run(const Descs& descs, unsigned flags = 0, uint64_t off = 0, std::optional<uint8_t> op = {});
  uint8_t id() const { return operation_->id(); }

 private:
  io_uring_params params_{};
  Ring ring_;
  Queues queues_;
  std::optional<Module> module_;
  std::optional<Operation> operation_;
};

// Each test runs on both back-ends; `host` is skipped where io_uring is missing or forbidden.
class ProgramTest : public testing::TestWithParam<BackendKind> {
 protected:
  void SetUp() override;
};
#define RING3_PROGRAM_TESTS(suite)                                                            \
  INSTANTIATE_TEST_SUITE_P(, suite, testing::Values(BackendKind::Host, BackendKind::Threads), \
                           [](const testing::TestParamInfo<BackendKind>& backend) {           \
                             return backend.param == BackendKind::Host ? "host" : "threads";  \
                           })

}  // namespace ring3::test
