#include "bpf/exec/memory.hpp"

#include <algorithm>
#include <utility>

namespace ring3::bpf {

void Memory::add(Region region) {
  auto [first, last] = regions_.equal_range(region.start);
  for (; first != last; ++first) {
    const Region& old = first->second;
    if (old.size == region.size && old.writable == region.writable && old.life == region.life &&
        old.owner == region.owner && old.is_record == region.is_record)
      return;
  }
  size_max_ = std::max(size_max_, region.size);
  const uint64_t start = region.start;
  regions_.emplace(start, std::move(region));
}

const Region* Memory::find(uint64_t address, uint64_t bytes, bool write) const {
  if (last_ && last_->holds(address, bytes) && (last_->writable || !write)) return last_;
  // Regions may overlap: any that starts at most size_max_ before may be the one.
  for (auto it = regions_.upper_bound(address); it != regions_.begin();) {
    const Region& region = (--it)->second;
    if (address - region.start > size_max_) break;
    if (region.holds(address, bytes) && (region.writable || !write)) return last_ = &region;
  }
  return nullptr;
}

const Region* Memory::near(uint64_t address) const {
  constexpr uint64_t kNear = 4096;  // bytes behind its end
  const Region* best = nullptr;
  for (auto it = regions_.upper_bound(address); it != regions_.begin();) {
    const Region& region = (--it)->second;
    if (address - region.start > size_max_ + kNear) break;
    if (address - region.start < region.size + kNear &&
        (!best || region.start + region.size > best->start + best->size))
      best = &region;
  }
  return best;
}

template <typename Predicate>
size_t Memory::drop(Predicate predicate) {
  last_ = nullptr;
  const size_t dropped = std::erase_if(regions_, [&](const auto& entry) { return predicate(entry.second); });
  if (regions_.empty()) size_max_ = 0;
  return dropped;
}

void Memory::drop_life(Region::Life life) {
  drop([&](const Region& region) { return region.life == life; });
}
void Memory::drop_owned_by(uint64_t owner) {
  drop([&](const Region& region) { return region.owner == owner; });
}
void Memory::drop_stack(uint64_t start, uint64_t bytes) {
  drop([&](const Region& region) { return region.start - start < bytes || region.owner - start < bytes; });
}
bool Memory::drop_record(uint64_t start) {
  return drop([&](const Region& region) { return region.is_record && region.start == start; }) != 0;
}
void Memory::drop_at(uint64_t start) {
  drop([&](const Region& region) { return region.life == Region::Life::Run && region.start == start; });
}

}  // namespace ring3::bpf
