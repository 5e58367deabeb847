// Requests on files: results, errors, and the bytes that moved.
#include <sys/stat.h>
#include <sys/uio.h>

#include <filesystem>

#include "suite.hpp"

namespace ring3::backend::test {
namespace {

using namespace abi;

class Files : public Suite {};
INSTANTIATE_TEST_SUITE_P(Backends, Files, ::testing::Values("host", "kernel"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(Files, NopReportsZero) { EXPECT_EQ(run(make_sqe(IORING_OP_NOP)), 0); }

TEST_P(Files, ReadMovesBytesAndIsShortAtTheEnd) {
  FileDescriptor file = temporary_file(10000);
  std::string buffer(4096, 0);
  EXPECT_EQ(run(make_sqe(IORING_OP_READ, file.get(), address(buffer.data()), 4096, 4096)), 4096);
  EXPECT_EQ(buffer, pattern(4096, 4096));
  EXPECT_EQ(run(make_sqe(IORING_OP_READ, file.get(), address(buffer.data()), 4096, 8192)), 10000 - 8192);
  EXPECT_EQ(buffer.substr(0, 10000 - 8192), pattern(8192, 10000 - 8192));
  EXPECT_EQ(run(make_sqe(IORING_OP_READ, file.get(), address(buffer.data()), 4096, 20000)), 0);
}

TEST_P(Files, ReadAtMinusOneUsesAndMovesTheFilePosition) {
  FileDescriptor file = temporary_file(100);
  std::string buffer(60, 0);
  Sqe read = make_sqe(IORING_OP_READ, file.get(), address(buffer.data()), 60, ~0ull);
  EXPECT_EQ(run(read), 60);
  EXPECT_EQ(buffer, pattern(0, 60));
  EXPECT_EQ(run(read), 40);
  EXPECT_EQ(buffer.substr(0, 40), pattern(60, 40));
}

TEST_P(Files, WriteAndVectors) {
  FileDescriptor file = temporary_file();
  std::string bytes = pattern(0, 3000);
  EXPECT_EQ(run(make_sqe(IORING_OP_WRITE, file.get(), address(bytes.data()), 1000, 0)), 1000);
  iovec parts[2] = {{bytes.data() + 1000, 500}, {bytes.data() + 1500, 1500}};
  EXPECT_EQ(run(make_sqe(IORING_OP_WRITEV, file.get(), address(parts), 2, 1000)), 2000);
  std::string back(3000, 0);
  iovec back_parts[3] = {{back.data(), 10}, {back.data() + 10, 0}, {back.data() + 10, 2990}};
  EXPECT_EQ(run(make_sqe(IORING_OP_READV, file.get(), address(back_parts), 3, 0)), 3000);
  EXPECT_EQ(back, bytes);
}

}  // namespace
}  // namespace ring3::backend::test
