// How code inside ring3 makes and passes on errors. A bug asserts; bad input is an Error; a refused program
// is a normal result (verifier/verify.hpp).
#pragma once

#include <fmt/format.h>

#include <utility>

#include "ring3/error.hpp"

namespace ring3 {

// std::unexpected(Error) with a formatted message: `return fail(EINVAL, "section .maps", "{} has no type",
// name);`
template <typename... Args>
std::unexpected<Error> fail(int code, std::string place, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error{code, std::move(place), fmt::format(format, std::forward<Args>(args)...)});
}

}  // namespace ring3

// The value of a Result, or return its error from the enclosing function. A GNU statement expression.
#define TRY(expression)                                                                 \
  ({                                                                                    \
    auto&& ring3_try_result = (expression);                                             \
    if (!ring3_try_result) return std::unexpected(std::move(ring3_try_result).error()); \
    std::move(ring3_try_result).value();                                                \
  })

// The same for a Result<void>.
#define TRY_VOID(expression)                                                            \
  do {                                                                                  \
    auto&& ring3_try_result = (expression);                                             \
    if (!ring3_try_result) return std::unexpected(std::move(ring3_try_result).error()); \
  } while (0)
