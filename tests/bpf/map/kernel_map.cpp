#include "kernel_map.hpp"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace kernel {

namespace {

int bpf(int command, bpf_attr& attributes) {
  const long result = syscall(SYS_bpf, command, &attributes, sizeof attributes);
  return result < 0 ? -errno : static_cast<int>(result);
}

uint64_t address(const void* p) { return reinterpret_cast<uint64_t>(p); }

bpf_attr element(int fd, const void* key, const void* value, uint64_t flags) {
  bpf_attr attributes = {};
  attributes.map_fd = static_cast<uint32_t>(fd);
  attributes.key = address(key);
  attributes.value = address(value);
  attributes.flags = flags;
  return attributes;
}

}  // namespace

std::optional<const char*> unavailable() {
  Map map(BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0);
  if (map.valid()) return std::nullopt;
  return map.error() == EPERM ? "bpf(2) is not permitted here" : "bpf(2) does not work here";
}

unsigned possible_cpus() {
  unsigned first = 0, last = 0;
  FILE* file = fopen("/sys/devices/system/cpu/possible", "r");
  if (!file) return 0;
  const int read = fscanf(file, "%u-%u", &first, &last);
  fclose(file);
  return read <= 0 ? 0 : read == 1 ? first + 1 : last + 1;
}

Map::Map(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t max_entries, uint32_t flags,
         uint64_t extra) {
  bpf_attr attributes = {};
  attributes.map_type = type;
  attributes.key_size = key_size;
  attributes.value_size = value_size;
  attributes.max_entries = max_entries;
  attributes.map_flags = flags;
  attributes.map_extra = extra;
  const int result = bpf(BPF_MAP_CREATE, attributes);
  fd_ = result < 0 ? -1 : result;
  error_ = result < 0 ? -result : 0;
}

Map::~Map() {
  if (fd_ >= 0) close(fd_);
}

int Map::read(const void* key, void* value) {
  bpf_attr attributes = element(fd_, key, value, 0);
  return bpf(BPF_MAP_LOOKUP_ELEM, attributes);
}

int Map::write(const void* key, const void* value, uint64_t flags) {
  bpf_attr attributes = element(fd_, key, value, flags);
  return bpf(BPF_MAP_UPDATE_ELEM, attributes);
}

int Map::remove(const void* key) {
  bpf_attr attributes = element(fd_, key, nullptr, 0);
  return bpf(BPF_MAP_DELETE_ELEM, attributes);
}

int Map::next_key(const void* key, void* next) {
  bpf_attr attributes = element(fd_, key, next, 0);
  return bpf(BPF_MAP_GET_NEXT_KEY, attributes);
}

int Map::freeze() {
  bpf_attr attributes = {};
  attributes.map_fd = static_cast<uint32_t>(fd_);
  return bpf(BPF_MAP_FREEZE, attributes);
}

RingBufferWriter::RingBufferWriter(const Map& map, uint32_t size, uint32_t flags) {
  std::vector<bpf_insn> insns;
  const auto add = [&](uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm) {
    insns.push_back({code, static_cast<uint8_t>(dst & 15), static_cast<uint8_t>(src & 15), off, imm});
  };
  const int rounded = static_cast<int>((size + 7) / 8 * 8);
  for (int at = 8; at <= rounded; at += 8)
    add(BPF_ST | BPF_MEM | BPF_DW, 10, 0, static_cast<int16_t>(-at), at);
  add(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, map.fd());
  add(0, 0, 0, 0, 0);
  add(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0);
  add(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -rounded);
  add(BPF_ALU64 | BPF_MOV | BPF_K, 3, 0, 0, static_cast<int32_t>(size));
  add(BPF_ALU64 | BPF_MOV | BPF_K, 4, 0, 0, static_cast<int32_t>(flags));
  add(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_ringbuf_output);
  add(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
  bpf_attr attributes = {};
  attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
  attributes.insns = address(insns.data());
  attributes.insn_cnt = static_cast<uint32_t>(insns.size());
  attributes.license = address("GPL");
  fd_ = bpf(BPF_PROG_LOAD, attributes);
}

RingBufferWriter::~RingBufferWriter() {
  if (fd_ >= 0) close(fd_);
}

int RingBufferWriter::run() {
  char packet[64] = {};
  bpf_attr attributes = {};
  attributes.test.prog_fd = static_cast<uint32_t>(fd_);
  attributes.test.data_in = address(packet);
  attributes.test.data_size_in = sizeof packet;
  const int result = bpf(BPF_PROG_TEST_RUN, attributes);
  return result < 0 ? result : static_cast<int>(attributes.test.retval);
}

}  // namespace kernel
