// Copies a file by letting a BPF program, cp.bpf.o, drive a ring: the application opens the files, says what
// it wants, and enters the ring once.
//
//   copy cp.bpf.o SOURCE TARGET
#include <fcntl.h>
#include <linux/io_uring.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ring3/loop.hpp>
#include <ring3/module.hpp>
#include <ring3/ring.hpp>

namespace {

constexpr unsigned depth = 16;
constexpr size_t chunk = 256 * 1024;

// Failures here all end the program, so they are reported where they occur.
template <typename T>
T must(ring3::Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "copy: %s\n", result.error().text().c_str());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

int open_or_die(const char* path, int flags) {
  const int fd = open(path, flags, 0666);
  if (fd < 0) {
    std::perror(path);
    std::exit(1);
  }
  return fd;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: copy cp.bpf.o SOURCE TARGET\n");
    return 2;
  }

  // A ring as io_uring_setup(2) would make it; a loop needs these two flags.
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
  ring3::Ring ring = must(ring3::Ring::setup(depth, params));
  // Slot i of the SQ holds SQE i: the program writes SQEs in order, and knows nothing of the index array.
  auto* slots = reinterpret_cast<uint32_t*>(ring.sq_ring() + params.sq_off.array);
  for (uint32_t i = 0; i < params.sq_entries; i++) slots[i] = i;

  void* buffers = mmap(nullptr, depth * chunk, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (buffers == MAP_FAILED) {
    std::perror("mmap");
    return 1;
  }

  // What the program is to do is in its globals; they are constants from load() on.
  ring3::Module module = must(ring3::Module::open(argv[1]));
  must(module.set_ring(params));
  must(module.set("in", uint64_t(open_or_die(argv[2], O_RDONLY))));
  must(module.set("out", uint64_t(open_or_die(argv[3], O_WRONLY | O_CREAT | O_TRUNC))));
  must(module.set("buffers", reinterpret_cast<uint64_t>(buffers)));
  must(module.set("depth", uint64_t{depth}));
  must(module.set("chunk", uint64_t{chunk}));
  if (!must(module.load())) {
    for (const ring3::ProgramVerdict& verdict : module.verdicts())
      if (!verdict.accepted) std::fprintf(stderr, "%s\n", verdict.text.c_str());
    return 1;
  }

  ring3::Loop loop = must(ring3::Loop::attach(module, ring));
  const int result = ring.enter(0, 0, 0);
  if (result < 0) {
    std::fprintf(stderr, "copy: the loop ended with %s\n", ring3::errno_name(-result).c_str());
    return 1;
  }
  if (const int error = *must(module.as<int32_t>("error"))) {
    std::fprintf(stderr, "copy: %s\n", std::strerror(error));
    return 1;
  }
  std::printf("%llu bytes in %llu steps\n",
              static_cast<unsigned long long>(*must(module.as<uint64_t>("copied"))),
              static_cast<unsigned long long>(loop.steps()));
  return 0;
}
