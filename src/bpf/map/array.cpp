// Arrays: elements that always exist, in one block that programs may address directly; and their per-CPU
// kind.
#include <sys/mman.h>

#include <cerrno>

#include "bpf/map/storage.hpp"

namespace ring3::bpf {

namespace {

// What both kinds have: a key is an index, elements are neither made nor erased.
class Indexed : public Map {
 public:
  Indexed(const MapDefinition& definition, Mapping memory)
      : Map(definition), memory_(std::move(memory)), stride_(round_up(definition.value_size, 8)) {}

  int erase(const void*) override { return -EINVAL; }

  int next_key(const void* key, void* next) override {
    const uint32_t after = key ? index(key) : UINT32_MAX;
    const uint32_t found = after < definition_.max_entries ? after + 1 : 0;
    if (found == definition_.max_entries) return -ENOENT;
    memcpy(next, &found, sizeof found);
    return 0;
  }

  long for_each(unsigned cpu, bool (*visit)(void* context, const void* key, void* value),
                void* context) override {
    for (uint32_t i = 0; i < definition_.max_entries; ++i)
      if (!visit(context, &i, lookup(&i, cpu))) return i + 1;
    return definition_.max_entries;
  }

 protected:
  static uint32_t index(const void* key) {
    uint32_t index;
    memcpy(&index, key, sizeof index);
    return index;
  }

  int check_update(const void* key, uint64_t flags) const {
    if (int refused = check_flags(flags)) return refused;
    if (index(key) >= definition_.max_entries) return -E2BIG;
    return flags & abi::BPF_NOEXIST ? -EEXIST : 0;
  }

  Mapping memory_;
  const uint64_t stride_;  // bytes of an element
};

class Array final : public Indexed {
 public:
  Array(const MapDefinition& definition, Mapping memory, FileDescriptor file)
      : Indexed(definition, std::move(memory)), file_(std::move(file)) {}

  void* lookup(const void* key, unsigned) override {
    const uint32_t i = index(key);
    return i < definition_.max_entries ? memory_.data() + i * stride_ : nullptr;
  }

  int update(const void* key, const void* value, uint64_t flags, unsigned cpu) override {
    if (int refused = check_update(key, flags)) return refused;
    write_value(lookup(key, cpu), value, flags);
    return 0;
  }

  std::span<std::byte> values() override { return {memory_.data(), definition_.max_entries * stride_}; }
  int fd() const override { return file_.get(); }

 private:
  FileDescriptor file_;  // only if it is mappable
};

// CPU after CPU, so that CPUs share no cache line.
class PercpuArray final : public Indexed {
 public:
  using Indexed::Indexed;

  void* lookup(const void* key, unsigned cpu) override {
    const uint32_t i = index(key);
    return i < definition_.max_entries ? memory_.data() + cpu * cpu_bytes() + i * stride_ : nullptr;
  }

  int update(const void* key, const void* value, uint64_t flags, unsigned cpu) override {
    if (int refused = check_update(key, flags)) return refused;
    store_value(lookup(key, cpu), value, definition_.value_size);
    return 0;
  }

  int read(const void* key, void* value) override {
    if (definition_.flags & abi::BPF_F_WRONLY) return -EPERM;
    if (!lookup(key, 0)) return -ENOENT;
    for (unsigned cpu = 0; cpu < cpu_count(); ++cpu)
      load_value(static_cast<char*>(value) + cpu * stride_, lookup(key, cpu), stride_);
    return 0;
  }

  int write(const void* key, const void* value, uint64_t flags) override {
    if (frozen_ || (definition_.flags & abi::BPF_F_RDONLY)) return -EPERM;
    if (int refused = check_update(key, flags)) return refused;
    for (unsigned cpu = 0; cpu < cpu_count(); ++cpu)
      store_value(lookup(key, cpu), static_cast<const char*>(value) + cpu * stride_, stride_);
    return 0;
  }

 private:
  uint64_t cpu_bytes() const { return round_up(definition_.max_entries * stride_, 64); }
};

}  // namespace

MapResult create_array(const MapDefinition& definition) {
  const uint64_t bytes = round_up(definition.value_size, 8) * definition.max_entries;
  if (!(definition.flags & abi::BPF_F_MMAPABLE))
    return std::make_shared<Array>(definition, TRY(allocate(definition, bytes)), FileDescriptor());
  FileDescriptor file = TRY(allocate_file(definition, bytes));
  const uint64_t mapped = round_up(bytes, kPage);
  void* memory = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (memory == MAP_FAILED)
    return fail(ENOMEM, fmt::format("map {}", definition.name), "no room for {} bytes", bytes);
  return std::make_shared<Array>(definition, Mapping(memory, mapped), std::move(file));
}

MapResult create_percpu_array(const MapDefinition& definition) {
  const uint64_t values = round_up(definition.value_size, 8) * definition.max_entries;
  return std::make_shared<PercpuArray>(definition,
                                       TRY(allocate(definition, round_up(values, 64) * cpu_count())));
}

}  // namespace ring3::bpf
