// The workers: threads for what may sleep in the kernel, made when one is missing, up to a limit.
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <system_error>

#include "backend/threads/engine.hpp"

namespace ring3::backend::threads {

// The application's signals are not for our threads.
std::thread Engine::start_thread(void (Engine::*body)()) {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread;
  try {
    thread = std::thread(body, this);
  } catch (const std::system_error&) {
    // No more threads to be had; the caller copes.
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

void Engine::give_to_worker_locked(Request* request) {
  constexpr size_t kWorkersMax = 32;
  request->state = State::kQueued;
  work_queue_.push_back(request);
  if (workers_idle_ < work_queue_.size() && workers_.size() < kWorkersMax && !stop_) {
    std::thread thread = start_thread(&Engine::worker);
    if (thread.joinable()) workers_.push_back(std::move(thread));
  }
  work_.notify_one();
}

void Engine::worker() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++workers_idle_;
    work_.wait(lock, [this] { return stop_ || !work_queue_.empty(); });
    --workers_idle_;
    if (stop_) return;
    Request* request = work_queue_.front();
    work_queue_.pop_front();
    request->state = State::kRunning;
    lock.unlock();
    Run run{.engine = *this, .may_sleep = true};
    run.ready.push_back(request);
    run_all(run);
    lock.lock();
  }
}

}  // namespace ring3::backend::threads
