#include "hooks/world.hpp"

#include <cassert>

#include "hooks/buffer/world.hpp"
#include "hooks/loop/world.hpp"
#include "hooks/operation/world.hpp"

namespace ring3::hooks {

const std::shared_ptr<const bpf::World>& world() {
  static const std::shared_ptr<const bpf::World> world = [] {
    bpf::World::Builder builder;
    bpf::add_common(builder);
    add_loop(builder);
    add_operation(builder);
    add_buffers(builder);
    auto built = builder.build();
    assert(built && "the types files and the tables disagree");
    return std::move(*built);
  }();
  return world;
}

}  // namespace ring3::hooks
