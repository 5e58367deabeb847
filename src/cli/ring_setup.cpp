#include "cli/ring_setup.hpp"

#include <fmt/ranges.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>
#include <utility>

#include "base/error.hpp"

namespace ring3::cli {

namespace {

struct NamedFlag {
  const char* name;
  uint32_t bit;
};
// By number, because the kernel headers of the machine may be older than the flags.
constexpr NamedFlag setup_flags[] = {
    {"IOPOLL", 0},         {"SQPOLL", 1},      {"SQ_AFF", 2},         {"CQSIZE", 3},        {"CLAMP", 4},
    {"R_DISABLED", 6},     {"SUBMIT_ALL", 7},  {"COOP_TASKRUN", 8},   {"TASKRUN_FLAG", 9},  {"SQE128", 10},
    {"CQE32", 11},         {"SINGLE_ISSUER", 12}, {"DEFER_TASKRUN", 13}, {"NO_SQARRAY", 16}, {"CQE_MIXED", 18},
    {"SQE_MIXED", 19},     {"SQ_REWIND", 20}, {"BPF_EXT", 21},
};
constexpr uint32_t loop_flags = 1u << 12 | 1u << 13;
constexpr uint32_t flag_cqsize = 1u << 3, flag_bpf_ext = 1u << 21;
constexpr unsigned register_mem_region = 34;

// struct io_uring_region_desc and io_uring_mem_region_reg, which older headers lack.
struct RegionDescriptor {
  uint64_t user_addr, size;
  uint32_t flags, id;
  uint64_t mmap_offset, resv[4];
};
struct RegionRegistration {
  uint64_t region_uptr, flags, resv[2];
};

Result<uint32_t> parse_flags(const std::vector<std::string>& names) {
  uint32_t flags = loop_flags;
  for (std::string name : names) {
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::toupper(c); });
    if (name.starts_with("IORING_SETUP_")) name.erase(0, std::strlen("IORING_SETUP_"));
    if (name == "NONE") {
      flags = 0;
      continue;
    }
    auto found = std::ranges::find_if(setup_flags, [&](const NamedFlag& flag) { return name == flag.name; });
    if (found == std::end(setup_flags)) {
      std::vector<std::string> known;
      for (const NamedFlag& flag : setup_flags) known.emplace_back(flag.name);
      return fail(EINVAL, "--setup", "there is no set-up flag {}; there are none (to start from nothing), {}", name,
                  fmt::join(known, ", "));
    }
    flags |= 1u << found->bit;
  }
  return flags;
}

// Registers a region of fresh zeroed memory and returns its address. It lives as long as the process.
Result<uint64_t> register_region(Ring& ring, uint64_t bytes) {
  const uint64_t page = sysconf(_SC_PAGESIZE);
  const uint64_t size = (bytes + page - 1) / page * page;
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return fail(errno, "--region", "no memory for a region of {} bytes", size);
  RegionDescriptor descriptor{};
  descriptor.user_addr = reinterpret_cast<uint64_t>(memory);
  descriptor.size = size;
  descriptor.flags = 1;
  RegionRegistration registration{};
  registration.region_uptr = reinterpret_cast<uint64_t>(&descriptor);
  if (int result = ring.register_op(register_mem_region, &registration, 1); result < 0)
    return fail(-result, "--region", "the ring does not take a region of {} bytes", size);
  return descriptor.user_addr;
}

}  // namespace

Result<uint64_t> parse_size(const std::string& text) {
  uint64_t number = 0;
  std::string_view digits = text;
  const bool hex = digits.starts_with("0x");
  if (hex) digits.remove_prefix(2);
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, hex ? 16 : 10);
  std::string_view suffix(end, digits.data() + digits.size() - end);
  unsigned shift = 0;
  if (suffix == "K" || suffix == "k") shift = 10;
  else if (suffix == "M") shift = 20;
  else if (suffix == "G") shift = 30;
  else if (!suffix.empty()) error = std::errc::invalid_argument;
  if (error != std::errc() || number > (UINT64_MAX >> shift))
    return fail(EINVAL, "", "'{}' is not a size; write bytes, or a number with K, M or G", text);
  return number << shift;
}

Result<RingSetup> set_up_ring(const RingOptions& options) {
  io_uring_params params{};
  params.flags = TRY(parse_flags(options.flags)) | (options.operations ? flag_bpf_ext : 0);
  if (options.cq_entries) {
    params.flags |= flag_cqsize;
    params.cq_entries = options.cq_entries;
  }
  RingSetup setup{TRY(Ring::setup(options.entries, params, options.backend)), params, {}};
  // As liburing does: slot i of the SQ holds SQE i, so that programs can write SQEs in order.
  if (params.sq_off.array != 0) {
    auto* slots = reinterpret_cast<uint32_t*>(setup.ring.sq_ring() + params.sq_off.array);
    for (uint32_t i = 0; i < params.sq_entries; ++i) slots[i] = i;
  }
  const io_sqring_offsets& sq = params.sq_off;
  const io_cqring_offsets& cq = params.cq_off;
  setup.facts = {{"sq.head", sq.head},         {"sq.tail", sq.tail},         {"sq.mask", sq.ring_mask},
                 {"sq.entries", params.sq_entries}, {"sq.flags", sq.flags},  {"cq.head", cq.head},
                 {"cq.tail", cq.tail},         {"cq.mask", cq.ring_mask},    {"cq.overflow", cq.overflow},
                 {"cq.cqes", cq.cqes},         {"cq.entries", params.cq_entries}};
  if (options.region_bytes) {
    setup.facts["region.addr"] = TRY(register_region(setup.ring, options.region_bytes));
    setup.facts["region.size"] = options.region_bytes;
  }
  return setup;
}

}  // namespace ring3::cli
