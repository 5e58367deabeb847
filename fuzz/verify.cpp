// Whatever instructions and types a program is made of: the verifier ends with a verdict, and a program that
// it accepts does what was claimed of it when it runs under the checking interpreter
// (tests/oracle/follow.hpp).
//
// An input is: a byte of flags; with 1, a hostile BTF behind two bytes of its length; then, with 2, the
// choices from which a program is generated behind two bytes of their length; then instructions, which are
// the program or overwrite parts of the generated one.
#include <fmt/core.h>

#include <cstdlib>
#include <cstring>

#include "oracle/soundness.hpp"

namespace {
using namespace ring3::bpf;
using namespace ring3::bpf::oracle;
using namespace ring3::abi;

constexpr uint8_t HOSTILE_BTF = 1, GENERATED = 2, NOT_SLEEPABLE = 4;

std::span<const uint8_t> take(std::span<const uint8_t>& from, size_t bytes) {
  const auto taken = from.first(std::min(bytes, from.size()));
  from = from.subspan(taken.size());
  return taken;
}
std::span<const uint8_t> take_block(std::span<const uint8_t>& from) {
  const auto length = take(from, 2);
  return length.size() == 2 ? take(from, static_cast<size_t>(length[0] | length[1] << 8)) : length.first(0);
}

// What the linker promises of a Program: indices of maps and kfuncs that exist.
void keep_promises(std::vector<Insn>& insns) {
  for (size_t i = 0; i < insns.size(); ++i) {
    Insn& insn = insns[i];
    if (is_64bit_imm(insn) && (insn.src == BPF_PSEUDO_MAP_IDX || insn.src == BPF_PSEUDO_MAP_IDX_VALUE))
      insn.imm = static_cast<int32_t>(static_cast<uint32_t>(insn.imm) % MAPS);
    if (is_call(insn) && insn.src == BPF_PSEUDO_KFUNC_CALL)
      insn.imm = static_cast<int32_t>(static_cast<uint32_t>(insn.imm) % (KFUNCS + 1)) - 1;
  }
}

// Raw instructions: each starts a function if its first byte has the highest value.
Generated from_instructions(std::span<const uint8_t>& bytes) {
  Generated out{.functions = {{0, Prototype::Main}}};
  for (;;) {
    const auto raw = take(bytes, sizeof(Insn));
    if (raw.size() < sizeof(Insn) || out.insns.size() > 4096) break;
    if (raw[0] == 0xff && !out.insns.empty()) {
      const auto prototype = static_cast<Prototype>(1 + raw[1] % 4);
      if (out.functions.back().start < out.insns.size())
        out.functions.push_back({static_cast<uint32_t>(out.insns.size()), prototype});
      continue;
    }
    Insn insn;
    std::memcpy(&insn, raw.data(), sizeof(insn));
    out.insns.push_back(insn);
  }
  if (out.functions.back().start == out.insns.size() && out.functions.size() > 1) out.functions.pop_back();
  return out;
}

void overwrite(Generated& program, std::span<const uint8_t> bytes) {
  while (bytes.size() >= 1 + sizeof(Insn) && !program.insns.empty()) {
    const size_t at = take(bytes, 1)[0] % program.insns.size();
    std::memcpy(&program.insns[at], take(bytes, sizeof(Insn)).data(), sizeof(Insn));
  }
}

// Types of the input instead of ours, and any function of them for each of the program's.
void change_types(Program& program, std::span<const uint8_t> bytes) {
  auto btf = Btf::parse(std::as_bytes(bytes));
  if (!btf) return;
  auto object = std::make_shared<Object>();
  object->btf = std::move(*btf);
  std::vector<TypeId> functions{0};
  for (TypeId id = 1; id < object->btf.count(); ++id)
    if (object->btf.kind(id) == BtfKind::Func) functions.push_back(id);
  for (size_t i = 0; i < program.subprograms.size(); ++i)
    program.subprograms[i].function = functions[i % functions.size()];
  program.object = std::move(object);
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Soundness soundness;
  std::span<const uint8_t> bytes(data, size);
  const auto flags = take(bytes, 1);
  if (flags.empty()) return 0;
  const auto types = flags[0] & HOSTILE_BTF ? take_block(bytes) : bytes.first(0);
  const auto choices = flags[0] & GENERATED ? take_block(bytes) : bytes.first(0);
  Generated generated;
  if (flags[0] & GENERATED) {
    generated = generate(Draw(choices));
    overwrite(generated, bytes);
  } else {
    generated = from_instructions(bytes);
  }
  keep_promises(generated.insns);
  const auto program = soundness.setting().program(generated);
  program->sleepable = !(flags[0] & NOT_SLEEPABLE);
  if (flags[0] & HOSTILE_BTF) change_types(*program, types);
  const std::string found = soundness.try_program(program, Draw(size));
  if (found.empty()) return 0;
  fmt::print(stderr, "{}\n{}", found, listing(generated));
  abort();
}
