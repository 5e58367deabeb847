// What every fallible function of ring3 returns. See docs in ARCHITECTURE.md, "Three kinds of failure".
#pragma once

#include <expected>
#include <string>

namespace ring3 {

// Bad input, or a machine that can't do what was asked. `code` is a positive errno number (EINVAL, …) for
// those who dispatch on it; `place` says where (file, section, instruction, C line; may be empty); `message`
// is one sentence for a person: what was wrong and what to do. A value type; owns its strings.
struct Error {
  int code = 0;
  std::string place;
  std::string message;

  // "place: message (ERRNO)".
  std::string text() const;
};

template <typename T>
using Result = std::expected<T, Error>;

// The name of an errno number without its sign ("EINVAL"), or the number itself if it has no name.
std::string errno_name(int code);

}  // namespace ring3
