#include "bpf/map/hash.hpp"

#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <mutex>

namespace ring3::bpf {

namespace {

constexpr uint32_t kNone = ElementPool::kNone;
constexpr unsigned kEveryCpu = UINT32_MAX;
// Free elements beyond max_entries, so that an update can fill a new element before it drops the old one.
constexpr uint32_t kSpareElements = 64;

struct Bucket {
  SpinLock lock;
  uint32_t first_plus_1;  // so that zeroed memory is an empty bucket

  uint32_t first() const { return first_plus_1 - 1; }
};
static_assert(sizeof(Bucket) == 8);

// Multiply and fold, eight bytes at a time, from a secret start: keys that collide can't be foreseen.
uint32_t hash_key(const void* key, uint32_t size, uint64_t seed) {
  const auto mix = [](uint64_t a, uint64_t b) {
    const auto product = static_cast<unsigned __int128>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  };
  const auto* bytes = static_cast<const char*>(key);
  uint64_t state = seed ^ size;
  for (uint64_t word = 0; size > 0; word = 0) {
    const uint32_t step = std::min<uint32_t>(size, 8);
    memcpy(&word, bytes, step);
    state = mix(state ^ word, 0x9e3779b97f4a7c15ull ^ seed >> 1);
    bytes += step;
    size -= step;
  }
  return static_cast<uint32_t>(mix(state, 0xd6e8feb86659fd93ull));
}

class Hash final : public Map {
 public:
  Hash(const MapDefinition& definition, Mapping elements, uint32_t count, Mapping buckets, uint64_t seed);

  void* lookup(const void* key, unsigned cpu) override;
  int update(const void* key, const void* value, uint64_t flags, unsigned cpu) override;
  int erase(const void* key) override;
  int next_key(const void* key, void* next) override;
  int read(const void* key, void* value) override;
  int write(const void* key, const void* value, uint64_t flags) override;
  long for_each(unsigned cpu, bool (*visit)(void*, const void*, void*), void* context) override;

 private:
  uint32_t hash(const void* key) const { return hash_key(key, definition_.key_size, seed_); }
  Bucket& bucket(uint32_t hash) const {
    return reinterpret_cast<Bucket*>(buckets_.data())[hash & bucket_mask_];
  }
  // With the bucket locked.
  uint32_t find(const Bucket& bucket, uint32_t hash, const void* key) const;
  void link(Bucket& bucket, uint32_t hash, uint32_t index);
  void unlink(Bucket& bucket, uint32_t index);

  void fill(uint32_t index, const void* key, const void* value, unsigned cpu);
  std::byte* value_of(uint32_t index, unsigned cpu) const { return pool_.value(index) + cpu * value_bytes_; }
  int store_lru(const void* key, const void* value, uint64_t flags);
  int store(const void* key, const void* value, uint64_t flags, unsigned cpu);
  uint32_t take_or_evict();

