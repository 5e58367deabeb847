// The back-end that hands every request to the kernel's own io_uring. The submissions of a turn and the wait
// that follows are one system call; a turn whose completions are already there makes none.
#pragma once

#include <array>
#include <atomic>
#include <bitset>
#include <unordered_set>

#include "backend/backend.hpp"
#include "backend/host/kernel_ring.hpp"

namespace ring3::backend::host {

// What to treat as missing in the running kernel. For tests of the fallbacks.
struct Absent {
  uint32_t setup_flags = 0;
  uint32_t features = 0;
};

class HostBackend final : public Backend {
 public:
  static Result<std::unique_ptr<HostBackend>> create(const Config& config, const Absent& absent = {});

  std::string_view name() const override { return "host"; }
  int queue(std::span<const abi::Sqe> chain) override;
  int flush() override;
  int wait(unsigned completions, const WaitLimits& limits) override;
  size_t reap(std::span<Completion> out) override;
  void wake() override;
  int register_op(unsigned opcode, uint64_t argument, unsigned count) override;
  bool supports(uint8_t opcode) const override { return opcodes_.test(opcode); }

 private:
  HostBackend(KernelRing ring, FileDescriptor event) : event_(std::move(event)), ring_(std::move(ring)) {}

  int enter(unsigned min_complete, uint32_t flags, const sigset_t* signal_mask = nullptr,
            const abi::Timespec* timeout = nullptr);
  // Whatever looks at the SQ, or puts something into it, begins with the one and ends with the other.
  void take_placed() {
    const unsigned count = ring_.written(places);
    ring_.push_written(count);
    in_flight_ += count;
    counters_.requests += count;
  }
  void offer_places() { places = ring_.places(); }
  int queue_chain(std::span<const abi::Sqe> chain);
  int submit_pending();
  bool make_room(unsigned count);
  int enable();
  void read_probe();

  // Waking (wake.cpp).
  static constexpr unsigned kWakeRequests = 7;
  void arm_wake();
  void disarm_wake();
  void note_own(const abi::Cqe& cqe);
  bool wake_read_is_ready() const;

  // Waiting (wait.cpp). A turn is one io_uring_enter of a wait that may need several.
  struct Turn {
    unsigned completions = 0;   // what the wait asks for
    unsigned min_complete = 0;  // what the kernel is asked for
    bool batches = true;        // whether those may be the same
    uint64_t slice_ns = 0;      // how long it sleeps at most if timeouts are in flight
    bool is_late = false;       // the deadline has passed already
    bool has_timeout = false;
    abi::Timespec timeout{};
    const sigset_t* signal_mask = nullptr;
    uint64_t slice_end_ns = 0;  // when the kernel's sleep ends at the latest; 0: never
  };
  static constexpr int kGoOn = 1;
  int wait_for(unsigned completions, const WaitLimits& limits);
  int wait_blocking(unsigned completions, const WaitLimits& limits);
  int wait_polling(unsigned completions, const WaitLimits& limits);
  bool set_limits(Turn& turn, const WaitLimits& limits);
  bool deliver_signals(const sigset_t& mask);
  int why_wait_ended(const Turn& turn, const WaitLimits& limits);
  bool timeout_has_fired() const;
  void arm_deadline(uint64_t deadline_ns, const abi::Timespec& timeout);

  int register_resources(unsigned opcode, uint64_t argument, unsigned count);

  FileDescriptor event_;  // outlives the ring, which reads from it
  uint64_t event_value_ = 0;
  KernelRing ring_;
  std::bitset<256> opcodes_;
  bool disabled_ = false;
  bool was_full_ = false;            // the last reap found a full CQ, so the kernel may hold more
  unsigned in_flight_ = 0;           // the ring's requests, without our own
  std::atomic<bool> woken_ = false;
  bool wake_armed_ = false;
  unsigned wake_timers_running_ = 0;  // wake-ups whose timeouts have not all fired
  uint64_t signals_seen_ns_ = 0;
  uint32_t wake_generation_ = 0;
  uint64_t deadline_armed_ns_ = 0;
  abi::Timespec deadline_timeout_{};
  uint32_t deadline_generation_ = 0;
  std::unordered_set<uint64_t> timeouts_;  // TIMEOUT requests in flight: their completion ends any wait
};

// Our own requests: tokens whose upper half is all ones; bits 24..31 say which.
enum class Own : uint64_t { kWakeRead = 1, kWakeTimeout, kWakeLast, kDeadline, kCancel };
inline constexpr uint64_t kOwnTokens = 0xffffffff00000000;
constexpr uint64_t own_token(Own what, uint32_t generation) {
  return kOwnTokens | static_cast<uint64_t>(what) << 24 | (generation & 0xffffff);
}
constexpr bool is_own_kind(uint64_t token, Own what) { return token >> 24 == own_token(what, 0) >> 24; }
constexpr bool is_own(uint64_t token) { return token >= kOwnTokens; }

}  // namespace ring3::backend::host
