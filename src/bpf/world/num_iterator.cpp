#include <cerrno>

#include "bpf/world/common.hpp"

namespace ring3::bpf::common {

namespace {
constexpr int64_t kNumbersMax = 1 << 23;
}

int iter_num_new(NumIterator* iterator, int32_t start, int32_t end) {
  // An iterator whose current value is at its end gives nothing: what a refused range leaves.
  *iterator = {0, 0};
  if (start > end) return -EINVAL;
  if (int64_t{end} - start > kNumbersMax) return -E2BIG;
  // next() steps before it yields; one before the smallest number wraps there and back.
  *iterator = {static_cast<int32_t>(static_cast<uint32_t>(start) - 1), end};
  return 0;
}

int32_t* iter_num_next(NumIterator* iterator) {
  const auto next = static_cast<int32_t>(static_cast<uint32_t>(iterator->current) + 1);
  if (next >= iterator->end) {
    *iterator = {0, 0};
    return nullptr;
  }
  iterator->current = next;
  return &iterator->current;
}

void iter_num_destroy(NumIterator* iterator) { *iterator = {0, 0}; }

}  // namespace ring3::bpf::common
