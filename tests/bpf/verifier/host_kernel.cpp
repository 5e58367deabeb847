#include "host_kernel.hpp"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

namespace ring3::bpf::test {

namespace {

// The starts of union bpf_attr, as bpf(2) has them.
struct ProgLoad {
  uint32_t prog_type, insn_cnt;
  uint64_t insns, license;
  uint32_t log_level, log_size;
  uint64_t log_buf;
  uint32_t kern_version, prog_flags;
  char prog_name[16];
  uint32_t prog_ifindex, expected_attach_type;
};
struct MapCreate {
  uint32_t map_type, key_size, value_size, max_entries, map_flags;
};
constexpr int map_create = 0, prog_load = 5;
constexpr uint32_t prog_type_syscall = 31, flag_sleepable = 1u << 4;

HostVerdict load(std::span<const Insn> insns, unsigned log_level) {
  HostVerdict out;
  static std::vector<char> log(1 << 20);
  log[0] = 0;
  ProgLoad attr{};
  attr.prog_type = prog_type_syscall;
  attr.insn_cnt = insns.size();
  attr.insns = reinterpret_cast<uint64_t>(insns.data());
  attr.license = reinterpret_cast<uint64_t>("GPL");
  attr.prog_flags = flag_sleepable;
  if (log_level) {
    attr.log_level = log_level;
    attr.log_size = log.size();
    attr.log_buf = reinterpret_cast<uint64_t>(log.data());
  }
  long fd = syscall(SYS_bpf, prog_load, &attr, sizeof(attr));
  out.available = true;
  out.accepted = fd >= 0;
  out.error = fd >= 0 ? 0 : errno;
  out.log = log.data();
  if (fd >= 0) close(static_cast<int>(fd));
  return out;
}

// The effective capabilities of this thread are `effective` from now on; what they were.
bool change_capabilities(uint32_t (&effective)[2]) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &header, data) != 0) return false;
  std::swap(effective[0], data[0].effective);
  std::swap(effective[1], data[1].effective);
  return syscall(SYS_capset, &header, data) == 0;
}

}  // namespace

WithoutPerfmon::WithoutPerfmon() {
  effective_[CAP_TO_INDEX(CAP_BPF)] = CAP_TO_MASK(CAP_BPF);
  ok_ = change_capabilities(effective_);
}

WithoutPerfmon::~WithoutPerfmon() {
  if (ok_ && !change_capabilities(effective_)) abort();
}

const std::string& host_unavailable() {
  static const std::string reason = [] {
    const Insn trivial[] = {{.code = 0xb7}, {.code = 0x95}};  // r0 = 0; exit
    auto verdict = load(trivial, 0);
    return verdict.accepted ? std::string{}
                            : std::string("bpf(2) loads no program here: ") + strerror(verdict.error);
  }();
  return reason;
}

HostVerdict host_verify(std::span<const Insn> insns, unsigned log_level) {
  if (!host_unavailable().empty()) return {.log = host_unavailable()};
  return load(insns, log_level);
}

int host_map(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t entries, uint32_t flags) {
  MapCreate attr{type, key_size, value_size, entries, flags};
  return static_cast<int>(syscall(SYS_bpf, map_create, &attr, sizeof(attr)));
}

}  // namespace ring3::bpf::test
