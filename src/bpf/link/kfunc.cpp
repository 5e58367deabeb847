#include "bpf/link/kfunc.hpp"

#include "bpf/btf/text.hpp"

namespace ring3::bpf {

namespace {
enum class Passing : uint8_t { Nothing, Number, Pointer, Other };

Passing passing(const Btf& btf, TypeId type) {
  switch (btf.kind(btf.resolve(type))) {
    case BtfKind::Void:
      return Passing::Nothing;
    case BtfKind::Int:
    case BtfKind::Enum:
    case BtfKind::Enum64:
      return Passing::Number;
    case BtfKind::Ptr:
      return Passing::Pointer;
    default:
      return Passing::Other;
  }
}
}  // namespace

Result<void> check_prototype(const Btf& btf, const Extern& from, const Kfunc& kfunc,
                             const std::string& place) {
  const Btf& world = *kfunc.function.btf;
  const TypeId ours = world.target(kfunc.function.id), theirs = btf.target(from.type);
  const auto our_parameters = world.parameters(ours), parameters = btf.parameters(theirs);
  const auto differs = [&](const std::string& what) {
    return fail(EINVAL, place, "the object's prototype of kfunc {} does not fit: {}; it is {}", kfunc.name,
                what, world.spell(kfunc.function.id));
  };
  if (our_parameters.size() != parameters.size())
    return differs(fmt::format("{} parameters, not {}", parameters.size(), our_parameters.size()));
  for (size_t i = 0; i < parameters.size(); i++)
    if (passing(world, our_parameters[i].type) != passing(btf, parameters[i].type))
      return differs(fmt::format("parameter {} is {}", i + 1, btf.spell(parameters[i].type)));
  if (passing(world, world.target(ours)) != passing(btf, btf.target(theirs)))
    return differs(fmt::format("it returns {}", btf.spell(btf.target(theirs))));
  return {};
}

std::string near(const World& world, std::string_view kfunc) {
  std::string_view best;
  unsigned distance = 1 + kfunc.size() / 4;
  for (const auto& other : world.kfuncs()) {
    const unsigned edits = edit_distance(kfunc, other.name);
    if (edits > distance || (edits == distance && !best.empty())) continue;
    distance = edits;
    best = other.name;
  }
  return best.empty() ? "" : fmt::format("; did you mean {}?", best);
}

}  // namespace ring3::bpf
