#include "bpf/map/arena.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "bpf/map/storage.hpp"

namespace ring3::bpf {

namespace {

constexpr uint64_t kSpan = uint64_t{1} << 32;  // what a low half can name
constexpr uint64_t kGuard = 64 << 10;          // more than an instruction's offset reaches
constexpr int kNobody = PROT_NONE, kAnybody = PROT_READ | PROT_WRITE;

bool crosses(uint64_t start, uint64_t size) { return start >> 32 != (start + size - 1) >> 32; }

Mapping reserve(uint64_t at, uint64_t size) {
  void* const memory =
      mmap(reinterpret_cast<void*>(at), size, PROT_NONE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (at ? MAP_FIXED_NOREPLACE : 0), -1, 0);
  return memory == MAP_FAILED ? Mapping() : Mapping(memory, size);
}

// Somewhere, but not across a multiple of 4 GiB.
Mapping reserve_within_span(uint64_t size) {
  Mapping found = reserve(0, size);
  if (!found || !crosses(reinterpret_cast<uint64_t>(found.data()), size)) return found;
  // In twice that there is a multiple to start at.
  const Mapping room = reserve(0, size + kSpan);
  if (!room) return {};
  const uint64_t start = round_up(reinterpret_cast<uint64_t>(room.data()), kSpan);
  munmap(reinterpret_cast<void*>(start), size);
  return reserve(start, size);
}

}  // namespace

Result<void> Arena::check(const MapDefinition& definition) {
  const auto refuse = [&](int code, std::string_view why) {
    return fail(code, fmt::format("map {}", definition.name), "{}", why);
  };
  const uint64_t size = definition.max_entries * kPage;
  if (definition.key_size || definition.value_size)
    return refuse(EINVAL, "an arena has neither keys nor values");
  if (!(definition.flags & abi::BPF_F_MMAPABLE)) return refuse(EINVAL, "an arena must have BPF_F_MMAPABLE");
  if (definition.extra % kPage != 0) return refuse(EINVAL, "map_extra is not the address of a page");
  if (size > kSpan) return refuse(E2BIG, "an arena has at most 4 GiB");
  if (definition.extra && crosses(definition.extra, size))
    return refuse(ERANGE, "at map_extra the arena would cross a multiple of 4 GiB");
  return {};
}

Result<std::shared_ptr<Map>> Arena::create(const MapDefinition& definition) {
  std::shared_ptr<Arena> arena(new Arena(definition));
  TRY_VOID(arena->set_up());
  return std::shared_ptr<Map>(std::move(arena));
}

Result<void> Arena::set_up() {
  const uint64_t size = definition_.max_entries * kPage;
  file_ = TRY(allocate_file(definition_, size));
  user_ = definition_.extra ? reserve(definition_.extra, size) : reserve_within_span(size);
  program_ = reserve(0, kSpan + 2 * kGuard);
  const auto place = [&](std::byte* at, int protection) {
    return mmap(at, size, protection, MAP_SHARED | MAP_FIXED | MAP_NORESERVE, file_.get(), 0) != MAP_FAILED;
  };
  const int user_protection = definition_.flags & abi::BPF_F_SEGV_ON_FAULT ? kNobody : kAnybody;
  if (user_ && program_) {
    program_base_ = reinterpret_cast<uint64_t>(program_.data()) + kGuard;
    if (place(user_.data(), user_protection) && place(program_page(0), kNobody)) {
      allocated_.resize(definition_.max_entries);
      return {};
    }
  }
  return fail(definition_.extra && !user_ ? EBUSY : ENOMEM, fmt::format("map {}", definition_.name),
              "no room for {} bytes at {:#x}", size, definition_.extra);
}

std::byte* Arena::program_page(uint64_t page) const {
  return reinterpret_cast<std::byte*>(program_base_ + static_cast<uint32_t>(user_start()) + page * kPage);
}

// Pages of the file that nobody has touched are holes in it.
bool Arena::is_touched(uint64_t page) const {
  const auto at = static_cast<off_t>(page * kPage);
  return lseek(file_.get(), at, SEEK_DATA) == at;
}

// A page of these that is allocated or touched.
std::optional<uint64_t> Arena::taken(uint64_t first, uint64_t count) const {
  for (uint64_t page = first; page < first + count; ++page)
    if (allocated_[page]) return page;
  const off_t data = lseek(file_.get(), static_cast<off_t>(first * kPage), SEEK_DATA);
  if (data < 0 || static_cast<uint64_t>(data) >= (first + count) * kPage) return std::nullopt;
  return static_cast<uint64_t>(data) / kPage;
}

bool Arena::show(uint64_t first, uint64_t count, bool shown) {
  const int protection = shown ? kAnybody : kNobody;
  if (mprotect(program_page(first), count * kPage, protection) != 0) return false;
  return !(definition_.flags & abi::BPF_F_SEGV_ON_FAULT) ||
         mprotect(user_.data() + first * kPage, count * kPage, protection) == 0;
}

uint64_t Arena::allocate(uint64_t pointer, uint64_t count) {
  const uint64_t pages = allocated_.size();
  if (count == 0 || count > pages || pointer % kPage != 0) return 0;
  const std::lock_guard guard(mutex_);
  uint64_t first = 0;
  if (pointer) {
    first = static_cast<uint32_t>(pointer - user_start()) / kPage;
    if (first > pages - count || taken(first, count)) return 0;
  } else {
    while (first + count <= pages) {
      const auto obstacle = taken(first, count);
      if (!obstacle) break;
      first = *obstacle + 1;
    }
    if (first + count > pages) return 0;
  }
  if (!show(first, count, true)) return 0;
  std::fill_n(allocated_.begin() + static_cast<ptrdiff_t>(first), count, true);
  // There is memory for them now, or not at all: the program can't be told later.
  if (fallocate(file_.get(), 0, static_cast<off_t>(first * kPage), static_cast<off_t>(count * kPage)) != 0) {
    show(first, count, false);
    std::fill_n(allocated_.begin() + static_cast<ptrdiff_t>(first), count, false);
    return 0;
  }
  return user_start() + first * kPage;
}

void Arena::free(uint64_t pointer, uint64_t count) {
  const uint64_t first = static_cast<uint32_t>(pointer - user_start()) / kPage;
  if (first >= allocated_.size()) return;
  count = std::min(count, allocated_.size() - first);
  if (count == 0) return;
  const std::lock_guard guard(mutex_);
  show(first, count, false);
  fallocate(file_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(first * kPage),
            static_cast<off_t>(count * kPage));
  std::fill_n(allocated_.begin() + static_cast<ptrdiff_t>(first), count, false);
}

bool Arena::fault(uint32_t low) {
  const uint64_t page = static_cast<uint32_t>(low - static_cast<uint32_t>(user_start())) / kPage;
  if (page >= allocated_.size()) return false;
  const std::lock_guard guard(mutex_);
  if (allocated_[page] || !is_touched(page)) return allocated_[page];
  allocated_[page] = true;
  return show(page, 1, true);
}

int Arena::update(const void*, const void*, uint64_t, unsigned) { return -EOPNOTSUPP; }
int Arena::erase(const void*) { return -EOPNOTSUPP; }
int Arena::next_key(const void*, void*) { return -EOPNOTSUPP; }
long Arena::for_each(unsigned, bool (*)(void*, const void*, void*), void*) { return -EOPNOTSUPP; }

}  // namespace ring3::bpf
