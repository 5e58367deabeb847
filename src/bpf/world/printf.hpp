// printf by BPF's rules, for bpf_trace_printk, bpf_trace_vprintk and bpf_snprintf.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace ring3::bpf {

inline constexpr size_t kFormatArgumentsMax = 12;

// Formats as snprintf(3): into at most `size` bytes of `out` including the NUL, and returns the length that
// the whole text has. -EINVAL: a conversion other than %% %c %s %p %px %pK %pks %pus and %[l|ll](d i u x X)
// with flags and a width, one without an argument, or a character that can't be printed. A string argument
// that can't be read prints as nothing. No allocation.
long format_text(char* out, size_t size, std::string_view format, std::span<const uint64_t> arguments);

}  // namespace ring3::bpf
