// A Program: an entry function and every function that it reaches, as one run of instructions.
#include <algorithm>

#include "bpf/link/linker.hpp"

namespace ring3::bpf {

namespace {
// Of all programs of a collection together. Every program has its own copy of the functions that it reaches;
// a hostile object must not make that quadratic.
constexpr uint64_t INSNS_MAX = 4'000'000;

bool is_gpl_compatible(std::string_view license) {
  return license == "GPL" || license == "GPL v2" || license == "GPL and additional rights" ||
         license == "Dual BSD/GPL" || license == "Dual MIT/GPL" || license == "Dual MPL/GPL";
}

// "struct_ops.s/step", "syscall", "lsm.s/…".
bool is_sleepable(std::string_view section) {
  const auto type = section.substr(0, section.find('/'));
  return type == "syscall" || type.ends_with(".s");
}

// The index of `value` in `list`, which it joins if it is new.
template <typename T>
int32_t index_in(std::vector<T>& list, const T& value) {
  const auto found = std::ranges::find(list, value);
  if (found != list.end()) return found - list.begin();
  list.push_back(value);
  return list.size() - 1;
}
}  // namespace

// Copies functions, those that are found on the way too, until none is left.
class Linker::Gatherer {
 public:
  Gatherer(Linker& linker, Program& program) : linker_(linker), program_(program) {}

  Result<void> run(FunctionId entry) {
    subprogram_of(entry);
    for (size_t done = 0; done < order_.size(); done++) TRY_VOID(copy(order_[done]));
    return {};
  }

 private:
  // The index that a function has, or will have, in the program.
  int32_t subprogram_of(FunctionId id) {
    const auto [found, is_new] = indices_.emplace(id, order_.size());
    if (is_new) order_.push_back(id);
    return found->second;
  }
  int32_t subprogram_at(const Relocation& to) {
    const auto& functions = linker_.object_->code[to.index].functions;
    const auto at = std::ranges::lower_bound(functions, to.offset, {}, &Function::start);
    return subprogram_of({to.index, uint32_t(at - functions.begin())});
  }

  Result<void> copy(FunctionId id) {
    const auto& code = linker_.object_->code[id.section];
    const auto& linked = linker_.sections_[id.section];
    const auto& function = code.functions[id.function];
    linker_.insns_linked_ += function.end - function.start;
    if (linker_.insns_linked_ > INSNS_MAX)
      return fail(E2BIG, program_.name, "the programs have more than {} instructions together", INSNS_MAX);
    const uint32_t base = program_.insns.size();
    program_.insns.insert(program_.insns.end(), linked.insns.begin() + function.start,
                          linked.insns.begin() + function.end);
    Subprogram out{function.name, base, uint32_t(program_.insns.size()), 0, function.global};
    // Hands every record about this function to `add`, with its slot in the program.
    const auto each = [&](const auto& records, auto add) {
      auto at = std::ranges::lower_bound(records, function.start, {}, [](const auto& r) { return r.insn; });
      for (; at != records.end() && at->insn < function.end; ++at) add(*at, at->insn - function.start + base);
    };
    each(code.function_types, [&](const FuncInfo& info, uint32_t slot) {
      if (slot == base) out.function = info.function;
    });
    each(code.lines, [&](const LineInfo& line, uint32_t slot) {
      program_.lines.push_back({slot, line.source});
    });
    each(linked.unresolved, [&](const Unresolved& unresolved, uint32_t slot) {
      program_.unresolved.push_back({slot, unresolved.reason});
    });
    bool whole = true;
    each(code.relocations,
         [&](const Relocation& relocation, uint32_t slot) { whole = whole && relocate(relocation, slot); });
    if (!whole)
      return fail(EINVAL, source_place(code, function.end - 1), "{} ends in the middle of an LD_IMM64",
                  function.name);
    program_.subprograms.push_back(std::move(out));
    return {};
  }

  // False if the second half of an LD_IMM64 is missing.
  bool relocate(const Relocation& relocation, uint32_t slot) {
    const bool is_load = !is_call(program_.insns[slot]);
    if (is_load && slot + 1 >= program_.insns.size()) return false;
    switch (relocation.kind) {
      case Relocation::Kind::Map:
        load(slot, abi::BPF_PSEUDO_MAP_IDX, map_index(relocation.index), 0);
        break;
      case Relocation::Kind::Data:
        load(slot, abi::BPF_PSEUDO_MAP_IDX_VALUE, map_index(linker_.object_->maps.size() + relocation.index),
             relocation.offset);
        break;
      case Relocation::Kind::Call:
        program_.insns[slot].imm = subprogram_at(relocation);
        break;
      case Relocation::Kind::FunctionAddress:
        load(slot, abi::BPF_PSEUDO_FUNC, subprogram_at(relocation), 0);
        break;
      case Relocation::Kind::Extern: {
        const Kfunc* kfunc = linker_.kfuncs_[relocation.index];
        if (is_load) {
          load(slot, 0, kfunc != nullptr, 0);
        } else {
          program_.insns[slot].src = abi::BPF_PSEUDO_KFUNC_CALL;
          program_.insns[slot].imm = kfunc ? index_in(program_.kfuncs, kfunc) : -1;
        }
        break;
      }
    }
    return true;
  }

  int32_t map_index(size_t index) { return index_in(program_.maps, linker_.collection_->maps_[index]); }

  void load(uint32_t slot, uint8_t kind, int32_t low, uint64_t high) {
    program_.insns[slot].src = kind;
    program_.insns[slot].imm = low;
    program_.insns[slot + 1].imm = int32_t(high);
  }

  Linker& linker_;
  Program& program_;
  std::vector<FunctionId> order_;
  std::map<FunctionId, int32_t> indices_;
};

Result<std::shared_ptr<const Program>> Linker::gather(FunctionId entry, const Attachment& attachment) {
  auto& shared = programs_[{entry, attachment.member}];
  if (shared) return shared;
  const auto& code = object_->code[entry.section];
  auto program = std::make_shared<Program>();
  program->name = code.functions[entry.function].name;
  program->section = code.name;
  const bool optional = code.name.starts_with('?');
  program->sleepable = is_sleepable(std::string_view(code.name).substr(optional));
  program->gpl_compatible = is_gpl_compatible(object_->license);
  program->attachment = attachment;
  program->object = object_;
  program->world = world_;
  TRY_VOID(Gatherer(*this, *program).run(entry));
  shared = std::move(program);
  return shared;
}

}  // namespace ring3::bpf
