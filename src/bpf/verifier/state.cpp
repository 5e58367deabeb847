#include "bpf/verifier/state.hpp"

#include <fmt/format.h>

namespace ring3::bpf {

std::string state_text(const State& state) {
  std::string text;
  const Frame& frame = state.top();
  for (int i = 0; i < REGISTERS - 1; ++i)
    if (frame.registers[i].kind != Kind::NotInit)
      text += fmt::format("{}R{}={}", text.empty() ? "" : " ", i, value_text(frame.registers[i]));
  for (size_t i = 0; i < frame.stack.size(); ++i) {
    const Slot& slot = frame.stack[i];
    if (slot.is_spill() || slot.is_special()) {
      text += fmt::format(" fp-{}={}", 8 * (i + 1), value_text(slot.value));
      continue;
    }
    std::string bytes;
    for (unsigned b = 8; b-- > 0;) bytes += "?m0r"[static_cast<unsigned>(slot.bytes[b])];
    if (bytes != "????????") text += fmt::format(" fp-{}={}", 8 * (i + 1), bytes);
  }
  return text;
}

}  // namespace ring3::bpf
