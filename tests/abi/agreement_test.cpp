// The numbers of io_uring stand twice: in C for BPF programs, and in C++ for the ring. They agree.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <string>

namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(RING3_SOURCE_DIR "/" + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// NAME = 22, NAME = 0x10, NAME = 1u << 4
std::map<std::string, uint64_t> constants_of(const std::string& path) {
  static const std::regex constant(R"(\b(IO[A-Z]*_[A-Z0-9_]+)\s*=\s*(0x[0-9a-f]+|\d+)u?(?:\s*<<\s*(\d+))?)");
  std::map<std::string, uint64_t> found;
  const std::string text = text_of(path);
  for (std::sregex_iterator match(text.begin(), text.end(), constant), end; match != end; ++match) {
    const uint64_t value = std::stoull((*match)[2], nullptr, 0);
    found[(*match)[1]] = (*match)[3].matched ? value << std::stoul((*match)[3]) : value;
  }
  return found;
}

TEST(Agreement, ProgramsAndTheRingSeeTheSameNumbers) {
  const auto ring = constants_of("src/abi/io_uring.hpp");
  size_t compared = 0;
  for (const auto& [name, value] : constants_of("include/ring3/bpf/io_uring.h")) {
    const auto same = ring.find(name);
    // Flags of operations that the ring forwards without looking at them are known to programs only.
    const bool shared =
        name.starts_with("IORING_OP_") || name.starts_with("IOSQE_") || name.starts_with("IORING_CQE_F_");
    if (shared) {
      EXPECT_NE(same, ring.end()) << name << " is unknown to src/abi";
    }
    if (same == ring.end()) continue;
    EXPECT_EQ(same->second, value) << name;
    ++compared;
  }
  EXPECT_GE(compared, 66u + 7 + 6);  // opcodes, SQE flags, CQE flags
}

}  // namespace
