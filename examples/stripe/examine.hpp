// Reads stripes, and compares their units with the records.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "engine.hpp"
#include "set.hpp"

// What was found of a unit.
enum class Unit : uint8_t {
  Good,
  Missing,     // the member is
  Unfinished,  // it has no record: the stripe was never finished
  Damaged,     // it is not what was written, or can't be read
};

class Examiner {
 public:
  // `found` is called for each stripe, in any order, with a state for each of its units (the parity last),
  // and the slot that has the bytes of the good ones. It may begin and end the chain chain_of(slot, 0); if it
  // does it returns true, and the slot is kept until that has succeeded.
  using Found = std::function<bool(uint64_t stripe, unsigned slot, const std::vector<Unit>& units)>;
  Examiner(Set& set, Engine& engine, Found found) : set_(set), engine_(engine), found_(std::move(found)) {}

  // All stripes of the set; the title is that of the progress.
  void run(const char* title);
  unsigned chain_of(unsigned slot, unsigned unit) const { return slot * set_.shape().members() + unit; }

 private:
  struct Slot {
    uint64_t stripe = 0;
    unsigned chains = 0;  // in flight
    bool examined = false;
    std::vector<Unit> units;
  };
  bool advance(unsigned slot);
  void start(unsigned slot, uint64_t stripe);
  bool settle(unsigned slot);

  Set& set_;
  Engine& engine_;
  Found found_;
  std::vector<Slot> slots_{Engine::kDepth};
  uint64_t next_ = 0;  // stripe
};

// Which stripes are whole: every unit that could be there is, as it was written, and at most one is missing.
// Units that are damaged are printed.
std::vector<bool> find_whole(Set& set, Engine& engine, const char* title);
