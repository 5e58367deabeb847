// The benchmarks of the loop.
#include <fcntl.h>
#include <linux/io_uring.h>
#include <unistd.h>

#include <chrono>
#include <vector>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "bench/baselines.hpp"
#include "bench/benchmark.hpp"
#include "bench/objects.hpp"
#include "ring3/loop.hpp"
#include "ring3/module.hpp"
#include "ring3/ring.hpp"

namespace ring3::bench {

namespace {

constexpr uint64_t nops = 1'000'000;
constexpr uint64_t reads = 100'000;
constexpr uint32_t read_block = 4096;
constexpr uint64_t read_file_bytes = 64 << 20;
constexpr uint64_t copy_bytes = 64 << 20;  // little enough to stay clear of write-back
constexpr uint32_t copy_block = 128 << 10;
constexpr unsigned copy_depth = 16;

using Settings = std::vector<std::pair<const char*, uint64_t>>;

// A loaded program on a ring, ready to be entered once. The ring has as many entries as that of the program that it is
// compared with.
struct Bench {
  Ring ring;
  Module module;
  Loop loop;

  static Result<Bench> create(const char* folder, const char* name, unsigned entries, const Settings& settings) {
    io_uring_params params{};
    params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    Ring ring = TRY(Ring::setup(entries, params, BackendKind::Host));
    auto* slots = reinterpret_cast<uint32_t*>(ring.sq_ring() + params.sq_off.array);
    for (uint32_t i = 0; i < params.sq_entries; ++i) slots[i] = i;
    Module module = TRY(Module::open(object_path(folder, name)));
    TRY_VOID(module.set_ring(params));
    for (const auto& [variable, value] : settings) TRY_VOID(module.set(variable, value));
    TRY_VOID(load(module));
    Loop loop = TRY(Loop::attach(module, ring));
    return Bench{std::move(ring), std::move(module), std::move(loop)};
  }

  // Seconds that the loop took.
  Result<double> run() {
    const auto start = std::chrono::steady_clock::now();
    const int result = ring.enter(0, 0, 0);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    if (result < 0) return fail(-result, "enter", "the loop ended with an error");
    const int32_t error = *TRY(module.as<int32_t>("error"));
    if (error != 0) return fail(error, "program", "a request failed");
    return took.count();
  }
};

Result<Work> done(Work work) {
  if (work.error < 0) return fail(-work.error, "liburing", "the baseline could not be run");
  return work;
}

// An open file without a name, filled with something.
Result<FileDescriptor> scratch_file(uint64_t bytes) {
  const char* folder = std::getenv("TMPDIR");
  FileDescriptor file(::open(folder ? folder : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file) return fail(errno, folder ? folder : "/tmp", "can't make a scratch file");
  std::vector<std::byte> chunk(1 << 20, std::byte{0x5a});
  for (uint64_t offset = 0; offset < bytes; offset += chunk.size())
    if (::pwrite(file.get(), chunk.data(), chunk.size(), off_t(offset)) != ssize_t(chunk.size()))
      return fail(errno ? errno : ENOSPC, "scratch file", "can't write {} bytes", bytes);
  return file;
}

Result<double> loop_nop_ns() {
  Bench bench = TRY(Bench::create("programs", "nops", 2, {{"count", nops}, {"depth", 1}}));
  return TRY(bench.run()) / nops * 1e9;
}

Result<double> link2_nop_ns() { return TRY(done(liburing_nop_links(nops))).seconds / nops * 1e9; }

Result<double> loop_read_iops(unsigned depth) {
  const FileDescriptor file = TRY(scratch_file(read_file_bytes));
  // From where the program that it is compared with has its own: so the processor's caches know both as well.
  const std::vector<std::byte> buffers(size_t{read_block} * depth);
  Bench bench = TRY(Bench::create("bench", "reads", depth,
                                  {{"count", reads},
                                   {"depth", depth},
                                   {"block", read_block},
                                   {"file", uint64_t(file.get())},
                                   {"file_size", read_file_bytes},
                                   {"buffers", reinterpret_cast<uint64_t>(buffers.data())}}));
  return reads / TRY(bench.run());
}

Result<double> liburing_read_iops(unsigned depth) {
  const FileDescriptor file = TRY(scratch_file(read_file_bytes));
  return reads / TRY(done(liburing_reads(file.get(), read_file_bytes, read_block, depth, reads))).seconds;
}

Result<double> loop_copy_rate() {
  const FileDescriptor in = TRY(scratch_file(copy_bytes)), out = TRY(scratch_file(0));
  const std::vector<std::byte> buffers(size_t{copy_block} * copy_depth);  // as in loop_read_iops()
  Bench bench = TRY(Bench::create("programs", "cp", copy_depth,
                                  {{"in", uint64_t(in.get())},
                                   {"out", uint64_t(out.get())},
                                   {"depth", copy_depth},
                                   {"chunk", copy_block},
                                   {"buffers", reinterpret_cast<uint64_t>(buffers.data())}}));
  return copy_bytes / TRY(bench.run()) / 1e6;
}

Result<double> liburing_copy_rate() {
  const FileDescriptor in = TRY(scratch_file(copy_bytes)), out = TRY(scratch_file(0));
  const Work work = TRY(done(liburing_copy(in.get(), out.get(), copy_bytes, copy_block, copy_depth)));
  return copy_bytes / work.seconds / 1e6;
}

constexpr Benchmark benchmarks[] = {
    {"loop.nop_vs_link2", "ns per NOP", "nops, depth 1", "liburing, 2-NOP links", Quotient::TheirsByOurs, loop_nop_ns, link2_nop_ns},
    {"loop.nop_ring_share", "ns per NOP", "nops, depth 1", "the ring alone, driven by C++", Quotient::TheirsByOurs, loop_nop_ns,
     [] { return ring_nop_ns(nops); }},
    {"loop.read4k_qd1", "reads per second", "reads, depth 1", "liburing loop", Quotient::OursByTheirs,
     [] { return loop_read_iops(1); }, [] { return liburing_read_iops(1); }},
    {"loop.read4k_qd32", "reads per second", "reads, depth 32", "liburing loop", Quotient::OursByTheirs,
     [] { return loop_read_iops(32); }, [] { return liburing_read_iops(32); }},
    {"loop.cp", "MB/s", "cp, depth 16", "liburing copy", Quotient::OursByTheirs, loop_copy_rate, liburing_copy_rate},
};

}  // namespace

std::span<const Benchmark> loop_benchmarks() { return benchmarks; }

}  // namespace ring3::bench
