// The graph of states stored so far, and the path that leads to the current one. Exploration is depth first,
// so the states that are still being explored from are exactly the ancestors of the current one.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "bpf/verifier/state.hpp"

namespace ring3::bpf {

// An instruction that the path went through, with what following values backwards needs to know.
struct Step {
  static constexpr uint8_t NONE = 0xff;
  uint32_t insn;
  uint32_t links = 0;           // 1 + index of the set of values that a branch refined together; 0: none
  uint8_t frame;                // depth of the frame that ran it
  uint8_t access_frame = NONE;  // a load or store of a stack slot at a known place
  uint8_t access_slot = 0;
  bool enters = false;  // a call whose next step is in the function called
};

// Registers and slots whose exact range matters, by frame.
struct Demand {
  std::array<uint16_t, abi::BPF_FRAMES_MAX> registers = {};
  std::array<uint64_t, abi::BPF_FRAMES_MAX> slots = {};

  bool empty() const {
    for (int i = 0; i < abi::BPF_FRAMES_MAX; ++i)
      if (registers[i] || slots[i]) return false;
    return true;
  }
  bool overlaps(const Demand& other) const {
    for (int i = 0; i < abi::BPF_FRAMES_MAX; ++i)
      if (registers[i] & other.registers[i] || slots[i] & other.slots[i]) return true;
    return false;
  }
  void add(const Demand& other) {
    for (int i = 0; i < abi::BPF_FRAMES_MAX; ++i) {
      registers[i] |= other.registers[i];
      slots[i] |= other.slots[i];
    }
  }
};

struct Node;

// A way round a loop that ended in a state known already while the loop was still being explored. What the
// state at its end turns out to need exactly is needed at the end of the way, too: settled when the loop's
// exploration ends.
struct BackEdge {
  struct Stop {
    size_t position;  // of `steps`
    Node* node;
  };
  std::vector<Step> steps;
  std::vector<Stop> stops;  // innermost first; the last is the loop's entry
  Node* target;
};

struct Node {
  State state;
  Node* parent = nullptr;
  uint32_t depth = 0;       // ancestors
  uint32_t visit = 0;       // in which it was stored (VerifyObserver)
  uint32_t branches = 1;    // explorations from here that are not over
  size_t log_position = 0;  // steps before it
  uint32_t hits = 0, misses = 0;
  bool pinned = false;         // some BackEdge or loop_entry names it
  bool evicted = false;        // no longer compared with
  Node* loop_entry = nullptr;  // what was concluded from here supposes that this node's exploration succeeds
  std::vector<BackEdge> edges;
  size_t slot = 0;  // in Verifier::nodes_
};

}  // namespace ring3::bpf
