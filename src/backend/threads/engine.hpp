// The back-end that uses no io_uring: plain system calls. What can be done without sleeping is done by the
// submitting thread in flush(); what must sleep goes to a pool of workers; what waits for a file or for a
// time is kept by one more thread, with epoll. No thread is ever bound by a socket, pipe or timer, so each of
// those can be cancelled.
//
// One mutex guards all state; no system call that may sleep is made under it. A request is owned by whoever
// its state names: the thread that performs it (kRunning), or the engine's table.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "backend/backend.hpp"
#include "backend/threads/request.hpp"

namespace ring3::backend::threads {

class Engine final : public Backend {
 public:
  static Result<std::unique_ptr<Backend>> create(const Config& config);
  ~Engine() override;

  std::string_view name() const override { return "threads"; }
  int queue(std::span<const abi::Sqe> chain) override;
  int flush() override;
  int wait(unsigned completions, const WaitLimits& limits) override;
  size_t reap(std::span<Completion> out) override;
  void wake() override;
  int register_op(unsigned opcode, uint64_t argument, unsigned count) override;
  bool supports(uint8_t opcode) const override { return find_operation(opcode) != nullptr; }

  // For operations, called without the lock.
  int install_file(FileDescriptor fd, uint32_t file_index);
  int remove_file(uint32_t slot);
  std::shared_ptr<Buffer> buffer(uint32_t slot);
  int cancel(Run& run, const Request& request);
  int remove_poll(Run& run, const Request& request);
  int remove_timeout(Run& run, const Request& request);

 private:
  explicit Engine(FileDescriptor event) : event_(std::move(event)), resources_(cache_) {}

  // Requests (engine.cpp). Functions named _locked are called with mutex_ held.
  void run_all(Run& run);
  void step(Run& run, Request* request);
  int start(Run& run, Request& request);
  bool hold_file_locked(Request& request, int& error);
  void keep_locked(Run& run, Request* request, Verdict verdict);
  void finish_locked(Run& run, Request* request, int result);
  void finish_counted_locked(Run& run);
  void cancel_chain_locked(std::unique_ptr<Request> chain);
  void post_locked(const Request& request, int result, uint32_t flags = 0);
  void forget_locked(Request* request);

  // Workers (pool.cpp).
  void give_to_worker_locked(Request* request);
  void worker();
  std::thread start_thread(void (Engine::*body)());

  // Readiness and time (poller.cpp, timers.cpp).
  bool ensure_poller_locked();
  void poller();
  void file_ready(Run& run, uint64_t id, uint32_t events);
  bool wait_for_file_locked(Request* request);
  void stop_waiting_locked(Request* request);
  bool set_interest_locked(File& file);
  void arm_timer_locked(Request& request);
  void disarm_timer_locked(Request& request);
  void set_alarm_locked(int clock);
  void timers_due(Run& run, int clock);
  void timer_due_locked(Run& run, Request* request);
  void arm_limit_locked(Request& request);

  // Cancellation (cancel.cpp).
  int cancel_one_locked(Run& run, Request* request);
  bool matches_locked(const Request& request, const abi::Sqe& cancel, const File* file) const;

  static constexpr int kClocks = 3;

  FileDescriptor event_;  // readable: a sleeping wait() should look again
  std::atomic<bool> woken_ = false;
  std::vector<Request*> queued_;  // taken, and not started before the next flush()

  std::mutex mutex_;
  FileCache cache_;
  Resources resources_;
  std::unordered_map<uint64_t, Request*> table_;  // by token; owns
  std::deque<Completion> done_;
  FileDescriptor eventfd_;  // the application's, told of every completion
  size_t wanted_ = 0;                          // what a sleeping wait() needs; 0: nobody sleeps
  bool timeout_finished_ = false;              // ends a wait, as it does in Linux
  uint64_t sequence_ = 0;                      // completions that were not timeouts
  std::multimap<uint64_t, Request*> counted_;  // TIMEOUTs by the sequence that they wait for

  std::condition_variable work_;
  std::deque<Request*> work_queue_;
  std::vector<std::thread> workers_;
  size_t workers_idle_ = 0;
  bool stop_ = false;

  std::thread poller_thread_;
  FileDescriptor epoll_, poller_event_;
  std::array<FileDescriptor, kClocks> alarms_;
  std::array<std::multimap<uint64_t, Request*>, kClocks> timers_;
  std::unordered_map<uint64_t, std::shared_ptr<File>> polled_;
  uint64_t next_file_id_ = 1;
};

inline constexpr std::array<int, 3> kClockIds = {CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME};
inline constexpr uint64_t kSecond = 1'000'000'000;
uint64_t now_ns(int clock_id);

// The flags of TIMEOUT, TIMEOUT_REMOVE and LINK_TIMEOUT.
inline constexpr uint32_t kTimeoutAbs = 1u << 0, kTimeoutUpdate = 1u << 1, kTimeoutBoottime = 1u << 2,
                          kTimeoutRealtime = 1u << 3, kLinkTimeoutUpdate = 1u << 4,
                          kTimeoutEtimeSuccess = 1u << 5, kTimeoutMultishot = 1u << 6;

}  // namespace ring3::backend::threads
