// SPDX-License-Identifier: Apache-2.0
// The type and the bounds of one value, in Kafka's words: tools show these lines to people, and
// tests of clients compare them.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <regex>

#include <fmt/format.h>

#include <cairn/config/option.hpp>

#include "text.hpp"

namespace cairn::config {

namespace {

using Checked = std::expected<void, ConfigError>;

bool holds(const auto& range, std::string_view value) {
  return std::ranges::find(range, value) != std::ranges::end(range);
}

std::unexpected<ConfigError> invalid(const Option& option, std::string_view value,
                                     std::string_view why) {
  const std::string_view shown = option.sensitive() ? "[hidden]" : value;
  return std::unexpected(ConfigError{
      ErrorCode::invalid_config,
      fmt::format("Invalid value {} for configuration {}: {}", shown, option.name, why)});
}

/// A bound as Java prints the number it was written as: bounds are whole in all tables but one.
std::string bound(double value) {
  const auto whole = static_cast<std::int64_t>(value);
  return static_cast<double>(whole) == value ? std::to_string(whole) : text::java_double(value);
}

Checked check_range(const Option& option, std::string_view shown, double value) {
  if (option.check.minimum && value < *option.check.minimum) {
    return invalid(option, shown, "Value must be at least " + bound(*option.check.minimum));
  }
  if (option.check.maximum && value > *option.check.maximum) {
    return invalid(option, shown, "Value must be no more than " + bound(*option.check.maximum));
  }
  return {};
}

Checked check_integer(const Option& option, std::string_view value, std::int64_t least,
                      std::int64_t most) {
  const auto number = text::parse_integer(value);
  if (!number || *number < least || *number > most) {
    return invalid(option, value, fmt::format("Not a number of type {}", to_string(option.type)));
  }
  if (option.check.rule == Rule::gzip_level && *number != -1 && (*number < 1 || *number > 9)) {
    return invalid(option, std::to_string(*number), "Value must be between 1 and 9 or equal to -1");
  }
  if (option.check.rule != Rule::range) return {};
  return check_range(option, std::to_string(*number), static_cast<double>(*number));
}

template <class Int>
Checked check_integer(const Option& option, std::string_view value) {
  return check_integer(option, value, std::numeric_limits<Int>::min(),
                       std::numeric_limits<Int>::max());
}

std::string words_of(const Check& check) {
  std::string out;
  for (auto word : text::split(check.words, '|')) {
    if (!out.empty()) out += ", ";
    out += word;
  }
  return out;
}

bool is_word_of(const Check& check, std::string_view value) {
  return holds(text::split(check.words, '|'), value);
}

bool is_replica_pair(std::string_view pair) {
  const auto parts = text::split(pair, ':');
  return parts.size() == 2 && std::ranges::all_of(parts, [](std::string_view part) {
           return !part.empty() &&
                  std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
         });
}

Checked check_throttled_replicas(const Option& option, const std::vector<std::string>& elements) {
  if (elements.empty() || (elements.size() == 1 && elements[0] == "*")) return {};
  if (std::ranges::all_of(elements, is_replica_pair)) return {};
  return invalid(option, fmt::format("[{}]", fmt::join(elements, ", ")),
                 fmt::format("{} must be the literal '*' or a list of replicas in the following "
                             "format: [partitionId]:[brokerId],[partitionId]:[brokerId],...",
                             option.name));
}

bool is_client_match(std::string_view element) {
  constexpr std::string_view names[] = {"client_id",
                                        "client_instance_id",
                                        "client_software_name",
                                        "client_software_version",
                                        "client_source_address",
                                        "client_source_port"};
  constexpr std::size_t longest_pattern = 1024;
  const auto equals = element.find('=');
  if (equals == element.npos || element.size() > longest_pattern) return false;
  if (!holds(names, text::trim(element.substr(0, equals)))) return false;
  try {  // std::regex reports a bad pattern by throwing
    const auto pattern = text::trim(element.substr(equals + 1));
    std::regex compiled(pattern.begin(), pattern.end());
  } catch (const std::regex_error&) {
    return false;
  }
  return true;
}

Checked check_list(const Option& option, std::string_view value) {
  const auto elements = split_list(value);
  const auto& check = option.check;
  if (check.rule == Rule::throttled_replicas) return check_throttled_replicas(option, elements);
  if (check.rule == Rule::client_match) {
    for (const auto& element : elements) {
      if (is_client_match(element)) continue;
      return std::unexpected(
          ConfigError{ErrorCode::invalid_config, "Illegal client matching pattern: " + element});
    }
    return {};
  }
  if (elements.empty() && (check.list_flags & list_not_empty) != 0) {
    return invalid(option, value, "Configuration must not be empty");
  }
  for (const auto& element : elements) {
    if (!check.words.empty() && !is_word_of(check, element)) {
      return invalid(option, element, "String must be one of: " + words_of(check));
    }
    if (element.empty() && (check.list_flags & list_no_duplicates) != 0) {
      return invalid(option, value, "Configuration values must not be empty");
    }
  }
  return {};
}

/// ISO-8601 as Java's Duration.parse reads it, not negative: PnDTnHnMn.nS.
bool is_duration(std::string_view value) {
  static const std::regex form(
      R"(\+?P(?=.)(\+?\d{1,18}D)?)"
      R"((T(?=.)(\+?\d{1,18}H)?(\+?\d{1,18}M)?(\+?\d{1,18}(\.\d{0,9})?S)?)?)",
      std::regex::icase);
  constexpr std::size_t longest = 128;
  return value.size() <= longest && std::regex_match(value.begin(), value.end(), form);
}

Checked check_offset_reset(const Option& option, std::string_view value) {
  constexpr std::string_view by_duration = "by_duration:";
  if (value == "earliest" || value == "latest") return {};
  if (value.starts_with(by_duration) && is_duration(value.substr(by_duration.size()))) return {};
  return invalid(option, value,
                 fmt::format("Invalid value `{}` for configuration {}. The value must be either "
                             "'earliest', 'latest' or of the format "
                             "'by_duration:<PnDTnHnMn.nS>'.",
                             value, option.name));
}

Checked check_string(const Option& option, std::string_view value) {
  const auto& check = option.check;
  switch (check.rule) {
    case Rule::one_of:
      if (is_word_of(check, value)) return {};
      return invalid(option, value, "String must be one of: " + words_of(check));
    case Rule::one_of_any_case:
      if (is_word_of(check, text::upper(value))) return {};
      return invalid(option, value, "String must be one of (case insensitive): " + words_of(check));
    case Rule::non_empty:
      if (!value.empty()) return {};
      return invalid(option, value, "String must be non-empty");
    case Rule::share_offset_reset:
      return check_offset_reset(option, value);
    default:
      return {};
  }
}

}  // namespace

std::vector<std::string> split_list(std::string_view value) {
  std::vector<std::string> elements;
  value = text::trim(value);
  if (value.empty()) return elements;
  for (auto part : text::split(value, ',')) elements.emplace_back(text::trim(part));
  return elements;
}

Checked check_value(const Option& option, std::string_view raw) {
  const auto value = text::trim(raw);
  switch (option.type) {
    case Type::boolean:
      if (text::parse_boolean(value)) return {};
      return invalid(option, value, "Expected value to be either true or false");
    case Type::int16:
      return check_integer<std::int16_t>(option, value);
    case Type::int32:
      return check_integer<std::int32_t>(option, value);
    case Type::int64:
      return check_integer<std::int64_t>(option, value);
    case Type::float64: {
      const auto number = text::parse_double(value);
      if (!number) return invalid(option, value, "Not a number of type DOUBLE");
      return check_range(option, text::java_double(*number), *number);
    }
    case Type::list:
      return check_list(option, value);
    case Type::string:
      return check_string(option, value);
    case Type::class_name:
    case Type::password:
      return {};
  }
  return {};
}

std::string canonical(const Option& option, std::string_view raw) {
  const auto value = text::trim(raw);
  switch (option.type) {
    case Type::boolean:
      return text::lower(value);
    case Type::int16:
    case Type::int32:
    case Type::int64: {
      const auto number = text::parse_integer(value);
      return number ? std::to_string(*number) : std::string(value);
    }
    case Type::float64: {
      const auto number = text::parse_double(value);
      return number ? text::java_double(*number) : std::string(value);
    }
    case Type::list: {
      std::vector<std::string> unique;  // as Kafka 4.3, which drops what is repeated
      for (auto& element : split_list(value)) {
        const bool repeated =
            (option.check.list_flags & list_no_duplicates) != 0 && holds(unique, element);
        if (!repeated) unique.push_back(std::move(element));
      }
      return fmt::format("{}", fmt::join(unique, ","));
    }
    case Type::string:
    case Type::class_name:
    case Type::password:
      return std::string(value);
  }
  return std::string(value);
}

}  // namespace cairn::config
