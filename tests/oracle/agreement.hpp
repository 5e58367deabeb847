// Verdicts of ring3 and of the host kernel on the same programs, and where they differ.
#pragma once

#include <map>
#include <string>

#include "soundness.hpp"

namespace ring3::bpf::oracle {

class Agreement {
 public:
  const std::string& unavailable() const { return host_.unavailable(); }
  // Asks both about the program of that seed.
  void ask(uint64_t seed);
  std::string report() const;
  // At least 99.5 % of the verdicts agree.
  bool holds() const { return (agreed() * 1000) >= asked_ * 995; }
  static constexpr uint32_t VISITS_MAX = 100'000;  // what is longer takes both of them seconds
  uint64_t asked() const { return asked_; }
  uint64_t agreed() const { return asked_ - differ_; }
  uint64_t accepted() const { return both_; }
  // Programs that only the kernel refuses, and that a run shows to be unsafe.
  uint64_t unsafe() const { return unsafe_; }
  // The program, made as small as it gets while the verdicts differ, with both verdicts.
  std::string show(uint64_t seed);

 private:
  struct Class {
    uint64_t count = 0, seed = 0;
  };
  struct Pair {
    bool ours = false, theirs = false;
    std::string message;  // of who refuses, without its numbers
    bool too_long = false;
  };
  Pair verdicts(const Generated& generated, HostType type);
  bool knows_more(Generated generated, HostType type) const;

  Setting setting_;
  Host host_;
  Soundness soundness_;
  uint64_t asked_ = 0, too_long_ = 0, both_ = 0, differ_ = 0, unsafe_ = 0;
  std::map<std::string, Class> classes_;
};

}  // namespace ring3::bpf::oracle
