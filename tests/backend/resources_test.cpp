// Registered files and buffers.
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "suite.hpp"

namespace ring3::backend::test {
namespace {

using namespace abi;

struct ResourceRegister {
  uint32_t count, flags;
  uint64_t reserved, data, tags;
};
struct FilesUpdate {
  uint32_t offset, reserved;
  uint64_t data;
};
struct ResourceUpdate {
  uint32_t offset, reserved;
  uint64_t data, tags;
  uint32_t count, reserved2;
};

class Resources : public Suite {
 protected:
  int register_op(unsigned opcode, const void* argument, unsigned count) {
    return backend_->register_op(opcode, address(argument), count);
  }
};
RING3_BACKEND_SUITE(Resources);

TEST_P(Resources, Files) {
  FileDescriptor one = temporary_file(10), two = temporary_file(20);
  char bytes[100];
  Sqe read = with_flags(make_sqe(IORING_OP_READ, 0, address(bytes), 100), IOSQE_FIXED_FILE);
  EXPECT_EQ(run(read), -EBADF);
  int fds[3] = {one.get(), -1, two.get()};
  EXPECT_EQ(register_op(IORING_REGISTER_FILES, fds, 0), -EINVAL);
  EXPECT_EQ(backend_->register_op(IORING_REGISTER_FILES, kWildAddress, 3), -EFAULT);
  EXPECT_EQ(register_op(IORING_UNREGISTER_FILES, nullptr, 0), -ENXIO);
  ASSERT_EQ(register_op(IORING_REGISTER_FILES, fds, 3), 0);
  EXPECT_EQ(register_op(IORING_REGISTER_FILES, fds, 3), -EBUSY);
  one = FileDescriptor();  // the registration keeps it
  EXPECT_EQ(run(read), 10);
  read.fd = 1;
  EXPECT_EQ(run(read), -EBADF);
  read.fd = 3;
  EXPECT_EQ(run(read), -EBADF);
  read.fd = 2;
  EXPECT_EQ(run(with_flags(read, IOSQE_ASYNC)), 20);

  int new_fds[2] = {two.get(), -1};
  FilesUpdate update{1, 0, address(new_fds)};
  EXPECT_EQ(register_op(IORING_REGISTER_FILES_UPDATE, &update, 2), 2);
  EXPECT_EQ(run(read), -EBADF);
  read.fd = 1;
  EXPECT_EQ(run(read), 20);
  update.offset = 2;
  EXPECT_EQ(register_op(IORING_REGISTER_FILES_UPDATE, &update, 2), -EINVAL);
  update = {0, 0, kWildAddress};
  EXPECT_EQ(register_op(IORING_REGISTER_FILES_UPDATE, &update, 1), -EFAULT);
  ResourceUpdate update2{0, 0, address(new_fds), 0, 1, 0};
  EXPECT_EQ(register_op(IORING_REGISTER_FILES_UPDATE2, &update2, sizeof(update2)), 1);
  read.fd = 0;
  EXPECT_EQ(run(read), 20);
  EXPECT_EQ(register_op(IORING_UNREGISTER_FILES, nullptr, 0), 0);
  EXPECT_EQ(run(read), -EBADF);
  int bad[1] = {1000000};
  EXPECT_EQ(register_op(IORING_REGISTER_FILES, bad, 1), -EBADF);
}

TEST_P(Resources, DirectDescriptors) {
  Sqe open = make_sqe(IORING_OP_OPENAT, AT_FDCWD, address("/tmp"), 0, 0, O_RDONLY | O_DIRECTORY);
  open.file_index = 1;
  EXPECT_EQ(run(open), -ENXIO);
  ResourceRegister sparse{2, 1, 0, 0, 0};
  ASSERT_EQ(register_op(IORING_REGISTER_FILES2, &sparse, sizeof(sparse)), 0);
  EXPECT_EQ(run(open), 0);
  Sqe socket = make_sqe(IORING_OP_SOCKET, AF_UNIX, 0, 0, SOCK_STREAM);
  socket.file_index = -1;  // IORING_FILE_INDEX_ALLOC
  EXPECT_EQ(run(socket), 1);
  EXPECT_EQ(run(socket), -ENFILE);
  open.file_index = 3;
  EXPECT_EQ(run(open), -EINVAL);
  EXPECT_EQ(run(with_flags(make_sqe(IORING_OP_SHUTDOWN, 1, 0, SHUT_RD), IOSQE_FIXED_FILE)), 0);
  Sqe close = make_sqe(IORING_OP_CLOSE, 0);
  close.file_index = 2;
  EXPECT_EQ(run(close), 0);
  EXPECT_EQ(run(close), -EBADF);
  close.file_index = 3;
  EXPECT_EQ(run(close), -EINVAL);
  open.file_index = 1;
  open.op_flags |= O_CLOEXEC;
  EXPECT_EQ(run(open), -EINVAL);
}

TEST_P(Resources, Buffers) {
  constexpr size_t kSize = 8192;
  Mapping memory(::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), kSize);
  FileDescriptor file = temporary_file(kSize);
  uint64_t base = address(memory.data());
  Sqe read = make_sqe(IORING_OP_READ_FIXED, file.get(), base, kSize);
  EXPECT_EQ(run(read), -EFAULT);
  iovec vectors[2] = {{memory.data(), kSize}, {nullptr, 0}};
  EXPECT_EQ(register_op(IORING_UNREGISTER_BUFFERS, nullptr, 0), -ENXIO);
  EXPECT_EQ(register_op(IORING_REGISTER_BUFFERS, vectors, 0), -EINVAL);
  EXPECT_EQ(backend_->register_op(IORING_REGISTER_BUFFERS, kWildAddress, 1), -EFAULT);
  iovec wild{reinterpret_cast<void*>(uint64_t{1} << 40), 4096}, huge{memory.data(), (size_t{1} << 30) + 1},
      empty{memory.data(), 0}, null_base{nullptr, 1};
  for (const iovec& bad : {wild, huge, empty, null_base})
    EXPECT_EQ(register_op(IORING_REGISTER_BUFFERS, &bad, 1), -EFAULT) << bad.iov_len;
  ASSERT_EQ(register_op(IORING_REGISTER_BUFFERS, vectors, 2), 0);
  EXPECT_EQ(register_op(IORING_REGISTER_BUFFERS, vectors, 2), -EBUSY);
  EXPECT_EQ(run(read), static_cast<int>(kSize));
  EXPECT_EQ(std::string(reinterpret_cast<char*>(memory.data()), kSize), pattern(0, kSize));
  EXPECT_EQ(run(make_sqe(IORING_OP_WRITE_FIXED, file.get(), base + 100, 100, kSize)), 100);
  EXPECT_EQ(run(make_sqe(IORING_OP_READ_FIXED, file.get(), base + 1, kSize)), -EFAULT);
  EXPECT_EQ(run(make_sqe(IORING_OP_READ_FIXED, file.get(), base - 1, 1)), -EFAULT);
  EXPECT_EQ(run(make_sqe(IORING_OP_READ_FIXED, file.get(), ~0ull - 10, 100)), -EFAULT);
  for (uint16_t index : {1, 2, 65535}) {
    read.buf_index = index;
    EXPECT_EQ(run(read), -EFAULT) << index;
  }
  ResourceUpdate update{1, 0, address(vectors), 0, 1, 0};
  EXPECT_EQ(register_op(IORING_REGISTER_BUFFERS_UPDATE, &update, sizeof(update)), 1);
  read.buf_index = 1;
  EXPECT_EQ(run(read), static_cast<int>(kSize));
  update.offset = 2;
  EXPECT_EQ(register_op(IORING_REGISTER_BUFFERS_UPDATE, &update, sizeof(update)), -EINVAL);
  EXPECT_EQ(register_op(IORING_REGISTER_BUFFERS_UPDATE, &update, 8), -EINVAL);
  EXPECT_EQ(register_op(IORING_UNREGISTER_BUFFERS, nullptr, 0), 0);
  EXPECT_EQ(run(read), -EFAULT);
  ResourceRegister sparse{4, 1, 0, 0, 0};
  EXPECT_EQ(register_op(IORING_REGISTER_BUFFERS2, &sparse, sizeof(sparse)), 0);
  EXPECT_EQ(run(read), -EFAULT);
}

TEST_P(Resources, ReadOnlyMemoryIsNoBuffer) {
  Mapping memory(::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096);
  iovec vector{memory.data(), 4096};
  EXPECT_EQ(register_op(IORING_REGISTER_BUFFERS, &vector, 1), -EFAULT);
}

TEST_P(Resources, UnknownRegistrationsAreRefused) {
  EXPECT_EQ(backend_->register_op(9999, 0, 0), -EINVAL);
  if (is_kernel()) GTEST_SKIP() << "tags are Linux's; the back-ends refuse them";
  uint64_t tag = 7;
  int fd = -1;
  ResourceRegister tagged{1, 0, 0, address(&fd), address(&tag)};
  EXPECT_EQ(register_op(IORING_REGISTER_FILES2, &tagged, sizeof(tagged)), -EINVAL);
}

}  // namespace
}  // namespace ring3::backend::test
