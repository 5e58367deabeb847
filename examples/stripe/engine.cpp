#include "engine.hpp"

#include <sys/mman.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstdlib>

namespace {

constexpr unsigned kEntries = 256;  // of the SQ: several chains
constexpr unsigned kCrcCheck = 1;   // crc32c.bpf.c: CRC32C_CHECK

enum Step : unsigned { Read, Parity, Checksum, Write, Sync };
constexpr const char* kStepNames[] = {"reading", "making the parity", "checking", "writing", "fsync"};
constexpr unsigned kLast = 0x80;  // the last request of its chain

template <typename T>
T must(ring3::Result<T> result) {
  if (!result) die("%s", result.error().text().c_str());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

ring3::Module load(const char* name) {
  ring3::Module module = must(ring3::Module::open(std::string(RING3_PROGRAMS "/") + name + ".bpf.o"));
  if (!must(module.load())) die("%s.bpf.o was refused; see ring3 verify", name);
  return module;
}

io_uring_params setup_params() {
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_BPF_EXT;
  return params;
}

}  // namespace

Engine::Engine(ring3::BackendKind backend, const Shape& shape) : Engine(backend, shape, setup_params()) {}

Engine::Engine(ring3::BackendKind backend, const Shape& shape, io_uring_params params)
    : shape_(shape),
      ring_(must(ring3::Ring::setup(kEntries, params, backend))),
      queues_(must(ring3::Queues::open(ring_, params))),
      chains_(kChains) {
  for (const char* name : {"xor_parity", "crc32c"}) {
    modules_.push_back(load(name));
    operations_.push_back(must(ring3::Operation::attach(modules_.back(), ring_)));
  }
  const size_t bytes = size_t{kDepth} * shape.members() * shape.unit;
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) die("no memory for %u stripes in flight", kDepth);
  memory_ = static_cast<std::byte*>(memory);
  iovec vector = {memory, bytes};
  if (ring_.register_op(IORING_REGISTER_BUFFERS, &vector, 1) != 0) die("the buffers could not be registered");
}

std::byte* Engine::unit(unsigned slot, unsigned index) const {
  return memory_ + (size_t{slot} * shape_.members() + index) * shape_.unit;
}

void Engine::begin(unsigned chain, unsigned requests) {
  // A chain must not be cut by the end of a submission.
  if (queued_ + requests > kEntries) {
    if (const int taken = queues_.submit(); taken < 0)
      die("submitting: %s", ring3::errno_name(-taken).c_str());
    queued_ = 0;
  }
  current_ = chain;
  last_ = nullptr;
  chains_[chain] = {};
  chains_[chain].descs.reserve(size_t{requests} * (kDataMax + 1));  // they stay where they are
}

io_uring_sqe* Engine::add(unsigned step, unsigned member) {
  if (last_) last_->flags |= IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS;
  last_ = queues_.next_sqe();
  last_->user_data = uint64_t{current_} << 16 | step << 8 | member;
  queued_++;
  return last_;
}

void Engine::transfer(uint8_t opcode, unsigned step, int fd, const void* data, uint32_t bytes,
                      uint64_t offset, unsigned member) {
  io_uring_sqe* sqe = add(step, member);
  sqe->opcode = opcode;
  sqe->fd = fd;
  sqe->addr = reinterpret_cast<uint64_t>(data);
  sqe->len = bytes;
  sqe->off = offset;
  chains_[current_].last_bytes = bytes;
}

void Engine::read(int fd, void* unit, uint32_t bytes, uint64_t offset, unsigned member) {
  transfer(IORING_OP_READ_FIXED, Read, fd, unit, bytes, offset, member);
}
void Engine::write(int fd, const void* unit, uint32_t bytes, uint64_t offset, unsigned member) {
  transfer(IORING_OP_WRITE_FIXED, Write, fd, unit, bytes, offset, member);
}
void Engine::write_records(int fd, const void* records, uint32_t bytes, uint64_t offset, unsigned member) {
  transfer(IORING_OP_WRITE, Write, fd, records, bytes, offset, member);
}

void Engine::sync(int fd, unsigned member) {
  io_uring_sqe* sqe = add(Sync, member);
  sqe->opcode = IORING_OP_FSYNC;
  sqe->fd = fd;
  sqe->fsync_flags = IORING_FSYNC_DATASYNC;
  chains_[current_].last_bytes = 0;
}

void Engine::run(const ring3::Operation& operation, unsigned step, unsigned flags,
                 const std::vector<io_bpf_buf_desc>& descs, unsigned member) {
  auto& kept = chains_[current_].descs;
  const size_t first = kept.size();
  kept.insert(kept.end(), descs.begin(), descs.end());
  io_uring_sqe* sqe = add(step, member);
  io_uring_prep_bpf(sqe, operation.id(), flags, &kept[first], static_cast<unsigned>(descs.size()));
  chains_[current_].last_bytes = 0;
}

void Engine::parity(unsigned slot, unsigned target) {
  std::vector<io_bpf_buf_desc> descs = {io_bpf_buf_fixed(0, unit(slot, target), shape_.unit)};
  for (unsigned i = 0; i < shape_.members(); i++)
    if (i != target) descs.push_back(io_bpf_buf_fixed(0, unit(slot, i), shape_.unit));
  run(operations_[0], Parity, 0, descs, 0);
}
void Engine::make_crc(uint32_t* crc, const void* unit) {
  run(operations_[1], Checksum, 0, {io_bpf_buf_user(crc, 4), io_bpf_buf_fixed(0, unit, shape_.unit)}, 0);
}
void Engine::check_crc(const uint32_t* crc, const void* unit, unsigned member) {
  run(operations_[1], Checksum, kCrcCheck, {io_bpf_buf_user(crc, 4), io_bpf_buf_fixed(0, unit, shape_.unit)},
      member);
}

void Engine::end() { last_->user_data |= kLast; }

Outcome Engine::wait() {
  if (!queues_.cqe()) {
    if (const int taken = queues_.submit(1); taken < 0)
      die("submitting: %s", ring3::errno_name(-taken).c_str());
    queued_ = 0;
  }
  const io_uring_cqe* cqe = queues_.cqe();
  if (!cqe) return wait();  // a signal
  const auto chain = static_cast<unsigned>(cqe->user_data >> 16);
  const unsigned step = cqe->user_data >> 8 & 0xff, member = cqe->user_data & (kLast - 1);
  // The last request's CQE is always there; another's only if it failed or fell short.
  const bool last = cqe->user_data & kLast, transfer = step == Read || step == Write;
  int error = 0;
  if (cqe->res < 0) {
    error = -cqe->res;
  } else if (!last || (transfer && static_cast<uint32_t>(cqe->res) != chains_[chain].last_bytes)) {
    error = EIO;
  }
  queues_.seen();
  return {chain, error, kStepNames[step], member};
}

void Engine::finish() {
  end();
  if (const Outcome outcome = wait(); outcome.error)
    die("%s member %u: %s", outcome.what, outcome.member, ring3::errno_name(outcome.error).c_str());
}
