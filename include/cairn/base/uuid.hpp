// SPDX-License-Identifier: Apache-2.0
// A 128-bit id as Kafka writes it: 16 raw bytes on the wire and on disk, 22 characters of unpadded
// base64url as text. The first hundred values are reserved.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace cairn {

class Random;

struct Uuid {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  auto operator<=>(const Uuid&) const = default;

  bool is_zero() const { return high == 0 && low == 0; }
  /// Kafka keeps the values 0 to 99 for itself (0 zero, 1 the metadata topic, 2 a lost directory).
  bool is_reserved() const { return high == 0 && low < 100; }

  /// 22 characters of base64url.
  std::string text() const;
  /// The reverse; nothing if the text is not one (padding is accepted, as Kafka does).
  static std::optional<Uuid> parse(std::string_view text);
  /// A version 4 id that is not reserved and whose text does not begin with '-', as Kafka draws
  /// them.
  static Uuid random(Random& random);
};

}  // namespace cairn

template <>
struct std::hash<cairn::Uuid> {
  std::size_t operator()(const cairn::Uuid& id) const { return id.high * 31 + id.low; }
};

template <>
struct fmt::formatter<cairn::Uuid> : fmt::formatter<std::string_view> {
  auto format(const cairn::Uuid& id, format_context& context) const {
    return fmt::formatter<std::string_view>::format(id.text(), context);
  }
};
