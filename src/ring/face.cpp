// The public faces of a ring: ring3::Ring for C++, ring3_setup() and its kin for C.
#include <cerrno>
#include <map>
#include <mutex>

#include "ring/registry.hpp"
#include "ring/ring.hpp"
#include "ring3/ring.h"
#include "ring3/ring.hpp"

namespace ring3 {

namespace {

struct Registry {
  std::mutex mutex;
  std::map<int, ring::Ring*> rings;                  // all that live
  std::map<int, std::unique_ptr<ring::Ring>> owned;  // those made by ring3_setup()
};

// Never destroyed: rings may be global variables themselves.
Registry& registry() {
  static auto* const registry = new Registry;
  return *registry;
}

}  // namespace

namespace ring {

void add_to_registry(int fd, Ring* ring) {
  std::lock_guard lock(registry().mutex);
  registry().rings[fd] = ring;
}

void remove_from_registry(int fd) {
  std::lock_guard lock(registry().mutex);
  registry().rings.erase(fd);
}

Ring* find(int fd) {
  std::lock_guard lock(registry().mutex);
  auto found = registry().rings.find(fd);
  return found == registry().rings.end() ? nullptr : found->second;
}

}  // namespace ring

Ring::Ring(std::unique_ptr<ring::Ring> engine) : engine_(std::move(engine)) {}
Ring::Ring(Ring&&) noexcept = default;
Ring& Ring::operator=(Ring&&) noexcept = default;
Ring::~Ring() = default;

Result<Ring> Ring::setup(unsigned entries, io_uring_params& params, BackendKind backend) {
  auto engine = ring::Ring::create(entries, reinterpret_cast<abi::Params&>(params), backend);
  if (!engine) return std::unexpected(std::move(engine).error());
  return Ring(std::move(*engine));
}

int Ring::enter(unsigned to_submit, unsigned min_complete, unsigned flags, const void* argument, size_t argument_size) {
  return engine_->enter(to_submit, min_complete, flags, argument, argument_size);
}
int Ring::register_op(unsigned opcode, void* argument, unsigned count) {
  return engine_->register_op(opcode, reinterpret_cast<uint64_t>(argument), count);
}

Result<void> Ring::provide_buffer(unsigned index, ProviderBuffer buffer) {
  return engine_->provide_buffer(index, std::move(buffer));
}
Result<void> Ring::withdraw_buffer(unsigned index) { return engine_->withdraw_buffer(index); }
int Ring::fd() const { return engine_->fd(); }
std::byte* Ring::sq_ring() const { return engine_->sq_ring(); }
std::byte* Ring::sqes() const { return engine_->sqes(); }
std::string_view Ring::backend() const { return engine_->backend(); }
RingCounters Ring::counters() const { return engine_->counters(); }

}  // namespace ring3

extern "C" {

int ring3_setup(unsigned entries, struct io_uring_params* params) {
  auto ring =
      ring3::ring::Ring::create(entries, reinterpret_cast<ring3::abi::Params&>(*params), ring3::BackendKind::Auto);
  if (!ring) return -ring.error().code;
  const int fd = (*ring)->fd();
  std::lock_guard lock(ring3::registry().mutex);
  ring3::registry().owned[fd] = std::move(*ring);
  return fd;
}

int ring3_enter(int fd, unsigned to_submit, unsigned min_complete, unsigned flags, const void* argument,
                size_t argument_size) {
  ring3::ring::Ring* ring = ring3::ring::find(fd);
  return ring ? ring->enter(to_submit, min_complete, flags, argument, argument_size) : -EBADF;
}

int ring3_register(int fd, unsigned opcode, void* argument, unsigned count) {
  ring3::ring::Ring* ring = ring3::ring::find(fd);
  return ring ? ring->register_op(opcode, reinterpret_cast<uint64_t>(argument), count) : -EBADF;
}

int ring3_close(int fd) {
  std::unique_ptr<ring3::ring::Ring> ring;
  {
    std::lock_guard lock(ring3::registry().mutex);
    auto found = ring3::registry().owned.find(fd);
    if (found == ring3::registry().owned.end()) return -EBADF;
    ring = std::move(found->second);
    ring3::registry().owned.erase(found);
  }
  return 0;  // the ring goes here, without the lock
}

}  // extern "C"
