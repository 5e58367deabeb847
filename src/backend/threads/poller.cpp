// The thread that waits for files and for times.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "backend/threads/engine.hpp"

namespace ring3::backend::threads {

namespace {
// What an epoll event belongs to: the stop event, a clock's alarm, or (the rest) a file by its id.
constexpr uint64_t kStopTag = ~0ull, kAlarmTag = ~0ull - 1 - kClockIds.size();
}  // namespace

bool Engine::ensure_poller_locked() {
  if (poller_thread_.joinable()) return true;
  epoll_ = FileDescriptor(::epoll_create1(EPOLL_CLOEXEC));
  poller_event_ = FileDescriptor(::eventfd(0, EFD_CLOEXEC));
  if (!epoll_ || !poller_event_) return false;
  auto add = [this](int fd, uint64_t tag) {
    epoll_event event{EPOLLIN, {.u64 = tag}};
    return fd >= 0 && ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
  };
  if (!add(poller_event_.get(), kStopTag)) return false;
  for (int clock = 0; clock < kClocks; ++clock) {
    alarms_[clock] = FileDescriptor(::timerfd_create(kClockIds[clock], TFD_CLOEXEC | TFD_NONBLOCK));
    if (!add(alarms_[clock].get(), kAlarmTag + clock)) return false;
  }
  poller_thread_ = start_thread(&Engine::poller);
  return poller_thread_.joinable();
}

void Engine::poller() {
  while (true) {
    std::array<epoll_event, 64> events;
    int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), -1);
    for (int i = 0; i < count; ++i) {
      uint64_t tag = events[i].data.u64;
      if (tag == kStopTag) return;
      Run run{.engine = *this};
      if (tag >= kAlarmTag)
        timers_due(run, static_cast<int>(tag - kAlarmTag));
      else
        file_ready(run, tag, events[i].events);
      run_all(run);
    }
  }
}

void Engine::file_ready(Run& run, uint64_t id, uint32_t events) {
  std::lock_guard lock(mutex_);
  auto found = polled_.find(id);
  if (found == polled_.end()) return;
  std::shared_ptr<File> file = found->second;
  std::deque<Request*> still_waiting;
  for (Request* request : file->waiting) {
    bool wakes = events & (request->poll_events | EPOLLERR | EPOLLHUP);
    if (wakes) request->state = State::kRunning;
    (wakes ? run.ready : still_waiting).push_back(request);
  }
  file->waiting = std::move(still_waiting);
  set_interest_locked(*file);
}

// False if the file can't be waited for (epoll refuses it).
bool Engine::wait_for_file_locked(Request* request) {
  File& file = *request->file;
  if (!file.in_poller) {
    file.id = next_file_id_++;
    polled_[file.id] = request->file;
  }
  file.waiting.push_back(request);
  request->state = State::kPolling;
  if (set_interest_locked(file)) return true;
  request->state = State::kRunning;
  std::erase(file.waiting, request);
  if (!file.in_poller) polled_.erase(file.id);
  return false;
}

void Engine::stop_waiting_locked(Request* request) {
  File& file = *request->file;
  std::erase(file.waiting, request);
  set_interest_locked(file);
}

// Tells epoll what the file's waiting requests want: the union, once.
bool Engine::set_interest_locked(File& file) {
  if (file.waiting.empty()) {
    if (!file.in_poller) return true;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, file.fd.get(), nullptr);
    file.in_poller = false;
    polled_.erase(file.id);
    return true;
  }
  epoll_event event{EPOLLONESHOT, {.u64 = file.id}};
  for (Request* request : file.waiting) event.events |= request->poll_events;
  int how = file.in_poller ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if (::epoll_ctl(epoll_.get(), how, file.fd.get(), &event) < 0) return false;
  file.in_poller = true;
  return true;
}

}  // namespace ring3::backend::threads
