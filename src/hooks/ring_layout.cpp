#include <string>

#include "abi/io_uring.hpp"
#include "base/error.hpp"
#include "ring3/module.hpp"

namespace ring3 {

Result<void> Module::set_ring(const io_uring_params& params) {
  const auto& ring = reinterpret_cast<const abi::Params&>(params);
  const std::pair<const char*, uint32_t> words[] = {
      {"sq_head", ring.sq_off.head}, {"sq_tail", ring.sq_off.tail}, {"sq_entries", ring.sq_entries},
      {"cq_head", ring.cq_off.head}, {"cq_tail", ring.cq_off.tail}, {"cq_entries", ring.cq_entries},
      {"cqes", ring.cq_off.cqes},
  };
  for (const auto& [word, value] : words) TRY_VOID(set(std::string("ring.") + word, uint64_t{value}));
  return {};
}

}  // namespace ring3
