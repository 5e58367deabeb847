// scramble_parity against OpenSSL's ChaCha20, and the parity of what that makes.
#include <openssl/evp.h>

#include <cstring>
#include <memory>
#include <thread>

#include "harness.hpp"
#include "seed.hpp"

namespace ring3::test {
namespace {

constexpr size_t kScrambleSizes[] = {0, 1, 7, 63, 64, 65, 255, 257, 4095, 4096, 4097, 16384, 20011};

Bytes oracle(const Bytes& text, const Bytes& key, uint32_t buffer, uint64_t nonce) {
  uint8_t iv[16] = {};  // the counter, then the nonce
  std::memcpy(iv + 4, &buffer, 4);
  std::memcpy(iv + 8, &nonce, 8);
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  EXPECT_EQ(EVP_EncryptInit_ex(context, EVP_chacha20(), nullptr, key.data(), iv), 1);
  Bytes result(text.size());
  int size = 0;
  EXPECT_EQ(EVP_EncryptUpdate(context, result.data(), &size, text.data(), static_cast<int>(text.size())), 1);
  EVP_CIPHER_CTX_free(context);
  return result;
}

class ScrambleTest : public ProgramTest {
 protected:
  void check(ProgramRing& ring, Memory& memory, const Bytes& key, io_bpf_buf_type kind, size_t sources,
             size_t size, Random& random, bool aligned) {
    memory.clear();
    auto make = [&](io_bpf_buf_type of_kind) {
      Buffer buffer = aligned ? memory.make_aligned(of_kind, size) : memory.make(of_kind, size, random);
      buffer.set(random_bytes(size, random));
      return buffer;
    };
    std::vector<Buffer> data;
    std::vector<Bytes> plain;
    for (size_t i = 0; i < sources; i++) {
      data.push_back(make(i == 0 ? kind : kKinds[random() % std::size(kKinds)]));
      plain.push_back(data.back().get());
    }
    const Buffer parity = make(kKinds[random() % std::size(kKinds)]);
    Descs descs = {parity.desc()};
    for (const Buffer& buffer : data) descs.push_back(buffer.desc());
    const uint64_t nonce = random();
    ASSERT_EQ(ring.run(descs, 0, nonce), static_cast<int>(size));
    Bytes sum(size);
    for (size_t i = 0; i < sources; i++) {
      const Bytes expected = oracle(plain[i], key, static_cast<uint32_t>(i), nonce);
      ASSERT_TRUE(data[i].get() == expected) << "data " << i;
      for (size_t at = 0; at < size; at++) sum[at] ^= expected[at];
    }
    ASSERT_TRUE(parity.get() == sum);
    ASSERT_EQ(ring.run(descs, 0, nonce), static_cast<int>(size));
    for (size_t i = 0; i < sources; i++) ASSERT_TRUE(data[i].get() == plain[i]) << "it decrypts";
  }
  void check_all(bool checked, size_t size_max) {
    const unsigned seed = seed_of_run();
    Random random(seed);
    ProgramRing ring(GetParam());
    Module& module = ring.attach("scramble_parity", checked);
    const Bytes key = random_bytes(32, random);
    std::memcpy(must(module.variable("key")).data(), key.data(), 32);
    Memory memory(ring.ring());
    for (const io_bpf_buf_type kind : kKinds)
      for (const size_t size : kScrambleSizes)
        for (const size_t sources : {1, 2, 16})
          for (const bool aligned : {false, true}) {
            if (size * sources > size_max) continue;
            SCOPED_TRACE(testing::Message() << "kind " << kind << ", " << size << " bytes, " << sources
                                            << " sources, aligned " << aligned << ", RING3_SEED=" << seed);
            check(ring, memory, key, kind, sources, size, random, aligned);
            if (HasFatalFailure()) return;
          }
  }
};

TEST_P(ScrambleTest, IsOpenSsls) { check_all(false, 50'000); }
TEST_P(ScrambleTest, UnderTheCheckingInterpreter) { check_all(true, 4200); }

// Each request gives its page of keystream back, also one that meets memory that is not there.
TEST_P(ScrambleTest, RequestsThatFailKeepNothing) {
  ProgramRing ring(GetParam());
  ring.attach("scramble_parity");
  uint8_t parity[100], text[100] = {};
  for (int i = 0; i < 200; i++) {
    ASSERT_EQ(ring.run({io_bpf_buf_user(parity, 100), io_bpf_buf_user(text, 100)}), 100);
    ASSERT_EQ(ring.run({io_bpf_buf_user(parity, 100), io_bpf_buf_user(reinterpret_cast<void*>(8192), 100)}),
              -EFAULT);
  }
  EXPECT_EQ(ring.run({io_bpf_buf_user(parity, 100)}), -EINVAL);
}

// The key is one, the pages of keystream are not.
TEST_P(ScrambleTest, ManyRingsShareTheProgram) {
  constexpr size_t kRings = 4, kSize = 30'000;
  Random random(9);
  Module module = must(Module::open(RING3_BUILD_DIR "/programs/scramble_parity.bpf.o"));
  const Bytes key = random_bytes(32, random);
  std::memcpy(must(module.variable("key")).data(), key.data(), 32);
  ASSERT_TRUE(must(module.load()));
  std::vector<std::unique_ptr<ProgramRing>> rings;
  std::vector<Operation> operations;
  for (size_t i = 0; i < kRings; i++) {
    rings.push_back(std::make_unique<ProgramRing>(GetParam()));
    operations.push_back(must(Operation::attach(module, rings[i]->ring())));
  }
  const Bytes text = random_bytes(kSize, random);
  std::vector<std::jthread> threads;
  for (size_t i = 0; i < kRings; i++)
    threads.emplace_back([&, i] {
      for (uint64_t nonce = i << 32; nonce < (i << 32) + 30; nonce++) {
        Bytes data = text, parity(kSize);
        EXPECT_EQ(rings[i]->run({io_bpf_buf_user(parity.data(), kSize), io_bpf_buf_user(data.data(), kSize)},
                                0, nonce, operations[i].id()),
                  static_cast<int>(kSize));
        EXPECT_TRUE(data == oracle(text, key, 0, nonce) && parity == data)
            << "ring " << i << ", nonce " << nonce;
      }
    });
}

RING3_PROGRAM_TESTS(ScrambleTest);

}  // namespace
}  // namespace ring3::test
