// BPF maps in user space: storage with Linux's rules, and no knowledge of programs.
//
// Threading: as Linux. Any thread may look up, update, erase and iterate at any time; a value that a lookup
// returned stays valid memory until the map is destroyed (an erased element may be reused), races on its
// bytes are the users'.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "abi/bpf.hpp"
#include "base/error.hpp"
#include "bpf/btf/btf.hpp"

namespace ring3::bpf {

struct MapDefinition {
  std::string name;
  abi::BpfMapType type = abi::BPF_MAP_TYPE_ARRAY;
  uint32_t key_size = 0, value_size = 0, max_entries = 0;  // bytes, bytes, elements (a ring buffer: bytes)
  uint32_t flags = 0;                                      // abi::BpfMapFlag
  uint64_t extra = 0;
  TypeRef key, value;  // where the object says; for people and for spin locks
};

class Map {
 public:
  // EINVAL (sizes or flags that Linux refuses), E2BIG, ENOMEM, ENOTSUP (a type that we don't have). Of a lock
  // in the value: what find_spin_lock() says, EOPNOTSUPP (neither array nor hash), EACCES (read- or
  // write-only).
  static Result<std::shared_ptr<Map>> create(const MapDefinition& definition);
  virtual ~Map() = default;

  const MapDefinition& definition() const { return definition_; }
  // Where a value has its struct bpf_spin_lock, if it has one: programs hold it, updates leave it alone, and
  // from outside it reads as zero.
  std::optional<uint32_t> lock_offset() const { return lock_offset_; }

  // What programs do. lookup returns the value's address (of this CPU for per-CPU maps), or nullptr; the
  // others return 0 or a negative errno, as bpf(2). `cpu` is below cpu_count().
  virtual void* lookup(const void* key, unsigned cpu) = 0;
  virtual int update(const void* key, const void* value, uint64_t flags, unsigned cpu) = 0;
  virtual int erase(const void* key) = 0;
  // The key after `key` (nullptr: the first) into `next`; -ENOENT at the end.
  virtual int next_key(const void* key, void* next) = 0;

  // Calls `visit` for every element (on per-CPU maps: with the value of `cpu`) until it returns false; the
  // number of calls, or a negative errno. It may update and erase elements.
  virtual long for_each(unsigned cpu, bool (*visit)(void* context, const void* key, void* value),
                        void* context) = 0;

  // What bpf(2) does from outside: values of per-CPU maps are cpu_count() values of round_up(value_size, 8)
  // bytes. -EPERM for a frozen map (writes) or one that is read-only or write-only from outside.
  virtual int read(const void* key, void* value);
  virtual int write(const void* key, const void* value, uint64_t flags);
  int remove(const void* key);

  // Storage that a program may address directly (array maps; the data sections): element after element, each
  // round_up(value_size, 8) bytes. Empty for other types.
  virtual std::span<std::byte> values() { return {}; }
  // A descriptor to mmap(2), owned by the map: array maps with BPF_F_MMAPABLE (offset 0: the values), ring
  // buffers (consumer page, producer page, data, as Linux; but a file has no page twice: who wants records
  // that wrap in one piece maps the data once more behind itself). -1 for others.
  virtual int fd() const { return -1; }

  // No more writes from outside (bpf(2): BPF_MAP_FREEZE): what lets the verifier read a read-only map as
  // constants.
  void freeze() { frozen_ = true; }
  bool frozen() const { return frozen_; }

 protected:
  explicit Map(MapDefinition definition) : definition_(std::move(definition)) {}
  // Writes all of a value but its lock, with BPF_F_LOCK in `flags` while holding it.
  void write_value(void* value, const void* source, uint64_t flags) const;
  void hide_lock(void* value) const;  // of a copy for outside
  // -EINVAL: unknown flags, or BPF_F_LOCK where there is no lock.
  int check_flags(uint64_t flags) const;

  MapDefinition definition_;
  std::optional<uint32_t> lock_offset_;
  bool frozen_ = false;
};

// What only a ring buffer can: used by the ringbuf helpers and by consumers in C++.
class RingBuffer : public Map {
 public:
  using Map::Map;
  // Room for a record of `size` bytes, or nullptr. Committed or discarded exactly once.
  virtual void* reserve(uint64_t size) = 0;
  virtual void commit(void* record, bool discard) = 0;
  // Whose record that is, while it is reserved.
  static RingBuffer& owner(const void* record);
  virtual int output(const void* data, uint64_t size) = 0;  // 0 or -EAGAIN
  virtual uint64_t query(uint64_t flags) const = 0;         // BPF_RB_AVAIL_DATA …
  // Hands every committed record to `sink`, in order; returns how many.
  virtual size_t consume(void (*sink)(void* context, std::span<const std::byte> record), void* context) = 0;
};

// CPUs that per-CPU maps have values for.
unsigned cpu_count();

}  // namespace ring3::bpf
