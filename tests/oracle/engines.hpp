// Generated programs, run on the same inputs by the interpreter and as native code: they must return the same
// and leave the same behind.
#pragma once

#include <string>

#include "setting.hpp"

namespace ring3::bpf::oracle {

// One thread's work.
class Engines {
 public:
  // Empty, or how the engines differ, with the program. Programs are verified strictly, or they could see
  // what does differ: addresses, and stack that they did not write.
  std::string try_seed(uint64_t seed);

  uint64_t programs() const { return programs_; }
  uint64_t compared() const { return compared_; }  // of those, accepted and run to their end

 private:
  static constexpr unsigned RUNS = 4;             // of each program
  static constexpr uint32_t VISITS_MAX = 20'000;  // of the verifier
  static constexpr uint64_t STEPS_MAX = 200'000;  // of a run

  // Each has its maps, which live on from program to program.
  Setting interpreted_, compiled_;
  uint64_t programs_ = 0, compared_ = 0;
};

}  // namespace ring3::bpf::oracle
