#include "engines.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "bpf/exec/executable.hpp"
#include "bpf/verifier/verify.hpp"

namespace ring3::bpf::oracle {

namespace {

std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned>(byte));
  return text;
}

// In order of the keys: hash maps have an order of their own.
std::string elements(Map& map) {
  std::set<std::string> lines;
  std::vector<std::byte> key(map.definition().key_size), next(key);
  for (const void* from = nullptr; map.next_key(from, next.data()) == 0; from = key.data()) {
    key = next;
    const auto* value = static_cast<const std::byte*>(map.lookup(key.data(), 0));
    lines.insert(hex(key) + ": " + hex({value, map.definition().value_size}));
  }
  return fmt::format("{}\n", fmt::join(lines, "\n"));
}

// What a run left in the maps. Takes the records of the ring buffer.
std::string what_is_left(const Program& program) {
  std::string text;
  for (const MapIndex map : {INPUT, TABLE, HASH}) text += elements(*program.maps[map]);
  static_cast<RingBuffer&>(*program.maps[RINGBUF])
      .consume(
          [](void* out, std::span<const std::byte> record) {
            *static_cast<std::string*>(out) += "record " + hex(record) + "\n";
          },
          &text);
  return text;
}

}  // namespace

std::string Engines::try_seed(uint64_t seed) {
  const Generated generated = generate(seed);
  ++programs_;
  const auto one = interpreted_.program(generated), other = compiled_.program(generated);
  const VerifyOptions options = {.insns_max = VISITS_MAX, .strict = true};
  const Verdict verdict = verify(one, options), again = verify(other, options);
  if (!verdict || !again) return {};
  const auto interpreted = Executable::create(*verdict, {.checked = true, .insns_max = STEPS_MAX});
  const auto compiled = Executable::create(*again, {.compiled = true});
  if (!interpreted || !compiled) return fmt::format("seed {}: it can't be compiled", seed);

  Execution expected(**interpreted), actual(**compiled);
  Draw inputs(~seed);
  for (unsigned run = 0; run < RUNS; ++run) {
    Draw same = inputs;
    interpreted_.fill(inputs);
    compiled_.fill(same);
    const RunResult result = expected.run();
    if (!result.violation.empty()) {  // too long; it stopped somewhere
      interpreted_ = {};
      compiled_ = {};
      return {};
    }
    const uint64_t r0 = actual.run().r0;
    const std::string left = what_is_left(*one), left_compiled = what_is_left(*other);
    if (r0 == result.r0 && left == left_compiled) continue;
    return fmt::format("seed {}, run {}: r0 is {:#x}, compiled {:#x}; left\n{}compiled\n{}{}", seed, run,
                       result.r0, r0, left, left_compiled, listing(generated));
  }
  ++compared_;
  return {};
}

}  // namespace ring3::bpf::oracle
