#include "set.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <utility>

namespace {

constexpr uint64_t kBlock = 4096;  // units start at a multiple
constexpr char kMagic[8] = {'r', 'i', 'n', 'g', '3', 's', 't', '1'};

struct Superblock {
  char magic[8];
  uint64_t set;  // the same random number on all members
  Shape shape;
  uint32_t member;
  uint32_t reserved;
};

std::string path_of(const std::string& folder, unsigned member) {
  return folder + "/member-" + std::to_string(member);
}

// A member's superblock, and its descriptor: -1 if there is none.
int open_member(const std::string& folder, unsigned member, bool writable, Superblock& superblock) {
  const int fd = open(path_of(folder, member).c_str(), (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
  if (fd < 0) return -1;
  if (pread(fd, &superblock, sizeof(superblock), 0) == sizeof(superblock) &&
      std::memcmp(superblock.magic, kMagic, sizeof(kMagic)) == 0 && superblock.member == member &&
      superblock.shape.data >= 1 && superblock.shape.data <= kDataMax && superblock.shape.unit > 0)
    return fd;
  close(fd);
  return -1;
}

}  // namespace

void die(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::fprintf(stderr, "stripe: ");
  std::vfprintf(stderr, format, arguments);
  std::fprintf(stderr, "\n");
  va_end(arguments);
  std::exit(1);
}

uint32_t Shape::bytes_in(uint64_t stripe) const {
  return static_cast<uint32_t>(std::min(stripe_bytes(), size - stripe * stripe_bytes()));
}
unsigned Shape::member_of(uint64_t stripe, unsigned index) const {
  const auto parity = static_cast<unsigned>(data - stripe % members());
  return index == data ? parity : (parity + 1 + index) % members();
}
uint64_t Shape::record_at(uint64_t stripe) const { return kBlock + stripe * sizeof(Record); }
uint64_t Shape::unit_at(uint64_t stripe) const {
  return (record_at(stripes()) + kBlock - 1) / kBlock * kBlock + stripe * unit;
}

Set Set::create(const std::string& folder, const Shape& shape) {
  if (mkdir(folder.c_str(), 0777) != 0 && errno != EEXIST)
    die("%s: %s", folder.c_str(), std::strerror(errno));
  std::random_device random;
  Set set(shape, uint64_t{random()} << 32 | random() | 1);
  for (unsigned i = 0; i < shape.members(); i++) {
    const std::string path = path_of(folder, i);
    Member& member = set.members_[i];
    member.fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    Superblock superblock{.set = set.id_, .shape = shape, .member = i};
    std::memcpy(superblock.magic, kMagic, sizeof(kMagic));
    // A member has its full length before it is one.
    if (member.fd < 0 || ftruncate(member.fd, static_cast<off_t>(shape.unit_at(shape.stripes()))) != 0 ||
        pwrite(member.fd, &superblock, sizeof(superblock), 0) != sizeof(superblock) || fsync(member.fd) != 0)
      die("%s: %s", path.c_str(), std::strerror(errno));
    member.records.resize(shape.stripes());
  }
  // The names too.
  const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0 || fsync(directory) != 0) die("%s: %s", folder.c_str(), std::strerror(errno));
  close(directory);
  return set;
}

std::optional<Set> Set::open(const std::string& folder, bool writable) {
  std::optional<Set> set;
  for (unsigned i = 0; i <= kDataMax; i++) {
    Superblock superblock;
    const int fd = open_member(folder, i, writable, superblock);
    if (fd < 0) continue;
    if (!set) set.emplace(Set(superblock.shape, superblock.set));
    if (superblock.set != set->id_ || superblock.shape != set->shape_) {
      std::fprintf(stderr, "stripe: %s is of another set\n", path_of(folder, i).c_str());
      close(fd);
      continue;
    }
    Member& member = set->members_[i];
    member.fd = fd;
    member.records.resize(set->shape_.stripes());
    const size_t bytes = member.records.size() * sizeof(Record);
    if (pread(fd, member.records.data(), bytes, static_cast<off_t>(set->shape_.record_at(0))) !=
        static_cast<ssize_t>(bytes)) {
      std::fprintf(stderr, "stripe: %s has no records\n", path_of(folder, i).c_str());
      member = Member();
      close(fd);
    }
  }
  return set;
}

Set::Set(Set&& other) noexcept
    : shape_(other.shape_), id_(other.id_), members_(std::exchange(other.members_, {})) {}
Set::~Set() {
  for (const Member& member : members_)
    if (member.fd >= 0) close(member.fd);
}

std::vector<unsigned> Set::missing() const {
  std::vector<unsigned> result;
  for (unsigned i = 0; i < members_.size(); i++)
    if (members_[i].fd < 0) result.push_back(i);
  return result;
}

bool Set::has_record(unsigned member, uint64_t stripe) const {
  const Member& one = members_[member];
  return one.fd >= 0 && one.records[stripe].set == id_ && one.records[stripe].stripe == stripe;
}

bool Set::has_any_record() const {
  for (unsigned member = 0; member < members_.size(); member++)
    for (uint64_t stripe = 0; stripe < shape_.stripes(); stripe++)
      if (has_record(member, stripe)) return true;
  return false;
}

void Set::set_record(uint64_t stripe) {
  for (Member& member : members_) {
    member.records[stripe].set = id_;
    member.records[stripe].stripe = static_cast<uint32_t>(stripe);
  }
}
