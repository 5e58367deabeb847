#include "harness.hpp"

namespace ring3::test {

Script::Script(TestRing& ring) {
  module_.emplace(must(open_fixture("script", &ring)));
  must(module_->set("sq_flags_at", uint64_t{ring.params().sq_off.flags}));
  must(module_->set("overflow_at", uint64_t{ring.params().cq_off.overflow}));
  must(load(*module_));
  notes_ = reinterpret_cast<Note*>(must(module_->variable("notes")).data());
  steps_ = must(module_->as<uint32_t>("steps"));
  spinning_ = must(module_->as<uint32_t>("spinning"));
}

void Script::play(const std::vector<Action>& actions) {
  auto memory = must(module_->variable("actions"));
  std::memcpy(memory.data(), actions.data(), actions.size() * sizeof(Action));
  *must(module_->as<uint32_t>("actions_count")) = static_cast<uint32_t>(actions.size());
  *steps_ = 0;
}

}  // namespace ring3::test
