// The benchmarks of operations.
#include "ring3/operation.hpp"

#include <linux/io_uring.h>

#include <chrono>

#include "base/error.hpp"
#include "bench/baselines.hpp"
#include "bench/benchmark.hpp"
#include "bench/objects.hpp"
#include "ring3/queues.hpp"

namespace ring3::bench {

namespace {

constexpr uint64_t nops = 1'000'000;
constexpr unsigned batch = 32;
// <linux/io_uring.h> has neither.
constexpr uint32_t setup_bpf_ext = 1u << 21;
constexpr uint8_t op_bpf = 65;

// Nanoseconds for each request that runs an operation which does nothing, 32 to an enter().
Result<double> operation_nop_ns() {
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | setup_bpf_ext;
  Ring ring = TRY(Ring::setup(batch, params, BackendKind::Host));
  Queues queues = TRY(Queues::open(ring, params));
  Module module = TRY(Module::open(object_path("bench", "nop_operation")));
  TRY_VOID(load(module));
  const Operation operation = TRY(Operation::attach(module, ring));
  const auto start = std::chrono::steady_clock::now();
  for (uint64_t done = 0; done < nops; done += batch) {
    for (unsigned i = 0; i < batch; ++i) {
      io_uring_sqe* sqe = queues.next_sqe();
      sqe->opcode = op_bpf;
      sqe->rw_flags = operation.id() << 24;
    }
    if (const int result = queues.submit(batch); result < 0)
      return fail(-result, "enter", "the requests failed");
    for (unsigned i = 0; i < batch; ++i) {
      const io_uring_cqe* cqe = queues.cqe();
      if (!cqe || cqe->res != 0) return fail(EIO, "operation", "a request failed");
      queues.seen();
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return took.count() / nops * 1e9;
}

Result<double> liburing_nop_ns() {
  const Work work = liburing_nops(nops, batch);
  if (work.error < 0) return fail(-work.error, "liburing", "the baseline could not be run");
  return work.seconds / nops * 1e9;
}

constexpr Benchmark benchmarks[] = {
    {"op.nop_vs_host_nop", "ns per request", "no-op BPF, batches of 32", "liburing NOPs, batches of 32",
     Quotient::OursByTheirs, operation_nop_ns, liburing_nop_ns},
};

}  // namespace

std::span<const Benchmark> operation_benchmarks() { return benchmarks; }

}  // namespace ring3::bench
