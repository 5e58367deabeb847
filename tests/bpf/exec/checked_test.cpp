// The checking interpreter refuses what a verified program never does, and lets pass what one may do.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>

#include "bpf/exec/assembler.hpp"

namespace ring3::test {

namespace {

// Maps 0…3 of every program here.
constexpr uint32_t kMemoryBytes = 64, kRodataBytes = 16, kHashValueBytes = 24;
std::vector<std::shared_ptr<bpf::Map>> make_maps() {
  std::vector<std::shared_ptr<bpf::Map>> maps = {make_memory(kMemoryBytes),
                                                 make_memory(kRodataBytes, BPF_F_RDONLY_PROG)};
  maps.push_back(bpf::Map::create({"hash", BPF_MAP_TYPE_HASH, 4, kHashValueBytes, 16, 0}).value());
  maps.push_back(bpf::Map::create({"records", BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0}).value());
  const uint32_t key = 7;
  std::byte value[kHashValueBytes] = {};
  EXPECT_EQ(maps[2]->update(&key, value, BPF_ANY, 0), 0);
  std::memcpy(maps[1]->values().data(), "frozen", 7);
  return maps;
}

struct Outcome {
  bpf::RunResult result;
  std::vector<std::shared_ptr<bpf::Map>> maps;
  std::string violation;
};

Outcome run(const Code& code, unsigned arguments = 0, uint64_t r1 = 0, uint64_t insns_max = 100'000,
            bool checked = true) {
  Outcome outcome{{}, make_maps(), {}};
  auto program = code.program(outcome.maps, common_world());
  program->arguments = arguments;
  for (const char* name : {"bpf_iter_num_new", "bpf_iter_num_next", "bpf_iter_num_destroy",
                           "bpf_dynptr_slice", "bpf_dynptr_slice_rdwr", "bpf_dynptr_size"}) {
    program->kfuncs.push_back(common_world()->kfunc(name));
    EXPECT_TRUE(program->kfuncs.back()) << name;
  }
  auto interpreter = bpf::Executable::create(bpf::TrustForTests::trust(program),
                                             {.checked = checked, .insns_max = insns_max});
  EXPECT_TRUE(interpreter) << interpreter.error().text();
  if (!interpreter) return outcome;
  bpf::Execution execution(**interpreter);
  outcome.result = execution.run(r1);
  outcome.violation = outcome.result.violation;  // which ends with the execution
  return outcome;
}
enum Kfunc : int32_t { kIterNew, kIterNext, kIterDestroy, kSlice, kSliceRdwr, kDynptrSize };

Code& finish(Code& code) { return code << mov(0, 0) << done(); }

// Programs that must be stopped, and words of what is said.
struct Bad {
  const char* name;
  const char* says;
  Code code;
};

std::vector<Bad> bad_programs() {
  std::vector<Bad> bad;
  const auto add = [&](const char* name, const char* says) -> Code& {
    bad.push_back({name, says, {}});
    return bad.back().code;
  };

  add("register", "r3 was never written") << movx(0, 3) << done();
  add("argument that is none", "r1 was never written") << movx(0, 1) << done();
  add("return", "r0 was never written") << done();
  add("clobbered by a helper", "r1 was never written") << mov(1, 1) << call(5) << movx(0, 1) << done();
  add("clobbered by a function", "r2 was never written")
      << mov(2, 1) << call_local(1) << movx(0, 2) << done();
  bad.back().code.begin_function() << mov(0, 0) << done();
  add("callee-saved of the caller", "r6 was never written")
      << mov(6, 1) << call_local(1) << mov(0, 0) << done();
  bad.back().code.begin_function() << movx(0, 6) << done();
  add("void helper's result", "r0 was never written").map(1, 3)
      << mov(2, 8) << mov(3, 0) << call(kRingbufReserve) << jump(64, BPF_JNE, 0, 0, 2) << mov(0, 0) << done()
      << movx(1, 0) << mov(2, 0) << call(kRingbufSubmit) << done();

  add("above the stack", "fp+0") << store_imm(BPF_DW, 10, 0, 0) << done();
  add("across the top", "outside the 512 bytes") << store_imm(BPF_DW, 10, -4, 0) << done();
  add("below the stack", "fp-520") << store_imm(BPF_DW, 10, -520, 0) << done();
  finish(add("stack of a function that returned", "not its to access")
         << call_local(1) << store_imm(BPF_B, 0, 0, 0));
  bad.back().code.begin_function() << movx(0, 10) << alu(64, BPF_ADD, 0, -8) << done();

  finish(add("NULL", "reads 1 bytes at 0x0") << mov(1, 0) << load(BPF_B, 1, 1, 0));
  finish(add("wild", "writes 8 bytes at 0x12345678") << mov(1, 0x12345678) << store_imm(BPF_DW, 1, 0, 0));
  finish(add("behind memory", "offset 57 of map memory (64 bytes)").memory(1) << load(BPF_DW, 2, 1, 57));
  finish(add("before memory", "reads 1 bytes").memory(1) << load(BPF_B, 2, 1, -1));
  finish(add("read-only map", "read-only").wide(1, 1, BPF_PSEUDO_MAP_IDX_VALUE) << store_imm(BPF_B, 1, 0, 0));
  finish(add("misaligned atomic", "misaligned") << mov(2, 1) << atomic(BPF_DW, 10, -12, 2, BPF_ADD));
  finish(add("atomic outside", "offset 64").memory(1) << mov(2, 1) << atomic(BPF_DW, 1, 64, 2, BPF_ADD));
  finish(add("atomic on a read-only map", "read-only").wide(1, 1, BPF_PSEUDO_MAP_IDX_VALUE)
         << mov(2, 1) << atomic(BPF_W, 1, 0, 2, BPF_ADD));
  finish(add("address of a map", "reads 8 bytes").map(1) << load(BPF_DW, 2, 1, 0));

  finish(add("not a map", "r1 is no map").memory(1)
         << store_imm(BPF_W, 10, -4, 7) << movx(2, 10) << alu(64, BPF_ADD, 2, -4) << call(kLookup));
  finish(add("behind a looked-up value", "value of map hash (24 bytes)").map(1, 2)
         << store_imm(BPF_W, 10, -4, 7) << movx(2, 10) << alu(64, BPF_ADD, 2, -4) << call(kLookup)
         << jump(64, BPF_JNE, 0, 0, 2) << mov(0, 0) << done() << load(BPF_B, 1, 0, kHashValueBytes));
  finish(add("lookup without a NULL check", "at 0x0").map(1, 2)
         << store_imm(BPF_W, 10, -4, 8) << movx(2, 10) << alu(64, BPF_ADD, 2, -4) << call(kLookup)
         << load(BPF_B, 1, 0, 0));
  finish(add("helper writes behind the stack", "through r1 the call writes 16 bytes")
         << movx(1, 10) << alu(64, BPF_ADD, 1, -8) << mov(2, 16) << call(kCurrentComm));
  finish(add("size of zero", "must not be 0")
         << movx(1, 10) << alu(64, BPF_ADD, 1, -8) << mov(2, 0) << call(kCurrentComm));
  const auto reserve = [&](const char* name, const char* says) -> Code& {
    return add(name, says).map(1, 3) << mov(2, 16) << mov(3, 0) << call(kRingbufReserve)
                                     << jump(64, BPF_JNE, 0, 0, 2) << mov(0, 0) << done() << movx(6, 0);
  };
  finish(reserve("behind a record", "offset 16 of a ring buffer's record") << store_imm(BPF_B, 6, 16, 0));
  finish(reserve("record after submit", "writes 8 bytes")
         << movx(1, 6) << mov(2, 0) << call(kRingbufSubmit) << store_imm(BPF_DW, 6, 0, 0));
  finish(reserve("record submitted twice", "r1 is no record")
         << movx(1, 6) << mov(2, 0) << call(kRingbufSubmit) << movx(1, 6) << mov(2, 0)
         << call(kRingbufSubmit));
  finish(reserve("inside of a record submitted", "r1 is no record")
         << movx(1, 6) << alu(64, BPF_ADD, 1, 8) << mov(2, 0) << call(kRingbufSubmit));

  const auto iterate = [&](const char* name, const char* says) -> Code& {
    return add(name, says) << movx(6, 10) << alu(64, BPF_ADD, 6, -8) << movx(1, 6) << mov(2, 0) << mov(3, 5)
                           << call_kfunc(kIterNew) << movx(1, 6) << call_kfunc(kIterNext) << movx(7, 0);
  };
  finish(iterate("behind an element", "reads 8 bytes") << load(BPF_DW, 1, 7, 0));
  finish(iterate("writing an element", "writes 4 bytes") << store_imm(BPF_W, 7, 0, 1));
  finish(add("iterator that is none", "r1 points to fp-8 of f0, which is no iterator")
         << movx(1, 10) << alu(64, BPF_ADD, 1, -8) << call_kfunc(kIterNext));

  finish(iterate("looking into an iterator", "an iterator's or a dynptr's") << load(BPF_B, 1, 10, -1));
  finish(iterate("iterator overwritten", "no iterator")
         << store_imm(BPF_B, 10, -1, 0) << movx(1, 6) << call_kfunc(kIterNext));
  finish(iterate("iterator after its end", "no iterator")
         << movx(1, 6) << call_kfunc(kIterDestroy) << movx(1, 6) << call_kfunc(kIterNext));
  const auto dynptr = [&](const char* name, const char* says) -> Code& {
    return add(name, says).memory(1) << mov(2, 64) << mov(3, 0) << movx(4, 10) << alu(64, BPF_ADD, 4, -16)
                                     << movx(6, 4) << call(kDynptrFromMem);
  };
  finish(dynptr("behind a slice of a record", "writes 1 bytes").map(1, 3)
         << mov(2, 32) << mov(3, 0) << movx(4, 10) << alu(64, BPF_ADD, 4, -32) << movx(7, 4)
         << call(kReserveDynptr) << movx(1, 7) << mov(2, 0) << mov(3, 8) << call(kDynptrData)
         << jump(64, BPF_JNE, 0, 0, 2) << mov(0, 0) << done() << store_imm(BPF_B, 0, 8, 0));
  finish(dynptr("slice after the submit", "writes 1 bytes").map(1, 3)
         << mov(2, 32) << mov(3, 0) << movx(4, 10) << alu(64, BPF_ADD, 4, -32) << movx(7, 4)
         << call(kReserveDynptr) << movx(1, 7) << mov(2, 0) << mov(3, 8) << call(kDynptrData)
         << jump(64, BPF_JNE, 0, 0, 2) << mov(0, 0) << done() << movx(8, 0) << movx(1, 7) << mov(2, 0)
         << call(kSubmitDynptr) << store_imm(BPF_B, 8, 0, 0));
  finish(add("dynptr that is none", "r1 points to fp-16 of f0, which is no iterator or dynptr")
         << movx(1, 10) << alu(64, BPF_ADD, 1, -16) << call_kfunc(kDynptrSize));

  finish(add("callback that is none", "r2 is no function")
         << mov(1, 3) << mov(2, 1) << mov(3, 0) << mov(4, 0) << call(kLoop));
  finish(add("context that is no stack", "r3 points to no stack").function(2, 1)
         << mov(1, 3) << mov(3, 64) << mov(4, 0) << call(kLoop));
  bad.back().code.begin_function() << mov(0, 0) << done();
  finish(add("within a callback", "f1, instruction").function(2, 1)
         << mov(1, 3) << mov(3, 0) << mov(4, 0) << call(kLoop));
  bad.back().code.begin_function() << load(BPF_B, 0, 2, 0) << done();
  finish(add("third argument of a loop's callback", "r3 was never written").function(2, 1)
         << mov(1, 3) << mov(3, 0) << mov(4, 0) << call(kLoop));
  bad.back().code.begin_function() << movx(0, 3) << done();

  add("endless", "still running after 100000 instructions") << go(-1) << done();
  add("recursion", "nested deeper than 16 frames") << call_local(0) << done();
  add("missing kfunc", "calls a kfunc that is missing") << call_kfunc(-1) << done();
  add("off the end", "no instruction") << mov(0, 0);
  return bad;
}

// Programs that must run to their end, and what they return.
struct Good {
  const char* name;
  uint64_t returns;
  Code code;
};

std::vector<Good> good_programs() {
  std::vector<Good> good;
  const auto add = [&](const char* name, uint64_t returns) -> Code& {
    good.push_back({name, returns, {}});
    return good.back().code;
  };
  add("whole stack", 5) << store_imm(BPF_DW, 10, -512, 5) << load(BPF_DW, 0, 10, -512) << done();
  add("caller's stack", 9) << store_imm(BPF_DW, 10, -8, 4) << movx(1, 10) << alu(64, BPF_ADD, 1, -8)
                           << call_local(1) << load(BPF_DW, 1, 10, -8) << alux(64, BPF_ADD, 0, 1) << done();
  good.back().code.begin_function() << load(BPF_DW, 0, 1, 0) << store_imm(BPF_DW, 1, 0, 5) << done();
  add("read-only map", 'f').wide(1, 1, BPF_PSEUDO_MAP_IDX_VALUE) << load(BPF_B, 0, 1, 0) << done();
  add("constant string", 0).wide(1, 1, BPF_PSEUDO_MAP_IDX_VALUE) << mov(2, 7);
  good.back().code.wide(3, 1, BPF_PSEUDO_MAP_IDX_VALUE) << call(kStrncmp) << done();
  add("looked-up value", 0).map(1, 2) << store_imm(BPF_W, 10, -4, 7) << movx(2, 10) << alu(64, BPF_ADD, 2, -4)
                                      << call(kLookup) << jump(64, BPF_JNE, 0, 0, 2) << mov(0, 1) << done()
                                      << store_imm(BPF_DW, 0, 16, 3) << mov(0, 0) << done();
  add("what a helper wrote", 0) << movx(1, 10) << alu(64, BPF_ADD, 1, -16) << mov(2, 16) << call(kCurrentComm)
                                << load(BPF_DW, 1, 10, -16) << done();
  add("record", 0).map(1, 3) << mov(2, 16) << mov(3, 0) << call(kRingbufReserve) << jump(64, BPF_JNE, 0, 0, 2)
                             << mov(0, 1) << done() << store_imm(BPF_DW, 0, 8, 1) << movx(1, 0) << mov(2, 0)
                             << call(kRingbufSubmit) << mov(0, 0) << done();
  add("sum over an iterator", 10) << mov(8, 0) << movx(6, 10) << alu(64, BPF_ADD, 6, -8) << movx(1, 6)
                                  << mov(2, 0) << mov(3, 5) << call_kfunc(kIterNew) << movx(1, 6)
                                  << call_kfunc(kIterNext) << jump(64, BPF_JEQ, 0, 0, 3)
                                  << load(BPF_W, 1, 0, 0) << alux(64, BPF_ADD, 8, 1) << go(-6) << movx(1, 6)
                                  << call_kfunc(kIterDestroy) << movx(0, 8) << done();
  add("sum in a callback", 6).function(2, 1)
      << store_imm(BPF_DW, 10, -8, 0) << movx(3, 10) << alu(64, BPF_ADD, 3, -8) << mov(1, 4) << mov(4, 0)
      << call(kLoop) << load(BPF_DW, 0, 10, -8) << done();
  good.back().code.begin_function() << load(BPF_DW, 3, 2, 0) << alux(64, BPF_ADD, 3, 1)
                                    << store(BPF_DW, 2, 0, 3) << mov(0, 0) << done();
  add("map walk", 7).map(1, 2).function(2, 1)
      << store_imm(BPF_DW, 10, -8, 0) << movx(3, 10) << alu(64, BPF_ADD, 3, -8) << mov(4, 0) << call(kForEach)
      << load(BPF_DW, 0, 10, -8) << done();
  good.back().code.begin_function() << load(BPF_W, 5, 2, 0) << store(BPF_DW, 4, 0, 5)
                                    << store_imm(BPF_B, 3, 23, 1) << mov(0, 0) << done();
  add("dynptr", 42).memory(1) << mov(2, 64) << mov(3, 0) << movx(4, 10) << alu(64, BPF_ADD, 4, -16)
                              << movx(6, 4) << call(kDynptrFromMem) << movx(1, 6) << mov(2, 8) << movx(3, 10)
                              << alu(64, BPF_ADD, 3, -32) << mov(4, 16) << call_kfunc(kSliceRdwr)
                              << jump(64, BPF_JNE, 0, 0, 2) << mov(0, 1) << done()
                              << store_imm(BPF_DW, 0, 8, 42) << movx(7, 0) << load(BPF_DW, 0, 7, 8) << done();
  // The budget of may_goto is eight million and more; the loop ends.
  add("may_goto", 8u << 20) << mov(0, 0) << may_goto(2) << alu(64, BPF_ADD, 0, 1) << go(-3) << done();
  return good;
}

}  // namespace

TEST(Checked, StopsWhatMustNotBeDone) {
  for (const Bad& bad : bad_programs()) {
    const Outcome outcome = run(bad.code);
    EXPECT_NE(outcome.violation.find(bad.says), std::string::npos)
        << bad.name << ": \"" << outcome.violation << "\" does not say \"" << bad.says << "\"\n"
        << listing(bad.code.insns());
    EXPECT_EQ(outcome.result.r0, 0u) << bad.name;
  }
}

TEST(Checked, LetsPassWhatMayBeDone) {
  for (const Good& good : good_programs())
    for (bool checked : {true, false}) {
      const Outcome outcome = run(good.code, 0, 0, 0, checked);
      EXPECT_EQ(outcome.violation, "") << good.name;
      EXPECT_EQ(outcome.result.r0, good.returns) << good.name;
    }
}

TEST(Checked, ArgumentsAndTheirMemory) {
  Code code;
  code << load(BPF_DW, 2, 1, 8) << store(BPF_DW, 1, 0, 2) << mov(0, 0) << done();
  auto program = code.program();
  program->arguments = 1;
  const auto interpreter =
      bpf::Executable::create(bpf::TrustForTests::trust(program), {.checked = true}).value();
  bpf::Execution execution(*interpreter);
  uint64_t memory[2] = {1, 2};
  const auto address = reinterpret_cast<uint64_t>(memory);

  EXPECT_NE(execution.run(address).violation, "") << "nothing was allowed";
  execution.allow(memory, 8, true);
  EXPECT_NE(execution.run(address).violation, "") << "only half of it was";
  execution.allow(memory, 16, false);
  EXPECT_EQ(execution.run(address).violation, "");
  EXPECT_EQ(memory[0], 2u);
  execution.forget();
  EXPECT_NE(execution.run(address).violation, "") << "it was forgotten";
  execution.allow(memory, 16, false);
  EXPECT_NE(execution.run(address).violation, "") << "not for writing";
}

TEST(Checked, MemoryOfARunDiesWithIt) {
  // A value's address, kept by whoever runs the program, is no memory in the next run.
  Code code;
  code << jump(64, BPF_JNE, 1, 0, 9);
  code.map(1, 2) << store_imm(BPF_W, 10, -4, 7) << movx(2, 10) << alu(64, BPF_ADD, 2, -4) << call(kLookup)
                 << done() << go(0) << go(0);
  code << load(BPF_B, 0, 1, 0) << done();
  const auto maps = make_maps();
  auto program = code.program(maps, common_world());
  program->arguments = 1;
  const auto interpreter =
      bpf::Executable::create(bpf::TrustForTests::trust(program), {.checked = true}).value();
  bpf::Execution execution(*interpreter);
  const bpf::RunResult first = execution.run(0);
  EXPECT_EQ(first.violation, "");
  ASSERT_NE(first.r0, 0u);
  EXPECT_NE(execution.run(first.r0).violation, "");
}

TEST(Checked, TellsOfStackThatWasNotWritten) {
  const auto read = [](Code code) {
    const bpf::RunResult result = run(code << load(BPF_DW, 0, 10, -8) << done()).result;
    EXPECT_EQ(result.violation, "");
    return result;
  };
  EXPECT_TRUE(read(Code()).read_unwritten_stack);
  EXPECT_EQ(read(Code()).r0, 0u) << "what others left on the stack is not the program's to see";
  EXPECT_TRUE(read(Code() << store_imm(BPF_W, 10, -8, 0)).read_unwritten_stack) << "half of it";
  EXPECT_FALSE(read(Code() << store_imm(BPF_DW, 10, -8, 0)).read_unwritten_stack);
  EXPECT_FALSE(read(Code() << movx(1, 10) << alu(64, BPF_ADD, 1, -16) << mov(2, 16) << call(kCurrentComm))
                   .read_unwritten_stack);
  Code key;
  key.map(1, 2) << movx(2, 10) << alu(64, BPF_ADD, 2, -4) << call(kLookup) << mov(0, 0) << done();
  EXPECT_TRUE(run(key).result.read_unwritten_stack) << "by a helper";
}

TEST(Execution, StartsWithAnEmptyStack) {
  Code code;
  const auto read_all = [&] {
    code << mov(0, 0);
    for (int16_t i = 1; i <= 64; ++i)
      code << load(BPF_DW, 1, 10, static_cast<int16_t>(-8 * i)) << alux(64, BPF_OR, 0, 1);
  };
  code << call_local(1) << movx(6, 0);
  read_all();
  code << alux(64, BPF_OR, 0, 6) << done();
  code.begin_function();
  read_all();
  code << done();
  for (bool checked : {false, true}) {
    // Leaves memory behind that was something else before.
    for (size_t bytes = 8192; bytes <= 32768; bytes += 16) std::vector<std::byte>(bytes, std::byte{0xee});
    EXPECT_EQ(run(code, 0, 0, 0, checked).result.r0, 0u) << checked;
  }
}

TEST(Checked, StackThatTheVerifierGranted) {
  Code code;
  code << store_imm(BPF_DW, 10, -16, 1) << mov(0, 0) << done();
  for (uint32_t granted : {8u, 16u}) {
    const auto verified = bpf::TrustForTests::trust(code.program(), {granted});
    const auto interpreter = bpf::Executable::create(verified, {.checked = true}).value();
    EXPECT_EQ(bpf::Execution(*interpreter).run().violation.empty(), granted == 16) << granted;
  }
}

TEST(Decode, RefusesWhatIsNoProgram) {
  const struct {
    const char* name;
    Insn insn;
  } cases[] = {
      {"unknown code", {0xff, 0, 0, 0, 0}},
      {"register 11", alu(64, BPF_MOV, 11, 0)},
      {"frame pointer written", mov(10, 0)},
      {"frame pointer loaded", load(BPF_DW, 10, 10, -8)},
      {"jump out", go(5)},
      {"jump before", jump(64, BPF_JEQ, 0, 0, -3)},
      {"long jump out", go_long(1 << 30)},
      {"half an LD_IMM64 at the end", {code(BPF_LD, BPF_IMM, BPF_DW), 0, 0, 0, 0}},
      {"unknown helper", call(9999)},
      {"unknown kfunc", call_kfunc(3)},
      {"unknown function", call_local(2)},
      {"unknown atomic", atomic(BPF_DW, 10, -8, 0, 0x77)},
      {"atomic byte", atomic(BPF_B, 10, -8, 0, BPF_ADD)},
      {"legacy packet load", {code(BPF_LD, BPF_ABS, BPF_W), 0, 0, 0, 0}},
      {"indirect jump", {code(BPF_JMP, BPF_JA, BPF_X), 0, 0, 0, 0}},
      {"move of 24 bits", alux(64, BPF_MOV, 0, 0, 24)},
      {"swap of 24 bits", {code(BPF_ALU64, BPF_END), 0, 0, 0, 24}},
      {"signed addition", alux(64, BPF_ADD, 0, 0, 1)},
  };
  for (const auto& c : cases) {
    Code code;
    code << c.insn;
    const auto result = bpf::Executable::create(bpf::TrustForTests::trust(code.program({}, common_world())));
    ASSERT_FALSE(result) << c.name;
    EXPECT_EQ(result.error().code, EINVAL) << c.name;
    EXPECT_NE(result.error().place.find("instruction 0"), std::string::npos) << result.error().text();
  }
}

}  // namespace ring3::test
