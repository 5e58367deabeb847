// The host kernel's verifier through bpf(2).
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "setting.hpp"

extern "C" {
extern const unsigned char oracle_btf[];
extern const uint64_t oracle_btf_size;
}

namespace ring3::bpf::oracle {
using namespace abi;

namespace {
constexpr long MAP_CREATE = 0, MAP_UPDATE = 2, PROG_LOAD = 5, BTF_LOAD = 18, MAP_FREEZE = 22;
constexpr uint32_t SLEEPABLE = 1u << 4;

// The starts of union bpf_attr, as bpf(2) has them.
struct ProgLoad {
  uint32_t prog_type, insn_cnt;
  uint64_t insns, license;
  uint32_t log_level, log_size;
  uint64_t log_buf;
  uint32_t kern_version, prog_flags;
  char prog_name[16];
  uint32_t prog_ifindex, expected_attach_type, prog_btf_fd, func_info_rec_size;
  uint64_t func_info;
  uint32_t func_info_cnt, line_info_rec_size;
};
struct MapCreate {
  uint32_t map_type, key_size, value_size, max_entries, map_flags;
};
struct BtfLoad {
  uint64_t btf, btf_log_buf;
  uint32_t btf_size, btf_log_size, btf_log_level;
};
struct MapElement {
  uint32_t fd, pad;
  uint64_t key, value, flags;
};

template <typename Attr>
int bpf(long command, Attr attr) {
  return static_cast<int>(syscall(SYS_bpf, command, &attr, sizeof(attr)));
}
uint64_t address(const void* p) { return reinterpret_cast<uint64_t>(p); }

int make_map(BpfMapType type, uint32_t key, uint32_t value, uint32_t entries, uint32_t flags = 0) {
  return bpf(MAP_CREATE, MapCreate{type, key, value, entries, flags});
}

void fill_constants(int fd) {
  uint8_t bytes[64];
  for (unsigned i = 0; i < 64; ++i) bytes[i] = constant_byte(i);
  const uint32_t key = 0;
  bpf(MAP_UPDATE, MapElement{static_cast<uint32_t>(fd), 0, address(&key), address(bytes), 0});
  bpf(MAP_FREEZE, static_cast<uint32_t>(fd));
}

std::vector<int32_t> find_kfuncs() {
  std::ifstream file("/sys/kernel/btf/vmlinux", std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  std::vector<int32_t> ids;
  const auto btf = Btf::parse(std::as_bytes(std::span(bytes)));
  if (!btf) return ids;
  for (const char* name : KFUNC_NAMES)
    ids.push_back(static_cast<int32_t>(btf->find(BtfKind::Func, name).value_or(0)));
  return ids;
}
}  // namespace

Host::Host() : log_(1 << 20) {
  maps_ = {make_map(BPF_MAP_TYPE_ARRAY, 4, INPUT_BYTES, 1),
           make_map(BPF_MAP_TYPE_ARRAY, 4, TABLE_BYTES, TABLE_ENTRIES),
           make_map(BPF_MAP_TYPE_HASH, 8, HASH_BYTES, 16), make_map(BPF_MAP_TYPE_RINGBUF, 0, 0, 4096),
           make_map(BPF_MAP_TYPE_ARRAY, 4, 64, 1, BPF_F_RDONLY_PROG)};
  for (int fd : maps_)
    if (fd < 0) unavailable_ = std::string("bpf(2) makes no map here: ") + strerror(errno);
  if (!unavailable_.empty()) return;
  fill_constants(maps_[CONSTANTS]);
  btf_ = bpf(BTF_LOAD, BtfLoad{address(oracle_btf), 0, static_cast<uint32_t>(oracle_btf_size), 0, 0});
  if (btf_ < 0) unavailable_ = std::string("bpf(2) takes no BTF here: ") + strerror(errno);
  kfuncs_ = find_kfuncs();
  if (kfuncs_.empty()) unavailable_ = "the kernel says nothing of its types";
}

Host::~Host() {
  for (int fd : maps_)
    if (fd >= 0) close(fd);
  if (btf_ >= 0) close(btf_);
}

HostVerdict Host::verify(const Generated& generated, HostType type, unsigned log_level) {
  std::vector<Insn> insns = generated.insns;
  for (uint32_t i = 0; i < insns.size(); ++i) {
    Insn& in = insns[i];
    const auto distance = [&] {
      return static_cast<int32_t>(generated.functions[static_cast<size_t>(in.imm)].start - i - 1);
    };
    if (is_64bit_imm(in) && (in.src == BPF_PSEUDO_MAP_IDX || in.src == BPF_PSEUDO_MAP_IDX_VALUE)) {
      in.src = in.src == BPF_PSEUDO_MAP_IDX ? BPF_PSEUDO_MAP_FD : BPF_PSEUDO_MAP_VALUE;
      in.imm = maps_[static_cast<size_t>(in.imm)];
    } else if (is_64bit_imm(in) && in.src == BPF_PSEUDO_FUNC) {
      in.imm = distance();
    } else if (is_call(in) && in.src == BPF_PSEUDO_CALL) {
      in.imm = distance();
    } else if (is_call(in) && in.src == BPF_PSEUDO_KFUNC_CALL) {
      in.imm = kfuncs_[static_cast<size_t>(in.imm)];
    }
    if (is_64bit_imm(in)) ++i;
  }
  std::vector<BpfFuncInfo> functions;
  for (const Function& f : generated.functions) functions.push_back({f.start, function_type(f.prototype)});

  ProgLoad attr{};
  attr.prog_type = static_cast<uint32_t>(type);
  attr.prog_flags = type == HostType::Syscall ? SLEEPABLE : 0;
  attr.insn_cnt = static_cast<uint32_t>(insns.size());
  attr.insns = address(insns.data());
  attr.license = address("GPL");
  attr.prog_btf_fd = static_cast<uint32_t>(btf_);
  attr.func_info_rec_size = sizeof(BpfFuncInfo);
  attr.func_info = address(functions.data());
  attr.func_info_cnt = static_cast<uint32_t>(functions.size());
  log_[0] = 0;
  if (log_level) {
    attr.log_level = log_level;
    attr.log_size = static_cast<uint32_t>(log_.size());
    attr.log_buf = address(log_.data());
  }
  const int fd = bpf(PROG_LOAD, attr);
  HostVerdict out{fd >= 0, fd >= 0 ? 0 : errno, log_.data()};
  if (fd >= 0) close(fd);
  return out;
}

}  // namespace ring3::bpf::oracle
