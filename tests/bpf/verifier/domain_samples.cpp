#include "domain_samples.hpp"

#include <algorithm>
#include <bit>

#include "abi/bpf.hpp"

namespace ring3::bpf::test {

uint64_t interesting_number(Random& random) {
  static const uint64_t edges[] = {0,
                                   1,
                                   0x7f,
                                   0x80,
                                   0xff,
                                   0x7fff,
                                   0x8000,
                                   0xffff,
                                   0x7fffffff,
                                   0x80000000,
                                   0xffffffff,
                                   0x100000000,
                                   0x7fffffffffffffff,
                                   0x8000000000000000,
                                   0xffffffff00000000,
                                   0xffffffff80000000,
                                   0xffffffffffffffff};
  switch (random() % 6) {
    case 0:
      return random() % 64;
    case 1:
      return edges[random() % std::size(edges)] + random() % 9 - 4;
    case 2:
      return uint64_t{1} << random() % 64;
    case 3:
      return random() & random() & random();
    case 4:
      return static_cast<uint64_t>(static_cast<int64_t>(random()) >> random() % 64);
    default:
      return random() >> random() % 64;
  }
}

namespace {
// Moves `limit` by a random amount, no further than `furthest`.
template <typename T>
T moved(Random& random, T limit, T furthest) {
  using U = std::make_unsigned_t<T>;
  if (random() % 3) return limit;
  U room = limit < furthest ? static_cast<U>(furthest) - static_cast<U>(limit)
                            : static_cast<U>(limit) - static_cast<U>(furthest);
  U step = static_cast<U>(random() >> random() % 64);
  if (random() % 3 == 0 || step > room) step = room;
  return static_cast<T>(limit < furthest ? static_cast<U>(limit) + step : static_cast<U>(limit) - step);
}
}  // namespace

Sample random_sample(Random& random) {
  Sample out;
  size_t members = 1 + random() % 5;
  uint64_t base = interesting_number(random);
  bool near = random() % 3 == 0;
  for (size_t i = 0; i < members; i++) {
    out.members.push_back(near ? base + random() % 32 : interesting_number(random));
  }
  Scalar& s = out.scalar;
  s.umin = UINT64_MAX, s.umax = 0, s.smin = INT64_MAX, s.smax = INT64_MIN;
  s.u32_min = UINT32_MAX, s.u32_max = 0, s.s32_min = INT32_MAX, s.s32_max = INT32_MIN;
  uint64_t ones = ~uint64_t{0}, zeros = ~uint64_t{0};
  for (uint64_t x : out.members) {
    s.umin = std::min(s.umin, x), s.umax = std::max(s.umax, x);
    s.smin = std::min<int64_t>(s.smin, x), s.smax = std::max<int64_t>(s.smax, x);
    s.u32_min = std::min<uint32_t>(s.u32_min, x), s.u32_max = std::max<uint32_t>(s.u32_max, x);
    s.s32_min = std::min<int32_t>(s.s32_min, x), s.s32_max = std::max<int32_t>(s.s32_max, x);
    ones &= x, zeros &= ~x;
  }
  s.bits = {ones, ~(ones | zeros)};
  if (random() % 2) {
    uint64_t forget = random() & random();
    if (random() % 3 == 0) forget = UINT64_MAX;
    s.bits = {s.bits.value & ~forget, s.bits.mask | forget};
    s.umin = moved<uint64_t>(random, s.umin, 0), s.umax = moved<uint64_t>(random, s.umax, UINT64_MAX);
    s.smin = moved<int64_t>(random, s.smin, INT64_MIN), s.smax = moved<int64_t>(random, s.smax, INT64_MAX);
    s.u32_min = moved<uint32_t>(random, s.u32_min, 0);
    s.u32_max = moved<uint32_t>(random, s.u32_max, UINT32_MAX);
    s.s32_min = moved<int32_t>(random, s.s32_min, INT32_MIN);
    s.s32_max = moved<int32_t>(random, s.s32_max, INT32_MAX);
  }
  return out;
}

namespace {

template <typename U>
U concrete_op(uint8_t op, bool is_signed, U x, U y) {
  using S = std::make_signed_t<U>;
  constexpr U most = sizeof(U) * 8 - 1;
  auto sx = static_cast<S>(x), sy = static_cast<S>(y);
  switch (op) {
    case abi::BPF_ADD:
      return x + y;
    case abi::BPF_SUB:
      return x - y;
    case abi::BPF_MUL:
      return x * y;
    case abi::BPF_AND:
      return x & y;
    case abi::BPF_OR:
      return x | y;
    case abi::BPF_XOR:
      return x ^ y;
    case abi::BPF_LSH:
      return x << (y & most);
    case abi::BPF_RSH:
      return x >> (y & most);
    case abi::BPF_ARSH:
      return static_cast<U>(sx >> (y & most));
    case abi::BPF_DIV:
      if (y == 0) return 0;
      if (is_signed) return sy == -1 ? U{0} - x : static_cast<U>(sx / sy);
      return x / y;
    default:  // BPF_MOD
      if (y == 0) return x;
      if (is_signed) return sy == -1 ? 0 : static_cast<U>(sx % sy);
      return x % y;
  }
}

template <typename U>
bool concrete_test(uint8_t op, U x, U y) {
  using S = std::make_signed_t<U>;
  auto sx = static_cast<S>(x), sy = static_cast<S>(y);
  switch (op) {
    case abi::BPF_JEQ:
      return x == y;
    case abi::BPF_JNE:
      return x != y;
    case abi::BPF_JSET:
      return (x & y) != 0;
    case abi::BPF_JGT:
      return x > y;
    case abi::BPF_JGE:
      return x >= y;
    case abi::BPF_JLT:
      return x < y;
    case abi::BPF_JLE:
      return x <= y;
    case abi::BPF_JSGT:
      return sx > sy;
    case abi::BPF_JSGE:
      return sx >= sy;
    case abi::BPF_JSLT:
      return sx < sy;
    default:  // BPF_JSLE
      return sx <= sy;
  }
}

}  // namespace

uint64_t concrete_alu(uint8_t op, bool is64, int16_t offset, uint64_t dst, uint64_t src) {
  if (op == abi::BPF_MOV) {
    uint64_t moved = offset == 8    ? static_cast<uint64_t>(int64_t{static_cast<int8_t>(src)})
                     : offset == 16 ? static_cast<uint64_t>(int64_t{static_cast<int16_t>(src)})
                     : offset == 32 ? static_cast<uint64_t>(int64_t{static_cast<int32_t>(src)})
                                    : src;
    return is64 ? moved : static_cast<uint32_t>(moved);
  }
  if (is64) return concrete_op<uint64_t>(op, offset == 1, dst, src);
  return concrete_op<uint32_t>(op, offset == 1, dst, src);
}

bool concrete_jump(uint8_t op, bool is64, uint64_t dst, uint64_t src) {
  return is64 ? concrete_test<uint64_t>(op, dst, src) : concrete_test<uint32_t>(op, dst, src);
}

}  // namespace ring3::bpf::test
