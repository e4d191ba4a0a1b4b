// SPDX-License-Identifier: Apache-2.0
// Numbers that must not be mixed up. Strong<Tag, T> converts to and from T only by name; it
// compares, hashes, prints and, where it counts something, steps and subtracts.
#pragma once

#include <compare>
#include <concepts>
#include <cstdint>
#include <functional>

#include <fmt/format.h>

namespace cairn {

template <class Tag, std::integral T>
class Strong {
 public:
  using value_type = T;

  constexpr Strong() = default;
  constexpr explicit Strong(T value) : value_(value) {}

  constexpr T value() const { return value_; }
  constexpr auto operator<=>(const Strong&) const = default;

  constexpr Strong operator+(T step) const { return Strong(static_cast<T>(value_ + step)); }
  constexpr Strong operator-(T step) const { return Strong(static_cast<T>(value_ - step)); }
  constexpr T operator-(Strong other) const { return static_cast<T>(value_ - other.value_); }
  constexpr Strong& operator++() { return ++value_, *this; }
  constexpr Strong& operator+=(T step) { return value_ = static_cast<T>(value_ + step), *this; }

 private:
  T value_{};
};

}  // namespace cairn

template <class Tag, class T>
struct std::hash<cairn::Strong<Tag, T>> {
  std::size_t operator()(cairn::Strong<Tag, T> id) const { return std::hash<T>{}(id.value()); }
};

template <class Tag, class T>
struct fmt::formatter<cairn::Strong<Tag, T>> : fmt::formatter<T> {
  auto format(cairn::Strong<Tag, T> id, format_context& context) const {
    return fmt::formatter<T>::format(id.value(), context);
  }
};
