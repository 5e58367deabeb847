// What map kinds share: memory, and how values are copied. Private to this folder.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "bpf/map/map.hpp"
#include "bpf/map/spin_lock.hpp"

namespace ring3::bpf {

// A map without the operation asked for answers with this number, which only the kernel's headers name.
inline constexpr int kNotSupported = 524;  // ENOTSUPP

inline constexpr uint64_t kPage = 4096;

constexpr uint64_t round_up(uint64_t size, uint64_t to) { return (size + to - 1) / to * to; }

// Zeroed pages that cost nothing until they are touched. ENOMEM.
Result<Mapping> allocate(const MapDefinition& definition, uint64_t bytes);
// A memory file of that size. ENOMEM, or what memfd_create(2) says.
Result<FileDescriptor> allocate_file(const MapDefinition& definition, uint64_t bytes);

// Copies to and from a value: whole words at a time, so that who looks at a value while it is written sees
// each word old or new, as in Linux. `value` is 8-aligned.
inline void store_value(void* value, const void* source, uint32_t size) {
  auto* words = static_cast<uint64_t*>(value);
  const auto* bytes = static_cast<const char*>(source);
  for (; size >= 8; size -= 8, bytes += 8) {
    uint64_t word;
    memcpy(&word, bytes, 8);
    __atomic_store_n(words++, word, __ATOMIC_RELAXED);
  }
  auto* tail = reinterpret_cast<char*>(words);
  for (; size > 0; --size) __atomic_store_n(tail++, *bytes++, __ATOMIC_RELAXED);
}

inline void load_value(void* out, const void* value, uint32_t size) {
  const auto* words = static_cast<const uint64_t*>(value);
  auto* bytes = static_cast<char*>(out);
  for (; size >= 8; size -= 8, bytes += 8) {
    const uint64_t word = __atomic_load_n(words++, __ATOMIC_RELAXED);
    memcpy(bytes, &word, 8);
  }
  const auto* tail = reinterpret_cast<const char*>(words);
  for (; size > 0; --size) *bytes++ = __atomic_load_n(tail++, __ATOMIC_RELAXED);
}

inline void zero_value(void* value, uint32_t size) {
  auto* bytes = static_cast<char*>(value);
  for (uint32_t i = 0; i < size; i += 8)
    __atomic_store_n(reinterpret_cast<uint64_t*>(bytes + i), 0, __ATOMIC_RELAXED);
}

// The same for a value of which a lock is a part, at byte `lock`: all but that.
inline void store_value_around(void* value, const void* source, uint32_t size, uint32_t lock) {
  store_value(value, source, lock);
  auto* to = static_cast<char*>(value);
  const auto* from = static_cast<const char*>(source);
  uint32_t at = lock + sizeof(SpinLock);
  for (; at < size && at % 8 != 0; ++at) __atomic_store_n(to + at, from[at], __ATOMIC_RELAXED);
  if (at < size) store_value(to + at, from + at, size - at);
}

using MapResult = Result<std::shared_ptr<Map>>;
MapResult create_array(const MapDefinition& definition);
MapResult create_percpu_array(const MapDefinition& definition);
MapResult create_hash(const MapDefinition& definition);  // HASH, LRU_HASH, PERCPU_HASH
MapResult create_ring_buffer(const MapDefinition& definition);

}  // namespace ring3::bpf
