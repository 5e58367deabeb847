// Setting up and mapping the kernel's io_uring: the only place that turns the kernel's offsets into pointers.
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "backend/host/kernel_ring.hpp"

namespace ring3::backend::host {

namespace {

// What to give up when io_uring_setup says EINVAL: the youngest flag first. Giving up DEFER_TASKRUN means
// falling back to COOP_TASKRUN, which is older.
struct Fallback {
  uint32_t drop;
  uint32_t add;
};
constexpr std::array kFallbacks = {
    Fallback{abi::IORING_SETUP_HYBRID_IOPOLL, 0},
    Fallback{abi::IORING_SETUP_NO_SQARRAY, 0},
    Fallback{abi::IORING_SETUP_DEFER_TASKRUN, abi::IORING_SETUP_COOP_TASKRUN},
    Fallback{abi::IORING_SETUP_SINGLE_ISSUER, 0},
    Fallback{abi::IORING_SETUP_COOP_TASKRUN | abi::IORING_SETUP_TASKRUN_FLAG, 0},
    Fallback{abi::IORING_SETUP_SUBMIT_ALL, 0},
    Fallback{abi::IORING_SETUP_R_DISABLED, 0},
};

uint32_t apply(const Fallback& fallback, uint32_t flags) {
  return flags & fallback.drop ? (flags & ~fallback.drop) | fallback.add : flags;
}

int setup(unsigned entries, abi::Params& params) {
  return static_cast<int>(::syscall(SYS_io_uring_setup, entries, &params));
}

std::string why_setup_failed(int code) {
  switch (code) {
    case ENOSYS:
      return "the kernel has no io_uring; use the threads back-end";
    case EPERM:
    case EACCES:
      return "io_uring is forbidden here (sysctl kernel.io_uring_disabled, or a seccomp filter); use the "
             "threads "
             "back-end";
    case ENOMEM:
      return "not enough memory that may be locked (RLIMIT_MEMLOCK) for an io_uring of this size";
    default:
      return std::string("io_uring_setup failed: ") + std::strerror(code);
  }
}

Result<Mapping> map_at(int fd, uint64_t offset, size_t size) {
  void* address = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd,
                         static_cast<off_t>(offset));
  if (address == MAP_FAILED) return fail(errno, "io_uring", "can't map the rings: {}", std::strerror(errno));
  return Mapping(address, size);
}

}  // namespace

Result<KernelRing> KernelRing::create(const KernelRingConfig& config) {
  uint32_t flags = config.setup_flags;
  for (const Fallback& fallback : kFallbacks)
    if (config.setup_flags_absent & fallback.drop) flags = apply(fallback, flags);

  abi::Params params{};
  int fd = -1;
  size_t next_fallback = 0;
  while (true) {
    params = {};
    params.flags = flags;
    params.cq_entries = config.cq_entries;
    fd = setup(config.entries, params);
    if (fd >= 0) break;
    int code = errno;
    uint32_t fewer = flags;
    while (code == EINVAL && fewer == flags && next_fallback < kFallbacks.size())
      fewer = apply(kFallbacks[next_fallback++], flags);
    if (fewer == flags) return fail(code, "io_uring", "{}", why_setup_failed(code));
    flags = fewer;
  }

  KernelRing ring;
  ring.fd_ = FileDescriptor(fd);
  ring.setup_flags_ = flags;
  ring.features_ = params.features & ~config.features_absent;
  TRY_VOID(ring.map(params));
  return ring;
}

Result<void> KernelRing::map(const abi::Params& params) {
  size_t sq_size = params.sq_off.array + params.sq_entries * sizeof(uint32_t);
  size_t cq_size = params.cq_off.cqes + params.cq_entries * sizeof(abi::Cqe);
  bool one_mapping = features_ & abi::IORING_FEAT_SINGLE_MMAP;
  rings_ =
      TRY(map_at(fd_.get(), abi::IORING_OFF_SQ_RING, one_mapping ? std::max(sq_size, cq_size) : sq_size));
  if (!one_mapping) cq_ring_ = TRY(map_at(fd_.get(), abi::IORING_OFF_CQ_RING, cq_size));
  sqe_memory_ = TRY(map_at(fd_.get(), abi::IORING_OFF_SQES, params.sq_entries * sizeof(abi::Sqe)));

  std::byte* sq = rings_.data();
  std::byte* cq = one_mapping ? rings_.data() : cq_ring_.data();
  auto word = [](std::byte* base, uint32_t offset) { return reinterpret_cast<uint32_t*>(base + offset); };
  sq_ = {word(sq, params.sq_off.head), word(sq, params.sq_off.tail), word(sq, params.sq_off.flags)};
  cq_ = {word(cq, params.cq_off.head), word(cq, params.cq_off.tail), nullptr};
  sq_mask_ = params.sq_entries - 1;
  cq_mask_ = params.cq_entries - 1;
  sqes_ = reinterpret_cast<abi::Sqe*>(sqe_memory_.data());
  cqes_ = reinterpret_cast<abi::Cqe*>(cq + params.cq_off.cqes);
  if (!(setup_flags_ & abi::IORING_SETUP_NO_SQARRAY)) {
    uint32_t* array = word(sq, params.sq_off.array);
    for (uint32_t i = 0; i < params.sq_entries; ++i) array[i] = i;
  }
  return {};
}

int KernelRing::enter(unsigned min_complete, uint32_t flags, const sigset_t* signal_mask,
                      const abi::Timespec* timeout) {
  constexpr size_t kSignalMaskSize = 8;  // the kernel's sigset_t
  show_tail();
  if (timeout || (signal_mask && has(abi::IORING_FEAT_EXT_ARG))) {
    const abi::GeteventsArg argument{reinterpret_cast<uint64_t>(signal_mask),
                                     signal_mask ? uint32_t{kSignalMaskSize} : 0, 0,
                                     reinterpret_cast<uint64_t>(timeout)};
    return static_cast<int>(io_uring_enter(fd_.get(), pending(), min_complete, flags | abi::IORING_ENTER_EXT_ARG,
                                           &argument, sizeof(argument)));
  }
  return static_cast<int>(
      io_uring_enter(fd_.get(), pending(), min_complete, flags, signal_mask, kSignalMaskSize));
}

int KernelRing::register_op(unsigned opcode, uint64_t argument, unsigned count) const {
  long result = ::syscall(SYS_io_uring_register, fd_.get(), opcode, argument, count);
  return result < 0 ? -errno : static_cast<int>(result);
}

}  // namespace ring3::backend::host
