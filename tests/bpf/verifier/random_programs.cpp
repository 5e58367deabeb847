// Random programs that may or may not be safe. Sound: what ring3 accepts runs under the checking interpreter
// without a violation. Faithful: the kernel that runs the tests gives the same verdict, but for known
// reasons.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>

#include "abi/bpf.hpp"
#include "bpf/exec/native.hpp"
#include "bpf/isa/disassemble.hpp"
#include "bpf/map/map.hpp"
#include "bpf/verifier/verify.hpp"
#include "domain_samples.hpp"
#include "host_kernel.hpp"
#include "test_world.hpp"

namespace ring3::bpf::test {
namespace {

using namespace abi;

constexpr unsigned value_bytes = 64, stack_slots = 8;
constexpr uint8_t number_a = 6, number_b = 7, value = 8, counter = 9, frame = 10;

// Numbers live in r6, r7 and (outside of loops) r9, the address of a map value in r8; eight slots of stack
// are written first. Accesses are mostly bounded well, sometimes a little too far, and all jumps out lead to
// one exit.
class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  std::vector<Insn> program() {
    lookup();
    for (uint8_t r : {number_a, number_b, counter}) {
      emit({BPF_JMP | BPF_CALL, 0, 0, 0, 7});
      emit({BPF_ALU64 | BPF_MOV | BPF_X, r, 0});
    }
    for (unsigned i = 1; i <= stack_slots; i++) {
      if (chance(2)) {
        emit({BPF_ST | BPF_MEM | BPF_DW, frame, 0, slot(i), static_cast<int32_t>(random_() % 3)});
      } else {
        emit({BPF_STX | BPF_MEM | BPF_DW, frame, scalar(), slot(i)});
      }
    }
    steps(4 + random_() % 16);
    size_t end = out_.size();
    emit({BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0});
    emit({BPF_JMP | BPF_EXIT});
    for (size_t i : exits_) out_[i].off = static_cast<int16_t>(end - i - 1);
    return std::move(out_);
  }

 private:
  bool chance(unsigned n) { return random_() % n == 0; }
  uint8_t scalar() {
    static const uint8_t all[] = {number_a, number_b, counter};
    return all[random_() % (depth_ ? 2 : 3)];
  }
  static int16_t slot(unsigned i) { return static_cast<int16_t>(-8 * static_cast<int>(i)); }
  int16_t some_slot() { return slot(1 + random_() % stack_slots); }
  void emit(Insn insn) { out_.push_back(insn); }
  void emit_exit_if(uint8_t jump, bool is64, uint8_t r, int32_t imm) {
    exits_.push_back(out_.size());
    emit({static_cast<uint8_t>((is64 ? BPF_JMP : BPF_JMP32) | jump | BPF_K), r, 0, 0, imm});
  }
  uint8_t size() { return static_cast<uint8_t>(random_() % 4 << 3); }
  static unsigned bytes(uint8_t size) { return access_bytes({size}); }

  // r8 = an element of map 0; the key is 0 and in range, but what the lookup returns is tested all the same.
  void lookup() {
    emit({BPF_ST | BPF_MEM | BPF_W, frame, 0, -4, 0});
    emit({BPF_ALU64 | BPF_MOV | BPF_X, 2, frame});
    emit({BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4});
    emit({BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD});
    emit({});
    emit({BPF_JMP | BPF_CALL, 0, 0, 0, 1});
    emit_exit_if(BPF_JEQ, true, 0, 0);
    emit({BPF_ALU64 | BPF_MOV | BPF_X, value, 0});
  }

  void steps(unsigned count) {
    for (unsigned i = 0; i < count && out_.size() < 120; i++) step();
  }
  void step() {
    switch (random_() % 14) {
      case 0:
      case 1:
        return arithmetic();
      case 2:
        return bound(scalar(), random_() % 100);
      case 3:
        return emit(
            {BPF_ALU64 | BPF_AND | BPF_K, scalar(), 0, 0, static_cast<int32_t>(interesting_number(random_))});
      case 4:
      case 5:
        return access_value();
      case 6:
        return emit({static_cast<uint8_t>(BPF_STX | BPF_MEM | (chance(4) ? size() : BPF_DW)), frame,
                     chance(6) ? value : scalar(), some_slot()});
      case 7:
        return fill();
      case 8:
        return access_stack();
      case 9:
        return skip();
      case 10:
        return loop();
      case 11:
        return emit(
            {static_cast<uint8_t>((chance(4) ? BPF_ALU : BPF_ALU64) | BPF_MOV | BPF_X), scalar(), scalar()});
      case 12:
        return compare_registers();
      default:
        return spill_value();
    }
  }

