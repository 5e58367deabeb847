// Loops: those that end, those that don't, and those that can't be followed to their ends.
#include "insn_cases.hpp"

namespace ring3::bpf::test {

namespace {
// A chain of branches on unknown numbers that all come together again.
Source diamonds(int count) {
  Source source;
  source.insns = {mov(R6, 0)};
  for (int i = 0; i < count; ++i) {
    source.insns.push_back(call(PRANDOM));
    source.insns.push_back(jump(BPF_JEQ, R0, i, 1));
    source.insns.push_back(add(R6, 1 + i));
  }
  source.insns.push_back(mov(R0, 0));
  source.insns.push_back(done());
  return source;
}
}  // namespace

std::span<const InsnCase> loop_cases() {
  static const std::vector<InsnCase> cases = {
      {"Endless", {{go(-1), mov(R0, 0), done()}}, "unreachable insn 1", EINVAL},
      {"EndlessWithExit",
       {{mov(R0, 0), jump(BPF_JEQ, R10, 0, 1), go(-2), done()}},
       "infinite loop detected at insn",
       EINVAL},
      {"Bounded", {{mov(R0, 0), add(R0, 1), jump(BPF_JLT, R0, 1000, -2), done()}}},
      {"BoundedByUnknown",
       {{call(PRANDOM), alu(BPF_AND, R0, 127), movx(R6, R0), mov(R7, 0), jumpx(BPF_JGE, R7, R6, 2),
         add(R7, 1), go(-3), mov(R0, 0), done()}}},
      {"TooLong",
       {{mov(R0, 0), add(R0, 1), jump(BPF_JLT, R0, 2000000, -2), done()}},
       "BPF program is too large. Processed 1000001 insn",
       E2BIG},
      {"UnboundedCounter",
       {{call(KTIME), movx(R6, R0), mov(R7, 0), add(R7, 1), jumpx(BPF_JNE, R7, R6, -2), mov(R0, 0), done()}},
       "",
       E2BIG},
      {"LoopOverArray",
       {{mov(R6, 0), value_address(R7, BYTES), high(), movx(R8, R7), addx(R8, R6), load(B, R0, R8, 0),
         add(R6, 1), jump(BPF_JLT, R6, 64, -5), mov(R0, 0), done()}}},
      {"LoopOverArrayOneTooFar",
       {{mov(R6, 0), value_address(R7, BYTES), high(), movx(R8, R7), addx(R8, R6), load(B, R0, R8, 0),
         add(R6, 1), jump(BPF_JLT, R6, 65, -5), mov(R0, 0), done()}},
       "invalid access to map value, value_size=64 off=64 size=1",
       EACCES},
      {"ManyDiamonds", diamonds(60)},
      {"DiamondsThatMatter",
       {{mov(R6, 0), call(PRANDOM), jump(BPF_JEQ, R0, 0, 1), mov(R6, 64), value_address(R7, BYTES), high(),
         addx(R7, R6), load(B, R0, R7, 0), done()}},
       "invalid access to map value, value_size=64 off=64 size=1",
       EACCES},
      {"DiamondsThatMatterSpilled",
       {{store_imm(D, R10, -8, 0), call(PRANDOM), jump(BPF_JEQ, R0, 0, 1), store_imm(D, R10, -8, 64),
         value_address(R7, BYTES), high(), load(D, R6, R10, -8), addx(R7, R6), load(B, R0, R7, 0), done()}},
       "invalid access to map value, value_size=64 off=64 size=1",
       EACCES},
      {"MayGoto", {{mov(R6, 0), may_goto(2), add(R6, 1), go(-3), mov(R0, 0), done()}}},
  };
  return cases;
}

}  // namespace ring3::bpf::test
