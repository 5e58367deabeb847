// What generated programs run in: ring3's maps and world, or the host kernel's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bpf/link/program.hpp"
#include "generator.hpp"

namespace ring3::bpf::oracle {

// Maps of one thread; the world is shared.
class Setting {
 public:
  Setting();
  std::shared_ptr<Program> program(const Generated& generated) const;
  // What the maps hold at a run's start.
  void fill(Draw& draw) const;

 private:
  std::vector<std::shared_ptr<Map>> maps_;
};

struct HostVerdict {
  bool accepted = false;
  int error = 0;  // positive errno if refused
  std::string log;
};

enum class HostType : uint32_t { SchedCls = 3, Syscall = 31 };  // the latter sleepable

// The same maps in the kernel, and its verifier. Of one thread.
class Host {
 public:
  Host();
  ~Host();
  Host(const Host&) = delete;
  // Why the kernel can't be asked, or empty.
  const std::string& unavailable() const { return unavailable_; }
  // log_level as bpf(2): 0 none, 1 a log if refused, 2 more.
  HostVerdict verify(const Generated& generated, HostType type, unsigned log_level);

 private:
  std::string unavailable_;
  std::vector<int> maps_;
  std::vector<int32_t> kfuncs_;  // BTF ids in the kernel
  int btf_ = -1;
  std::vector<char> log_;
};

// The Func of each prototype in the types of generated programs.
const Btf& program_types();
TypeId function_type(Prototype prototype);

}  // namespace ring3::bpf::oracle