  void arithmetic() {
    static const uint8_t ops[] = {BPF_ADD, BPF_SUB, BPF_MUL, BPF_OR,  BPF_AND,
                                  BPF_LSH, BPF_RSH, BPF_XOR, BPF_ARSH};
    uint8_t op = ops[random_() % std::size(ops)];
    bool is64 = !chance(3), with_register = chance(3) && op != BPF_LSH && op != BPF_RSH && op != BPF_ARSH;
    auto imm = static_cast<int32_t>(chance(2) ? random_() % 64 : interesting_number(random_));
    if (op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH) imm &= is64 ? 63 : 31;
    Insn insn{static_cast<uint8_t>((is64 ? BPF_ALU64 : BPF_ALU) | op), scalar(), 0, 0, imm};
    if (with_register) insn.code |= BPF_X, insn.src = scalar(), insn.imm = 0;
    emit(insn);
  }
  void bound(uint8_t r, uint64_t limit) {
    auto imm = static_cast<int32_t>(limit);
    switch (random_() % 6) {
      case 0:
        emit_exit_if(BPF_JSGT, true, r, imm);
        if (!chance(6)) emit_exit_if(BPF_JSLT, true, r, 0);
        return;
      case 1:
        return emit_exit_if(BPF_JGT, !chance(4), r, imm);
      case 2:
        return emit_exit_if(BPF_JGE, true, r, imm + 1);
      case 3:
        emit(
            {BPF_ALU64 | BPF_AND | BPF_K, r, 0, 0, static_cast<int32_t>((uint64_t{1} << random_() % 7) - 1)});
        return;
      default:
        return emit_exit_if(BPF_JGT, true, r, imm);
    }
  }
  // A load or store at r8 + number + offset.
  void access_value() {
    uint8_t r = scalar(), width = size();
    unsigned limit = random_() % (value_bytes - 8);
    if (!chance(8)) bound(r, limit);
    int offset = static_cast<int>(random_() % (value_bytes - limit));
    if (!chance(10)) offset = std::min<int>(offset, value_bytes - limit - bytes(width));
    emit({BPF_ALU64 | BPF_MOV | BPF_X, 1, value});
    emit({BPF_ALU64 | BPF_ADD | BPF_X, 1, r});
    if (width == BPF_B || chance(2))
      width = BPF_B;  // wider ones must be aligned, which a random number seldom is
    access(1, static_cast<int16_t>(offset), width);
  }
  void access(uint8_t pointer, int16_t offset, uint8_t width) {
    if (chance(2)) {
      emit({static_cast<uint8_t>(BPF_LDX | BPF_MEM | width), scalar(), pointer, offset});
    } else {
      emit({static_cast<uint8_t>(BPF_STX | BPF_MEM | width), pointer, scalar(), offset});
    }
  }
  void access_stack() {
    uint8_t r = scalar();
    if (!chance(10)) bound(r, random_() % 64);
    emit({BPF_ALU64 | BPF_MOV | BPF_X, 1, frame});
    emit({BPF_ALU64 | BPF_ADD | BPF_X, 1, r});
    access(1, slot(stack_slots), BPF_B);
  }
  void fill() {
    uint8_t width = chance(3) ? size() : BPF_DW;
    emit(
        {static_cast<uint8_t>(BPF_LDX | BPF_MEM | width), chance(12) ? value : scalar(), frame, some_slot()});
  }
  void spill_value() {
    int16_t at = some_slot();
    emit({BPF_STX | BPF_MEM | BPF_DW, frame, value, at});
    if (chance(2)) step();
    emit({BPF_LDX | BPF_MEM | BPF_DW, value, frame, at});
  }
  void compare_registers() {
    static const uint8_t jumps[] = {BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JLT, BPF_JLE, BPF_JSGT, BPF_JSLT, BPF_JNE};
    exits_.push_back(out_.size());
    emit({static_cast<uint8_t>((chance(4) ? BPF_JMP32 : BPF_JMP) | jumps[random_() % std::size(jumps)] |
                               BPF_X),
          depth_ ? number_a : counter, number_b});
  }
  // Some steps that only one way takes.
  void skip() {
    static const uint8_t jumps[] = {BPF_JEQ, BPF_JNE, BPF_JGT, BPF_JLT, BPF_JSGT, BPF_JSLE, BPF_JSET};
    size_t at = out_.size();
    emit({static_cast<uint8_t>((chance(4) ? BPF_JMP32 : BPF_JMP) | jumps[random_() % std::size(jumps)] |
                               BPF_K),
          scalar(), 0, 0, static_cast<int32_t>(random_() % 80)});
    steps(1 + random_() % 3);
    out_[at].off = static_cast<int16_t>(out_.size() - at - 1);
  }
  void loop() {
    if (depth_) return arithmetic();
    depth_++;
    uint8_t limit = scalar();
    bool unknown = chance(3);
    if (unknown) bound(limit, random_() % 30);
    emit({BPF_ALU64 | BPF_MOV | BPF_K, counter, 0, 0, 0});
    size_t top = out_.size();
    size_t leave = 0;
    if (unknown) {
      leave = out_.size();
      emit({BPF_JMP | BPF_JGE | BPF_X, counter, limit});
    }
    steps(1 + random_() % 4);
    emit({BPF_ALU64 | BPF_ADD | BPF_K, counter, 0, 0, 1});
    if (unknown) {
      emit({BPF_JMP | BPF_JA, 0, 0, static_cast<int16_t>(top - out_.size() - 1)});
      out_[leave].off = static_cast<int16_t>(out_.size() - leave - 1);
    } else {
      int32_t times = 1 + random_() % 12;
      emit({BPF_JMP | BPF_JLT | BPF_K, counter, 0, static_cast<int16_t>(top - out_.size() - 1), times});
    }
    depth_--;
  }

