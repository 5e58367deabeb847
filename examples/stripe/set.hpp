// A stripe set on disk: k + 1 files, the members, as RAID-5 has them. A member is a superblock, a record for
// each stripe, and a unit for each stripe. The parity of stripe s is on member k - s mod (k + 1), the data
// follow it.
//
// A record is written when the units of its stripe are safe on all members, and has the CRC of its member's
// unit. So a stripe is whole if each member has its record and a unit that fits, whatever happened to whoever
// wrote it, and one member less is no loss: what is there proves itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

inline constexpr unsigned kDataMax = 16;

// Failures here all end the program, so they are reported where they occur.
[[noreturn]] __attribute__((format(printf, 1, 2))) void die(const char* format, ...);

struct Shape {
  uint64_t size = 0;            // of the source, bytes
  uint64_t source_time_ns = 0;  // when it was last changed
  uint32_t data = 4;            // k
  uint32_t unit = 64 << 10;     // bytes

  bool operator==(const Shape&) const = default;
  unsigned members() const { return data + 1; }
  uint64_t stripe_bytes() const { return uint64_t{data} * unit; }
  uint64_t stripes() const { return (size + stripe_bytes() - 1) / stripe_bytes(); }
  // Bytes of the source in a stripe: less than all in the last one.
  uint32_t bytes_in(uint64_t stripe) const;
  // Which member has unit `index` of a stripe; index k is the parity.
  unsigned member_of(uint64_t stripe, unsigned index) const;
  uint64_t record_at(uint64_t stripe) const;
  uint64_t unit_at(uint64_t stripe) const;
};

struct Record {
  uint64_t set;  // 0: the stripe was never finished
  uint32_t stripe;
  uint32_t crc;
};
static_assert(sizeof(Record) == 16);

struct Member {
  int fd = -1;  // -1: missing
  std::vector<Record> records;
};

// Owns the descriptors of its members.
class Set {
 public:
  // Makes the members anew, without stripes.
  static Set create(const std::string& folder, const Shape& shape);
  // What is there; nothing if no member is. Members that can't be read, or are of another set, are missing.
  static std::optional<Set> open(const std::string& folder, bool writable);

  Set(Set&&) noexcept;
  Set& operator=(Set&&) = delete;
  ~Set();

  const Shape& shape() const { return shape_; }
  Member& member(unsigned index) { return members_[index]; }
  std::vector<unsigned> missing() const;
  bool has_record(unsigned member, uint64_t stripe) const;
  bool has_any_record() const;
  // In memory only.
  void set_record(uint64_t stripe);

 private:
  Set(const Shape& shape, uint64_t id) : shape_(shape), id_(id), members_(shape.members()) {}
  Shape shape_;
  uint64_t id_;
  std::vector<Member> members_;
};
