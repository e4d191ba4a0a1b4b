// SPDX-License-Identifier: Apache-2.0
// The tables of keys by area, and the words they are written in. Facts of Kafka 4.3.1; our own
// defaults differ for log.flush.interval.messages and flush.messages alone. Within an area sorted
// by name; option.cpp joins the areas.
#pragma once

#include <cairn/config/option.hpp>

namespace cairn::config::tables {

inline constexpr Check any{};
inline constexpr Check non_empty{.rule = Rule::non_empty};
inline constexpr Check gzip_levels{.rule = Rule::gzip_level};
inline constexpr Check throttled{.rule = Rule::throttled_replicas};
inline constexpr Check client_match{.rule = Rule::client_match};
inline constexpr Check offset_reset{.rule = Rule::share_offset_reset};

constexpr Check at_least(double minimum) { return {.rule = Rule::range, .minimum = minimum}; }
constexpr Check between(double minimum, double maximum) {
  return {.rule = Rule::range, .minimum = minimum, .maximum = maximum};
}
constexpr Check one_of(std::string_view words) { return {.rule = Rule::one_of, .words = words}; }
constexpr Check one_of_any_case(std::string_view words) {
  return {.rule = Rule::one_of_any_case, .words = words};
}
constexpr Check list_of(std::string_view words, std::uint8_t flags) {
  return {.rule = Rule::list, .words = words, .list_flags = flags};
}

// Broker keys, by area.
std::span<const Option> coordinators();
std::span<const Option> groups();
std::span<const Option> log();
std::span<const Option> network();
std::span<const Option> node();
std::span<const Option> remote();
std::span<const Option> security();

std::span<const Option> topic();
std::span<const Option> group();
std::span<const Option> client_metrics();
std::span<const Option> quota();

}  // namespace cairn::config::tables
