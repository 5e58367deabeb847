// Programs for the verifier, made up from a seed: mostly valid, with a mistake here and there. They use what
// ring3 and the host kernel both have, so that both can be asked.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bpf/isa/insn.hpp"
#include "bpf/link/program.hpp"
#include "draw.hpp"

namespace ring3::bpf::oracle {

// The maps of every generated program, by index.
enum MapIndex : uint8_t {
  INPUT,      // array, one value of 64 bytes: where programs get their numbers from
  TABLE,      // array, 4 values of 16 bytes
  HASH,       // keys of 8 bytes, values of 48
  RINGBUF,    // 4096 bytes
  CONSTANTS,  // array, one value of 64 bytes, read-only and frozen
  MAPS
};
inline constexpr uint32_t INPUT_BYTES = 64, TABLE_BYTES = 16, TABLE_ENTRIES = 4, HASH_BYTES = 48;
// Byte i of CONSTANTS.
inline constexpr uint8_t constant_byte(unsigned i) { return static_cast<uint8_t>(i % 8 ? 0 : i); }

// The kfuncs, by index.
enum KfuncIndex : uint8_t { ITER_NEW, ITER_NEXT, ITER_DESTROY, SLICE, SLICE_RDWR, DYNPTR_SIZE, KFUNCS };
extern const char* const KFUNC_NAMES[KFUNCS];

// What a function takes and returns; types.cpp describes each in BTF.
enum class Prototype : uint8_t {
  Main,           // int main(void*)
  Static,         // static u64 f(u64, u64, void* 16 bytes)
  Callback,       // static int f(u32 index, void* 16 bytes)
  Global,         // u64 f(u64, u64)
  GlobalPointer,  // u64 f(struct pair* or NULL, u64)
};

struct Function {
  uint32_t start;
  Prototype prototype;
  bool global() const { return prototype >= Prototype::Global; }
};

struct Generated {
  std::vector<Insn> insns;  // references as Program has them
  std::vector<Function> functions;
};

Generated generate(Draw draw);
inline Generated generate(uint64_t seed) { return generate(Draw(seed)); }

// Without what is not needed for `keep` to hold: instructions become `goto +0`, and those are taken out.
Generated shrink(Generated generated, const std::function<bool(const Generated&)>& keep);

std::string listing(const Generated& generated);

}  // namespace ring3::bpf::oracle
