// SPDX-License-Identifier: Apache-2.0
// One configuration key: Kafka's name, type, default and bounds, and what Cairn does with it. The
// tables of all keys are constant data (src/config/options_*.cpp), sorted by name within a scope.
// Invariant: every key of Apache Kafka 4.3.1 is in a table, and each default passes its own check.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <cairn/base/error_code.hpp>

namespace cairn::config {

/// The values are those of ConfigType in DescribeConfigs responses.
enum class Type : std::int8_t {
  boolean = 1,
  string = 2,
  int32 = 3,
  int16 = 4,
  int64 = 5,
  float64 = 6,
  list = 7,
  class_name = 8,
  password = 9,
};

enum class Scope : std::uint8_t { broker, topic, group, client_metrics, quota };

/// How a broker key may change at run time.
enum class UpdateMode : std::uint8_t { read_only, per_broker, cluster_wide };

/// `none`: accepted for the sake of existing files, without effect; start-up says so.
enum class Effect : std::uint8_t { honoured, none };

/// What a value of the right type must obey beside it.
enum class Rule : std::uint8_t {
  any,
  range,               // minimum..maximum
  one_of,              // words
  one_of_any_case,     // words
  list,                // words if there are any, list_flags
  non_empty,           // a string of at least one character
  gzip_level,          // 1..9 or -1
  throttled_replicas,  // * or [partition]:[broker],...
  client_match,        // NAME=REGEX list of client metrics subscriptions
  share_offset_reset,  // latest, earliest or by_duration:PnDTnHnMn.nS
};

enum ListFlags : std::uint8_t { list_plain = 0, list_no_duplicates = 1, list_not_empty = 2 };

struct Check {
  Rule rule = Rule::any;
  std::optional<double> minimum = std::nullopt;
  std::optional<double> maximum = std::nullopt;
  std::string_view words = {};  // separated by '|', in the order messages print them
  std::uint8_t list_flags = list_plain;
};

/// Sets of a key's properties: visible or internal (not listed by DescribeConfigs).
enum class Visibility : std::uint8_t { listed, internal };

struct Option {
  std::string_view name;
  Type type;
  /// As text; null when Kafka's default is null or the key is required.
  const char* default_value;
  Check check;
  UpdateMode update;
  Visibility visibility;
  Effect effect;
  /// Topic and group keys: the broker keys that supply the default, first one first, each with the
  /// factor that turns it into this key's unit ("log.retention.hours*3600000"), separated by ';'.
  std::string_view synonyms;
  /// One line, for people.
  std::string_view doc;

  bool sensitive() const { return type == Type::password; }
};

/// All keys of a scope, sorted by name.
std::span<const Option> options(Scope scope);

/// Null if there is no such key. A broker key may stand behind "listener.name.<listener>." and, for
/// SASL keys, a mechanism; `find` then returns the option of the key behind the prefix.
const Option* find(Scope scope, std::string_view name);

/// The known key that is nearest in spelling; empty if none is near.
std::string_view nearest(Scope scope, std::string_view name);

/// What was wrong with a value, worded as Kafka words it since tools show and compare it.
struct ConfigError {
  ErrorCode code = ErrorCode::invalid_config;
  std::string message;
};

/// Type and bounds of one value: "Invalid value abc for configuration retention.ms: Not a number of
/// type LONG".
std::expected<void, ConfigError> check_value(const Option& option, std::string_view value);

/// A value as Kafka prints it after parsing: trimmed, lists joined by commas, numbers canonical.
/// REQUIRES: check_value succeeded.
std::string canonical(const Option& option, std::string_view value);

/// The elements of a list value, trimmed; empty text has none.
std::vector<std::string> split_list(std::string_view value);

/// Kafka's name of a type: "LONG".
std::string_view to_string(Type type);

/// What AlterConfigs stored for one resource: key and value, by key.
using Overrides = std::map<std::string, std::string, std::less<>>;

}  // namespace cairn::config
