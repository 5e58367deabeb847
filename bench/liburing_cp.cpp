// liburing_cp IN OUT BLOCK DEPTH: the hand-written copy as a program, for ./demo. Prints one line of JSON.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "bench/baselines.hpp"

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: liburing_cp IN OUT BLOCK DEPTH\n");
    return 2;
  }
  const int in = open(argv[1], O_RDONLY | O_CLOEXEC);
  const int out = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  struct stat status {};
  if (in < 0 || out < 0 || fstat(in, &status) != 0) {
    std::perror("liburing_cp");
    return 1;
  }
  const auto block = static_cast<uint32_t>(std::strtoul(argv[3], nullptr, 0));
  const auto depth = static_cast<unsigned>(std::strtoul(argv[4], nullptr, 0));
  const auto work = ring3::bench::liburing_copy(in, out, static_cast<uint64_t>(status.st_size), block, depth);
  if (work.error < 0) {
    std::fprintf(stderr, "liburing_cp: %s\n", std::strerror(-work.error));
    return 1;
  }
  std::printf("{\"bytes\": %llu, \"seconds\": %.6f, \"system_calls\": %llu}\n",
              static_cast<unsigned long long>(work.operations), work.seconds,
              static_cast<unsigned long long>(work.system_calls));
  return 0;
}
