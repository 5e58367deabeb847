#include "ring/buffers.hpp"

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

#include "base/user_copy.hpp"

namespace ring3::ring {

using namespace abi;

namespace {
constexpr uint32_t kBuffersMax = 1u << 14;  // slots, as Linux
constexpr size_t kSegmentsMax = 1024;       // what a vectored transfer takes
}

Buffer::Buffer(uint64_t address, uint64_t size)
    : base_(address), size_(size), segments_{{0, address, size}} {}

Buffer::Buffer(ProviderBuffer buffer)
    : use_(buffer.use), provided_(true), released_(std::move(buffer.released)) {
  for (const BufferSegment& segment : buffer.segments) {
    segments_.push_back({size_, reinterpret_cast<uint64_t>(segment.data), segment.size});
    size_ += segment.size;
  }
}

Buffer::~Buffer() {
  if (released_) released_();
}

const Buffer::Segment& Buffer::segment_at(uint64_t offset) const {
  return *std::prev(std::ranges::upper_bound(segments_, offset, {}, &Segment::offset));
}

int Buffers::register_op(unsigned opcode, uint64_t argument, unsigned count, backend::Backend& backend) {
  struct Register {
    uint32_t count, flags;
    uint64_t reserved, vectors, tags;
  } table{};
  struct Update {
    uint32_t first, reserved;
    uint64_t vectors, tags;
    uint32_t count, reserved2;
  } update{};

  const int result = backend.register_op(opcode, argument, count);
  if (result < 0) return result;
  // What the back-end took is read once more. Who changes it in between misleads only himself: addresses are
  // nobody's promise.
  switch (opcode) {
    case IORING_UNREGISTER_BUFFERS:
      slots_.clear();
      break;
    case IORING_REGISTER_BUFFERS:
      slots_.assign(count, nullptr);
      remember(0, count, argument);
      break;
    case IORING_REGISTER_BUFFERS2:
      if (copy_from_user(&table, argument, sizeof table) != 0) break;
      slots_.assign(std::min(table.count, kBuffersMax), nullptr);
      remember(0, table.count, table.vectors);
      break;
    case IORING_REGISTER_BUFFERS_UPDATE:
      if (copy_from_user(&update, argument, sizeof update) != 0) break;
      remember(update.first, static_cast<uint32_t>(result), update.vectors);
      break;
  }
  return result;
}

void Buffers::remember(uint32_t first, uint32_t count, uint64_t vectors) {
  for (uint32_t i = 0; i < count && first + i < slots_.size(); ++i) {
    iovec vector{};
    if (vectors && copy_from_user(&vector, vectors + i * sizeof vector, sizeof vector) != 0) vector = {};
    const auto address = reinterpret_cast<uint64_t>(vector.iov_base);
    slots_[first + i] = address ? std::make_shared<const Buffer>(address, vector.iov_len) : nullptr;
  }
}

Result<void> Buffers::provide(uint32_t index, ProviderBuffer buffer) {
  if (index >= slots_.size())
    return fail(EINVAL, "buffer", "the ring's buffer table has {} slots, none numbered {}", slots_.size(),
                index);
  if (slots_[index]) return fail(EBUSY, "buffer", "slot {} is taken", index);
  if (buffer.segments.size() > kSegmentsMax)
    return fail(EINVAL, "buffer", "{} segments are more than {}", buffer.segments.size(), kSegmentsMax);
  uint64_t size = 0;
  for (const BufferSegment& segment : buffer.segments)
    if (!segment.data || segment.size == 0 || __builtin_add_overflow(size, segment.size, &size))
      return fail(EINVAL, "buffer", "a segment has no address or no sensible size");
  if (size == 0) return fail(EINVAL, "buffer", "the buffer has no segments");
  slots_[index] = std::make_shared<const Buffer>(std::move(buffer));
  return {};
}

Result<void> Buffers::withdraw(uint32_t index) {
  if (index >= slots_.size() || !slots_[index])
    return fail(EINVAL, "buffer", "no buffer is registered in slot {}", index);
  if (!slots_[index]->is_provided())
    return fail(EBUSY, "buffer", "what is registered in slot {} is the application's own", index);
  slots_[index].reset();
  return {};
}

}  // namespace ring3::ring
