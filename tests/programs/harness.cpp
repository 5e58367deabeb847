#include "harness.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

namespace ring3::test {

namespace {

constexpr size_t kPage = 4096;
constexpr size_t kOwn = 32 << 20, kProvided = 24 << 20;

Mapping map(size_t size) {
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("mmap");
  return Mapping(memory, size);
}

Ring make_ring(BackendKind backend, io_uring_params& params, unsigned flags) {
  params.flags = IORING_SETUP_BPF_EXT | flags;
  return must(Ring::setup(64, params, backend));
}

io_bpf_buf_desc describe(io_bpf_buf_type kind, unsigned index, const void* data, size_t length) {
  return io_bpf_buf(kind, index, reinterpret_cast<uint64_t>(data), static_cast<uint32_t>(length));
}

}  // namespace

Bytes random_bytes(size_t size, Random& random) {
  Bytes bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

Bytes Buffer::get() const {
  Bytes bytes;
  for (const iovec& piece : pieces_) {
    const auto* data = static_cast<const uint8_t*>(piece.iov_base);
    bytes.insert(bytes.end(), data, data + piece.iov_len);
  }
  return bytes;
}

void Buffer::set(const Bytes& bytes) {
  size_t at = 0;
  for (const iovec& piece : pieces_) {
    std::copy_n(bytes.begin() + at, piece.iov_len, static_cast<uint8_t*>(piece.iov_base));
    at += piece.iov_len;
  }
}

Memory::Memory(Ring& ring) : own_(map(kOwn)), provided_(map(kProvided)) {
  // Every fourth segment is a long one: both what lines up with pages and what does not is among them.
  constexpr size_t sizes[] = {1000, 4096, 77, 512 * 1024, 8191, 3 * 4096 + 5, 64, 256 * 1024};
  std::vector<size_t> starts;
  size_t at = 0;
  for (size_t i = 0; at + (512 << 10) < kProvided; at += sizes[i++ % std::size(sizes)])
    segments_.push_back({provided_.data() + at, sizes[i % std::size(sizes)]});
  std::reverse(segments_.begin(), segments_.end());

  iovec table[2] = {{own_.data(), own_.size()}, {nullptr, 0}};
  io_uring_rsrc_register registration{};
  registration.nr = 2;
  registration.data = reinterpret_cast<uint64_t>(table);
  if (ring.register_op(IORING_REGISTER_BUFFERS2, &registration, sizeof(registration)) != 0)
    throw std::runtime_error("the buffers could not be registered");
  ProviderBuffer provider;
  for (const iovec& segment : segments_) provider.segments.push_back({segment.iov_base, segment.iov_len});
  must(ring.provide_buffer(1, std::move(provider)));
}

std::vector<iovec> Memory::provided_pieces(size_t offset, size_t size) const {
  std::vector<iovec> pieces;
  for (const iovec& segment : segments_) {
    if (size == 0) break;
    if (offset >= segment.iov_len) {
      offset -= segment.iov_len;
      continue;
    }
    const size_t taken = std::min(size, segment.iov_len - offset);
    pieces.push_back({static_cast<std::byte*>(segment.iov_base) + offset, taken});
    size -= taken;
    offset = 0;
  }
  if (size) throw std::runtime_error("the test's memory is too small");
  return pieces;
}

Buffer Memory::make(io_bpf_buf_type kind, size_t size, Random& random) {
  return place(kind, size, random() % kPage, &random);
}
Buffer Memory::make_aligned(io_bpf_buf_type kind, size_t size) { return place(kind, size, 0, nullptr); }

Buffer Memory::place(io_bpf_buf_type kind, size_t size, size_t misaligned, Random* random) {
  Buffer buffer;
  buffer.size_ = size;
  // The vectors of a vector: a few, of random sizes, some of them empty.
  auto split = [&](auto add) {
    for (size_t left = size; left > 0;) {
      const size_t taken = random ? std::min(left, (*random)() % (2 + size / 3)) : left;
      add(taken);
      left -= taken;
    }
  };
  auto own = [&](size_t bytes, size_t offset) {
    own_used_ = (own_used_ + kPage - 1) / kPage * kPage + offset;
    if (own_used_ + bytes > kOwn) throw std::runtime_error("the test's memory is too small");
    std::byte* data = own_.data() + own_used_;
    own_used_ += bytes;
    return data;
  };
  if (kind == IO_BPF_BUF_USER || kind == IO_BPF_BUF_FIXED) {
    std::byte* data = own(size, misaligned);
    buffer.pieces_ = {{data, size}};
    buffer.desc_ = describe(kind, 0, data, size);
  } else if (kind == IO_BPF_BUF_VEC) {
    split([&](size_t bytes) {
      buffer.vectors_.push_back({own(bytes, random ? (*random)() % kPage : 0), bytes});
    });
    buffer.pieces_ = buffer.vectors_;
  } else {
    provided_used_ += misaligned;
    if (kind == IO_BPF_BUF_KFIXED) {
      buffer.pieces_ = provided_pieces(provided_used_, size);
      buffer.desc_ = describe(kind, 1, reinterpret_cast<void*>(provided_used_), size);
    } else {
      size_t at = provided_used_;
      split([&](size_t bytes) {
        buffer.vectors_.push_back({reinterpret_cast<void*>(at), bytes});
        for (const iovec& piece : provided_pieces(at, bytes)) buffer.pieces_.push_back(piece);
        at += bytes;
      });
    }
    provided_used_ += size;
  }
  if (kind == IO_BPF_BUF_VEC || kind == IO_BPF_BUF_REG_VEC)
    buffer.desc_ = describe(kind, 1, buffer.vectors_.data(), buffer.vectors_.size());
  return buffer;
}

ProgramRing::ProgramRing(BackendKind backend, unsigned flags)
    : ring_(make_ring(backend, params_, flags)), queues_(must(Queues::open(ring_, params_))) {}

Module& ProgramRing::attach(const std::string& name, bool checked) {
  if (!module_) module_.emplace(must(Module::open(RING3_BUILD_DIR "/programs/" + name + ".bpf.o")));
  if (!must(module_->load({.checked = checked})))
    for (const ProgramVerdict& verdict : module_->verdicts())
      if (!verdict.accepted) throw std::runtime_error(verdict.text);
  operation_.emplace(must(Operation::attach(*module_, ring_)));
  return *module_;
}

int ProgramRing::run(const Descs& descs, unsigned flags, uint64_t off, std::optional<uint8_t> op) {
  io_uring_sqe* sqe = queues_.next_sqe();
  io_uring_prep_bpf(sqe, op ? *op : id(), flags, descs.data(), static_cast<unsigned>(descs.size()));
  sqe->off = off;
  sqe->user_data = 77;
  if (const int taken = queues_.submit(1); taken != 1) throw std::runtime_error("the request was not taken");
  const io_uring_cqe* cqe = queues_.cqe();
  if (!cqe || cqe->user_data != 77) throw std::runtime_error("not the request's CQE");
  const int result = cqe->res;
  queues_.seen();
  if (queues_.cqe()) throw std::runtime_error("more than one CQE");
  return result;
}

void ProgramTest::SetUp() {
  if (GetParam() != BackendKind::Host) return;
  io_uring_params params{};
  if (auto probe = Ring::setup(1, params, BackendKind::Host); !probe)
    GTEST_SKIP() << "no io_uring on this machine: " << probe.error().text();
}

}  // namespace ring3::test
