// Taking requests, handing them to the kernel, and bringing their completions back.
#include "backend/host/host.hpp"

#include <sys/eventfd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

namespace ring3::backend::host {

namespace {

constexpr uint8_t kLinks = abi::IOSQE_IO_LINK | abi::IOSQE_IO_HARDLINK;
constexpr unsigned kOwnRequests = 16;     // SQ room that our own requests may take beside a chain
constexpr unsigned kCqEntriesMin = 128;   // large enough that the kernel's CQ rarely overflows, and within its first page

KernelRingConfig kernel_config(const Config& config, const Absent& absent) {
  using namespace abi;
  KernelRingConfig kernel;
  kernel.entries =
      std::min<unsigned>(std::bit_ceil(std::max(config.entries, 1u) + kOwnRequests), IORING_MAX_ENTRIES);
  kernel.cq_entries = std::min<unsigned>(
      std::bit_ceil(std::max({config.cq_entries, 2 * kernel.entries, kCqEntriesMin})), IORING_MAX_CQ_ENTRIES);
  kernel.setup_flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_SUBMIT_ALL |
                       IORING_SETUP_NO_SQARRAY | IORING_SETUP_TASKRUN_FLAG |
                       (config.setup_flags & (IORING_SETUP_IOPOLL | IORING_SETUP_HYBRID_IOPOLL |
                                              IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER));
  kernel.setup_flags |= config.setup_flags & IORING_SETUP_SINGLE_ISSUER ? IORING_SETUP_DEFER_TASKRUN
                                                                        : IORING_SETUP_COOP_TASKRUN;
  kernel.setup_flags_absent = absent.setup_flags;
  kernel.features_absent = absent.features;
  return kernel;
}

}  // namespace

Result<std::unique_ptr<HostBackend>> HostBackend::create(const Config& config, const Absent& absent) {
  KernelRing ring = TRY(KernelRing::create(kernel_config(config, absent)));
  FileDescriptor event(::eventfd(0, EFD_CLOEXEC));
  if (!event) return fail(errno, "eventfd", "{}", std::strerror(errno));
  std::unique_ptr<HostBackend> backend(new HostBackend(std::move(ring), std::move(event)));
  backend->disabled_ = backend->ring_.setup_flags() & abi::IORING_SETUP_R_DISABLED;
  backend->read_probe();
  backend->offer_places();
  if (!backend->supports(abi::IORING_OP_READ))
    return fail(ENOSYS, "io_uring",
                "the kernel's io_uring is older than Linux 5.6; use the threads back-end");
  return backend;
}

void HostBackend::read_probe() {
  struct ProbeOp {
    uint8_t op, resv;
    uint16_t flags;
    uint32_t resv2;
  };
  struct Probe {
    uint8_t last_op, ops_len;
    uint16_t resv;
    uint32_t resv2[3];
    ProbeOp ops[256];
  } probe{};
  static_assert(sizeof(probe) == 16 + 256 * 8);
  constexpr uint16_t kSupported = 1;
  if (ring_.register_op(abi::IORING_REGISTER_PROBE, reinterpret_cast<uint64_t>(&probe), 256) < 0) return;
  for (unsigned i = 0; i < probe.ops_len; ++i) opcodes_.set(probe.ops[i].op, probe.ops[i].flags & kSupported);
}

int HostBackend::enter(unsigned min_complete, uint32_t flags, const sigset_t* signal_mask,
                       const abi::Timespec* timeout) {
  if (disabled_) {
    // A disabled ring belongs to the first task that uses it.
    if (int result = enable(); result < 0) return result;
  }
  ++counters_.system_calls;
  return ring_.enter(min_complete, flags, signal_mask, timeout);
}

int HostBackend::enable() {
  ++counters_.system_calls;
  int result = ring_.register_op(abi::IORING_REGISTER_ENABLE_RINGS, 0, 0);
  if (result >= 0) disabled_ = false;
  return result;
}

bool HostBackend::make_room(unsigned count) {
  if (ring_.room() >= count) return true;
  submit_pending();
  return ring_.room() >= count;
}

[[gnu::hot]] int HostBackend::queue(std::span<const abi::Sqe> chain) {
  const auto is_simple = [](const abi::Sqe& sqe) {
    return !(sqe.flags & kLinks) && sqe.opcode != abi::IORING_OP_TIMEOUT && sqe.opcode != abi::IORING_OP_ASYNC_CANCEL;
  };
  take_placed();
  int result = 0;
  if (chain.size() == 1 && is_simple(chain[0]) && ring_.room() > 0) [[likely]] {
    ring_.push() = chain[0];
    ++in_flight_;
    ++counters_.requests;
  } else {
    result = queue_chain(chain);
  }
  offer_places();
  return result;
}

int HostBackend::queue_chain(std::span<const abi::Sqe> chain) {
  if (chain.empty()) return 0;
  for (const abi::Sqe& sqe : chain) {
    // These could match our own request in the kernel's ring, and must not.
    constexpr uint32_t kCancelAny = 1u << 2, kCancelOp = 1u << 5;
    if (sqe.opcode == abi::IORING_OP_ASYNC_CANCEL && (sqe.op_flags & (kCancelAny | kCancelOp))) disarm_wake();
  }
  if (!make_room(chain.size())) return -EAGAIN;
  for (const abi::Sqe& sqe : chain) {
    ring_.push() = sqe;
    if (sqe.opcode == abi::IORING_OP_TIMEOUT) timeouts_.insert(sqe.user_data);
  }
  // A link flag on the last one would tie the next chain to this one.
  if (chain.back().flags & kLinks) ring_.last_pushed().flags &= ~kLinks;
  in_flight_ += chain.size();
  counters_.requests += chain.size();
  return 0;
}

// Submits until the kernel has taken everything or refuses to take more.
int HostBackend::submit_pending() {
  while (unsigned before = ring_.pending()) {
    int result = enter(0, 0);
    if (result < 0 && result != -EINTR && ring_.pending() == before) return result;
  }
  return 0;
}

[[gnu::hot]] int HostBackend::flush() {
  take_placed();
  int result = 0;
  if (ring_.pending() != 0) [[likely]] {
    if (!disabled_) [[likely]] {
      ++counters_.system_calls;
      ring_.submit();
    }
    if (ring_.pending() != 0) [[unlikely]]
      result = submit_pending();
  }
  offer_places();
  return result;
}

int HostBackend::wait(unsigned completions, const WaitLimits& limits) {
  take_placed();
  const int result = wait_for(completions, limits);
  offer_places();
  return result;
}

[[gnu::hot]] size_t HostBackend::reap(std::span<Completion> out) {
  unsigned ready = ring_.ready();
  if (ready == 0) [[unlikely]]
    return 0;
  was_full_ = ready >= ring_.cq_entries();
  size_t count = 0;
  unsigned taken = 0;
  for (; taken < ready && count < out.size(); ++taken) {
    const abi::Cqe& cqe = ring_.peek(taken);
    if (is_own(cqe.user_data)) [[unlikely]] {
      note_own(cqe);
      continue;
    }
    if (!(cqe.flags & abi::IORING_CQE_F_MORE)) [[likely]] {
      --in_flight_;
      if (!timeouts_.empty()) [[unlikely]]
        timeouts_.erase(cqe.user_data);
    }
    out[count++] = {cqe.user_data, cqe.res, cqe.flags};
  }
  ring_.consume(taken);
  return count;
}

}  // namespace ring3::backend::host

namespace ring3::backend {

Result<std::unique_ptr<Backend>> create_host(const Config& config) {
  return TRY(host::HostBackend::create(config));
}

}  // namespace ring3::backend
