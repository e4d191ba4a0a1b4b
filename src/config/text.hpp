// SPDX-License-Identifier: Apache-2.0
// Small text functions of this module: trimming, splitting, numbers as Java reads and prints them,
// JSON strings. They never throw and take any bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cairn::config::text {

std::string_view trim(std::string_view text);
std::string lower(std::string_view text);
std::string upper(std::string_view text);

/// Parts between separators, not trimmed; empty text has one empty part.
std::vector<std::string_view> split(std::string_view text, char separator);

/// Decimal digits with an optional sign, as Java's parseLong.
std::optional<std::int64_t> parse_integer(std::string_view text);
std::optional<double> parse_double(std::string_view text);
/// true or false in any case.
std::optional<bool> parse_boolean(std::string_view text);

/// As Java prints a double: 0.5, 2.0, 1.7976931348623157E308.
std::string java_double(double value);

/// A JSON string with its quotes.
std::string json_string(std::string_view text);

}  // namespace cairn::config::text
