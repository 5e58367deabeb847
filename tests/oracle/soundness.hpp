// Generated programs, run on random inputs under the checking interpreter and followed through what the
// verifier claimed of them.
#pragma once

#include <string>

#include "follow.hpp"
#include "setting.hpp"

namespace ring3::bpf::oracle {

// One thread's work.
class Soundness {
 public:
  struct Counts {
    uint64_t programs = 0, accepted = 0, runs = 0, steps = 0;
    Counts& operator+=(const Counts& other);
  };
  // Empty, or the escape or violation that was found, with the program.
  std::string try_seed(uint64_t seed);
  std::string try_program(const Generated& generated, Draw inputs);
  // The same of any program with the maps and the world of setting().
  std::string try_program(const std::shared_ptr<const Program>& program, Draw inputs);
  const Setting& setting() const { return setting_; }
  const Counts& counts() const { return counts_; }
  // The verifier tells `observer`, which tells claims(). To show that a wrong claim is noticed.
  void listen_through(VerifyObserver& observer) { observer_ = &observer; }
  Claims& claims() { return claims_; }

  static constexpr unsigned RUNS = 3;             // of each program
  static constexpr uint32_t VISITS_MAX = 20'000;  // of the verifier; longer programs are not tried
  static constexpr uint64_t STEPS_MAX = 4000;     // of a run

 private:
  Setting setting_;
  Claims claims_;
  VerifyObserver* observer_ = &claims_;
  Counts counts_;
};

}  // namespace ring3::bpf::oracle
