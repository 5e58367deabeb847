// Where the generator's choices come from: a seed, or the bytes that a fuzzer made up.
#pragma once

#include <cstdint>
#include <span>

namespace ring3::bpf::oracle {

class Draw {
 public:
  // Neighbouring seeds give sequences that have nothing in common.
  explicit Draw(uint64_t seed) : state_(scramble(seed + 0x632be59bd9b4e019)) {}
  // Takes its choices from `bytes`, which outlive it, and zeroes behind them.
  explicit Draw(std::span<const uint8_t> bytes) : bytes_(bytes), from_bytes_(true) {}

  uint64_t number() {
    if (!from_bytes_) return mix();
    uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value = value << 8 | byte();
    return value;
  }
  // Less than n; n is at most 256.
  unsigned below(unsigned n) { return from_bytes_ ? byte() % n : static_cast<unsigned>(mix() >> 33) % n; }
  // One in n.
  bool chance(unsigned n) { return below(n) == 0; }
  template <typename T, unsigned N>
  T one_of(const T (&all)[N]) {
    return all[below(N)];
  }
  // A number of a kind that finds mistakes: small, around a power of two, few bits, anything.
  uint64_t interesting();

 private:
  uint8_t byte() {
    if (bytes_.empty()) return 0;
    const uint8_t b = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return b;
  }
  uint64_t mix() {  // splitmix64
    return scramble(state_ += 0x9e3779b97f4a7c15);
  }
  static uint64_t scramble(uint64_t z) {
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }

  uint64_t state_ = 0;
  std::span<const uint8_t> bytes_;
  bool from_bytes_ = false;
};

inline uint64_t Draw::interesting() {
  switch (below(6)) {
    case 0:
      return below(16);
    case 1:
      return -uint64_t{below(16)};
    case 2:
      return (uint64_t{1} << below(64)) - 2 + below(4);
    case 3:
      return (below(2) ? uint64_t{UINT32_MAX} : uint64_t{INT32_MAX}) - 2 + below(5);
    case 4:
      return below(256);
    default:
      return number() >> below(64);
  }
}

}  // namespace ring3::bpf::oracle
