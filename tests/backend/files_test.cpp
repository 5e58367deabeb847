// Requests on files: results, errors, and the bytes that moved.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <filesystem>

#include "suite.hpp"

namespace ring3::backend::test {
namespace {

using namespace abi;

class Files : public Suite {};
RING3_BACKEND_SUITE(Files);

TEST_P(Files, NopReportsZero) { EXPECT_EQ(run(make_sqe(IORING_OP_NOP)), 0); }

TEST_P(Files, WhatIsWrittenInPlaceIsQueuedInItsTurn) {
  constexpr unsigned kRounds = 40, kReads = 7;
  const FileDescriptor file = temporary_file(4096);
  std::string read(kReads * 8, 0);
  unsigned placed = 0;
  uint64_t token = 0;
  for (unsigned round = 0; round < kRounds; ++round) {
    const uint64_t first = token + 1, offset = round * 64;
    for (unsigned i = 0; i < kReads; ++i) {
      Sqe sqe = make_sqe(IORING_OP_READ, file.get(), address(&read[i * 8]), 8, offset + i * 8);
      sqe.user_data = ++token;
      if (i % 3 != 2 && !backend_->places.empty()) {
        *backend_->places.next++ = sqe;
        ++placed;
      } else {
        ASSERT_EQ(backend_->queue({&sqe, 1}), 0);
      }
    }
    if (round % 2) {
      ASSERT_EQ(backend_->flush(), 0);
    }
    collect(kReads);
    for (uint64_t t = first; t <= token; ++t) EXPECT_EQ(result_of(t), 8);
    EXPECT_EQ(read, pattern(offset, read.size())) << round;
  }
  if (is_host()) {
    EXPECT_GT(placed, kRounds * 3);
  }
  if (!is_kernel()) {
    EXPECT_EQ(backend_->counters().requests, token);
  }
}

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

TEST_P(Files, BadDescriptorsAndAddresses) {
  FileDescriptor file = temporary_file(100);
  char byte = 0;
  for (uint8_t opcode : {IORING_OP_READ, IORING_OP_WRITE}) {
    EXPECT_EQ(run(make_sqe(opcode, -1, address(&byte), 1)), -EBADF);
    EXPECT_EQ(run(make_sqe(opcode, 1000000, address(&byte), 1)), -EBADF);
    EXPECT_EQ(run(make_sqe(opcode, file.get(), kWildAddress, 1)), -EFAULT);
    EXPECT_EQ(run(make_sqe(opcode, file.get(), kWildKernelAddress, 1)), -EFAULT);
  }
  for (uint8_t opcode : {IORING_OP_READV, IORING_OP_WRITEV}) {
    EXPECT_EQ(run(make_sqe(opcode, file.get(), kWildAddress, 1)), -EFAULT);
    iovec part{reinterpret_cast<void*>(kWildAddress), 1};
    EXPECT_EQ(run(make_sqe(opcode, file.get(), address(&part), 1)), -EFAULT);
    EXPECT_EQ(run(make_sqe(opcode, file.get(), address(&part), 1025)), -EINVAL);
  }
}

TEST_P(Files, UnknownFlagsAreRefused) {
  FileDescriptor file = temporary_file(100);
  char byte = 0;
  EXPECT_EQ(run(make_sqe(IORING_OP_READ, file.get(), address(&byte), 1, 0, 1u << 30)), -EOPNOTSUPP);
  EXPECT_EQ(run(make_sqe(IORING_OP_FSYNC, file.get(), 0, 0, 0, 2)), -EINVAL);
  EXPECT_EQ(run(make_sqe(IORING_OP_FALLOCATE, file.get(), 0, 0, 0, 1)), -EINVAL);
  EXPECT_EQ(run(make_sqe(IORING_OP_CLOSE, file.get(), 1)), -EINVAL);
  EXPECT_EQ(run(make_sqe(250)), -EINVAL);
  Sqe personality = make_sqe(IORING_OP_NOP);
  personality.personality = 77;
  EXPECT_EQ(run(personality), -EINVAL);
  Sqe ioprio = make_sqe(IORING_OP_FSYNC, file.get());
  ioprio.ioprio = 1;
  EXPECT_EQ(run(ioprio), -EINVAL);
}

TEST_P(Files, OpenStatTruncateAllocateSyncClose) {
  std::string path = "/tmp/ring3-backend-" + std::to_string(::getpid()) + "-" + GetParam();
  int fd =
      run(make_sqe(IORING_OP_OPENAT, AT_FDCWD, address(path.c_str()), 0600, 0, O_RDWR | O_CREAT | O_EXCL));
  ASSERT_GE(fd, 0);
  EXPECT_EQ(
      run(make_sqe(IORING_OP_OPENAT, AT_FDCWD, address(path.c_str()), 0600, 0, O_RDWR | O_CREAT | O_EXCL)),
      -EEXIST);
  EXPECT_EQ(run(make_sqe(IORING_OP_FTRUNCATE, fd, 0, 0, 12345)), 0);
  struct statx status {};
  EXPECT_EQ(run(make_sqe(IORING_OP_STATX, AT_FDCWD, address(path.c_str()), STATX_SIZE, address(&status))), 0);
  EXPECT_EQ(status.stx_size, 12345u);
  int allocated = run(make_sqe(IORING_OP_FALLOCATE, fd, 20000, 0, 0));
  EXPECT_EQ(allocated, 0);
  EXPECT_EQ(run(make_sqe(IORING_OP_STATX, fd, address(""), STATX_SIZE, address(&status), AT_EMPTY_PATH)), 0);
  EXPECT_EQ(status.stx_size, 20000u);
  EXPECT_EQ(run(make_sqe(IORING_OP_FSYNC, fd)), 0);
  EXPECT_EQ(run(make_sqe(IORING_OP_FSYNC, fd, 0, 0, 0, 1)), 0);
  EXPECT_EQ(run(make_sqe(IORING_OP_CLOSE, fd)), 0);
  EXPECT_EQ(run(make_sqe(IORING_OP_CLOSE, fd)), -EBADF);
  std::filesystem::remove(path);
  EXPECT_EQ(run(make_sqe(IORING_OP_OPENAT, AT_FDCWD, address(path.c_str()), 0, 0, O_RDONLY)), -ENOENT);
}

TEST_P(Files, WildPathsAndResultsAreFaults) {
  EXPECT_EQ(run(make_sqe(IORING_OP_OPENAT, AT_FDCWD, kWildAddress, 0, 0, O_RDONLY)), -EFAULT);
  EXPECT_EQ(run(make_sqe(IORING_OP_STATX, AT_FDCWD, kWildAddress, STATX_SIZE, kWildAddress)), -EFAULT);
  EXPECT_EQ(run(make_sqe(IORING_OP_STATX, AT_FDCWD, address("/tmp"), STATX_SIZE, kWildAddress)), -EFAULT);
  std::string endless(5000, 'x');
  EXPECT_EQ(run(make_sqe(IORING_OP_OPENAT, AT_FDCWD, address(endless.c_str()), 0, 0, O_RDONLY)),
            -ENAMETOOLONG);
}

TEST_P(Files, LinksRunInOrderAndBreak) {
  FileDescriptor file = temporary_file(100);
  char bytes[200];
  Sqe full = make_sqe(IORING_OP_READ, file.get(), address(bytes), 100);
  Sqe short_read = make_sqe(IORING_OP_READ, file.get(), address(bytes), 200);
  Sqe failing = make_sqe(IORING_OP_READ, -1, address(bytes), 1);
  Sqe nop = make_sqe(IORING_OP_NOP);
  Sqe invalid = make_sqe(IORING_OP_FSYNC, file.get(), 0, 0, 0, 2);
  using Results = std::vector<int>;
  EXPECT_EQ(run({linked(full), linked(nop), full}), (Results{100, 0, 100}));
  EXPECT_EQ(run({linked(short_read), linked(nop), full}), (Results{100, -ECANCELED, -ECANCELED}));
  EXPECT_EQ(run({linked(failing), hard_linked(nop), full}), (Results{-EBADF, -ECANCELED, -ECANCELED}));
  EXPECT_EQ(run({hard_linked(failing), linked(nop), full}), (Results{-EBADF, 0, 100}));
  EXPECT_EQ(run({hard_linked(short_read), linked(failing), full}), (Results{100, -EBADF, -ECANCELED}));
  // What is wrong in itself fails its chain before anything runs.
  EXPECT_EQ(run({linked(full), linked(invalid), full}), (Results{-ECANCELED, -EINVAL, -ECANCELED}));
  EXPECT_EQ(run({hard_linked(full), hard_linked(invalid), full}), (Results{-ECANCELED, -EINVAL, -ECANCELED}));
  // The last one's link flag leads nowhere.
  EXPECT_EQ(run({linked(full), linked(full)}), (Results{100, 100}));
}

TEST_P(Files, LinkedWritesAreInOrder) {
  FileDescriptor file = temporary_file();
  std::vector<std::string> texts;
  std::vector<Sqe> chain;
  for (int i = 0; i < 32; ++i) texts.push_back(std::string(1000, static_cast<char>('a' + i % 26)));
  for (auto& text : texts)
    chain.push_back(linked(make_sqe(IORING_OP_WRITE, file.get(), address(text.data()), 1000)));
  EXPECT_EQ(run(chain), std::vector<int>(32, 1000));
  std::string back(1000, 0);
  ASSERT_EQ(::pread(file.get(), back.data(), 1000, 0), 1000);
  EXPECT_EQ(back, texts.back());
}

TEST_P(Files, ThousandsAtOnce) {
  constexpr size_t kCount = 4000, kSize = 64;
  FileDescriptor file = temporary_file(kCount * kSize);
  std::string back(kCount * kSize, 0);
  size_t queued = 0;
  while (done_.size() < kCount) {
    for (; queued < kCount && queued - done_.size() < 100; ++queued) {
      Sqe read =
          make_sqe(IORING_OP_READ, file.get(), address(back.data() + queued * kSize), kSize, queued * kSize);
      if (queued % 3 == 0) read.flags |= IOSQE_ASYNC;
      queue({read}, queued + 1);
    }
    collect(1);
    ASSERT_FALSE(HasFatalFailure());
  }
  for (auto& [token, completion] : done_) ASSERT_EQ(completion.res, static_cast<int>(kSize)) << token;
  EXPECT_EQ(back, pattern(0, kCount * kSize));
}

TEST_P(Files, ADescriptorClosedAfterSubmissionStillServes) {
  SocketPair pair = socket_pair();
  char byte = 0;
  queue({make_sqe(IORING_OP_READ, pair.left.get(), address(&byte), 1)}, 1);
  ASSERT_EQ(backend_->flush(), 0);
  pair.left = FileDescriptor();
  FileDescriptor other = temporary_file(10);  // takes the number
  ASSERT_EQ(::write(pair.right.get(), "x", 1), 1);
  collect(1);
  EXPECT_EQ(result_of(1), 1);
  EXPECT_EQ(byte, 'x');
}

TEST_P(Files, PipesIgnoreOffsetsAndWait) {
  int fds[2];
  ASSERT_EQ(::pipe2(fds, O_CLOEXEC), 0);
  FileDescriptor reading(fds[0]), writing(fds[1]);
  std::string buffer(100, 0);
  queue({make_sqe(IORING_OP_READ, reading.get(), address(buffer.data()), 100, 0)}, 1);
  ASSERT_EQ(backend_->flush(), 0);
  EXPECT_EQ(backend_->wait(1, {.deadline_ns = now_ns() + 5 * kMillisecond}), -ETIME);
  queue({make_sqe(IORING_OP_WRITE, writing.get(), address("hello"), 5, 0)}, 2);
  collect(2);
  EXPECT_EQ(result_of(2), 5);
  EXPECT_EQ(result_of(1), 5);
  EXPECT_EQ(buffer.substr(0, 5), "hello");
  writing = FileDescriptor();
  EXPECT_EQ(run(make_sqe(IORING_OP_READ, reading.get(), address(buffer.data()), 100)), 0);
}

TEST_P(Files, NonBlockingFilesWaitAsWell) {
  int fds[2];
  ASSERT_EQ(::pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
  FileDescriptor reading(fds[0]), writing(fds[1]);
  SocketPair pair = socket_pair(SOCK_STREAM | SOCK_NONBLOCK);
  char byte, other;
  queue({make_sqe(IORING_OP_READ, reading.get(), address(&byte), 1)}, 1);
  queue({make_sqe(IORING_OP_RECV, pair.left.get(), address(&other), 1)}, 2);
  ASSERT_EQ(backend_->flush(), 0);
  EXPECT_EQ(backend_->wait(1, {.deadline_ns = now_ns() + 5 * kMillisecond}), -ETIME);
  ASSERT_EQ(::write(writing.get(), "x", 1), 1);
  ASSERT_EQ(::write(pair.right.get(), "y", 1), 1);
  collect(2);
  EXPECT_EQ(result_of(1), 1);
  EXPECT_EQ(result_of(2), 1);
  // Unless the request itself says that it does not want to.
  EXPECT_EQ(run(make_sqe(IORING_OP_READ, reading.get(), address(&byte), 1, 0, RWF_NOWAIT)), -EAGAIN);
}

TEST_P(Files, OpcodesThatTheBackendHas) {
  EXPECT_TRUE(backend_->supports(IORING_OP_READ));
  EXPECT_TRUE(backend_->supports(IORING_OP_NOP));
  EXPECT_EQ(backend_->supports(200), is_kernel());
  std::vector<uint8_t> probe(16 + 256 * 8);
  EXPECT_EQ(backend_->register_op(IORING_REGISTER_PROBE, address(probe.data()), 256), 0);
  EXPECT_EQ(probe[16 + IORING_OP_READ * 8 + 2] & 1, 1);
  EXPECT_EQ(backend_->register_op(IORING_REGISTER_PROBE, address(probe.data()), 256), -EINVAL)
      << "not zeroed";
  EXPECT_EQ(backend_->register_op(IORING_REGISTER_PROBE, kWildAddress, 256), -EFAULT);
}

}  // namespace
}  // namespace ring3::backend::test
