// SPDX-License-Identifier: Apache-2.0
// The static configuration before it is typed: parsers of the places it comes from, and the layers
// in which one place overrides another. Every value remembers where it stood. Problems are
// collected, all of them, so that a person fixes a file once. Pure: texts come in, nothing is
// opened.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cairn::config {

/// Where a value came from, weakest first: a later one overrides an earlier one.
enum class Origin {
  default_value,  // Kafka's default, or Cairn's own (docs/OPERATIONS.md lists the differences)
  derived,        // follows from other settings, such as replication factor 1 on a single node
  file,
  environment,
  command_line,
};

std::string_view to_string(Origin origin);

struct Setting {
  std::string key;
  std::string value;
  Origin origin = Origin::default_value;
  std::string where;  // "cairn.yaml:12", "KAFKA_NODE_ID", "--override", "single node"

  bool operator==(const Setting&) const = default;
};

/// Lines for a person, each naming key, value, what was expected and what to do.
using Problems = std::vector<std::string>;

/// Flat Kafka keys: "log.retention.ms: 1000". Lists may be YAML sequences.
std::vector<Setting> parse_yaml(std::string_view text, std::string_view file_name,
                                Problems& problems);
/// Java's format: escapes, continued lines, '=' or ':' or blank between key and value.
std::vector<Setting> parse_properties(std::string_view text, std::string_view file_name,
                                      Problems& problems);
/// By the name: "*.properties" are properties, everything else YAML.
std::vector<Setting> parse_file(std::string_view text, std::string_view file_name,
                                Problems& problems);
/// KAFKA_LOG_DIRS is log.dirs, as in Apache's container image: "_" is ".", "__" is "_", "___" is
/// "-". Variables of Kafka's start scripts (KAFKA_HEAP_OPTS, KAFKA_OPTS, ...) are passed over, and
/// so are those without the prefix.
std::vector<Setting> parse_environment(
    std::span<const std::pair<std::string, std::string>> variables, Problems& problems);
/// "key=value", as given to --override.
std::vector<Setting> parse_overrides(std::span<const std::string> arguments, Problems& problems);

/// The winner of each key over all layers; keys are known, values have their type and bounds.
class StaticConfig {
 public:
  /// Adds a layer. The stronger origin wins; within one origin the later setting does.
  /// Unknown keys and bad values become problems and are left out.
  void add(std::vector<Setting> layer, Problems& problems);

  /// What was set for this key, without its default; null if nothing was.
  const Setting* find(std::string_view key) const;
  bool contains(std::string_view key) const { return find(key) != nullptr; }

  /// All that was set, by key.
  const std::map<std::string, Setting, std::less<>>& all() const { return settings_; }

 private:
  std::map<std::string, Setting, std::less<>> settings_;
};

}  // namespace cairn::config
