#include "bpf/verifier/value.hpp"

#include <fmt/format.h>

namespace ring3::bpf {

std::string kind_name(const Value& value) {
  const char* suffix = value.or_null ? "_or_null" : "";
  switch (value.kind) {
    case Kind::NotInit:
      return "?";
    case Kind::Scalar:
      return "scalar";
    case Kind::Context:
      return "ctx";
    case Kind::Stack:
      return "fp";
    case Kind::Map:
      return "map_ptr";
    case Kind::MapValue:
      return fmt::format("map_value{}", suffix);
    case Kind::Memory:
      return fmt::format("{}{}mem{}", value.read_only ? "rdonly_" : "", value.ringbuf ? "ringbuf_" : "",
                         suffix);
    case Kind::Object:
      return fmt::format("ptr_{}{}", suffix + (value.or_null ? 1 : 0), value.or_null ? "_" : "");
    case Kind::Arena:
      return "arena";
    case Kind::Function:
      return "func";
    case Kind::Dynptr:
      return "dynptr_ptr";
    case Kind::Iterator:
      return "iter";
  }
  return "?";
}

namespace {
std::string offset_text(const Value& value) {
  if (value.has_constant_offset()) {
    const int64_t offset = value.offset + static_cast<int64_t>(value.scalar.value());
    return offset ? fmt::format("{:+}", offset) : "";
  }
  return fmt::format("{:+}+{}", value.offset, value.scalar.text());
}
}  // namespace

std::string value_text(const Value& value) {
  switch (value.kind) {
    case Kind::NotInit:
      return "?";
    case Kind::Scalar:
      return value.scalar.is_constant() ? fmt::format("{}", static_cast<int64_t>(value.scalar.value()))
                                        : value.scalar.text();
    case Kind::Stack:
      return fmt::format("fp[{}]{}", value.frame, offset_text(value));
    case Kind::MapValue:
      return fmt::format("{}(map={}){}", kind_name(value), value.index, offset_text(value));
    case Kind::Memory:
      return fmt::format("{}(size={}){}", kind_name(value), value.size, offset_text(value));
    case Kind::Object:
      return fmt::format("ptr_{}{}{}", value.or_null ? "or_null_" : "", value.type.btf->name(value.type.id),
                         offset_text(value));
    case Kind::Dynptr:
    case Kind::Iterator:
      return fmt::format("{}(ref_id={})", kind_name(value), value.reference);
    default:
      return kind_name(value) + offset_text(value);
  }
}

}  // namespace ring3::bpf
