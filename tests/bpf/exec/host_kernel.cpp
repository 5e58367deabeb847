// Alone with <linux/bpf.h>, whose macros clash with our own numbers.
#include "bpf/exec/host_kernel.hpp"

#include <linux/bpf.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace ring3::test {

namespace {

long bpf(int command, union bpf_attr& attr) { return syscall(SYS_bpf, command, &attr, sizeof(attr)); }

union bpf_attr blank() {
  union bpf_attr attr;
  memset(&attr, 0, sizeof(attr));
  return attr;
}

}  // namespace

HostKernel::HostKernel(size_t memory_bytes) : memory_bytes_(memory_bytes) {
  auto attr = blank();
  attr.map_type = BPF_MAP_TYPE_ARRAY;
  attr.key_size = 4;
  attr.value_size = static_cast<uint32_t>(memory_bytes);
  attr.max_entries = 1;
  attr.map_flags = BPF_F_MMAPABLE;
  map_ = static_cast<int>(bpf(BPF_MAP_CREATE, attr));
  if (map_ < 0) {
    unavailable_ = std::string("bpf(BPF_MAP_CREATE): ") + strerror(errno);
    return;
  }
  void* const memory = mmap(nullptr, memory_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, map_, 0);
  if (memory == MAP_FAILED) {
    unavailable_ = std::string("mmap of a map: ") + strerror(errno);
    return;
  }
  memory_ = static_cast<std::byte*>(memory);
  // r0 = 0; exit
  const uint64_t trivial[] = {0xb7, 0x95};
  const std::string error = run(trivial);
  if (!error.empty()) unavailable_ = "bpf(BPF_PROG_LOAD or RUN): " + error;
}

HostKernel::~HostKernel() {
  if (memory_) munmap(memory_, memory_bytes_);
  if (map_ >= 0) close(map_);
}

long HostKernel::load(std::span<const uint64_t> insns, std::span<char> log) const {
  auto attr = blank();
  attr.prog_type = BPF_PROG_TYPE_SYSCALL;
  attr.prog_flags = BPF_F_SLEEPABLE;
  attr.insns = reinterpret_cast<uint64_t>(insns.data());
  attr.insn_cnt = static_cast<uint32_t>(insns.size());
  attr.license = reinterpret_cast<uint64_t>("GPL");
  attr.fd_array = reinterpret_cast<uint64_t>(&map_);
  if (!log.empty()) {
    attr.log_level = 1;
    attr.log_buf = reinterpret_cast<uint64_t>(log.data());
    attr.log_size = static_cast<uint32_t>(log.size());
  }
  return bpf(BPF_PROG_LOAD, attr);
}

std::string HostKernel::run(std::span<const uint64_t> insns) const {
  const long program = load(insns, {});
  if (program < 0) {
    std::vector<char> log(1 << 20);
    const int error = errno;
    load(insns, log);
    const std::string text = log.data();
    return std::string(strerror(error)) + ": …" + text.substr(text.size() < 2000 ? 0 : text.size() - 2000);
  }
  auto attr = blank();
  attr.test.prog_fd = static_cast<uint32_t>(program);
  const long result = bpf(BPF_PROG_TEST_RUN, attr);
  const int error = errno;
  close(static_cast<int>(program));
  return result < 0 ? std::string("BPF_PROG_TEST_RUN: ") + strerror(error) : "";
}

}  // namespace ring3::test
