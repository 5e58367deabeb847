// Arenas (BPF_MAP_TYPE_ARENA): pages that programs and the application share, and into which both have
// pointers.
//
// As in Linux there are two views of them. The application's is where pointers point: it lies at map_extra,
// or anywhere, never across a multiple of 4 GiB, and pages appear in it as they are touched. Programs reach
// byte `low` of their own view, `low` being the low half of a pointer, whatever it is: 4 GiB and a guard on
// both sides are set aside for it, so that no pointer leads out. There is nothing in it but the pages that
// were allocated, or that the application touched.
#pragma once

#include <mutex>
#include <optional>
#include <vector>

#include "base/fd.hpp"
#include "bpf/map/map.hpp"

namespace ring3::bpf {

class Arena final : public Map {
 public:
  // EINVAL, E2BIG, ERANGE, as Linux.
  static Result<void> check(const MapDefinition& definition);
  // Of a definition that was checked. ENOMEM, EBUSY (something lies at map_extra).
  static Result<std::shared_ptr<Map>> create(const MapDefinition& definition);

  int fd() const override { return file_.get(); }
  // The application's view: all of it, though pages with BPF_F_SEGV_ON_FAULT can't be touched before they are
  // allocated.
  std::span<std::byte> values() override { return user_.bytes(); }

  uint64_t user_start() const { return reinterpret_cast<uint64_t>(user_.data()); }
  // The address at which programs find the byte with low half 0. An access of an instruction at any low half,
  // and any offset that an instruction holds, lies in what is set aside.
  uint64_t program_base() const { return program_base_; }

  // bpf_arena_alloc_pages: `count` pages at that pointer (0: anywhere), zeroed; the pointer to them, or 0.
  // Any thread.
  uint64_t allocate(uint64_t pointer, uint64_t count);
  // bpf_arena_free_pages: what of these pages is in the arena goes away in both views. Any thread.
  void free(uint64_t pointer, uint64_t count);
  // A program found nothing at that low half. True if the application has touched the page: now it is there.
  bool fault(uint32_t low);

  // Elements are none.
  void* lookup(const void*, unsigned) override { return nullptr; }
  int update(const void*, const void*, uint64_t, unsigned) override;
  int erase(const void*) override;
  int next_key(const void*, void*) override;
  long for_each(unsigned, bool (*)(void*, const void*, void*), void*) override;

 private:
  using Map::Map;
  Result<void> set_up();
  bool is_touched(uint64_t page) const;
  std::optional<uint64_t> taken(uint64_t first, uint64_t count) const;
  bool show(uint64_t first, uint64_t count, bool shown);
  std::byte* program_page(uint64_t page) const;

  FileDescriptor file_;
  Mapping user_, program_;
  uint64_t program_base_ = 0;
  std::mutex mutex_;  // of allocated_, and of changes to the views
  std::vector<bool> allocated_;
};

}  // namespace ring3::bpf
