#include "kernel_bpf.hpp"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace kernel {

namespace {

constexpr uint32_t kFormatBytes = 1024, kTextStart = 256, kTextBytes = 64, kOutBytes = 128;

uint64_t address(const void* p) { return reinterpret_cast<uint64_t>(p); }

int bpf(int command, bpf_attr& attributes) {
  const long result = syscall(SYS_bpf, command, &attributes, sizeof attributes);
  return result < 0 ? -errno : static_cast<int>(result);
}

struct Fd {
  int fd = -1;
  ~Fd() {
    if (fd >= 0) close(fd);
  }
};

int make_array(uint32_t bytes, uint32_t flags) {
  bpf_attr attributes = {};
  attributes.map_type = BPF_MAP_TYPE_ARRAY;
  attributes.key_size = 4;
  attributes.value_size = bytes;
  attributes.max_entries = 1;
  attributes.map_flags = flags;
  return bpf(BPF_MAP_CREATE, attributes);
}

int element(int command, int fd, void* value) {
  const uint32_t key = 0;
  bpf_attr attributes = {};
  attributes.map_fd = static_cast<uint32_t>(fd);
  attributes.key = address(&key);
  attributes.value = address(value);
  return bpf(command, attributes);
}

// The format at the start, string arguments behind; frozen, as bpf_snprintf wants it.
int make_strings(const std::string& format, const std::vector<Argument>& arguments) {
  const int fd = make_array(kFormatBytes, BPF_F_RDONLY_PROG);
  if (fd < 0) return fd;
  char content[kFormatBytes] = {};
  memcpy(content, format.data(), std::min<size_t>(format.size(), kTextStart - 1));
  for (size_t i = 0; i < arguments.size(); ++i)
    if (arguments[i].text)
      strncpy(content + kTextStart + i * kTextBytes, arguments[i].text->c_str(), kTextBytes - 1);
  element(BPF_MAP_UPDATE_ELEM, fd, content);
  bpf_attr attributes = {};
  attributes.map_fd = static_cast<uint32_t>(fd);
  bpf(BPF_MAP_FREEZE, attributes);
  return fd;
}

int load(int strings, int out, const std::vector<Argument>& arguments, uint32_t size) {
  std::vector<bpf_insn> insns;
  const auto add = [&](int code, uint8_t dst, uint8_t src, int off, int imm) {
    insns.push_back({static_cast<uint8_t>(code), static_cast<uint8_t>(dst & 15),
                     static_cast<uint8_t>(src & 15), static_cast<int16_t>(off), imm});
  };
  const auto load64 = [&](uint8_t dst, uint8_t src, int low, int high) {
    add(BPF_LD | BPF_IMM | BPF_DW, dst, src, 0, low);
    add(0, 0, 0, 0, high);
  };
  const int bytes = static_cast<int>(arguments.size() * 8);
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].text)
      load64(1, BPF_PSEUDO_MAP_VALUE, strings, static_cast<int>(kTextStart + i * kTextBytes));
    else
      load64(1, 0, static_cast<int>(arguments[i].value), static_cast<int>(arguments[i].value >> 32));
    add(BPF_STX | BPF_MEM | BPF_DW, 10, 1, static_cast<int>(i * 8) - bytes, 0);
  }
  load64(1, BPF_PSEUDO_MAP_VALUE, out, 0);
  add(BPF_ALU64 | BPF_MOV | BPF_K, 2, 0, 0, static_cast<int>(size));
  load64(3, BPF_PSEUDO_MAP_VALUE, strings, 0);
  add(BPF_ALU64 | BPF_MOV | BPF_X, 4, 10, 0, 0);
  add(BPF_ALU64 | BPF_ADD | BPF_K, 4, 0, 0, -bytes);
  if (bytes == 0) add(BPF_ALU64 | BPF_MOV | BPF_K, 4, 0, 0, 0);
  add(BPF_ALU64 | BPF_MOV | BPF_K, 5, 0, 0, bytes);
  add(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_snprintf);
  add(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
  bpf_attr attributes = {};
  attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
  attributes.insns = address(insns.data());
  attributes.insn_cnt = static_cast<uint32_t>(insns.size());
  attributes.license = address("GPL");
  return bpf(BPF_PROG_LOAD, attributes);
}

}  // namespace

const char* helper_name(uint32_t id) {
#define RING3_NAME(name) #name
  static const char* const names[] = {__BPF_FUNC_MAPPER(RING3_NAME)};
  return id < sizeof names / sizeof *names ? names[id] : nullptr;
}

std::optional<Formatted> format(const std::string& format, const std::vector<Argument>& arguments,
                                uint32_t size) {
  const Fd strings{make_strings(format, arguments)}, out{make_array(kOutBytes, 0)};
  if (strings.fd < 0 || out.fd < 0) return std::nullopt;
  const Fd program{load(strings.fd, out.fd, arguments, size)};
  if (program.fd == -EINVAL) return Formatted{-EINVAL, ""};
  if (program.fd < 0) return std::nullopt;
  char packet[64] = {}, text[kOutBytes] = {};
  bpf_attr attributes = {};
  attributes.test.prog_fd = static_cast<uint32_t>(program.fd);
  attributes.test.data_in = address(packet);
  attributes.test.data_size_in = sizeof packet;
  if (bpf(BPF_PROG_TEST_RUN, attributes) < 0) return std::nullopt;
  element(BPF_MAP_LOOKUP_ELEM, out.fd, text);
  return Formatted{static_cast<int>(attributes.test.retval), std::string(text, strnlen(text, sizeof text))};
}

}  // namespace kernel
