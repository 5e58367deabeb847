// A simple model of chains: what each request of a chain comes to, and what runs for it, said without queues,
// slots or tasks. The test draws chains, runs them, and compares.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "harness.hpp"

namespace ring3::test {

enum class Kind : uint8_t {
  Nop,
  Read,
  Write,
  Bpf,
  Invalid,  // an opcode that nobody has
  Blocked,  // a read of an empty pipe, which something has to end
};

// What ends a Blocked one.
enum class Release : uint8_t { Full, Short, Cancel };

struct Step {
  Kind kind = Kind::Nop;
  uint8_t flags = 0;    // IOSQE_*
  int32_t error = 0;    // not 0: it fails with this as it is submitted
  int32_t res = 0;      // what it comes to if its turn comes
  bool failed = false;  // … and whether that breaks its chain
  Request script;       // Bpf: how it is told to come to that
};

struct Chain {
  std::vector<Step> steps;
  Release release = Release::Full;  // of its Blocked step, if it has one

  bool drained() const;
  bool blocks() const;
  bool cut() const;            // something of it can't be prepared
  bool reaches_block() const;  // and is not broken before
};

// How far a chain gets.
enum class Fate : uint8_t { Runs, EndsWhereItBlocks, NeverStarts };

// What is seen of one request.
struct Seen {
  int32_t res = 0;
  bool silent = true;  // no CQE
  Counts counts{};     // of a Bpf step
};

// What the model says, step by step. A chain that ends before its end does so because the ring is closed.
std::vector<Seen> expect(const Chain& chain, Fate fate = Fate::Runs);

// What may be drawn.
struct Draw {
  bool drains = false;  // not together with cancellations, which would wait for the drain
  bool skips = true;
  bool blocks = true;
  bool plain = false;  // a NOP could do what the operation does: for the kernel, which has no operations
};
Chain draw_chain(std::mt19937& random, const Draw& draw);

}  // namespace ring3::test
