// SPDX-License-Identifier: Apache-2.0
// What DescribeConfigs answers and what AlterConfigs, IncrementalAlterConfigs and CreateTopics let
// through, in Kafka's words. Pure: overrides are passed in as the metadata image holds them.
// Messages have the form of Kafka's, since people see them through Kafka's tools.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <cairn/config/option.hpp>
#include <cairn/config/server_config.hpp>

namespace cairn::config {

/// The values are those of ConfigSource in DescribeConfigs responses.
enum class ConfigSource : std::int8_t {
  unknown = 0,
  dynamic_topic = 1,
  dynamic_broker = 2,
  dynamic_default_broker = 3,
  static_broker = 4,
  default_value = 5,
  dynamic_broker_logger = 6,
  client_metrics = 7,
  group = 8,
};

/// The values are those of ConfigResource.Type on the wire.
enum class ResourceType : std::int8_t {
  unknown = 0,
  topic = 2,
  broker = 4,
  broker_logger = 8,
  client_metrics = 16,
  group = 32,
};

struct Synonym {
  std::string name;
  std::optional<std::string> value;
  ConfigSource source;

  bool operator==(const Synonym&) const = default;
};

struct Entry {
  std::string name;
  std::optional<std::string> value;  // null for secrets too
  bool read_only = false;
  ConfigSource source = ConfigSource::default_value;
  bool sensitive = false;
  std::vector<Synonym> synonyms;  // the strongest first, this value included
  Type type = Type::string;
  std::string_view documentation;
};

/// All keys of the resource, sorted by name. `server` is what with_dynamic made for this broker.
std::vector<Entry> describe_topic(const ServerConfig& server, const Overrides& topic);
std::vector<Entry> describe_broker(const ServerConfig& server);
/// The resource "broker" without a name: only what is set for all brokers.
std::vector<Entry> describe_cluster_default(const Overrides& cluster);
std::vector<Entry> describe_group(const ServerConfig& server, const Overrides& group);
std::vector<Entry> describe_client_metrics(const Overrides& subscription);

using Validation = std::expected<void, ConfigError>;

/// All the overrides that the topic would have: names, types, bounds, and rules between keys.
Validation validate_topic(const ServerConfig& server, const Overrides& overrides);
Validation validate_group(const ServerConfig& server, const Overrides& overrides);
Validation validate_client_metrics(std::string_view name, const Overrides& overrides);

/// A broker's overrides as they would be. `changed` are the keys this request names. For all
/// brokers (resource without a name) only cluster-wide keys can change.
enum class BrokerTarget { one_broker, all_brokers };
Validation validate_broker(const ServerConfig& server, BrokerTarget target,
                           const Overrides& overrides, const std::vector<std::string>& changed);

/// IncrementalAlterConfigs' operations; the values are those on the wire.
enum class AlterOperation : std::int8_t { set = 0, remove = 1, append = 2, subtract = 3 };

struct Alteration {
  std::string key;
  AlterOperation operation;
  std::optional<std::string> value;
};

/// The overrides after an incremental change (lists are appended to and subtracted from, starting
/// at the default if nothing is set), without validating the values. Refuses unknown operations and
/// list operations on other types, as Kafka does.
std::expected<Overrides, ConfigError> apply_alterations(ResourceType resource, Overrides overrides,
                                                        const std::vector<Alteration>& alterations);

}  // namespace cairn::config
