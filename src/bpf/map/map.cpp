#include "bpf/map/map.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "bpf/map/arena.hpp"
#include "bpf/map/storage.hpp"

namespace ring3::bpf {

namespace {

using namespace abi;

constexpr uint32_t kAccess = BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG;
constexpr uint32_t kPercpuValueMax = 32768;
constexpr uint64_t kHashElementMax = 4 << 20;

struct Kind {
  BpfMapType type;
  uint32_t flags;  // that it takes
  Result<void> (*check)(const MapDefinition& definition);
  MapResult (*create)(const MapDefinition& definition);
  bool per_cpu;
};

template <typename... Args>
Result<void> refuse(const MapDefinition& definition, int code, fmt::format_string<Args...> format,
                    Args&&... args) {
  return fail(code, fmt::format("map {}", definition.name), format, std::forward<Args>(args)...);
}

Result<void> check_array(const MapDefinition& definition) {
  if (definition.key_size != 4)
    return refuse(definition, EINVAL, "an array's key has 4 bytes, not {}", definition.key_size);
  if (definition.value_size > INT32_MAX)
    return refuse(definition, E2BIG, "a value of {} bytes is too large", definition.value_size);
  return {};
}

Result<void> check_hash(const MapDefinition& definition) {
  if (definition.key_size == 0) return refuse(definition, EINVAL, "the key has no bytes");
  if (uint64_t{definition.key_size} + definition.value_size >= kHashElementMax - 64)
    return refuse(definition, E2BIG, "an element of {} + {} bytes is too large", definition.key_size,
                  definition.value_size);
  if (definition.max_entries > 1u << 31)
    return refuse(definition, E2BIG, "{} elements are too many", definition.max_entries);
  return {};
}

Result<void> check_ring_buffer(const MapDefinition& definition) {
  if (definition.key_size != 0 || definition.value_size != 0)
    return refuse(definition, EINVAL, "a ring buffer has neither keys nor values");
  const uint32_t bytes = definition.max_entries;
  if ((bytes & (bytes - 1)) != 0 || bytes % kPage != 0)
    return refuse(definition, EINVAL, "{} bytes are not a power of two of whole pages", bytes);
  return {};
}

constexpr Kind kKinds[] = {
    {BPF_MAP_TYPE_ARRAY, kAccess | BPF_F_MMAPABLE, check_array, create_array, false},
    {BPF_MAP_TYPE_PERCPU_ARRAY, kAccess, check_array, create_percpu_array, true},
    {BPF_MAP_TYPE_HASH, kAccess | BPF_F_NO_PREALLOC, check_hash, create_hash, false},
    {BPF_MAP_TYPE_LRU_HASH, kAccess | BPF_F_NO_PREALLOC, check_hash, create_hash, false},
    {BPF_MAP_TYPE_PERCPU_HASH, kAccess | BPF_F_NO_PREALLOC, check_hash, create_hash, true},
    {BPF_MAP_TYPE_RINGBUF, 0, check_ring_buffer, create_ring_buffer, false},
    {BPF_MAP_TYPE_ARENA, BPF_F_MMAPABLE | BPF_F_SEGV_ON_FAULT | BPF_F_NO_USER_CONV, Arena::check,
     Arena::create, false},
};

// What holds of every kind.
Result<void> check(const Kind& kind, const MapDefinition& definition) {
  const auto both = [&](uint32_t flags) { return (definition.flags & flags) == flags; };
  if (definition.flags & ~kind.flags)
    return refuse(definition, EINVAL, "flags {:#x} are not for maps of type {}",
                  definition.flags & ~kind.flags, static_cast<unsigned>(definition.type));
  if (both(BPF_F_RDONLY | BPF_F_WRONLY) || both(BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG))
    return refuse(definition, EINVAL, "read-only and write-only at once");
  const bool arena = definition.type == BPF_MAP_TYPE_ARENA;
  if (definition.extra != 0 && !arena)
    return refuse(definition, EINVAL, "map_extra is not for maps of this type");
  if (definition.type == BPF_MAP_TYPE_LRU_HASH && (definition.flags & BPF_F_NO_PREALLOC))
    return refuse(definition, kNotSupported, "an LRU hash is always preallocated");
  if (definition.max_entries == 0) return refuse(definition, EINVAL, "max_entries is 0");
  if (definition.value_size == 0 && definition.type != BPF_MAP_TYPE_RINGBUF && !arena)
    return refuse(definition, EINVAL, "the value has no bytes");
  TRY_VOID(kind.check(definition));
  if (kind.per_cpu && round_up(definition.value_size, 8) > kPercpuValueMax)
    return refuse(definition, E2BIG, "a per-CPU value of {} bytes is too large", definition.value_size);
  return {};
}

Result<void> check_lock(const MapDefinition& definition, uint32_t lock) {
  if (definition.type != BPF_MAP_TYPE_ARRAY && definition.type != BPF_MAP_TYPE_HASH)
    return refuse(definition, EOPNOTSUPP, "maps of this type have no bpf_spin_lock in their values");
  if (definition.flags & (BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG))
    return refuse(definition, EACCES, "a map with a bpf_spin_lock must be for reading and writing");
  if (uint64_t{lock} + sizeof(SpinLock) > definition.value_size)
    return refuse(definition, EINVAL, "the bpf_spin_lock at byte {} lies outside of the value", lock);
  return {};
}

}  // namespace

Result<std::shared_ptr<Map>> Map::create(const MapDefinition& definition) {
  const Kind* kind = std::ranges::find(kKinds, definition.type, &Kind::type);
  if (kind == std::end(kKinds))
    return fail(ENOTSUP, fmt::format("map {}", definition.name), "maps of type {} are not supported",
                static_cast<unsigned>(definition.type));
  TRY_VOID(check(*kind, definition));
  const auto lock = TRY(find_spin_lock(definition.value, fmt::format("map {}", definition.name)));
  if (lock) TRY_VOID(check_lock(definition, *lock));
  auto map = TRY(kind->create(definition));
  map->lock_offset_ = lock;
  return map;
}

int Map::read(const void* key, void* value) {
  if (definition_.flags & BPF_F_WRONLY) return -EPERM;
  const void* found = lookup(key, 0);
  if (!found) return -ENOENT;
  load_value(value, found, definition_.value_size);
  hide_lock(value);
  return 0;
}

void Map::write_value(void* value, const void* source, uint64_t flags) const {
  if (!lock_offset_) return store_value(value, source, definition_.value_size);
  auto& lock = *reinterpret_cast<SpinLock*>(static_cast<std::byte*>(value) + *lock_offset_);
  if (flags & BPF_F_LOCK) lock.lock();
  store_value_around(value, source, definition_.value_size, *lock_offset_);
  if (flags & BPF_F_LOCK) lock.unlock();
}

void Map::hide_lock(void* value) const {
  if (lock_offset_) memset(static_cast<char*>(value) + *lock_offset_, 0, sizeof(SpinLock));
}

int Map::check_flags(uint64_t flags) const {
  if ((flags & ~uint64_t{BPF_F_LOCK}) > BPF_EXIST) return -EINVAL;
  return flags & BPF_F_LOCK && !lock_offset_ ? -EINVAL : 0;
}

int Map::write(const void* key, const void* value, uint64_t flags) {
  if (frozen_ || (definition_.flags & BPF_F_RDONLY)) return -EPERM;
  return update(key, value, flags, 0);
}

int Map::remove(const void* key) {
  if (frozen_ || (definition_.flags & BPF_F_RDONLY)) return -EPERM;
  return erase(key);
}

unsigned cpu_count() {
  static const unsigned count = static_cast<unsigned>(std::max(1L, sysconf(_SC_NPROCESSORS_CONF)));
  return count;
}

Result<Mapping> allocate(const MapDefinition& definition, uint64_t bytes) {
  void* memory = bytes > SIZE_MAX - kPage ? MAP_FAILED
                                          : mmap(nullptr, round_up(bytes, kPage), PROT_READ | PROT_WRITE,
                                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    return fail(ENOMEM, fmt::format("map {}", definition.name), "no room for {} bytes", bytes);
  return Mapping(memory, round_up(bytes, kPage));
}

Result<FileDescriptor> allocate_file(const MapDefinition& definition, uint64_t bytes) {
  FileDescriptor file(memfd_create(definition.name.substr(0, 200).c_str(), MFD_CLOEXEC));
  if (!file) return fail(errno, fmt::format("map {}", definition.name), "memfd_create failed");
  if (ftruncate(file.get(), static_cast<off_t>(round_up(bytes, kPage))) != 0)
    return fail(ENOMEM, fmt::format("map {}", definition.name), "no room for {} bytes", bytes);
  return file;
}

}  // namespace ring3::bpf
