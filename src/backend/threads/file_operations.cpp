// What concerns files but moves no bytes. All of it may sleep, so a worker does it.
#include <fcntl.h>
#include <linux/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include "backend/threads/operations.hpp"
#include "base/user_copy.hpp"

namespace ring3::backend::threads {

namespace {

int to_result(long result) { return result < 0 ? -errno : static_cast<int>(result); }

int copy_path(Request& request, uint64_t address) {
  char path[PATH_MAX + 1];
  long size = copy_string_from_user(path, address, sizeof(path));
  if (size < 0) return static_cast<int>(size);
  if (size > PATH_MAX) return -ENAMETOOLONG;
  request.path = path;
  return 0;
}

}  // namespace

int deliver_descriptor(Run& run, const Request& request, long fd) {
  if (fd < 0) return -errno;
  if (request.sqe.file_index == 0) return static_cast<int>(fd);
  return run.engine.install_file(FileDescriptor(static_cast<int>(fd)), request.sqe.file_index);
}

int prepare_fsync(Request& request) {
  constexpr uint32_t kDataSync = 1;
  const abi::Sqe& sqe = request.sqe;
  return sqe.addr || sqe.buf_index || sqe.file_index || sqe.op_flags & ~kDataSync ? -EINVAL : 0;
}
int perform_fsync(Run& run, Request& request) {
  if (!run.may_sleep) return kNeedsWorker;
  return to_result(request.sqe.op_flags ? ::fdatasync(request.fd) : ::fsync(request.fd));
}

int prepare_openat(Request& request) {
  const abi::Sqe& sqe = request.sqe;
  if (sqe.buf_index) return -EINVAL;
  if (sqe.flags & abi::IOSQE_FIXED_FILE) return -EBADF;
  if (int result = copy_path(request, sqe.addr); result < 0) return result;
  return sqe.file_index && sqe.op_flags & O_CLOEXEC ? -EINVAL : 0;
}
int perform_openat(Run& run, Request& request) {
  if (!run.may_sleep) return kNeedsWorker;
  int cloexec = request.sqe.file_index ? O_CLOEXEC : 0;
  int fd = ::openat(request.sqe.fd, request.path.c_str(), static_cast<int>(request.sqe.op_flags) | cloexec,
                    request.sqe.len);
  return deliver_descriptor(run, request, fd);
}

int prepare_close(Request& request) {
  const abi::Sqe& sqe = request.sqe;
  if (sqe.off || sqe.addr || sqe.len || sqe.op_flags || sqe.buf_index) return -EINVAL;
  if (sqe.flags & abi::IOSQE_FIXED_FILE) return -EBADF;
  return sqe.file_index && sqe.fd ? -EINVAL : 0;
}
int perform_close(Run& run, Request& request) {
  if (request.sqe.file_index) return run.engine.remove_file(request.sqe.file_index - 1);
  if (!run.may_sleep) return kNeedsWorker;
  return to_result(::close(request.sqe.fd));
}

int prepare_statx(Request& request) {
  const abi::Sqe& sqe = request.sqe;
  if (sqe.buf_index || sqe.file_index) return -EINVAL;
  if (sqe.flags & abi::IOSQE_FIXED_FILE) return -EBADF;
  return copy_path(request, sqe.addr);
}
int perform_statx(Run& run, Request& request) {
  if (!run.may_sleep) return kNeedsWorker;
  const abi::Sqe& sqe = request.sqe;
  return to_result(::syscall(SYS_statx, sqe.fd, request.path.c_str(), sqe.op_flags, sqe.len, sqe.off));
}

int prepare_fallocate(Request& request) {
  const abi::Sqe& sqe = request.sqe;
  return sqe.buf_index || sqe.op_flags || sqe.file_index ? -EINVAL : 0;
}
int perform_fallocate(Run& run, Request& request) {
  if (!run.may_sleep) return kNeedsWorker;
  const abi::Sqe& sqe = request.sqe;
  return to_result(::fallocate(request.fd, static_cast<int>(sqe.len), static_cast<off_t>(sqe.off),
                               static_cast<off_t>(sqe.addr)));
}

int prepare_ftruncate(Request& request) {
  const abi::Sqe& sqe = request.sqe;
  return sqe.op_flags || sqe.addr || sqe.len || sqe.buf_index || sqe.file_index || sqe.addr3 ? -EINVAL : 0;
}
int perform_ftruncate(Run& run, Request& request) {
  if (!run.may_sleep) return kNeedsWorker;
  return to_result(::ftruncate(request.fd, static_cast<off_t>(request.sqe.off)));
}

}  // namespace ring3::backend::threads
