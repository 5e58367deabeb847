#include "backend/threads/resources.hpp"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>

#include "base/user_copy.hpp"

namespace ring3::backend::threads {

namespace {

constexpr uint32_t kFilesMax = 1u << 20, kBuffersMax = 1u << 14;
constexpr uint64_t kBufferSizeMax = 1ull << 30;
constexpr int kSkip = -2;  // IORING_REGISTER_FILES_SKIP
constexpr uint32_t kSparse = 1;
constexpr int kPopulateWrite = 23;  // MADV_POPULATE_WRITE

bool same_open_file(int a, int b) {
  pid_t self = ::getpid();
  return ::syscall(SYS_kcmp, self, self, KCMP_FILE, a, b) == 0;
}

// Whether the kernel can be told to fault pages in for writing (Linux 5.14).
bool can_populate() {
  static const bool can = [] {
    Mapping page(::mmap(nullptr, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 1);
    return ::madvise(page.data(), 1, kPopulateWrite) == 0;
  }();
  return can;
}

// Faults every page in for writing, as the kernel does when it pins them: 0 or a negative errno.
int check_buffer(const iovec& vector) {
  uint64_t base = reinterpret_cast<uint64_t>(vector.iov_base), end;
  if (base == 0) return vector.iov_len ? -EFAULT : 0;
  if (vector.iov_len == 0 || vector.iov_len > kBufferSizeMax) return -EFAULT;
  if (__builtin_add_overflow(base, vector.iov_len, &end)) return -EOVERFLOW;
  uint64_t page = ::sysconf(_SC_PAGESIZE), first = base & ~(page - 1);
  if (can_populate())
    return ::madvise(reinterpret_cast<void*>(first), end - first, kPopulateWrite) ? -EFAULT : 0;
  for (uint64_t at = first; at < end; at += page) {
    std::byte byte;
    uint64_t probe = std::max(at, base);
    if (copy_from_user(&byte, probe, 1) < 0) return -EFAULT;
  }
  return 0;
}

}  // namespace

std::shared_ptr<File> FileCache::acquire(int fd, int& error) {
  constexpr size_t kSweepAt = 256;
  if (by_number_.size() > kSweepAt)
    std::erase_if(by_number_, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<File>& known = by_number_[fd];
  if (std::shared_ptr<File> file = known.lock(); file && same_open_file(fd, file->fd.get())) return file;
  int duplicate = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (duplicate < 0) {
    error = -errno;
    return nullptr;
  }
  auto file = std::make_shared<File>();
  file->fd = FileDescriptor(duplicate);
  file->number = fd;
  known = file;
  return file;
}

std::shared_ptr<File> Resources::file(uint32_t slot) const {
  return slot < files_.size() ? files_[slot] : nullptr;
}
std::shared_ptr<Buffer> Resources::buffer(uint32_t slot) const {
  return slot < buffers_.size() ? buffers_[slot] : nullptr;
}

int Resources::install(FileDescriptor fd, uint32_t file_index) {
  if (!has_files_) return -ENXIO;
  uint32_t slot = file_index - 1;
  bool allocate = file_index == ~0u;
  if (allocate) slot = std::find(files_.begin(), files_.end(), nullptr) - files_.begin();
  if (slot >= files_.size()) return allocate ? -ENFILE : -EINVAL;
  auto file = std::make_shared<File>();
  file->fd = std::move(fd);
  files_[slot] = std::move(file);
  return allocate ? static_cast<int>(slot) : 0;
}

int Resources::remove(uint32_t slot) {
  if (!has_files_) return -ENXIO;
  if (slot >= files_.size()) return -EINVAL;
  if (!files_[slot]) return -EBADF;
  files_[slot].reset();
  return 0;
}

int Resources::update_files(uint32_t offset, uint64_t fds, uint32_t count) {
  if (!has_files_) return -ENXIO;
  if (uint64_t{offset} + count > files_.size()) return -EINVAL;
  uint32_t done = 0;
  int result = 0;
  for (; done < count && result == 0; done += result == 0) {
    int fd = -1;
    result = copy_from_user(&fd, fds + uint64_t{done} * sizeof(fd), sizeof(fd));
    if (result < 0 || fd == kSkip) continue;
    std::shared_ptr<File> file;
    if (fd >= 0) file = cache_.acquire(fd, result);
    if (fd < kSkip) result = -EBADF;
    if (result == 0) files_[offset + done] = std::move(file);
  }
  return done > 0 ? static_cast<int>(done) : result;
}

int Resources::register_files(uint64_t fds, uint32_t count) {
  if (has_files_) return -EBUSY;
  if (count == 0) return -EINVAL;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  if (count > kFilesMax || count > limit.rlim_cur) return -EMFILE;
  files_.assign(count, nullptr);
  has_files_ = true;
  int result = 0;
  for (uint32_t i = 0; i < count && result == 0; ++i) {
    int fd = -1;
    if (fds) result = copy_from_user(&fd, fds + uint64_t{i} * sizeof(fd), sizeof(fd));
    if (result == 0 && fd < -1) result = -EBADF;
    if (result == 0 && fd >= 0) files_[i] = cache_.acquire(fd, result);
  }
  if (result < 0) {
    files_.clear();
    has_files_ = false;
  }
  return result;
}

int Resources::update_buffers(uint32_t offset, uint64_t vectors, uint32_t count) {
  if (!has_buffers_) return -ENXIO;
  if (uint64_t{offset} + count > buffers_.size()) return -EINVAL;
  uint32_t done = 0;
  int result = 0;
  for (; done < count; ++done) {
    iovec vector{};
    result = copy_from_user(&vector, vectors + done * sizeof(vector), sizeof(vector));
    if (result == 0) result = check_buffer(vector);
    if (result < 0) break;
    uint64_t base = reinterpret_cast<uint64_t>(vector.iov_base);
    buffers_[offset + done] = base ? std::make_shared<Buffer>(Buffer{base, vector.iov_len}) : nullptr;
  }
  return done > 0 ? static_cast<int>(done) : result;
}

int Resources::register_buffers(uint64_t vectors, uint32_t count) {
  if (has_buffers_) return -EBUSY;
  if (count == 0 || count > kBuffersMax) return -EINVAL;
  buffers_.assign(count, nullptr);
  has_buffers_ = true;
  int result = 0;
  for (uint32_t i = 0; vectors && i < count && result >= 0; ++i)
    result = update_buffers(i, vectors + i * sizeof(iovec), 1);
  if (result >= 0) return 0;
  buffers_.clear();
  has_buffers_ = false;
  return result;
}

int Resources::register_op(unsigned opcode, uint64_t argument, unsigned count) {
  struct Register {
    uint32_t count, flags;
    uint64_t reserved, data, tags;
  } resource{};
  struct Update {
    uint32_t offset, reserved;
    uint64_t data, tags;
    uint32_t count, reserved2;
  } update{};
  struct OldUpdate {
    uint32_t offset, reserved;
    uint64_t data;
  } old_update{};

  switch (opcode) {
    case abi::IORING_REGISTER_FILES:
      return argument ? register_files(argument, count) : -EFAULT;
    case abi::IORING_REGISTER_BUFFERS:
      return argument ? register_buffers(argument, count) : -EFAULT;
    case abi::IORING_UNREGISTER_FILES:
      if (argument || count) return -EINVAL;
      if (!has_files_) return -ENXIO;
      files_.clear();
      has_files_ = false;
      return 0;
    case abi::IORING_UNREGISTER_BUFFERS:
      if (argument || count) return -EINVAL;
      if (!has_buffers_) return -ENXIO;
      buffers_.clear();
      has_buffers_ = false;
      return 0;
    case abi::IORING_REGISTER_FILES2:
    case abi::IORING_REGISTER_BUFFERS2: {
      if (count != sizeof(resource)) return -EINVAL;
      if (int result = copy_from_user(&resource, argument, sizeof(resource)); result < 0) return result;
      if (resource.count == 0 || resource.reserved || resource.tags || resource.flags & ~kSparse)
        return -EINVAL;
      if (resource.flags & kSparse && resource.data) return -EINVAL;
      if (!(resource.flags & kSparse) && !resource.data) return -EFAULT;
      return opcode == abi::IORING_REGISTER_FILES2 ? register_files(resource.data, resource.count)
                                                   : register_buffers(resource.data, resource.count);
    }
    case abi::IORING_REGISTER_FILES_UPDATE:
      if (count == 0) return -EINVAL;
      if (int result = copy_from_user(&old_update, argument, sizeof(old_update)); result < 0) return result;
      if (old_update.reserved) return -EINVAL;
      return update_files(old_update.offset, old_update.data, count);
    case abi::IORING_REGISTER_FILES_UPDATE2:
    case abi::IORING_REGISTER_BUFFERS_UPDATE:
      if (count != sizeof(update)) return -EINVAL;
      if (int result = copy_from_user(&update, argument, sizeof(update)); result < 0) return result;
      if (update.count == 0 || update.reserved || update.reserved2 || update.tags) return -EINVAL;
      return opcode == abi::IORING_REGISTER_FILES_UPDATE2
                 ? update_files(update.offset, update.data, update.count)
                 : update_buffers(update.offset, update.data, update.count);
    default:
      return -EINVAL;
  }
}

}  // namespace ring3::backend::threads