  Random random_;
  std::vector<Insn> out_;
  std::vector<size_t> exits_;
  unsigned depth_ = 0;
};

// Map references by file descriptor for the kernel, by index for us.
std::vector<Insn> with_map(std::vector<Insn> insns, uint8_t kind, int32_t which) {
  for (Insn& insn : insns) {
    if (is_64bit_imm(insn)) insn.src = kind, insn.imm = which;
  }
  return insns;
}

std::shared_ptr<Program> ring3_program(const std::vector<Insn>& insns, const std::shared_ptr<Map>& map) {
  auto program = std::make_shared<Program>();
  program->name = program->section = "random";
  program->sleepable = program->gpl_compatible = true;
  program->insns = with_map(insns, BPF_PSEUDO_MAP_IDX, 0);
  program->maps = {map};
  program->subprograms = {{.name = "random", .start = 0, .end = static_cast<uint32_t>(insns.size())}};
  program->world = test_world();
  return program;
}

std::string listing(const std::vector<Insn>& insns) {
  std::string out;
  for (size_t i = 0; i < insns.size(); i++) {
    out += std::to_string(i) + ": " + disassemble(insns, i) + "\n";
    if (is_64bit_imm(insns[i])) i++;
  }
  return out;
}

std::shared_ptr<Map> one_value() {
  auto map = Map::create({.name = "map",
                          .type = BPF_MAP_TYPE_ARRAY,
                          .key_size = 4,
                          .value_size = value_bytes,
                          .max_entries = 1});
  return map ? *map : nullptr;
}

// RING3_SEED and RING3_PROGRAMS choose the programs.
struct Seeds {
  uint64_t first = 1, end;
  explicit Seeds(uint64_t programs) {
    const char *seed = getenv("RING3_SEED"), *count = getenv("RING3_PROGRAMS");
    if (seed) first = strtoull(seed, nullptr, 0), programs = 1;
    if (count) programs = strtoull(count, nullptr, 0);
    end = first + programs;
  }
};

TEST(RandomPrograms, WhatIsAcceptedViolatesNothing) {
  auto map = one_value();
  ASSERT_TRUE(map);
  Seeds seeds(1500);
  uint64_t accepted = 0;
  for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
    auto insns = Generator(seed).program();
    Verdict verdict = verify(ring3_program(insns, map));
    if (!verdict) continue;
    accepted++;
    auto interpreter = Executable::create(*verdict, {.checked = true, .insns_max = 1'000'000});
    ASSERT_TRUE(interpreter) << interpreter.error().text();
    Execution execution(**interpreter);
    Random contents(seed);
    for (int run = 0; run < 20; run++) {
      // Small numbers in the value, half of the time: programs read them back.
      for (std::byte& byte : map->values()) byte = static_cast<std::byte>(run % 2 ? 0 : contents() % 80);
      auto result = execution.run();
      ASSERT_TRUE(result.violation.empty()) << "seed " << seed << ": " << result.violation << "\n"
                                            << listing(insns);
    }
  }
  EXPECT_GT(accepted * 5, seeds.end - seeds.first) << "the generator draws too few safe programs to say much";
}

