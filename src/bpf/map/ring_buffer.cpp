// The BPF ring buffer, laid out as Linux does: a page with the consumer's position, a page with the
// producers', the data twice in a row so that a record never wraps. Before them lies a page of our own that
// leads from a record back to its ring buffer.
#include <sys/mman.h>

#include <cerrno>
#include <mutex>

#include "bpf/map/storage.hpp"

namespace ring3::bpf {

namespace {

constexpr uint32_t kBusy = 1u << 31, kDiscard = 1u << 30;
constexpr uint64_t kRecordMax = UINT32_MAX / 4;
constexpr uint64_t kConsumerPage = 1, kProducerPage = 2,
                   kDataPage = 3;  // pages from the start of the mapping

struct Header {
  uint32_t length;  // with kBusy and kDiscard
  uint32_t page;    // of this header, from the start of the mapping
};
static_assert(sizeof(Header) == 8);

constexpr uint64_t record_bytes(uint32_t length) {
  return round_up((length & ~(kBusy | kDiscard)) + sizeof(Header), 8);
}

Header* header_of(const void* record) {
  return reinterpret_cast<Header*>(reinterpret_cast<uintptr_t>(record) - sizeof(Header));
}

class RingBufferMap final : public RingBuffer {
 public:
  RingBufferMap(const MapDefinition& definition, Mapping memory, FileDescriptor file)
      : RingBuffer(definition), memory_(std::move(memory)), file_(std::move(file)) {
    *reinterpret_cast<RingBuffer**>(memory_.data()) = this;
  }

  void* lookup(const void*, unsigned) override { return nullptr; }
  int update(const void*, const void*, uint64_t, unsigned) override { return -kNotSupported; }
  int erase(const void*) override { return -kNotSupported; }
  int next_key(const void*, void*) override { return -kNotSupported; }
  int read(const void*, void*) override { return -kNotSupported; }
  long for_each(unsigned, bool (*)(void*, const void*, void*), void*) override { return -EINVAL; }
  int fd() const override { return file_.get(); }

  void* reserve(uint64_t size) override {
    if (size > kRecordMax) return nullptr;
    const uint64_t bytes = round_up(size + sizeof(Header), 8);
    if (bytes > data_bytes()) return nullptr;
    const uint64_t consumed = __atomic_load_n(consumer(), __ATOMIC_ACQUIRE);
    std::lock_guard guard(lock_);
    const uint64_t start = *producer();
    const uint64_t end = start + bytes;
    // The oldest record that is still being written. The consumer's word alone, which anybody may write, must
    // not let a new record overlap it.
    while (pending_ < start) {
      const uint32_t length = __atomic_load_n(&at(pending_)->length, __ATOMIC_ACQUIRE);
      if (length & kBusy) break;
      pending_ += record_bytes(length);
    }
    if (end - consumed > data_bytes() - 1 || end - pending_ > data_bytes() - 1) return nullptr;
    Header* header = at(start);
    header->page = static_cast<uint32_t>((reinterpret_cast<std::byte*>(header) - memory_.data()) / kPage);
    __atomic_store_n(&header->length, static_cast<uint32_t>(size) | kBusy, __ATOMIC_RELAXED);
    __atomic_store_n(producer(), end, __ATOMIC_RELEASE);
    return header + 1;
  }

  void commit(void* record, bool discard) override {
    Header* header = header_of(record);
    const uint32_t length = (header->length & ~kBusy) | (discard ? kDiscard : 0);
    __atomic_store_n(&header->length, length, __ATOMIC_RELEASE);
  }

  int output(const void* data, uint64_t size) override {
    void* record = reserve(size);
    if (!record) return -EAGAIN;
    memcpy(record, data, size);
    commit(record, false);
    return 0;
  }

  uint64_t query(uint64_t flags) const override {
    const uint64_t consumed = __atomic_load_n(consumer(), __ATOMIC_ACQUIRE);
    const uint64_t produced = __atomic_load_n(producer(), __ATOMIC_ACQUIRE);
    const uint64_t answers[] = {produced - consumed, data_bytes(), consumed, produced};
    return flags < std::size(answers) ? answers[flags] : 0;
  }

  size_t consume(void (*sink)(void* context, std::span<const std::byte> record), void* context) override {
    size_t count = 0;
    uint64_t consumed = *consumer();
    while (consumed < __atomic_load_n(producer(), __ATOMIC_ACQUIRE)) {
      const Header* header = at(consumed);
      const uint32_t length = __atomic_load_n(&header->length, __ATOMIC_ACQUIRE);
      if ((length & kBusy) || record_bytes(length) > data_bytes()) break;
      if (!(length & kDiscard)) {
        sink(context, {reinterpret_cast<const std::byte*>(header + 1), length});
        ++count;
      }
      consumed += record_bytes(length);
      __atomic_store_n(consumer(), consumed, __ATOMIC_RELEASE);
    }
    return count;
  }

 private:
  uint64_t* consumer() const { return reinterpret_cast<uint64_t*>(memory_.data() + kConsumerPage * kPage); }
  uint64_t* producer() const { return reinterpret_cast<uint64_t*>(memory_.data() + kProducerPage * kPage); }
  uint64_t data_bytes() const { return definition_.max_entries; }
  Header* at(uint64_t position) const {
    return reinterpret_cast<Header*>(memory_.data() + kDataPage * kPage + (position & (data_bytes() - 8)));
  }

  Mapping memory_;
  FileDescriptor file_;
  SpinLock lock_;         // of producers
  uint64_t pending_ = 0;  // position of the oldest record that may be busy
};

}  // namespace

RingBuffer& RingBuffer::owner(const void* record) {
  const Header* header = header_of(record);
  const uintptr_t page = reinterpret_cast<uintptr_t>(header) / kPage * kPage;
  return **reinterpret_cast<RingBuffer**>(page - header->page * kPage);
}

MapResult create_ring_buffer(const MapDefinition& definition) {
  const uint64_t data = definition.max_entries;
  FileDescriptor file = TRY(allocate_file(definition, 2 * kPage + data));
  Mapping memory = TRY(allocate(definition, kDataPage * kPage + 2 * data));
  const auto place = [&](uint64_t at, uint64_t bytes, uint64_t offset) {
    return mmap(memory.data() + at, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file.get(),
                static_cast<off_t>(offset)) != MAP_FAILED;
  };
  if (!place(kConsumerPage * kPage, 2 * kPage + data, 0) || !place(kDataPage * kPage + data, data, 2 * kPage))
    return fail(ENOMEM, fmt::format("map {}", definition.name), "no room for {} bytes", data);
  return std::make_shared<RingBufferMap>(definition, std::move(memory), std::move(file));
}

}  // namespace ring3::bpf
