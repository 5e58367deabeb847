// The kernel's io_uring as it is mapped into this process: its SQ, its CQ and the system call. No policy.
// Works on Linux 5.6 and newer; what an older kernel lacks is left out, flag by flag.
#pragma once

#include <signal.h>

#include <atomic>
#include <cstdint>
#include <optional>

#include "abi/io_uring.hpp"
#include "base/error.hpp"
#include "base/fd.hpp"

namespace ring3::backend::host {

struct KernelRingConfig {
  unsigned entries = 0;
  unsigned cq_entries = 0;
  uint32_t setup_flags = 0;         // wanted; those that the kernel does not know are dropped
  uint32_t setup_flags_absent = 0;  // treated as unknown to the kernel (for tests of the fallbacks)
  uint32_t features_absent = 0;     // the same for features
};

class KernelRing {
 public:
  static Result<KernelRing> create(const KernelRingConfig& config);

  int fd() const { return fd_.get(); }
  uint32_t setup_flags() const { return setup_flags_; }
  bool has(uint32_t feature) const { return features_ & feature; }
  unsigned sq_entries() const { return sq_mask_ + 1; }
  unsigned cq_entries() const { return cq_mask_ + 1; }

  // The submission queue: entries pushed and not yet taken by the kernel, and room for more.
  unsigned pending() const { return sq_tail_ - load(sq_.head); }
  unsigned room() const { return sq_entries() - pending(); }
  // Precondition: room() > 0.
  abi::Sqe& push() { return sqes_[sq_tail_++ & sq_mask_]; }
  abi::Sqe& last_pushed() { return sqes_[(sq_tail_ - 1) & sq_mask_]; }

  // The completion queue: how many wait, the `index`-th of them, and the release of the oldest `count`.
  unsigned ready() const { return load_acquire(cq_.tail) - cq_head_; }
  const abi::Cqe& peek(unsigned index) const { return cqes_[(cq_head_ + index) & cq_mask_]; }
  void consume(unsigned count) {
    cq_head_ += count;
    std::atomic_ref(*cq_.head).store(cq_head_, std::memory_order_release);
  }

  // True if the kernel has work (completions to make, or completions that did not fit) for the next enter().
  bool wants_enter() const { return load(sq_.flags) & (abi::IORING_SQ_TASKRUN | abi::IORING_SQ_CQ_OVERFLOW); }

  // One io_uring_enter that submits all that is pending: its return, or a negative errno. `timeout` is
  // relative and needs FEAT_EXT_ARG.
  int enter(unsigned min_complete, uint32_t flags, const sigset_t* signal_mask = nullptr,
            const abi::Timespec* timeout = nullptr);
  // io_uring_register(2).
  int register_op(unsigned opcode, uint64_t argument, unsigned count) const;

 private:
  struct Queue {
    uint32_t* head = nullptr;
    uint32_t* tail = nullptr;
    uint32_t* flags = nullptr;
  };

  static uint32_t load(uint32_t* word) { return std::atomic_ref(*word).load(std::memory_order_relaxed); }
  static uint32_t load_acquire(uint32_t* word) {
    return std::atomic_ref(*word).load(std::memory_order_acquire);
  }
  Result<void> map(const abi::Params& params);

  FileDescriptor fd_;
  Mapping rings_, cq_ring_, sqe_memory_;
  uint32_t setup_flags_ = 0;
  uint32_t features_ = 0;
  Queue sq_, cq_;
  abi::Sqe* sqes_ = nullptr;
  abi::Cqe* cqes_ = nullptr;
  uint32_t sq_mask_ = 0, cq_mask_ = 0;
  uint32_t sq_tail_ = 0, cq_head_ = 0;
};

}  // namespace ring3::backend::host
