// CO-RE: what each relocation asks for, and how the answer gets into its instruction.
#include "bpf/link/core.hpp"

#include <algorithm>
#include <charconv>

#include "bpf/link/linker.hpp"

namespace ring3::bpf {

namespace {
using enum abi::BpfCoreReloKind;

// The bytes that a field is loaded with: for a bit field those of an aligned load that covers it.
struct Storage {
  uint64_t offset = 0;  // bytes
  uint64_t size = 0;
  uint64_t left_shift = 0, right_shift = 0;  // of a 64-bit load, to get the value out
};

std::optional<Storage> storage_of(const Btf& btf, const CoreField& field) {
  Storage storage;
  storage.size = btf.size_of(field.type);
  storage.offset = field.bit_offset / 8;
  uint64_t bits = storage.size * 8;
  if (field.bit_size) {
    bits = field.bit_size;
    if (storage.size == 0 || storage.size > 8) return std::nullopt;
    storage.offset = storage.offset / storage.size * storage.size;
    while (field.bit_offset + bits > (storage.offset + storage.size) * 8) {
      if (storage.size >= 8) return std::nullopt;
      storage.size *= 2;
      storage.offset = field.bit_offset / 8 / storage.size * storage.size;
    }
  }
  storage.left_shift = 64 - (field.bit_offset + bits - storage.offset * 8);
  storage.right_shift = 64 - bits;
  return storage;
}

uint64_t field_value(const Btf& btf, const CoreField& field, const Storage& storage,
                     abi::BpfCoreReloKind kind) {
  switch (kind) {
    case FieldByteOffset:
      return storage.offset;
    case FieldByteSize:
      return storage.size;
    case FieldSigned:
      return btf.is_signed(btf.resolve(field.type));
    case FieldLShiftU64:
      return storage.left_shift;
    default:  // FieldRShiftU64
      return storage.right_shift;
  }
}

class CoreRelocator {
 public:
  CoreRelocator(const Btf& btf, const World& world, const CodeSection& code, std::vector<Insn>& insns,
                std::vector<Unresolved>& unresolved)
      : btf_(btf), world_(world), code_(code), insns_(insns), unresolved_(unresolved) {}

  Result<void> run() {
    for (const auto& relocation : code_.core_relocations) {
      if (std::ranges::binary_search(code_.relocations, relocation.insn, {}, &Relocation::insn))
        return fail(EINVAL, source_place(code_, relocation.insn),
                    "an instruction refers to a symbol and has a CO-RE relocation");
      auto done = apply(relocation);
      if (done) continue;
      Error error = std::move(done).error();
      error.place = source_place(code_, relocation.insn);
      return std::unexpected(std::move(error));
    }
    return {};
  }

 private:
  Result<void> apply(const CoreRelocation& relocation) {
    switch (relocation.kind) {
      case TypeIdLocal:
        return patch(relocation.insn, relocation.type);
      case TypeIdTarget:
      case TypeExists:
      case TypeSize:
      case TypeMatches:
        return apply_type(relocation);
      case EnumvalExists:
      case EnumvalValue:
        return apply_enumerator(relocation);
      default:
        return apply_field(relocation);
    }
  }

  // The world's type of the same kind and name. Typedefs have names too.
  TypeRef target_of(TypeId type) const {
    while (btf_.kind(type) == BtfKind::Const || btf_.kind(type) == BtfKind::Volatile ||
           btf_.kind(type) == BtfKind::Restrict || btf_.kind(type) == BtfKind::TypeTag)
      type = btf_.target(type);
    const auto name = essential_name(btf_.name(type));
    if (name.empty()) return {};
    const BtfKind kind = btf_.kind(type);
    const TypeRef found = world_.find_type(kind, name);
    if (found || (kind != BtfKind::Enum && kind != BtfKind::Enum64)) return found;
    return world_.find_type(kind == BtfKind::Enum ? BtfKind::Enum64 : BtfKind::Enum, name);
  }

  Result<void> apply_type(const CoreRelocation& relocation) {
    const TypeRef target = target_of(relocation.type);
    if (!target) return patch(relocation.insn, 0);
    switch (relocation.kind) {
      case TypeIdTarget:
        return patch(relocation.insn, target.id);
      case TypeSize:
        return patch(relocation.insn, target.btf->size_of(target.id));
      case TypeMatches:
        return patch(relocation.insn, types_match(btf_, relocation.type, world_, target));
      default:
        return patch(relocation.insn, 1);
    }
  }

  Result<void> apply_enumerator(const CoreRelocation& relocation) {
    uint32_t index = 0;
    const auto text = relocation.access;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
    const auto values = btf_.enumerators(btf_.resolve(relocation.type));
    if (error != std::errc() || end != text.data() + text.size() || index >= values.size())
      return fail(EINVAL, "", "the CO-RE access {} does not fit {}", text, btf_.spell(relocation.type));
    const auto name = essential_name(values[index].name);
    const TypeRef target = target_of(relocation.type);
    if (target) {
      for (const auto& value : target.btf->enumerators(target.btf->resolve(target.id)))
        if (essential_name(value.name) == name)
          return patch(relocation.insn, relocation.kind == EnumvalExists ? 1 : uint64_t(value.value));
    }
    if (relocation.kind == EnumvalExists) return patch(relocation.insn, 0);
    return poison(relocation.insn, fmt::format("{} has no enumerator {}", btf_.spell(relocation.type), name));
  }

