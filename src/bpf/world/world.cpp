#include "bpf/world/world.hpp"

#include <algorithm>
#include <cerrno>

namespace ring3::bpf {

namespace {

template <typename Container, typename Key, typename Projection>
auto find_by(const Container& container, const Key& key, Projection projection) -> decltype(&container[0]) {
  auto it = std::ranges::find(container, key, projection);
  return it == container.end() ? nullptr : &*it;
}

// The name that the world itself uses: aliases are followed once.
std::string_view canonical(const std::vector<std::pair<std::string, std::string>>& aliases,
                           std::string_view name) {
  for (const auto& [alias, means] : aliases)
    if (alias == name) return means;
  return name;
}

// The structure must hold what the description names, as what it says.
Result<void> check_struct_ops(const StructOpsType& type) {
  const Btf& btf = *type.type.btf;
  const auto members = btf.members(type.type.id);
  for (const StructOpsMember& callback : type.members) {
    const BtfMember* member = find_by(members, callback.name, &BtfMember::name);
    const TypeId pointer = member ? btf.resolve(member->type) : 0;
    if (!member || btf.kind(pointer) != BtfKind::Ptr ||
        btf.kind(btf.resolve(btf.target(pointer))) != BtfKind::FuncProto)
      return fail(EINVAL, "world", "struct {} has no callback {}", type.name, callback.name);
  }
  for (std::string_view name : type.settable)
    if (!find_by(members, name, &BtfMember::name))
      return fail(EINVAL, "world", "struct {} has no member {}", type.name, name);
  return {};
}

}  // namespace

const Kfunc* World::kfunc(std::string_view name) const {
  return find_by(kfuncs_, canonical(aliases_, name), &Kfunc::name);
}

const Helper* World::helper(uint32_t id) const { return find_by(helpers_, id, &Helper::id); }

const StructOpsType* World::struct_ops(std::string_view name) const {
  return find_by(struct_ops_, canonical(aliases_, name), &StructOpsType::name);
}

TypeRef World::find_type(BtfKind kind, std::string_view name) const {
  for (const auto& btf : btfs_)
    if (auto id = btf->find(kind, name)) return {btf.get(), *id};
  const std::string_view other = canonical(aliases_, name);
  return other == name ? TypeRef{} : find_type(kind, other);
}

bool World::same_type_name(std::string_view a, std::string_view b) const {
  return canonical(aliases_, a) == canonical(aliases_, b);
}

World::Builder& World::Builder::types(std::span<const std::byte> btf) {
  blobs_.emplace_back(btf.begin(), btf.end());
  return *this;
}

World::Builder& World::Builder::kfuncs(std::span<const Kfunc> kfuncs) {
  world_->kfuncs_.insert(world_->kfuncs_.end(), kfuncs.begin(), kfuncs.end());
  return *this;
}

World::Builder& World::Builder::helpers(std::span<const Helper> helpers) {
  world_->helpers_.insert(world_->helpers_.end(), helpers.begin(), helpers.end());
  return *this;
}

World::Builder& World::Builder::struct_ops(const StructOpsType& type) {
  world_->struct_ops_.push_back(type);
  return *this;
}

World::Builder& World::Builder::alias(std::string_view name, std::string_view means) {
  world_->aliases_.emplace_back(name, means);
  return *this;
}

Result<std::shared_ptr<const World>> World::Builder::build() {
  World& world = *world_;
  for (const auto& blob : blobs_) world.btfs_.push_back(std::make_shared<const Btf>(TRY(Btf::parse(blob))));

  for (Kfunc& kfunc : world.kfuncs_) {
    if (&kfunc != world.kfunc(kfunc.name)) return fail(EEXIST, "world", "two kfuncs named {}", kfunc.name);
    kfunc.function = world.find_type(BtfKind::Func, kfunc.name);
    if (!kfunc.function) return fail(ENOENT, "world", "kfunc {} has no prototype", kfunc.name);
  }
  for (const Helper& helper : world.helpers_)
    if (&helper != world.helper(helper.id)) return fail(EEXIST, "world", "two helpers with id {}", helper.id);
  for (StructOpsType& type : world.struct_ops_) {
    if (&type != world.struct_ops(type.name)) return fail(EEXIST, "world", "two types named {}", type.name);
    type.type = world.find_type(BtfKind::Struct, type.name);
    if (!type.type) return fail(ENOENT, "world", "struct_ops type {} is in no types file", type.name);
    TRY_VOID(check_struct_ops(type));
  }
  // A builder builds once: what it built must never change.
  blobs_.clear();
  return std::exchange(world_, std::make_shared<World>());
}

}  // namespace ring3::bpf
