// The SQE that io_uring_prep_bpf() writes, byte by byte as the interface has it.
#include <cstring>

#include "harness.hpp"

namespace ring3::test {
namespace {

TEST(PrepTest, TheWholeSqeButItsUserData) {
  io_uring_sqe sqe;
  std::memset(&sqe, 0xee, sizeof(sqe));
  sqe.user_data = 0x1122334455667788;
  const io_bpf_buf_desc descs[2] = {};
  io_uring_prep_bpf(&sqe, 200, 0xabcdef, descs, 2);
  uint8_t expected[64] = {65};
  const auto put = [&](size_t at, auto value) { std::memcpy(expected + at, &value, sizeof(value)); };
  put(4, int32_t{-1});                             // fd
  put(16, reinterpret_cast<uint64_t>(&descs[0]));  // addr
  put(24, uint32_t{2});                            // len
  put(28, uint32_t{200u << 24 | 0xabcdef});        // bpf_op_flags
  put(32, uint64_t{0x1122334455667788});           // user_data
  EXPECT_EQ(std::memcmp(&sqe, expected, sizeof(expected)), 0);
}

TEST(PrepTest, FlagsDontReachTheId) {
  io_uring_sqe sqe{};
  io_uring_prep_bpf(&sqe, 3, 0xff000001, nullptr, 0);
  EXPECT_EQ(static_cast<uint32_t>(sqe.rw_flags), 3u << 24 | 1);
}

TEST(PrepTest, Descriptors) {
  char data[8];
  iovec vectors[3];
  const struct {
    io_bpf_buf_desc desc;
    uint8_t type;
    uint16_t index;
    uint32_t len;
    uint64_t addr;
  } cases[] = {
      {io_bpf_buf_user(data, 8), 0, 0, 8, reinterpret_cast<uint64_t>(data)},
      {io_bpf_buf_fixed(7, data, 8), 1, 7, 8, reinterpret_cast<uint64_t>(data)},
      {io_bpf_buf_vec(vectors, 3), 2, 0, 3, reinterpret_cast<uint64_t>(vectors)},
      {io_bpf_buf_kfixed(65535, 4096, 512), 3, 65535, 512, 4096},
      {io_bpf_buf_reg_vec(1, vectors, 2), 4, 1, 2, reinterpret_cast<uint64_t>(vectors)},
  };
  for (const auto& one : cases) {
    uint8_t expected[16] = {one.type, 0};
    std::memcpy(expected + 2, &one.index, 2);
    std::memcpy(expected + 4, &one.len, 4);
    std::memcpy(expected + 8, &one.addr, 8);
    EXPECT_EQ(std::memcmp(&one.desc, expected, sizeof(expected)), 0) << "type " << int{one.type};
  }
}

}  // namespace
}  // namespace ring3::test
