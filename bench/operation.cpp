// The benchmarks of operations.
#include "ring3/operation.hpp"

#include <isa-l/raid.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include <chrono>
#include <cstring>
#include <vector>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "bench/baselines.hpp"
#include "bench/benchmark.hpp"
#include "bench/objects.hpp"
#include "ring3/operation.h"
#include "ring3/queues.hpp"

namespace ring3::bench {

namespace {

constexpr uint64_t nops = 1'000'000;
constexpr unsigned batch = 32;
constexpr uint32_t setup_flags =
    IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_BPF_EXT;
constexpr uint32_t buffer_bytes = 64 << 10;
constexpr uint64_t transfers = 4096;  // of a buffer, in a round

// Nanoseconds for each request that runs an operation which does nothing, 32 to an enter().
Result<double> operation_nop_ns() {
  io_uring_params params{};
  params.flags = setup_flags;
  Ring ring = TRY(Ring::setup(batch, params, BackendKind::Host));
  Queues queues = TRY(Queues::open(ring, params));
  Module module = TRY(Module::open(object_path("bench", "nop_operation")));
  TRY_VOID(load(module));
  const Operation operation = TRY(Operation::attach(module, ring));
  const auto start = std::chrono::steady_clock::now();
  for (uint64_t done = 0; done < nops; done += batch) {
    for (unsigned i = 0; i < batch; ++i) {
      io_uring_sqe* sqe = queues.next_sqe();
      io_uring_prep_bpf(sqe, operation.id(), 0, nullptr, 0);
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

// Buffers of 64 KiB that follow each other, filled with something.
Result<Mapping> make_buffers(unsigned count) {
  const size_t bytes = size_t{count} * buffer_bytes;
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return fail(errno, "mmap", "no memory for the buffers");
  for (size_t i = 0; i < bytes; ++i)
    static_cast<uint8_t*>(memory)[i] = static_cast<uint8_t>(i * 31 + i / 509);
  return Mapping(memory, bytes);
}

// GB/s of a program that ships, on that many registered buffers; the first is what it writes. Only sources
// count.
Result<double> program_rate(const char* name, unsigned buffers) {
  io_uring_params params{};
  params.flags = setup_flags;
  Ring ring = TRY(Ring::setup(batch, params, BackendKind::Host));
  Queues queues = TRY(Queues::open(ring, params));
  Module module = TRY(Module::open(object_path("programs", name)));
  TRY_VOID(load(module));
  const Operation operation = TRY(Operation::attach(module, ring));
  const Mapping memory = TRY(make_buffers(buffers));
  iovec vector = {memory.data(), memory.size()};
  if (const int result = ring.register_op(IORING_REGISTER_BUFFERS, &vector, 1); result < 0)
    return fail(-result, "register", "the buffers were not taken");
  std::vector<io_bpf_buf_desc> descs;
  for (unsigned i = 0; i < buffers; ++i)
    descs.push_back(io_bpf_buf_fixed(0, memory.data() + size_t{i} * buffer_bytes, buffer_bytes));
  const auto start = std::chrono::steady_clock::now();
  for (uint64_t done = 0; done < transfers; done += batch) {
    for (unsigned i = 0; i < batch; ++i)
      io_uring_prep_bpf(queues.next_sqe(), operation.id(), 0, descs.data(), buffers);
    if (const int result = queues.submit(batch); result < 0)
      return fail(-result, "enter", "the requests failed");
    for (unsigned i = 0; i < batch; ++i, queues.seen())
      if (const io_uring_cqe* cqe = queues.cqe(); !cqe || cqe->res != static_cast<int>(buffer_bytes))
        return fail(EIO, name, "a request failed");
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return transfers * uint64_t{buffers - 1} * buffer_bytes / took.count() / 1e9;
}

// The same, called in a loop.
template <typename Function>
Result<double> function_rate(unsigned buffers, Function function) {
  const Mapping memory = TRY(make_buffers(buffers));
  std::vector<void*> pointers;
  for (unsigned i = 0; i < buffers; ++i) pointers.push_back(memory.data() + size_t{i} * buffer_bytes);
  const auto start = std::chrono::steady_clock::now();
  for (uint64_t done = 0; done < transfers; ++done) {
    function(pointers.data());
    asm volatile("" ::: "memory");
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return transfers * uint64_t{buffers - 1} * buffer_bytes / took.count() / 1e9;
}

Result<double> memcpy_program() { return program_rate("memcpy", 2); }
Result<double> memcpy_function() {
  return function_rate(2, [](void** buffers) { std::memcpy(buffers[0], buffers[1], buffer_bytes); });
}

constexpr unsigned sources = 3;
Result<double> xor_program() { return program_rate("xor_parity", 1 + sources); }
Result<double> xor_isal() {
  // xor_gen has its target last; which buffer that is does not matter.
  return function_rate(1 + sources, [](void** buffers) { xor_gen(1 + sources, buffer_bytes, buffers); });
}

constexpr Benchmark benchmarks[] = {
    {"op.nop_vs_host_nop", "ns per request", "no-op BPF, batches of 32", "liburing NOPs, batches of 32",
     Quotient::OursByTheirs, operation_nop_ns, liburing_nop_ns},
    {"op.memcpy_vs_memcpy", "GB/s", "memcpy, 64 KiB", "memcpy(3)", Quotient::OursByTheirs, memcpy_program,
     memcpy_function},
    {"op.xor_vs_isal", "GB/s", "xor_parity, 3 x 64 KiB", "ISA-L xor_gen", Quotient::OursByTheirs, xor_program,
     xor_isal},
};

}  // namespace

std::span<const Benchmark> operation_benchmarks() { return benchmarks; }

}  // namespace ring3::bench
