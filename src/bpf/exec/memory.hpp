// The memory that a program under check may access, apart from its stack: regions, each with a reason. A
// program gets them from its maps, from whoever runs it, and from helpers and kfuncs.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace ring3::bpf {

struct Region {
  enum class Life : uint8_t { Program, Allowed, Run };  // until: for ever, Execution::forget(), the run's end

  uint64_t start = 0, size = 0;
  bool writable = false;
  Life life = Life::Run;
  // The address of the iterator or dynptr that it came from, with which it dies; 0: none.
  uint64_t owner = 0;
  // Memory that must be given back as a whole, by a call that names its start.
  bool is_record = false;
  std::string what;  // for messages: "value of map counts"

  bool holds(uint64_t address, uint64_t bytes) const {
    return address >= start && bytes <= size && address - start <= size - bytes;
  }
};

class Memory {
 public:
  void add(Region region);
  // A region that holds all of it (and is writable, if asked for), or nullptr.
  const Region* find(uint64_t address, uint64_t bytes, bool write) const;
  // The region that `address` lies in or just behind, for messages; nullptr if there is none.
  const Region* near(uint64_t address) const;

  void drop_life(Region::Life life);
  void drop_owned_by(uint64_t owner);
  // What lies in a stack that is gone, or came from an iterator or dynptr in it.
  void drop_stack(uint64_t start, uint64_t bytes);
  // False: no record starts there.
  bool drop_record(uint64_t start);
  void drop_at(uint64_t start);

 private:
  template <typename Predicate>
  size_t drop(Predicate predicate);

  std::multimap<uint64_t, Region> regions_;  // by start
  uint64_t size_max_ = 0;                    // of any region since the last time there was none
  mutable const Region* last_ = nullptr;     // found
};

}  // namespace ring3::bpf
