// What the running kernel and its headers say of helpers. In a translation unit of its own, because
// <linux/bpf.h> has macros that are names of ours.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kernel {

// The name of helper `id` in <linux/bpf.h>, without "bpf_"; nullptr if the header knows no such id.
const char* helper_name(uint32_t id);

struct Argument {
  uint64_t value = 0;
  std::optional<std::string> text;  // a string instead, at most 60 bytes
};

struct Formatted {
  long result;  // as bpf_snprintf; a format that is refused at load is -EINVAL
  std::string text;
};

// What bpf_snprintf makes of it with `size` bytes of room (at most 128); nothing where bpf(2) can't be used.
std::optional<Formatted> format(const std::string& format, const std::vector<Argument>& arguments,
                                uint32_t size);

}  // namespace kernel
