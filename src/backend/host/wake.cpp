// Ending a wait from another thread. wake() writes to an eventfd, on which a READ waits in the kernel's ring,
// linked to TIMEOUTs: a timeout that fires ends a wait, however many completions that asks for.
//
// No wake-up is lost: wake() sets the flag before it writes. A wait looks at the flag after it has seen to it
// that the READ is armed; a write that comes later than that look finds the READ, an earlier one has set the
// flag. The first TIMEOUT may fire just before the kernel goes to sleep, which does not end the wait; so others
// follow: one is enough, unless this thread is held up for longer than all of them take. (None counts
// completions: once one does, the kernel goes through its timeouts at every completion of the ring, for good.)
#include <unistd.h>

#include <cerrno>
#include <iterator>

#include "backend/host/host.hpp"

namespace ring3::backend::host {

void HostBackend::wake() {
  woken_.store(true);
  uint64_t one = 1;
  [[maybe_unused]] ssize_t written = ::write(event_.get(), &one, sizeof(one));
}

// Precondition: room for kWakeRequests.
void HostBackend::arm_wake() {
  static constexpr long kMillisecond = 1'000'000;
  static constexpr abi::Timespec kTimes[] = {
      {0, 0}, {0, kMillisecond}, {0, kMillisecond}, {0, 2 * kMillisecond}, {0, 4 * kMillisecond}, {0, 8 * kMillisecond}};
  static_assert(std::size(kTimes) + 1 == kWakeRequests);
  ++wake_generation_;
  abi::Sqe& read = ring_.push();
  read = {};
  read.opcode = abi::IORING_OP_READ;
  read.flags = abi::IOSQE_IO_LINK;
  read.fd = event_.get();
  read.addr = reinterpret_cast<uint64_t>(&event_value_);
  read.len = sizeof(event_value_);
  read.user_data = own_token(Own::kWakeRead, wake_generation_);
  for (const abi::Timespec& time : kTimes) {
    const bool last = &time == std::end(kTimes) - 1;
    abi::Sqe& timeout = ring_.push();
    timeout = {};
    timeout.opcode = abi::IORING_OP_TIMEOUT;
    timeout.flags = last ? 0 : abi::IOSQE_IO_HARDLINK;
    timeout.addr = reinterpret_cast<uint64_t>(&time);
    timeout.len = 1;
    timeout.user_data = own_token(last ? Own::kWakeLast : Own::kWakeTimeout, wake_generation_);
  }
  wake_armed_ = true;
}

// True if the READ's completion waits in the CQ, so that it can't answer another wake().
bool HostBackend::wake_read_is_ready() const {
  uint64_t token = own_token(Own::kWakeRead, wake_generation_);
  for (unsigned i = 0, ready = ring_.ready(); i < ready; ++i)
    if (ring_.peek(i).user_data == token) return true;
  return false;
}

// Follows what becomes of our requests as their completions are reaped.
void HostBackend::note_own(const abi::Cqe& cqe) {
  if (cqe.user_data == own_token(Own::kDeadline, deadline_generation_)) deadline_armed_ns_ = 0;
  if (is_own_kind(cqe.user_data, Own::kWakeRead)) {
    if (cqe.user_data == own_token(Own::kWakeRead, wake_generation_)) wake_armed_ = false;
    if (cqe.res > 0) ++wake_timers_running_;
  }
  if (is_own_kind(cqe.user_data, Own::kWakeLast) && cqe.res == -ETIME) --wake_timers_running_;
}

// Takes the READ out of the kernel's ring and waits until it is out. The next wait arms another.
void HostBackend::disarm_wake() {
  if (!wake_armed_ || !make_room(1)) return;
  abi::Sqe& cancel = ring_.push();
  cancel = {};
  cancel.opcode = abi::IORING_OP_ASYNC_CANCEL;
  cancel.addr = own_token(Own::kWakeRead, wake_generation_);
  cancel.user_data = own_token(Own::kCancel, wake_generation_);
  constexpr int kAttemptsMax = 1000;  // the kernel needs one or two; a full CQ could hide the completion
  for (int i = 0; i < kAttemptsMax && !wake_read_is_ready(); ++i)
    if (enter(0, abi::IORING_ENTER_GETEVENTS) < 0) break;
  wake_armed_ = false;
}

}  // namespace ring3::backend::host
