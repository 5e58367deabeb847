// verify.vs_linux: how long a program takes to verify, against how long bpf(BPF_PROG_LOAD) takes for the same
// instructions, maps and types. The kernel's time includes its JIT (a small part), because it is what a user
// waits for. One figure for all programs of bench/verify/: the geometric mean.
#include "bpf/verifier/verify.hpp"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "bench/benchmark.hpp"
#include "bench/kernel_load.hpp"
#include "bench/objects.hpp"
#include "bpf/object/elf.hpp"
#include "hooks/world.hpp"

namespace ring3::bench {

namespace {

constexpr unsigned repeats = 3;  // of each program in a round; the fastest counts

struct Corpus {
  struct File {
    std::unique_ptr<bpf::Collection> collection;
    std::unique_ptr<KernelLoad> kernel;
  };
  std::vector<File> files;
};

Result<Corpus::File> open(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(stream), {}};
  const auto file = std::as_bytes(std::span(bytes));
  Corpus::File out;
  auto object = TRY(bpf::Object::parse(file, path));
  out.collection = TRY(bpf::Collection::create(std::move(object), hooks::world()));
  out.collection->freeze();
  const bpf::ElfFile elf = TRY(bpf::ElfFile::read(file, path));
  for (const bpf::ElfSection& section : elf.sections)
    if (section.name == ".BTF") out.kernel = TRY(KernelLoad::create(*out.collection, section.bytes));
  if (!out.kernel) return fail(EINVAL, path, "has no types");
  return out;
}

Result<const Corpus*> corpus() {
  static Corpus all;
  if (!all.files.empty()) return &all;
  const auto folder = std::filesystem::path(object_path("bench/verify", "blocks")).parent_path();
  if (!std::filesystem::exists(folder)) return fail(ENOENT, folder.string(), "the programs are not built");
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".o") all.files.push_back(TRY(open(entry.path().string())));
  return &all;
}

using Shared = std::shared_ptr<const bpf::Program>;
using Time = Result<double> (*)(const Corpus::File&, const Shared&);  // nanoseconds

Result<double> best_us(Time time_of, const Corpus::File& file, const Shared& program) {
  double best = TRY(time_of(file, program));
  for (unsigned i = 1; i < repeats; ++i) best = std::min(best, TRY(time_of(file, program)));
  return best / 1000;
}

// The geometric mean over all programs.
Result<double> mean_us(Time time_of) {
  double logarithms = 0;
  unsigned programs = 0;
  for (const Corpus::File& file : TRY(corpus())->files)
    for (const Shared& program : file.collection->programs()) {
      logarithms += std::log(TRY(best_us(time_of, file, program)));
      ++programs;
    }
  return std::exp(logarithms / programs);
}

Result<double> our_time(const Corpus::File&, const Shared& program) {
  const bpf::Verdict verdict = bpf::verify(program);
  if (!verdict) return fail(verdict.error().code, program->name, "refused: {}", verdict.error().linux_message);
  return static_cast<double>(verdict->stats().time_ns);
}
Result<double> kernel_time(const Corpus::File& file, const Shared& program) { return file.kernel->load_ns(*program); }

// The program for which we are slowest in comparison, found once.
Result<double> worst_us(Time time_of) {
  static const Corpus::File* worst_file = nullptr;
  static Shared worst;
  double highest = 0;
  if (!worst)
    for (const Corpus::File& file : TRY(corpus())->files)
      for (const Shared& program : file.collection->programs()) {
        const double ours = TRY(best_us(our_time, file, program));
        const double ratio = ours / TRY(best_us(kernel_time, file, program));
        if (ratio > highest) highest = ratio, worst_file = &file, worst = program;
      }
  return best_us(time_of, *worst_file, worst);
}

Result<double> our_mean() { return mean_us(our_time); }
Result<double> kernel_mean() { return mean_us(kernel_time); }
Result<double> our_worst() { return worst_us(our_time); }
Result<double> kernel_worst() { return worst_us(kernel_time); }

constexpr Benchmark benchmarks[] = {
    {"verify.vs_linux", "us per program", "ring3's verifier", "the kernel's, with its JIT", Quotient::OursByTheirs, our_mean,
     kernel_mean},
    {"verify.worst", "us", "the program with the worst ratio", "the kernel's, with its JIT", Quotient::OursByTheirs,
     our_worst, kernel_worst},
};

}  // namespace

std::span<const Benchmark> verify_benchmarks() { return benchmarks; }

}  // namespace ring3::bench
