#include "bench/baselines.hpp"

#include <liburing.h>
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <vector>

namespace ring3::bench {

namespace {

// A ring as one would set it up for speed, falling back on kernels without DEFER_TASKRUN.
class Uring {
 public:
  explicit Uring(unsigned entries) {
    error_ = io_uring_queue_init(entries, &ring_, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
    if (error_ < 0) error_ = io_uring_queue_init(entries, &ring_, 0);
  }
  ~Uring() {
    if (error_ >= 0) io_uring_queue_exit(&ring_);
  }
  Uring(const Uring&) = delete;

  int error() const { return error_; }
  io_uring* get() { return &ring_; }
  int submit_and_wait(unsigned wait) {
    ++system_calls_;
    return io_uring_submit_and_wait(&ring_, wait);
  }
  uint64_t system_calls() const { return system_calls_; }

 private:
  io_uring ring_{};
  int error_;
  uint64_t system_calls_ = 0;
};

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// One block of a copy: the buffer, and where it is on its way.
struct Block {
  std::byte* buffer;
  uint64_t offset;
  uint32_t length, done;
  bool writing;
};

class Copy {
 public:
  Copy(int in, int out, uint64_t size, uint32_t block, unsigned depth)
      : in_(in), out_(out), size_(size), block_(block), uring_(depth), blocks_(depth), memory_(size_t{block} * depth) {
    for (unsigned i = 0; i < depth; ++i) blocks_[i].buffer = memory_.data() + size_t{block} * i;
  }

  Work run() {
    if (uring_.error() < 0) return {.error = uring_.error()};
    const Stopwatch watch;
    for (Block& block : blocks_) start(block);
    while (in_flight_ > 0) {
      if (int result = uring_.submit_and_wait(1); result < 0) return {.error = result};
      io_uring_cqe* cqe;
      unsigned head, count = 0;
      io_uring_for_each_cqe(uring_.get(), head, cqe) {
        ++count;
        if (int result = advance(*static_cast<Block*>(io_uring_cqe_get_data(cqe)), cqe->res); result < 0)
          return {.error = result};
      }
      io_uring_cq_advance(uring_.get(), count);
    }
    return {.operations = copied_, .system_calls = uring_.system_calls(), .seconds = watch.seconds()};
  }

 private:
  void start(Block& block) {
    if (next_ >= size_) return;
    block.offset = next_;
    block.length = static_cast<uint32_t>(std::min<uint64_t>(block_, size_ - next_));
    block.done = 0;
    block.writing = false;
    next_ += block.length;
    ++in_flight_;
    queue(block);
  }

  void queue(Block& block) {
    io_uring_sqe* sqe = io_uring_get_sqe(uring_.get());
    const uint32_t left = block.length - block.done;
    if (block.writing) {
      io_uring_prep_write(sqe, out_, block.buffer + block.done, left, block.offset + block.done);
    } else {
      io_uring_prep_read(sqe, in_, block.buffer + block.done, left, block.offset + block.done);
    }
    io_uring_sqe_set_data(sqe, &block);
  }

  int advance(Block& block, int result) {
    if (result <= 0) return result < 0 ? result : -EIO;
    block.done += static_cast<uint32_t>(result);
    if (block.done < block.length) {
      queue(block);
    } else if (!block.writing) {
      block.writing = true;
      block.done = 0;
      queue(block);
    } else {
      copied_ += block.length;
      --in_flight_;
      start(block);
    }
    return 0;
  }

  int in_, out_;
  uint64_t size_;
  uint32_t block_;
  Uring uring_;
  std::vector<Block> blocks_;
  std::vector<std::byte> memory_;
  uint64_t next_ = 0, copied_ = 0;
  unsigned in_flight_ = 0;
};

}  // namespace

Work liburing_nops(uint64_t count, unsigned batch) {
  Uring uring(batch);
  if (uring.error() < 0) return {.error = uring.error()};
  const Stopwatch watch;
  for (uint64_t done = 0; done < count; done += batch) {
    for (unsigned i = 0; i < batch; ++i) io_uring_prep_nop(io_uring_get_sqe(uring.get()));
    if (int result = uring.submit_and_wait(batch); result < 0) return {.error = result};
    io_uring_cq_advance(uring.get(), batch);
  }
  return {.operations = count, .system_calls = uring.system_calls(), .seconds = watch.seconds()};
}

Work liburing_nop_links(uint64_t count) {
  Uring uring(8);
  if (uring.error() < 0) return {.error = uring.error()};
  const Stopwatch watch;
  for (uint64_t i = 0; i < count; i += 2) {
    io_uring_sqe* first = io_uring_get_sqe(uring.get());
    io_uring_prep_nop(first);
    first->flags |= IOSQE_IO_LINK;
    io_uring_prep_nop(io_uring_get_sqe(uring.get()));
    if (int result = uring.submit_and_wait(2); result < 0) return {.error = result};
    io_uring_cq_advance(uring.get(), 2);
  }
  return {.operations = count, .system_calls = uring.system_calls(), .seconds = watch.seconds()};
}

Work liburing_reads(int fd, uint64_t file_size, uint32_t block, unsigned depth, uint64_t count) {
  Uring uring(depth);
  if (uring.error() < 0) return {.error = uring.error()};
  std::vector<std::byte> memory(size_t{block} * depth);
  uint64_t offset = 0, submitted = 0, completed = 0;
  auto queue = [&](uint64_t slot) {
    io_uring_sqe* sqe = io_uring_get_sqe(uring.get());
    io_uring_prep_read(sqe, fd, memory.data() + slot * block, block, offset);
    sqe->user_data = slot;
    offset = offset + block < file_size ? offset + block : 0;
    ++submitted;
  };
  const Stopwatch watch;
  for (unsigned slot = 0; slot < depth && submitted < count; ++slot) queue(slot);
  while (completed < count) {
    if (int result = uring.submit_and_wait(1); result < 0) return {.error = result};
    io_uring_cqe* cqe;
    unsigned head, seen = 0;
    io_uring_for_each_cqe(uring.get(), head, cqe) {
      ++seen;
      if (cqe->res != static_cast<int>(block)) return {.error = cqe->res < 0 ? cqe->res : -EIO};
      if (submitted < count) queue(cqe->user_data);
    }
    completed += seen;
    io_uring_cq_advance(uring.get(), seen);
  }
  return {.operations = count, .system_calls = uring.system_calls(), .seconds = watch.seconds()};
}

Work liburing_copy(int in, int out, uint64_t size, uint32_t block, unsigned depth) {
  return Copy(in, out, size, block, depth).run();
}

}  // namespace ring3::bench