  const bool per_cpu_, lru_;
  const uint32_t value_bytes_;  // of one CPU
  mutable ElementPool pool_;
  Mapping buckets_;
  const uint32_t bucket_mask_;
  const uint64_t seed_;
  std::atomic<uint32_t> count_{0};  // elements; LRU: unused
  std::atomic<uint32_t> hand_{0};   // LRU: where the search for a victim goes on
};

Hash::Hash(const MapDefinition& definition, Mapping elements, uint32_t count, Mapping buckets, uint64_t seed)
    : Map(definition),
      per_cpu_(definition.type == abi::BPF_MAP_TYPE_PERCPU_HASH),
      lru_(definition.type == abi::BPF_MAP_TYPE_LRU_HASH),
      value_bytes_(static_cast<uint32_t>(round_up(definition.value_size, 8))),
      pool_(std::move(elements), count, definition.key_size, value_bytes_ * (per_cpu_ ? cpu_count() : 1)),
      buckets_(std::move(buckets)),
      bucket_mask_(std::bit_ceil(definition.max_entries) - 1),
      seed_(seed) {}

uint32_t Hash::find(const Bucket& bucket, uint32_t hash, const void* key) const {
  uint32_t index = bucket.first();
  while (index != kNone && (pool_[index].hash.load(std::memory_order_relaxed) != hash ||
                            memcmp(pool_.key(index), key, definition_.key_size) != 0))
    index = pool_[index].next.load(std::memory_order_relaxed);
  return index;
}

void Hash::link(Bucket& bucket, uint32_t hash, uint32_t index) {
  ElementPool::Element& element = pool_[index];
  element.hash.store(hash, std::memory_order_relaxed);
  element.next.store(bucket.first(), std::memory_order_relaxed);
  element.referenced.store(false, std::memory_order_relaxed);
  element.linked.store(true, std::memory_order_release);
  bucket.first_plus_1 = index + 1;
}

void Hash::unlink(Bucket& bucket, uint32_t index) {
  const uint32_t next = pool_[index].next.load(std::memory_order_relaxed);
  pool_[index].linked.store(false, std::memory_order_relaxed);
  if (bucket.first() == index) {
    bucket.first_plus_1 = next + 1;
    return;
  }
  uint32_t previous = bucket.first();
  while (pool_[previous].next.load(std::memory_order_relaxed) != index)
    previous = pool_[previous].next.load(std::memory_order_relaxed);
  pool_[previous].next.store(next, std::memory_order_relaxed);
}

void* Hash::lookup(const void* key, unsigned cpu) {
  const uint32_t h = hash(key);
  Bucket& b = bucket(h);
  std::lock_guard guard(b.lock);
  const uint32_t index = find(b, h, key);
  if (index == kNone) return nullptr;
  if (lru_ && !pool_[index].referenced.load(std::memory_order_relaxed))
    pool_[index].referenced.store(true, std::memory_order_relaxed);
  return value_of(index, per_cpu_ ? cpu : 0);
}

void Hash::fill(uint32_t index, const void* key, const void* value, unsigned cpu) {
  memcpy(pool_.key(index), key, definition_.key_size);
  if (!per_cpu_) {
    write_value(pool_.value(index), value, 0);
  } else if (cpu == kEveryCpu) {
    store_value(pool_.value(index), value, value_bytes_ * cpu_count());
  } else {
    zero_value(pool_.value(index), value_bytes_ * cpu_count());
    store_value(value_of(index, cpu), value, definition_.value_size);
  }
}

int Hash::store(const void* key, const void* value, uint64_t flags, unsigned cpu) {
  if (int refused = check_flags(flags)) return refused;
  const uint64_t mode = flags & ~uint64_t{abi::BPF_F_LOCK};
  if (lru_) return store_lru(key, value, flags);
  const uint32_t h = hash(key);
  Bucket& b = bucket(h);
  std::lock_guard guard(b.lock);
  const uint32_t old = find(b, h, key);
  if (old != kNone && mode == abi::BPF_NOEXIST) return -EEXIST;
  if (old == kNone && mode == abi::BPF_EXIST) return -ENOENT;
  // Under its lock, a value changes where it is: who holds the lock of the old value must see the new one.
  if (old != kNone && flags & abi::BPF_F_LOCK) {
    write_value(pool_.value(old), value, flags);
    return 0;
  }
  if (old == kNone && count_.fetch_add(1, std::memory_order_relaxed) >= definition_.max_entries) {
    count_.fetch_sub(1, std::memory_order_relaxed);
    return -E2BIG;
  }
  // Per-CPU values are written where they are: nobody else writes this CPU's.
  const uint32_t fresh = old != kNone && per_cpu_ ? kNone : pool_.take();
  if (fresh == kNone && old == kNone) {  // the spare ones are all in other threads' hands
    count_.fetch_sub(1, std::memory_order_relaxed);
    return -ENOMEM;
  }
  if (fresh == kNone) {
    if (cpu == kEveryCpu)
      store_value(pool_.value(old), value, value_bytes_ * cpu_count());
    else
      store_value(value_of(old, per_cpu_ ? cpu : 0), value, definition_.value_size);
    return 0;
  }
  fill(fresh, key, value, cpu);
  link(b, h, fresh);
  if (old != kNone) {
    unlink(b, old);
    pool_.give_back(old);
  }
  return 0;
}

// An element is taken before the bucket is locked, since it may have to be evicted from another one.
int Hash::store_lru(const void* key, const void* value, uint64_t flags) {
  const uint32_t h = hash(key);
  Bucket& b = bucket(h);
  const auto refusal = [&](uint32_t old) {
    if (old != kNone && flags == abi::BPF_NOEXIST) return -EEXIST;
    return old == kNone && flags == abi::BPF_EXIST ? -ENOENT : 0;
  };
  {
    std::lock_guard guard(b.lock);
    if (int code = refusal(find(b, h, key))) return code;
  }
  const uint32_t fresh = take_or_evict();
  if (fresh == kNone) return -ENOMEM;  // every element is in other threads' hands
  std::lock_guard guard(b.lock);
  const uint32_t old = find(b, h, key);
  // An element that the eviction itself took is no reason to refuse.
  if (int code = flags == abi::BPF_NOEXIST ? refusal(old) : 0) {
    pool_.give_back(fresh);
    return code;
  }
  fill(fresh, key, value, 0);
  link(b, h, fresh);
  if (old != kNone) {
    unlink(b, old);
    pool_.give_back(old);
  }
  return 0;
}

// The clock algorithm: the hand goes round, spares once what was looked up, and takes what was not.
uint32_t Hash::take_or_evict() {
  if (const uint32_t index = pool_.take(); index != kNone) return index;
  for (uint64_t steps = 0; steps < uint64_t{3} * pool_.count(); ++steps) {
    const uint32_t index = hand_.fetch_add(1, std::memory_order_relaxed) % pool_.count();
    ElementPool::Element& element = pool_[index];
    if (!element.linked.load(std::memory_order_acquire)) continue;
    if (element.referenced.exchange(false, std::memory_order_relaxed)) continue;
    Bucket& b = bucket(element.hash.load(std::memory_order_relaxed));
    std::lock_guard guard(b.lock);
    // It may have gone elsewhere before the bucket was locked.
    if (!element.linked.load(std::memory_order_relaxed) ||
        &b != &bucket(element.hash.load(std::memory_order_relaxed)))
      continue;
    unlink(b, index);
    return index;
  }
  return pool_.take();
}

int Hash::update(const void* key, const void* value, uint64_t flags, unsigned cpu) {
  return store(key, value, flags, cpu);
}

int Hash::write(const void* key, const void* value, uint64_t flags) {
  if (frozen_ || (definition_.flags & abi::BPF_F_RDONLY)) return -EPERM;
  return store(key, value, flags, per_cpu_ ? kEveryCpu : 0);
}

int Hash::erase(const void* key) {
  const uint32_t h = hash(key);
  Bucket& b = bucket(h);
  std::lock_guard guard(b.lock);
  const uint32_t index = find(b, h, key);
  if (index == kNone) return -ENOENT;
  unlink(b, index);
  pool_.give_back(index);
  if (!lru_) count_.fetch_sub(1, std::memory_order_relaxed);
  return 0;
}

int Hash::read(const void* key, void* value) {
  if (definition_.flags & abi::BPF_F_WRONLY) return -EPERM;
  const uint32_t h = hash(key);
  Bucket& b = bucket(h);
  std::lock_guard guard(b.lock);
  const uint32_t index = find(b, h, key);
  if (index == kNone) return -ENOENT;
  load_value(value, pool_.value(index), per_cpu_ ? value_bytes_ * cpu_count() : definition_.value_size);
  hide_lock(value);
  return 0;
}

int Hash::next_key(const void* key, void* next) {
  uint64_t from = 0;
  const auto answer = [&](uint32_t index) {
    if (index == kNone) return false;
    memcpy(next, pool_.key(index), definition_.key_size);
    return true;
  };
  if (key) {
    const uint32_t h = hash(key);
    Bucket& b = bucket(h);
    std::lock_guard guard(b.lock);
    const uint32_t index = find(b, h, key);
    // A key that is gone starts from the beginning, as in Linux.
    if (index != kNone) {
      if (answer(pool_[index].next.load(std::memory_order_relaxed))) return 0;
      from = uint64_t{h & bucket_mask_} + 1;
    }
  }
  for (; from <= bucket_mask_; ++from) {
    Bucket& b = bucket(static_cast<uint32_t>(from));
    std::lock_guard guard(b.lock);
    if (answer(b.first())) return 0;
  }
  return -ENOENT;
}

// No lock is held during a visit. Of each bucket the chain is noted first, so that a visit may change it:
// what it removes is not visited any more, what it adds to this bucket is not either.
long Hash::for_each(unsigned cpu, bool (*visit)(void*, const void*, void*), void* context) {
  constexpr uint32_t kNoted = 64;
  long visited = 0;
  for (uint64_t number = 0; number <= bucket_mask_; ++number) {
    Bucket& b = bucket(static_cast<uint32_t>(number));
    for (uint32_t skip = 0, noted = kNoted; noted == kNoted; skip += noted) {
      uint32_t indices[kNoted];
      noted = 0;
      {
        std::lock_guard guard(b.lock);
        uint32_t position = 0;
        for (uint32_t i = b.first(); i != kNone && noted < kNoted; i = pool_[i].next.load(), ++position)
          if (position >= skip) indices[noted++] = i;
      }
      for (uint32_t i = 0; i < noted; ++i) {
        const ElementPool::Element& element = pool_[indices[i]];
        if (!element.linked.load() || &bucket(element.hash.load()) != &b) continue;
        ++visited;
        if (!visit(context, pool_.key(indices[i]), value_of(indices[i], per_cpu_ ? cpu : 0))) return visited;
      }
    }
  }
  return visited;
}

}  // namespace

uint32_t ElementPool::take() {
  uint64_t head = free_.load(std::memory_order_acquire);
  while (const auto index_plus_1 = static_cast<uint32_t>(head)) {
    const uint32_t next = (*this)[index_plus_1 - 1].next.load(std::memory_order_relaxed);
    const uint64_t rest = ((head >> 32) + 1) << 32 | static_cast<uint32_t>(next + 1);
    if (free_.compare_exchange_weak(head, rest, std::memory_order_acq_rel, std::memory_order_acquire))
      return index_plus_1 - 1;
  }
  uint32_t fresh = fresh_.load(std::memory_order_relaxed);
  while (fresh < count_)
    if (fresh_.compare_exchange_weak(fresh, fresh + 1, std::memory_order_relaxed)) return fresh;
  return kNone;
}

void ElementPool::give_back(uint32_t index) {
  uint64_t head = free_.load(std::memory_order_relaxed);
  uint64_t with;
  do {
    (*this)[index].next.store(static_cast<uint32_t>(head) - 1, std::memory_order_relaxed);
    with = ((head >> 32) + 1) << 32 | (index + 1);
  } while (!free_.compare_exchange_weak(head, with, std::memory_order_acq_rel, std::memory_order_relaxed));
}

MapResult create_hash(const MapDefinition& definition) {
  const bool per_cpu = definition.type == abi::BPF_MAP_TYPE_PERCPU_HASH;
  const bool spare = definition.type == abi::BPF_MAP_TYPE_HASH;
  const uint32_t count = definition.max_entries + (spare ? kSpareElements : 0);
  const uint64_t value_bytes = round_up(definition.value_size, 8) * (per_cpu ? cpu_count() : 1);
  const uint64_t element = ElementPool::element_bytes(definition.key_size, value_bytes);
  Mapping elements = TRY(allocate(definition, element * count));
  Mapping buckets =
      TRY(allocate(definition, sizeof(Bucket) * std::bit_ceil(uint64_t{definition.max_entries})));
  uint64_t seed;
  if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
    return fail(errno, fmt::format("map {}", definition.name), "no random numbers");
  return std::make_shared<Hash>(definition, std::move(elements), count, std::move(buckets), seed);
}

}  // namespace ring3::bpf
