// Runs a program on the kernel, the fast loop, the checking one and the JIT, and demands that each leaves the
// same memory.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "bpf/exec/assembler.hpp"
#include "bpf/exec/engines.hpp"
#include "bpf/exec/host_kernel.hpp"

namespace ring3::test {

class Trio : public ::testing::Test {
 protected:
  static constexpr size_t kBytes = 16384;

  static void SetUpTestSuite() { kernel_ = new HostKernel(kBytes); }
  static void TearDownTestSuite() {
    delete kernel_;
    kernel_ = nullptr;
  }
  void SetUp() override {
    if (!kernel_->unavailable().empty()) GTEST_SKIP() << kernel_->unavailable();
    memory_ = make_memory(kBytes);
    ASSERT_TRUE(memory_);
  }

  std::span<std::byte> ours() const { return memory_->values().first(kBytes); }

  void run_ours(const Code& code, const Engine& engine, std::span<const std::byte> input) {
    const auto verified = bpf::TrustForTests::trust(code.program({memory_}));
    auto executable = bpf::Executable::create(verified, engine.options);
    ASSERT_TRUE(executable) << executable.error().text();
    bpf::Execution execution(**executable);
    std::memcpy(ours().data(), input.data(), kBytes);
    EXPECT_EQ(execution.run().violation, "");
  }

  // `input` is what memory holds at entry, and zeroes.
  void compare(const Code& code, const std::vector<uint64_t>& input, const std::string& name) {
    std::vector<std::byte> start(kBytes);
    if (!input.empty()) std::memcpy(start.data(), input.data(), input.size() * sizeof(uint64_t));
    std::memcpy(kernel_->memory().data(), start.data(), kBytes);
    const std::string refusal = kernel_->run(code.for_kernel());
    ASSERT_EQ(refusal, "") << name << "\n" << listing(code.insns());
    for (const Engine& engine : kEngines) {
      if (engine.missing()) continue;  // jit_test.cpp says so
      run_ours(code, engine, start);
      if (std::memcmp(ours().data(), kernel_->memory().data(), kBytes) == 0) continue;
      for (size_t i = 0; i < kBytes; i += 8) {
        uint64_t a, b;
        std::memcpy(&a, ours().data() + i, 8);
        std::memcpy(&b, kernel_->memory().data() + i, 8);
        if (a != b)
          FAIL() << name << " (" << engine.name << "): memory+" << i << std::hex << ": ours 0x" << a
                 << ", the kernel's 0x" << b << std::dec << "\n"
                 << listing(code.insns());
      }
    }
  }

  static HostKernel* kernel_;
  std::shared_ptr<bpf::Map> memory_;
};

inline HostKernel* Trio::kernel_ = nullptr;

}  // namespace ring3::test
