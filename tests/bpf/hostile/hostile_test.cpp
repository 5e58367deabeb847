// Programs made to keep the verifier busy, or to use up its memory: it ends in 5 seconds and 512 MiB whatever
// it is given, up to a million instructions.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "bpf/verifier/insns.hpp"
#include "oracle/setting.hpp"

namespace ring3::bpf::oracle {
using namespace abi;

namespace {

using test::done, test::jump, test::mov, test::movx, test::add, test::addx, test::alu, test::go, test::insn;
using test::R0, test::R1, test::R2, test::R3, test::R4, test::R6, test::R7, test::R8, test::R9, test::R10;
constexpr uint32_t INSNS_MAX = 1'000'000;

struct Writer {
  Generated program;
  void begin(Prototype prototype) {
    program.functions.push_back({static_cast<uint32_t>(program.insns.size()), prototype});
  }
  Writer& operator<<(Insn i) {
    program.insns.push_back(i);
    return *this;
  }
  size_t size() const { return program.insns.size(); }
  bool room(size_t bytes) const { return size() + bytes < INSNS_MAX; }
  // r = address of the INPUT map's value; r = a number from there.
  void input_address(unsigned r) { *this << test::value_address(r, INPUT) << test::high(); }
  void input(unsigned r, int offset = 0) {
    input_address(r);
    *this << test::load(BPF_DW, r, r, offset);
  }
  void stack(unsigned r, int offset) { *this << movx(r, R10) << add(r, offset); }
  void call(unsigned function) { *this << test::call_function(static_cast<int32_t>(function)); }
  void end() { *this << mov(R0, 0) << done(); }
};

Generated straight_line() {
  Writer w;
  w.begin(Prototype::Main);
  w << mov(R0, 0);
  while (w.room(2)) w << add(R0, 1);
  w << done();
  return w.program;
}

// Each bit of an input leads to a state of its own.
Generated branches(unsigned registers) {
  Writer w;
  w.begin(Prototype::Main);
  w.input(R6);
  for (unsigned r : {R7, R8, R9}) w << mov(r, 0);
  for (unsigned i = 0; w.room(8); ++i)
    w << jump(BPF_JSET, R6, 1 << i % 31, 1) << add(R7 + i % registers, 1 << i / 31 % 20) << movx(R0, R7);
  w.end();
  return w.program;
}

// Control goes from the last instruction to the first, so that whatever is found backwards comes in at the
// far end.
Generated backward_ladder() {
  Writer w;
  w.begin(Prototype::Main);
  w << insn(BPF_JMP32 | BPF_JA, 0, 0, 0, INSNS_MAX - 6) << mov(R0, 0) << done();
  while (w.room(3)) w << go(-2);
  std::swap(w.program.insns[1], w.program.insns[2]);
  w.program.insns[1] = mov(R0, 0);
  w.program.insns[3] = go(-3);
  w.program.insns[0].imm = static_cast<int32_t>(w.size()) - 2;
  return w.program;
}

Generated nested_loops() {
  Writer w;
  w.begin(Prototype::Main);
  std::vector<size_t> tops;
  for (int depth = 0; depth < 60; ++depth) {
    w << test::store_imm(BPF_DW, R10, -8 * (depth + 1), 0);
    tops.push_back(w.size());
  }
  for (int depth = 59; depth >= 0; --depth) {
    w << test::load(BPF_DW, R1, R10, -8 * (depth + 1)) << add(R1, 1)
      << test::store(BPF_DW, R10, -8 * (depth + 1), R1);
    const auto back = static_cast<int>(tops[static_cast<size_t>(depth)]) - static_cast<int>(w.size()) - 1;
    w << jump(BPF_JLT, R1, 100, back);
  }
  w.end();
  return w.program;
}

// All frames with all of their stack, and branches in the innermost.
Generated deep_frames() {
  Writer w;
  for (unsigned f = 0; f < 8; ++f) {
    w.begin(f == 0 ? Prototype::Main : Prototype::Static);
    w.input(R6);
    for (int slot = 1; slot <= 8; ++slot) w << test::store(BPF_DW, R10, -8 * slot, R6);
    if (f < 7) {
      w << mov(R1, 0) << mov(R2, 0) << mov(R3, 0);
      w.call(f + 1);
    } else {
      w << mov(R7, 0);
      for (unsigned i = 0; w.room(600'000); ++i)
        w << jump(BPF_JSET, R6, 1 << i % 31, 1) << add(R7, 1 << i / 31 % 30);
    }
    w.end();
  }
  return w.program;
}

// 64 spills of one number, which each branch refines.
Generated linked_slots() {
  Writer w;
  w.begin(Prototype::Main);
  w.input(R6);
  for (int slot = 1; slot <= 64; ++slot) w << test::store(BPF_DW, R10, -8 * slot, R6);
  for (int i = 0; w.room(600'000); ++i) w << jump(BPF_JEQ, R6, i, 1) << movx(R7, R6);
  w.end();
  return w.program;
}

// A number made at the beginning matters all along.
Generated distant_precision() {
  Writer w;
  w.begin(Prototype::Main);
  w.input(R6);
  w << alu(BPF_AND, R6, 7);
  w.input_address(R8);
  while (w.room(8)) w << movx(R1, R8) << addx(R1, R6) << test::load(BPF_B, R2, R1, 0);
  w.end();
  return w.program;
}

void iterator(Writer& w, int at, int times) {
  w.stack(R1, at);
  w << mov(R2, 0) << mov(R3, times) << test::call_kfunc(ITER_NEW);
}

// Iterators inside one another, and numbers that change in each.
Generated iterators(bool precise) {
  Writer w;
  w.begin(Prototype::Main);
  w.input(R6);
  w << mov(R7, 0) << mov(R9, 0);
  w.input_address(R8);
  struct Open {
    size_t top, test;
    int at;
  };
  std::vector<Open> open;
  for (int depth = 0; depth < 24; ++depth) {
    const int at = -16 * (depth + 1);
    iterator(w, at, 1000);
    open.push_back({w.size(), 0, at});
    w.stack(R1, at);
    w << test::call_kfunc(ITER_NEXT);
    open.back().test = w.size();
    w << jump(BPF_JEQ, R0, 0, 0);
    w << jump(BPF_JSET, R6, 1 << depth, 1) << add(R7, 1 << depth) << add(R9, 1);
    if (precise) w << movx(R1, R9) << alu(BPF_AND, R1, 31) << addx(R1, R8) << test::load(BPF_B, R2, R1, 0);
  }
  while (!open.empty()) {
    const Open o = open.back();
    open.pop_back();
    w << go(static_cast<int>(o.top) - static_cast<int>(w.size()) - 1);
    w.program.insns[o.test].off = static_cast<int16_t>(w.size() - o.test - 1);
    w.stack(R1, o.at);
    w << test::call_kfunc(ITER_DESTROY);
  }
  w.end();
  return w.program;
}

// One loop of an iterator with a body full of branches: many ways round.
Generated wide_iterator() {
  Writer w;
  w.begin(Prototype::Main);
  w.input(R6);
  w << mov(R7, 0) << mov(R9, 0);
  iterator(w, -8, 100);
  const size_t top = w.size();
  w.stack(R1, -8);
  w << test::call_kfunc(ITER_NEXT);
  const size_t test = w.size();
  w << jump(BPF_JEQ, R0, 0, 0);
  for (int i = 0; i < 10'000; ++i) w << jump(BPF_JSET, R6, 1 << i % 31, 1) << add(R7, 1 << i / 31 % 30);
  w << go(static_cast<int>(top) - static_cast<int>(w.size()) - 1);
  w.program.insns[test].off = static_cast<int16_t>(w.size() - test - 1);
  w.stack(R1, -8);
  w << test::call_kfunc(ITER_DESTROY);
  w.end();
  return w.program;
}

// Callbacks of bpf_loop() that call bpf_loop().
Generated callbacks() {
  Writer w;
  for (unsigned f = 0; f < 7; ++f) {
    w.begin(f == 0 ? Prototype::Main : Prototype::Callback);
    w.input(R6);
    for (int i = 0; i < 20; ++i)
      w << jump(BPF_JSET, R6, 1 << i, 2) << test::load(BPF_DW, R7, R10, -8)
        << test::store_imm(BPF_DW, R10, -8, i);
    if (f < 6) {
      w << mov(R1, 1000) << test::function_address(R2, f + 1) << test::high();
      w.stack(R3, -16);
      w << mov(R4, 0) << test::call(test::BPF_LOOP);
    }
    w.end();
  }
  return w.program;
}

Generated may_goto_loops() {
  Writer w;
  w.begin(Prototype::Main);
  w.input(R6);
  w << mov(R7, 0) << mov(R8, 0);
  for (int i = 0; i < 2000; ++i)
    w << jump(BPF_JSET, R6, 1 << i % 31, 1) << add(R7, i) << add(R8, 1) << test::may_goto(-4);
  w.end();
  return w.program;
}

// As many functions as there can be, each verified by itself, each large.
Generated functions() {
  Writer w;
  w.begin(Prototype::Main);
  for (unsigned f = 1; f < 256; ++f) {
    w << mov(R1, 0) << mov(R2, 0);
    w.call(f);
  }
  w.end();
  for (unsigned f = 1; f < 256; ++f) {
    w.begin(Prototype::Global);
    w << movx(R6, R1) << mov(R7, 0);
    for (int i = 0; i < 1900; ++i) w << jump(BPF_JSET, R6, 1 << i % 31, 1) << add(R7, 1 << i / 31 % 30);
    w.end();
  }
  return w.program;
}

Generated too_many_functions() {
  Writer w;
  w.begin(Prototype::Main);
  while (w.room(800'000)) w.call(static_cast<unsigned>(w.size()) + 1);
  const auto calls = static_cast<unsigned>(w.size());
  w.end();
  for (unsigned f = 0; f < calls; ++f) {
    w.begin(Prototype::Static);
    w.end();
  }
  return w.program;
}

struct Hostile {
  const char* name;
  Generated (*make)();
};
const Hostile ALL[] = {{"StraightLine", straight_line},
                       {"Branches", [] { return branches(1); }},
                       {"BranchesOfThree", [] { return branches(3); }},
                       {"BackwardLadder", backward_ladder},
                       {"NestedLoops", nested_loops},
                       {"DeepFrames", deep_frames},
                       {"LinkedSlots", linked_slots},
                       {"DistantPrecision", distant_precision},
                       {"Iterators", [] { return iterators(false); }},
                       {"IteratorsPrecise", [] { return iterators(true); }},
                       {"WideIterator", wide_iterator},
                       {"Callbacks", callbacks},
                       {"MayGoto", may_goto_loops},
                       {"Functions", functions},
                       {"TooManyFunctions", too_many_functions}};
void PrintTo(const Hostile& hostile, std::ostream* out) { *out << hostile.name; }

class HostilePrograms : public testing::TestWithParam<Hostile> {};

TEST_P(HostilePrograms, AreDoneWithSoon) {
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  GTEST_SKIP() << "a sanitizer takes its own time and memory";
#endif
#endif
  int pipe_ends[2];
  ASSERT_EQ(pipe(pipe_ends), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const Setting setting;
    const auto program = setting.program(GetParam().make());
    const Verdict verdict = verify(program);
    const VerifyStats& stats = verdict ? verdict->stats() : verdict.error().stats;
    dprintf(pipe_ends[1], "%s after %u visits, %.2f s, %u states",
            verdict ? "accepted" : verdict.error().linux_message.c_str(), stats.insns_visited,
            static_cast<double>(stats.time_ns) / 1e9, stats.states_total);
    _exit(0);
  }
  close(pipe_ends[1]);
  char said[400] = {};
  EXPECT_GT(read(pipe_ends[0], said, sizeof(said) - 1), 0);
  close(pipe_ends[0]);
  int status = 0;
  rusage usage{};
  ASSERT_EQ(wait4(child, &status, 0, &usage), child);
  const double seconds = static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  const auto what = fmt::format("{}; CPU {:.2f} s, {} MiB", said, seconds, usage.ru_maxrss / 1024);
  RecordProperty("verdict", what);
  if (getenv("RING3_VERBOSE")) fmt::print("{}\n", what);
  EXPECT_EQ(status, 0) << what;
  EXPECT_LE(seconds, 5) << what;
  EXPECT_LE(usage.ru_maxrss, 512 * 1024) << what;
}

std::string name_of(const testing::TestParamInfo<Hostile>& hostile) { return hostile.param.name; }
INSTANTIATE_TEST_SUITE_P(All, HostilePrograms, testing::ValuesIn(ALL), name_of);

}  // namespace
}  // namespace ring3::bpf::oracle