// Random numbers that are the same at every run: from the map's value instead of the helper.
std::vector<Insn> repeatable(std::vector<Insn> insns) {
  int16_t offset = 0;
  for (Insn& insn : insns)
    if (is_call(insn) && insn.imm == 7) {
      insn = {BPF_LDX | BPF_MEM | BPF_W, 0, value, offset};
      offset = (offset + 4) % value_bytes;
    }
  return insns;
}

TEST(RandomPrograms, CompiledTheyDoWhatTheyDoInterpreted) {
  if (!jit()) GTEST_SKIP() << jit().error().text();
  auto map = one_value();
  ASSERT_TRUE(map);
  Seeds seeds(300);
  uint64_t runs = 0;
  for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
    auto insns = repeatable(Generator(seed).program());
    Verdict verdict = verify(ring3_program(insns, map));
    if (!verdict) continue;
    auto interpreted = Executable::create(*verdict, {.checked = true, .insns_max = 1'000'000});
    auto compiled = Executable::create(*verdict, {.compiled = true});
    ASSERT_TRUE(interpreted && compiled) << "seed " << seed;
    ASSERT_TRUE((*compiled)->compiled());
    Execution one(**interpreted), other(**compiled);
    Random contents(seed);
    for (int run = 0; run < 20; run++) {
      std::vector<std::byte> before(map->values().begin(), map->values().end());
      for (std::byte& byte : before) byte = static_cast<std::byte>(contents() % (run % 2 ? 3 : 80));
      std::ranges::copy(before, map->values().begin());
      auto expected = one.run();
      if (expected.read_unwritten_stack) continue;  // engines differ
      ASSERT_TRUE(expected.violation.empty()) << "seed " << seed << ": " << expected.violation;
      std::vector<std::byte> after(map->values().begin(), map->values().end());
      std::ranges::copy(before, map->values().begin());
      ASSERT_EQ(other.run().r0, expected.r0) << "seed " << seed << "\n" << listing(insns);
      ASSERT_TRUE(std::ranges::equal(map->values(), after)) << "seed " << seed << "\n" << listing(insns);
      runs++;
    }
  }
  EXPECT_GT(runs, seeds.end - seeds.first) << "the generator draws too few safe programs to say much";
}

// Where we are stricter than Linux by design.
bool known_to_be_stricter(const Rejection& rejection) {
  static const char* const reasons[] = {
      // Linux lets a privileged program read a part of a spilled pointer if only the place is not quite
      // known; with more
      // knowledge of numbers we know the place more often.
      "invalid size of register fill",
      // Linux makes a number of `w1 -= …` on a pointer, and refuses all other operations on its half.
      "32-bit pointer arithmetic prohibited"};
  for (const char* reason : reasons) {
    if (rejection.linux_message.find(reason) != std::string::npos) return true;
  }
  return false;
}

// Accepting what this kernel refuses is no failure: the domain knows more than Linux's, and soundness is
// tested above.
TEST(RandomPrograms, WhatTheHostAcceptsIsAccepted) {
  if (!host_unavailable().empty()) GTEST_SKIP() << host_unavailable();
  auto map = one_value();
  int fd = host_map(BPF_MAP_TYPE_ARRAY, 4, value_bytes, 1);
  ASSERT_TRUE(map && fd >= 0);
  Seeds seeds(400);
  unsigned accepted = 0, laxer = 0;
  for (uint64_t seed = seeds.first; seed < seeds.end; seed++) {
    auto insns = Generator(seed).program();
    auto for_host = with_map(insns, BPF_PSEUDO_MAP_FD, fd);
    bool host = host_verify(for_host, 0).accepted;
    Verdict verdict = verify(ring3_program(insns, map));
    accepted += host;
    laxer += verdict.has_value() && !host;
    if (verdict || !host || known_to_be_stricter(verdict.error())) continue;
    ADD_FAILURE() << "seed " << seed << ": " << verdict.error().text() << "\n"
                  << host_verify(for_host, 2).log.substr(0, 20000);
  }
  close(fd);
  EXPECT_GT(accepted, 0u);
  RecordProperty("host_accepted", accepted);
  RecordProperty("only_ring3_accepted", laxer);
}

}  // namespace
}  // namespace ring3::bpf::test
