#include "generator.hpp"

#include <algorithm>

#include "bpf/isa/disassemble.hpp"
#include "writer.hpp"

namespace ring3::bpf::oracle {
using namespace abi;

const char* const KFUNC_NAMES[KFUNCS] = {"bpf_iter_num_new", "bpf_iter_num_next",     "bpf_iter_num_destroy",
                                         "bpf_dynptr_slice", "bpf_dynptr_slice_rdwr", "bpf_dynptr_size"};

Generated generate(Draw draw) {
  Generated out;
  Plan plan;
  for (unsigned i = 0; i < plan.functions.size(); ++i) {  // grows while functions are written
    const std::vector<Insn> insns = Writer(draw, plan, i).write();
    out.functions.push_back({static_cast<uint32_t>(out.insns.size()), plan.functions[i]});
    out.insns.insert(out.insns.end(), insns.begin(), insns.end());
  }
  return out;
}

namespace {
constexpr Insn NOTHING{BPF_JMP | BPF_JA};
bool is_nothing(Insn insn) { return insn.code == NOTHING.code && insn.off == 0; }

bool is_distance(Insn insn) {
  return is_jump_class(insn) && insn_op(insn) != BPF_CALL && insn_op(insn) != BPF_EXIT;
}

// Takes out instruction i, which nothing needs.
Generated without(const Generated& from, size_t i) {
  Generated out = from;
  out.insns.erase(out.insns.begin() + static_cast<ptrdiff_t>(i));
  for (Function& f : out.functions)
    if (f.start > i) --f.start;
  const auto gone = static_cast<int64_t>(i);
  for (size_t k = 0; k < from.insns.size(); ++k) {
    if (k == i || !is_distance(from.insns[k])) continue;
    Insn& insn = out.insns[k > i ? k - 1 : k];
    const bool far = insn.code == (BPF_JMP32 | BPF_JA);
    const int64_t at = static_cast<int64_t>(k), to = at + 1 + (far ? insn.imm : insn.off);
    const int64_t change = (to > gone) - (at > gone);
    if (far)
      insn.imm -= static_cast<int32_t>(change);
    else
      insn.off = static_cast<int16_t>(insn.off - change);
  }
  return out;
}
}  // namespace

Generated shrink(Generated generated, const std::function<bool(const Generated&)>& keep) {
  for (bool smaller = true; smaller;) {
    smaller = false;
    for (size_t length : {size_t{16}, size_t{8}, size_t{4}, size_t{2}, size_t{1}}) {
      for (size_t i = 0; i + length <= generated.insns.size(); ++i) {
        Generated attempt = generated;
        const auto first = attempt.insns.begin() + static_cast<ptrdiff_t>(i);
        if (std::all_of(first, first + static_cast<ptrdiff_t>(length), is_nothing)) continue;
        std::fill_n(first, length, NOTHING);
        if (!keep(attempt)) continue;
        generated = std::move(attempt);
        smaller = true;
      }
    }
    for (size_t i = generated.insns.size(); i-- > 0;) {
      if (!is_nothing(generated.insns[i])) continue;
      Generated attempt = without(generated, i);
      if (!keep(attempt)) continue;
      generated = std::move(attempt);
      smaller = true;
    }
  }
  return generated;
}

std::string listing(const Generated& generated) {
  std::string out;
  for (size_t i = 0; i < generated.insns.size(); ++i) {
    for (size_t f = 1; f < generated.functions.size(); ++f)
      if (generated.functions[f].start == i) out += "function " + std::to_string(f) + ":\n";
    out += std::to_string(i) + ": " + disassemble(generated.insns, static_cast<uint32_t>(i)) + "\n";
    if (is_64bit_imm(generated.insns[i])) ++i;
  }
  return out;
}

}  // namespace ring3::bpf::oracle