  Result<void> apply_field(const CoreRelocation& relocation) {
    const auto field = TRY(local_field(btf_, relocation.type, relocation.access));
    const TypeRef target = target_of(relocation.type);
    const bool asks_existence = relocation.kind == FieldExists;
    if (!target) {
      if (asks_existence) return patch(relocation.insn, 0);
      return poison(relocation.insn,
                    fmt::format("{} is no type that is known here", btf_.spell(relocation.type)));
    }
    const auto there = target_field(btf_, field, world_, target);
    if (asks_existence) return patch(relocation.insn, there.has_value());
    if (!there) return poison(relocation.insn, there.error().message);
    const auto storage = storage_of(*target.btf, *there), local_storage = storage_of(btf_, field);
    if (!storage || !local_storage)
      return poison(relocation.insn, fmt::format("no load of 8 bytes covers the bit field in {}",
                                                 target.btf->spell(target.id)));
    const uint8_t memory_class = insn_class(insns_[relocation.insn]);
    const bool accesses =
        memory_class == abi::BPF_LDX || memory_class == abi::BPF_ST || memory_class == abi::BPF_STX;
    if (!accesses || relocation.kind != FieldByteOffset)
      return patch(relocation.insn, field_value(*target.btf, *there, *storage, relocation.kind));
    if (storage->size != local_storage->size && !resize(relocation.insn, field, *target.btf, *there))
      return poison(relocation.insn, fmt::format("the field is {} in the object, but {} here",
                                                 btf_.spell(field.type), target.btf->spell(there->type)));
    return patch(relocation.insn, storage->offset);
  }

  // Adjusts the width of a load or store to another size of the field. Only unsigned numbers and pointers
  // keep their value so.
  bool resize(uint32_t slot, const CoreField& from, const Btf& target, const CoreField& to) {
    const auto is_plain = [](const Btf& btf, TypeId type) {
      const TypeId id = btf.resolve(type);
      return btf.kind(id) == BtfKind::Ptr || (btf.kind(id) == BtfKind::Int && !btf.is_signed(id));
    };
    const uint64_t size = target.size_of(to.type);
    if (!is_plain(btf_, from.type) || !is_plain(target, to.type) || from.bit_size || to.bit_size)
      return false;
    Insn& insn = insns_[slot];
    if (insn_mode(insn) != abi::BPF_MEM || access_bytes(insn) != btf_.size_of(from.type)) return false;
    const uint8_t width = size == 1   ? abi::BPF_B
                          : size == 2 ? abi::BPF_H
                          : size == 4 ? abi::BPF_W
                                      : abi::BPF_DW;
    if (size != 8 && width == abi::BPF_DW) return false;
    insn.code = (insn.code & ~0x18) | width;
    return true;
  }

  Result<void> patch(uint32_t slot, uint64_t value) {
    Insn& insn = insns_[slot];
    switch (insn_class(insn)) {
      case abi::BPF_ALU:
      case abi::BPF_ALU64:
        if (uses_register(insn)) break;
        if (value > INT32_MAX)
          return fail(EINVAL, "", "the CO-RE value {} does not fit its instruction", value);
        insn.imm = int32_t(value);
        return {};
      case abi::BPF_LDX:
      case abi::BPF_ST:
      case abi::BPF_STX:
        if (value > INT16_MAX)
          return fail(EINVAL, "", "the CO-RE offset {} does not fit its instruction", value);
        insn.off = int16_t(value);
        return {};
      default:
        if (!is_64bit_imm(insn) || insn.src || slot + 1 >= insns_.size()) break;
        insn.imm = int32_t(value);
        insns_[slot + 1].imm = int32_t(value >> 32);
        return {};
    }
    return fail(EINVAL, "", "opcode {:#04x} can't have a CO-RE relocation", insn.code);
  }

  Result<void> poison(uint32_t slot, std::string reason) {
    const Insn call{abi::BPF_JMP | abi::BPF_CALL, 0, abi::BPF_HELPER_CALL, 0, CORE_POISON};
    if (is_64bit_imm(insns_[slot]) && slot + 1 < insns_.size()) insns_[slot + 1] = call;
    insns_[slot] = call;
    unresolved_.push_back({slot, std::move(reason)});
    return {};
  }

  const Btf& btf_;
  const World& world_;
  const CodeSection& code_;
  std::vector<Insn>& insns_;
  std::vector<Unresolved>& unresolved_;
};
}  // namespace

Result<void> apply_core_relocations(const Btf& btf, const World& world, const CodeSection& code,
                                    std::vector<Insn>& insns, std::vector<Unresolved>& unresolved) {
  return CoreRelocator(btf, world, code, insns, unresolved).run();
}

}  // namespace ring3::bpf
