// Chains that are submitted together: what is drawn, what is expected, and the SQEs.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "model.hpp"

namespace ring3::test {

struct Pipe {
  Pipe() {
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  }
  ~Pipe() {
    close(ends[0]);
    close(ends[1]);
  }
  Pipe(const Pipe&) = delete;
  int ends[2];
};

// What chains read and write. It outlives the rings: requests that nobody waits for may be in flight to the
// end.
struct Files {
  Files() : file(memfd_create("model", MFD_CLOEXEC)), buffers(4096) {
    if (ftruncate(file, 4096) != 0) throw std::runtime_error("no memory file");
  }
  ~Files() { close(file); }
  Files(const Files&) = delete;
  uint64_t buffer(uint64_t user_data) {
    return reinterpret_cast<uint64_t>(&buffers[user_data % buffers.size()]);
  }

  int file;
  std::vector<std::array<char, 64>> buffers;  // one for each request
};

class Round {
 public:
  // Requests are numbered from `first` on: silent ones of the round before may still be in flight. `closes`:
  // the ring is closed with what blocks still blocking.
  Round(std::mt19937& random, const Draw& draw, Files& files, bool closes, uint32_t first);

  const std::vector<Chain>& chains() const { return chains_; }
  uint32_t next() const { return next_; }  // the first of the next round
  uint32_t first(size_t chain) const { return first_[chain]; }
  const std::vector<Seen>& expected(size_t chain) const { return expected_[chain]; }
  size_t visible() const;  // CQEs

  // `plain`: NOPs in the place of operations.
  std::vector<abi::Sqe> sqes(bool plain);
  Pipe& pipe_of(size_t chain) { return pipes_[chain]; }

  // A line for each request, for messages.
  std::string text() const;

 private:
  abi::Sqe sqe(const Step& step, const Pipe& pipe, uint64_t user_data, bool plain);

  Files& files_;
  std::vector<Chain> chains_;
  std::vector<std::vector<Seen>> expected_;
  std::vector<uint32_t> first_;  // user_data of each chain's first request; the others follow
  std::deque<Pipe> pipes_;
  uint32_t next_;
};

}  // namespace ring3::test
