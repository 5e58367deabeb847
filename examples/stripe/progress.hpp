// How far a command is, on a terminal; nothing elsewhere.
#pragma once

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>

class Progress {
 public:
  Progress(const char* title, uint64_t stripes)
      : title_(title), stripes_(stripes), shown_(isatty(STDERR_FILENO)) {}
  Progress(const Progress&) = delete;
  ~Progress() {
    if (shown_) std::fprintf(stderr, "\r\033[K");
  }
  void step() {
    done_++;
    const auto now = std::chrono::steady_clock::now();
    if (!shown_ || now < next_) return;
    next_ = now + std::chrono::milliseconds(100);
    std::fprintf(stderr, "\r\033[K%s: %llu of %llu stripes (%llu %%)", title_,
                 static_cast<unsigned long long>(done_), static_cast<unsigned long long>(stripes_),
                 static_cast<unsigned long long>(done_ * 100 / stripes_));
  }

 private:
  const char* title_;
  uint64_t stripes_, done_ = 0;
  bool shown_;
  std::chrono::steady_clock::time_point next_{};
};
