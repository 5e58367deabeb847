// Turns a C++ function into a NativeFunction: native<&f>, where f takes up to five integers or pointers,
// optionally after a Machine&.
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "bpf/world/world.hpp"

namespace ring3::bpf {

namespace detail {
template <typename T>
T from_register(uint64_t value) {
  if constexpr (std::is_pointer_v<T>) {
    return reinterpret_cast<T>(value);
  } else {
    return static_cast<T>(value);
  }
}
template <typename T>
uint64_t to_register(T value) {
  if constexpr (std::is_pointer_v<T>) {
    return reinterpret_cast<uint64_t>(value);
  } else {
    return static_cast<uint64_t>(static_cast<int64_t>(value));
  }
}

template <typename R, typename Call>
uint64_t result_of(Call call) {
  if constexpr (std::is_void_v<R>) {
    call();
    return 0;
  } else {
    return to_register(call());
  }
}

template <auto function, typename Signature = decltype(function)>
struct Native;

template <auto function, typename R, typename... Args>
struct Native<function, R (*)(Machine&, Args...)> {
  static uint64_t call(Machine& machine, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5) {
    const uint64_t registers[] = {r1, r2, r3, r4, r5};
    return [&]<size_t... i>(std::index_sequence<i...>) {
      return result_of<R>([&] { return function(machine, from_register<Args>(registers[i])...); });
    }
    (std::index_sequence_for<Args...>{});
  }
};

template <auto function, typename R, typename... Args>
struct Native<function, R (*)(Args...)> {
  static uint64_t call(Machine&, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5) {
    const uint64_t registers[] = {r1, r2, r3, r4, r5};
    return [&]<size_t... i>(std::index_sequence<i...>) {
      return result_of<R>([&] { return function(from_register<Args>(registers[i])...); });
    }
    (std::index_sequence_for<Args...>{});
  }
};
}  // namespace detail

template <auto function>
inline constexpr NativeFunction native = &detail::Native<function>::call;

}  // namespace ring3::bpf
