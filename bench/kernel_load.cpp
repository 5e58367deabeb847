#include "bench/kernel_load.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>

namespace ring3::bench {

using namespace abi;
using namespace bpf;

namespace {

constexpr long map_create = 0, map_update = 2, prog_load = 5, btf_load = 18, map_freeze = 22;
constexpr uint32_t prog_type_syscall = 31, flag_sleepable = 1u << 4;

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
struct MapElement {
  uint32_t fd, pad;
  uint64_t key, value, flags;
};
struct BtfLoad {
  uint64_t btf, btf_log_buf;
  uint32_t btf_size, btf_log_size, btf_log_level;
};

template <typename Attribute>
long bpf_call(long command, Attribute attribute) {
  return syscall(SYS_bpf, command, &attribute, sizeof(attribute));
}
uint64_t address(const void* p) { return reinterpret_cast<uint64_t>(p); }

// What clang leaves open in the types of an object, and the kernel takes from libbpf only when closed: sizes
// of data sections (they become structures without names), and externs.
std::vector<std::byte> closed_types(std::span<const std::byte> section) {
  std::vector<std::byte> bytes(section.begin(), section.end());
  BtfHeader header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  size_t at = header.hdr_len + header.type_off;
  const size_t end = at + header.type_len;
  uint32_t some_int = 0;
  for (uint32_t id = 1; at + sizeof(BtfType) <= end; ++id) {
    BtfType type;
    std::memcpy(&type, &bytes[at], sizeof(type));
    std::byte* const head = &bytes[at];
    at += sizeof(type);
    const auto kind = static_cast<BtfKind>(type.info >> 24 & 31);
    const uint32_t count = type.info & 0xffff;
    switch (kind) {
      case BtfKind::Int:
        if (type.size_or_type == 4) some_int = id;
        at += 4;
        break;
      case BtfKind::Array:
        at += sizeof(BtfArray);
        break;
      case BtfKind::Struct:
      case BtfKind::Union:
      case BtfKind::Enum64:
        at += count * 12;
        break;
      case BtfKind::Enum:
      case BtfKind::FuncProto:
        at += count * 8;
        break;
      case BtfKind::Func:
        if (count == BTF_EXTERN) type = {type.name_off, static_cast<uint32_t>(BtfKind::Typedef) << 24, some_int};
        break;
      case BtfKind::Var: {
        const uint32_t global = BTF_GLOBAL;
        std::memcpy(&bytes[at], &global, sizeof(global));
        at += 4;
        break;
      }
      case BtfKind::Datasec:
        type = {0, static_cast<uint32_t>(BtfKind::Struct) << 24 | count, count * 4};
        for (uint32_t i = 0; i < count; ++i, at += sizeof(abi::BtfMember)) {
          const abi::BtfMember member{0, some_int, i * 32};
          std::memcpy(&bytes[at], &member, sizeof(member));
        }
        break;
      case BtfKind::DeclTag:
        at += 4;
        break;
      default:
        break;
    }
    std::memcpy(head, &type, sizeof(type));
  }
  return bytes;
}

// Ids of kernel functions, from the kernel's own types.
int32_t kernel_function(const std::string& name) {
  static const Result<Btf> types = [] {
    std::ifstream file("/sys/kernel/btf/vmlinux", std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    return Btf::parse(std::as_bytes(std::span(bytes)));
  }();
  return types ? static_cast<int32_t>(types->find(BtfKind::Func, name).value_or(0)) : 0;
}

Result<FileDescriptor> make_map(Map& map) {
  const MapDefinition& d = map.definition();
  FileDescriptor fd(static_cast<int>(bpf_call(map_create, MapCreate{static_cast<uint32_t>(d.type), d.key_size,
                                                                    d.value_size, d.max_entries, d.flags})));
  if (fd.get() < 0) return fail(errno, "map " + d.name, "bpf(2) makes no such map: {}", strerror(errno));
  if (!map.frozen() || map.values().empty()) return fd;
  const uint32_t key = 0, number = static_cast<uint32_t>(fd.get());
  bpf_call(map_update, MapElement{number, 0, address(&key), address(map.values().data()), 0});
  bpf_call(map_freeze, number);
  return fd;
}

}  // namespace

Result<std::unique_ptr<KernelLoad>> KernelLoad::create(const Collection& collection,
                                                       std::span<const std::byte> types) {
  std::unique_ptr<KernelLoad> load(new KernelLoad);
  for (const auto& map : collection.maps()) load->maps_.emplace_back(map.get(), TRY(make_map(*map)));
  const auto closed = closed_types(types);
  load->types_ = FileDescriptor(static_cast<int>(
      bpf_call(btf_load, BtfLoad{address(closed.data()), 0, static_cast<uint32_t>(closed.size()), 0, 0})));
  if (load->types_.get() < 0) return fail(errno, "types", "bpf(2) does not take them: {}", strerror(errno));
  return load;
}

int KernelLoad::map_fd(const Map* map) const {
  for (const auto& [known, fd] : maps_)
    if (known == map) return fd.get();
  return -1;
}

Result<double> KernelLoad::load_ns(const Program& program) const {
  std::vector<Insn> insns = program.insns;
  for (uint32_t i = 0; i < insns.size(); i += insn_slots(program.insns[i])) {
    Insn& in = insns[i];
    const auto index = static_cast<size_t>(in.imm);
    const auto distance = [&] { return static_cast<int32_t>(program.subprograms[index].start - i - 1); };
    if (is_64bit_imm(in) && (in.src == BPF_PSEUDO_MAP_IDX || in.src == BPF_PSEUDO_MAP_IDX_VALUE)) {
      in.src = in.src == BPF_PSEUDO_MAP_IDX ? BPF_PSEUDO_MAP_FD : BPF_PSEUDO_MAP_VALUE;
      in.imm = map_fd(program.maps[index].get());
    } else if ((is_64bit_imm(in) && in.src == BPF_PSEUDO_FUNC) ||
               (is_call(in) && in.src == BPF_PSEUDO_CALL)) {
      in.imm = distance();
    } else if (is_call(in) && in.src == BPF_PSEUDO_KFUNC_CALL) {
      in.imm = kernel_function(program.kfuncs[index]->name);
    }
  }
  std::vector<BpfFuncInfo> functions;
  for (const Subprogram& sub : program.subprograms) functions.push_back({sub.start, sub.function});

  ProgLoad attribute{};
  attribute.prog_type = prog_type_syscall;
  attribute.prog_flags = flag_sleepable;
  attribute.insns = address(insns.data());
  attribute.insn_cnt = static_cast<uint32_t>(insns.size());
  attribute.license = address("GPL");
  attribute.prog_btf_fd = static_cast<uint32_t>(types_.get());
  attribute.func_info_rec_size = sizeof(BpfFuncInfo);
  attribute.func_info = address(functions.data());
  attribute.func_info_cnt = static_cast<uint32_t>(functions.size());
  const auto start = std::chrono::steady_clock::now();
  const FileDescriptor fd(static_cast<int>(bpf_call(prog_load, attribute)));
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
  if (fd.get() < 0) return fail(errno, program.name, "the kernel refuses it: {}", strerror(errno));
  return took.count();
}

}  // namespace ring3::bench
