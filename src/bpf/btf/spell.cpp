// Types as a C programmer writes them, for messages.
#include <fmt/format.h>

#include "bpf/btf/btf.hpp"

namespace ring3::bpf {

namespace {
// Builds a declaration from the inside out: `inner` is what has been seen of the declarator so far. A budget
// of types bounds the work and the length: BTF may contain function types that mention themselves.
class Speller {
 public:
  explicit Speller(const Btf& btf) : btf_(btf) {}

  std::string spell(TypeId id) {
    std::string inner, qualifiers;
    while (budget_-- > 0) {
      switch (btf_.kind(id)) {
        case BtfKind::Const:
          qualify("const", inner, qualifiers, id);
          break;
        case BtfKind::Volatile:
          qualify("volatile", inner, qualifiers, id);
          break;
        case BtfKind::Restrict:
          qualify("restrict", inner, qualifiers, id);
          break;
        case BtfKind::TypeTag:
          break;
        case BtfKind::Ptr:
          inner = fmt::format("*{}", inner);
          break;
        case BtfKind::Array:
          enclose(inner);
          inner += fmt::format("[{}]", btf_.array_length(id));
          break;
        case BtfKind::FuncProto:
          enclose(inner);
          inner += parameters(id);
          break;
        case BtfKind::Func:
        case BtfKind::Var:
          inner = std::string(btf_.name(id));
          break;
        default:
          return fmt::format("{}{}{}{}", qualifiers, base(id), inner.empty() ? "" : " ", inner);
      }
      id = btf_.target(id);
    }
    return fmt::format("… {}", inner);
  }

 private:
  // A qualifier of a pointer stands behind its star, any other before the base type.
  void qualify(std::string_view word, std::string& inner, std::string& qualifiers, TypeId id) const {
    const TypeId to = btf_.target(id);
    if (btf_.kind(btf_.resolve(to)) == BtfKind::Ptr && btf_.kind(to) != BtfKind::Typedef)
      inner = fmt::format("{}{}{}", word, inner.empty() ? "" : " ", inner);
    else
      qualifiers += fmt::format("{} ", word);
  }

  static void enclose(std::string& inner) {
    if (inner.starts_with('*') || inner.starts_with("const") || inner.starts_with("volatile"))
      inner = fmt::format("({})", inner);
  }

  std::string parameters(TypeId id) {
    std::string list;
    for (const auto& parameter : btf_.parameters(id)) {
      if (!list.empty()) list += ", ";
      if (budget_ <= 0) {
        list += "…";
        break;
      }
      const bool last_void = !parameter.type && parameter.name.empty();
      list += last_void ? "..." : spell(parameter.type);
    }
    return fmt::format("({})", list.empty() ? "void" : list);
  }

  std::string base(TypeId id) const {
    const std::string name(btf_.name(id).empty() ? "{…}" : btf_.name(id));
    switch (btf_.kind(id)) {
      case BtfKind::Void:
        return "void";
      case BtfKind::Struct:
        return fmt::format("struct {}", name);
      case BtfKind::Union:
        return fmt::format("union {}", name);
      case BtfKind::Fwd:
        return fmt::format("{} {}", btf_.is_signed(id) ? "union" : "struct", name);
      case BtfKind::Enum:
      case BtfKind::Enum64:
        return fmt::format("enum {}", name);
      case BtfKind::Datasec:
        return fmt::format("section {}", name);
      default:
        return name;
    }
  }

  const Btf& btf_;
  int budget_ = 64;
};
}  // namespace

std::string Btf::spell(TypeId id) const { return Speller(*this).spell(id); }

}  // namespace ring3::bpf
