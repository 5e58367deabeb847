// Chains of linked requests on a ring: reads, writes, and the BPF operations xor_parity and crc32c between
// them.
#pragma once

#include <linux/io_uring.h>
#include <ring3/operation.h>

#include <cstddef>
#include <cstdint>
#include <ring3/module.hpp>
#include <ring3/operation.hpp>
#include <ring3/queues.hpp>
#include <ring3/ring.hpp>
#include <string>
#include <vector>

#include "set.hpp"

// What became of a chain: 0, or a positive errno number and the request that failed.
struct Outcome {
  unsigned chain;
  int error;
  const char* what;
  unsigned member;
};

class Engine {
 public:
  static constexpr unsigned kDepth = 8;  // stripes in flight
  static constexpr unsigned kChains = kDepth * (kDataMax + 1);

  Engine(ring3::BackendKind backend, const Shape& shape);
  Engine(const Engine&) = delete;

  // The memory of a stripe in flight, registered: its units in their order, the parity last.
  std::byte* unit(unsigned slot, unsigned index) const;

  // Starts chain number `chain`, which must not be in flight, of at most `requests`. The calls below add a
  // request each; the next starts when it has succeeded. Memory and CRCs stay where they are until the
  // chain's outcome.
  void begin(unsigned chain, unsigned requests);
  void read(int fd, void* unit, uint32_t bytes, uint64_t offset, unsigned member = 0);
  void write(int fd, const void* unit, uint32_t bytes, uint64_t offset, unsigned member = 0);
  void write_records(int fd, const void* records, uint32_t bytes, uint64_t offset, unsigned member);
  void sync(int fd, unsigned member);
  // unit `target` of the slot = the XOR of all its others
  void parity(unsigned slot, unsigned target);
  void make_crc(uint32_t* crc, const void* unit);
  void check_crc(const uint32_t* crc, const void* unit, unsigned member);  // EBADMSG: it does not fit

  // The chain is complete. It goes to the ring with the next wait().
  void end();

  // Submits what was begun and waits for an outcome: one for each chain, in any order.
  Outcome wait();
  // end() and wait() for a chain that is alone and must succeed.
  void finish();

 private:
  struct Chain {
    std::vector<io_bpf_buf_desc> descs;  // of all its requests: programs read them as they run
    uint32_t last_bytes = 0;             // what the last request has to return, if it is a transfer
  };
  Engine(ring3::BackendKind backend, const Shape& shape, io_uring_params params);
  // A request of the current chain, behind those that it has.
  io_uring_sqe* add(unsigned step, unsigned member);
  void transfer(uint8_t opcode, unsigned step, int fd, const void* data, uint32_t bytes, uint64_t offset,
                unsigned member);
  void run(const ring3::Operation& operation, unsigned step, unsigned flags,
           const std::vector<io_bpf_buf_desc>& descs, unsigned member);

  const Shape shape_;
  ring3::Ring ring_;
  ring3::Queues queues_;
  std::vector<ring3::Module> modules_;
  std::vector<ring3::Operation> operations_;
  std::byte* memory_;  // registered buffer 0
  std::vector<Chain> chains_;
  unsigned current_ = 0;
  io_uring_sqe* last_ = nullptr;
  unsigned queued_ = 0;  // SQEs since the last submit
};
