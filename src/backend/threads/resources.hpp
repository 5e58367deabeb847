// Files and buffers: those that requests in flight hold on to, and those that are registered.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "abi/io_uring.hpp"
#include "base/fd.hpp"

namespace ring3::backend::threads {

struct Request;

// An open file that outlives the application's close(2) of its number: a duplicate of our own.
struct File {
  FileDescriptor fd;
  int number = -1;  // what the application calls it, or its registered slot
  uint64_t id = 0;  // in the poller
  bool in_poller = false;
  std::deque<Request*> waiting;  // for readiness, oldest first
};

// Finds or makes the File of a descriptor number. Requests on one open file share one duplicate where the
// kernel lets us compare (kcmp), so that thousands of them don't use up the descriptor limit.
class FileCache {
 public:
  // nullptr: no such descriptor, or no more to be had; `error` says which.
  std::shared_ptr<File> acquire(int fd, int& error);

 private:
  std::unordered_map<int, std::weak_ptr<File>> by_number_;
};

struct Buffer {
  uint64_t address = 0;
  uint64_t size = 0;
};

// The registered files and buffers, with io_uring_register's limits and errnos. Not synchronised.
class Resources {
 public:
  explicit Resources(FileCache& cache) : cache_(cache) {}

  // Performs a register opcode, or returns -EINVAL for one that isn't about files or buffers.
  int register_op(unsigned opcode, uint64_t argument, unsigned count);

  // nullptr if the slot is empty or out of range.
  std::shared_ptr<File> file(uint32_t slot) const;
  std::shared_ptr<Buffer> buffer(uint32_t slot) const;

  // Puts a new descriptor into a slot (file_index - 1, or IORING_FILE_INDEX_ALLOC as ~0u) and owns it from
  // then on, also on failure. 0 or, for the allocating form, the slot; or a negative errno.
  int install(FileDescriptor fd, uint32_t file_index);
  // Empties a slot.
  int remove(uint32_t slot);

 private:
  int register_files(uint64_t fds, uint32_t count);
  int update_files(uint32_t offset, uint64_t fds, uint32_t count);
  int register_buffers(uint64_t vectors, uint32_t count);
  int update_buffers(uint32_t offset, uint64_t vectors, uint32_t count);

  FileCache& cache_;
  bool has_files_ = false, has_buffers_ = false;
  std::vector<std::shared_ptr<File>> files_;
  std::vector<std::shared_ptr<Buffer>> buffers_;
};

}  // namespace ring3::backend::threads
