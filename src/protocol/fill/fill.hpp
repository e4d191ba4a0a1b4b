// SPDX-License-Identifier: Apache-2.0
// Random values for generated fill(): edges of the number types, empty and long strings, null where
// it is legal, Records on both sides of the splice limit, unknown tags. Small enough that every
// message and version takes milliseconds.
#pragma once

#include <concepts>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <cairn/base/random.hpp>
#include <cairn/protocol/message.hpp>

namespace cairn::protocol {

/// What fill() draws from. In this namespace so that arrays find the fill() of their elements.
struct Filler {
  Random& random;

  std::uint64_t below(std::uint64_t bound) { return random.below(bound); }
};

template <std::integral T>
void fill(Filler& f, T& value) {
  switch (f.below(4)) {
    case 0:
      value = std::numeric_limits<T>::min();
      break;
    case 1:
      value = std::numeric_limits<T>::max();
      break;
    default:
      value = static_cast<T>(f.random());
  }
}
void fill(Filler& f, bool& value);
void fill(Filler& f, double& value);
void fill(Filler& f, ErrorCode& value);
void fill(Filler& f, Uuid& value);
void fill(Filler& f, std::string& value);
void fill(Filler& f, Bytes& value);
void fill(Filler& f, Records& value);
void fill(Filler& f, UnknownTags& value);

template <class T>
void fill(Filler& f, std::vector<T>& values) {
  values = std::vector<T>(f.below(4));
  for (T& value : values) fill(f, value);
}
template <class T>
void fill(Filler& f, std::vector<T>& values, std::int16_t version) {
  values = std::vector<T>(f.below(3));
  for (T& value : values) fill(f, value, version);
}
template <class T>
void fill(Filler& f, std::optional<T>& value, Null null) {
  value.reset();
  if (null == Null::refused || f.below(4) != 0) fill(f, value.emplace());
}
template <class T>
void fill(Filler& f, std::optional<T>& value, std::int16_t version, Null null) {
  value.reset();
  if (null == Null::refused || f.below(4) != 0) fill(f, value.emplace(), version);
}

}  // namespace cairn::protocol
