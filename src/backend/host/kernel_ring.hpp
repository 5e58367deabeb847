// The kernel's io_uring as it is mapped into this process: its SQ, its CQ and the system call. No policy.
// Works on Linux 5.6 and newer; what an older kernel lacks is left out, flag by flag.
#pragma once

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <optional>

#include "abi/io_uring.hpp"
#include "backend/backend.hpp"
#include "base/error.hpp"
#include "base/fd.hpp"

namespace ring3::backend::host {

// io_uring_enter(2): its return, or a negative errno. In line, because the kernel leaves cold caches behind: each line of
// code between two system calls costs some nanoseconds.
inline long io_uring_enter(int fd, unsigned count, unsigned min_complete, uint32_t flags, const void* argument,
                           size_t size) {
#if defined(__x86_64__)
  long result = SYS_io_uring_enter;
  register long r10 asm("r10") = flags;
  register const void* r8 asm("r8") = argument;
  register size_t r9 asm("r9") = size;
  asm volatile("syscall"
               : "+a"(result)
               : "D"(static_cast<long>(fd)), "S"(static_cast<long>(count)), "d"(static_cast<long>(min_complete)),
                 "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
#else
  const long result = ::syscall(SYS_io_uring_enter, fd, count, min_complete, flags, argument, size);
  return result < 0 ? -errno : result;
#endif
}

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
  // Entries that can be written side by side, and what push() would make of the first `count` of them.
  Places places() const {
    const unsigned first = sq_tail_ & sq_mask_;
    return {sqes_ + first, sqes_ + std::min(first + room(), sq_entries())};
  }
  unsigned written(const Places& places) const { return static_cast<unsigned>(places.next - (sqes_ + (sq_tail_ & sq_mask_))); }
  void push_written(unsigned count) { sq_tail_ += count; }
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
  // The same without waiting or looking for events.
  int submit() {
    show_tail();
    return static_cast<int>(io_uring_enter(fd_.get(), pending(), 0, 0, nullptr, 0));
  }
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
  void show_tail() { std::atomic_ref(*sq_.tail).store(sq_tail_, std::memory_order_release); }
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
