// SPDX-License-Identifier: Apache-2.0
// What may be set on topics, brokers, groups and client metrics subscriptions. Codes and texts are
// those of Kafka 4.3.1, observed; see tests/unit/config/validate_test.cpp.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include <cairn/config/describe.hpp>

#include "text.hpp"
#include "values.hpp"

namespace cairn::config {

namespace {

std::unexpected<ConfigError> refuse(ErrorCode code, std::string message) {
  return std::unexpected(ConfigError{code, std::move(message)});
}

/// Names, types and bounds of all overrides.
Validation validate_each(Scope scope, std::string_view what, const Overrides& overrides) {
  for (const auto& [key, value] : overrides) {
    const auto* option = find(scope, key);
    if (option == nullptr) {
      return refuse(ErrorCode::invalid_config, fmt::format("Unknown {} name: {}", what, key));
    }
  }
  for (const auto& [key, value] : overrides) {
    if (auto checked = check_value(*find(scope, key), value); !checked) return checked;
  }
  return {};
}

std::optional<std::int64_t> number_of(const Overrides& overrides, std::string_view key) {
  const auto found = overrides.find(key);
  if (found == overrides.end()) return std::nullopt;
  return text::parse_integer(text::trim(found->second));
}

/// A group's key must lie within the bounds that the broker sets for it.
struct GroupBound {
  std::string_view key;
  std::string_view minimum;  // broker keys; empty: no such bound
  std::string_view maximum;
};

constexpr std::array<GroupBound, 12> group_bounds = {{
    {"consumer.heartbeat.interval.ms", "group.consumer.min.heartbeat.interval.ms",
     "group.consumer.max.heartbeat.interval.ms"},
    {"consumer.session.timeout.ms", "group.consumer.min.session.timeout.ms",
     "group.consumer.max.session.timeout.ms"},
    {"consumer.assignment.interval.ms", "group.consumer.min.assignment.interval.ms",
     "group.consumer.max.assignment.interval.ms"},
    {"share.heartbeat.interval.ms", "group.share.min.heartbeat.interval.ms",
     "group.share.max.heartbeat.interval.ms"},
    {"share.session.timeout.ms", "group.share.min.session.timeout.ms",
     "group.share.max.session.timeout.ms"},
    {"share.assignment.interval.ms", "group.share.min.assignment.interval.ms",
     "group.share.max.assignment.interval.ms"},
    {"share.record.lock.duration.ms", "group.share.min.record.lock.duration.ms",
     "group.share.max.record.lock.duration.ms"},
    {"share.delivery.count.limit", "group.share.min.delivery.count.limit",
     "group.share.max.delivery.count.limit"},
    {"share.partition.max.record.locks", "group.share.min.partition.max.record.locks",
     "group.share.max.partition.max.record.locks"},
    {"streams.heartbeat.interval.ms", "group.streams.min.heartbeat.interval.ms",
     "group.streams.max.heartbeat.interval.ms"},
    {"streams.session.timeout.ms", "group.streams.min.session.timeout.ms",
     "group.streams.max.session.timeout.ms"},
    {"streams.num.standby.replicas", "", "group.streams.max.standby.replicas"},
}};

Validation check_group_bounds(const Values& broker, const Overrides& overrides) {
  for (const auto& bound : group_bounds) {
    const auto value = number_of(overrides, bound.key);
    if (!value) continue;
    if (!bound.minimum.empty() && *value < broker.int64(bound.minimum)) {
      return refuse(ErrorCode::invalid_config, fmt::format("{} must be greater than or equal to {}",
                                                           bound.key, bound.minimum));
    }
    if (*value > broker.int64(bound.maximum)) {
      return refuse(ErrorCode::invalid_config,
                    fmt::format("{} must be less than or equal to {}", bound.key, bound.maximum));
    }
  }
  return {};
}

/// Heartbeats must be more frequent than the session's end.
Validation check_group_order(const ServerConfig& server, const Overrides& overrides) {
  const Values broker(server);
  for (const std::string_view kind : {"consumer", "share", "streams"}) {
    const auto session = fmt::format("{}.session.timeout.ms", kind);
    const auto heartbeat = fmt::format("{}.heartbeat.interval.ms", kind);
    const auto value = [&](const std::string& key) {
      return number_of(overrides, key).value_or(broker.int64("group." + key));
    };
    if (value(session) <= value(heartbeat)) {
      return refuse(ErrorCode::invalid_config,
                    fmt::format("{} must be greater than {}", session, heartbeat));
    }
  }
  return {};
}

/// Keys that hold secrets or key stores: for one broker only behind a listener's prefix.
bool is_per_listener(const Option& option) {
  return option.update == UpdateMode::per_broker &&
         (option.name.starts_with("ssl.keystore.") || option.name.starts_with("ssl.truststore.") ||
          option.name.starts_with("ssl.key.") || option.name.starts_with("ssl.keymanager.") ||
          option.name.starts_with("ssl.trustmanager.") || option.name == "ssl.protocol" ||
          option.name == "ssl.provider" || option.name == "ssl.cipher.suites" ||
          option.name == "ssl.enabled.protocols" || option.name == "ssl.engine.factory.class" ||
          option.name == "ssl.endpoint.identification.algorithm" ||
          option.name == "ssl.secure.random.implementation");
}

Validation check_dynamic_names(BrokerTarget target, const std::vector<std::string>& changed) {
  std::vector<std::string> fixed, per_broker, per_listener;
  for (const auto& key : changed) {
    const auto* option = find(Scope::broker, key);
    if (option == nullptr) continue;
    if (option->update == UpdateMode::read_only) {
      fixed.push_back(key);
    } else if (option->name == key && is_per_listener(*option)) {
      per_listener.push_back(key);
    } else if (option->update == UpdateMode::per_broker) {
      per_broker.push_back(key);
    }
  }
  const auto names = [](const std::vector<std::string>& keys) {
    return fmt::format("[{}]", fmt::join(keys, ", "));
  };
  if (!fixed.empty()) {
    return refuse(ErrorCode::invalid_request,
                  "Cannot update these configs dynamically: " + names(fixed));
  }
  if (!per_listener.empty()) {
    return refuse(ErrorCode::invalid_request,
                  "These security configs can be dynamically updated only per-listener using the "
                  "listener prefix: " +
                      names(per_listener));
  }
  if (target == BrokerTarget::all_brokers && !per_broker.empty()) {
    return refuse(ErrorCode::invalid_request,
                  "Cannot update these configs at default cluster level, broker id must be "
                  "specified: " +
                      names(per_broker));
  }
  return {};
}

bool is_list_operation(AlterOperation operation) {
  return operation == AlterOperation::append || operation == AlterOperation::subtract;
}

std::optional<Scope> scope_of(ResourceType resource) {
  switch (resource) {
    case ResourceType::topic:
      return Scope::topic;
    case ResourceType::broker:
      return Scope::broker;
    case ResourceType::group:
      return Scope::group;
    case ResourceType::client_metrics:
      return Scope::client_metrics;
    default:
      return std::nullopt;
  }
}

/// The list that an operation starts from: what is set, else the default.
std::vector<std::string> current_list(const Option& option, const Overrides& overrides) {
  const auto found = overrides.find(option.name);
  if (found != overrides.end()) return split_list(found->second);
  return split_list(option.default_value != nullptr ? option.default_value : "");
}

std::string changed_list(const Option& option, const Overrides& overrides,
                         const Alteration& alteration) {
  auto list = current_list(option, overrides);
  for (auto& element : split_list(alteration.value.value_or(""))) {
    const auto found = std::ranges::find(list, element);
    if (alteration.operation == AlterOperation::subtract) {
      if (found != list.end()) list.erase(found);
    } else if (found == list.end()) {
      list.push_back(std::move(element));
    }
  }
  return fmt::format("{}", fmt::join(list, ","));
}

}  // namespace

Validation validate_topic(const ServerConfig& server, const Overrides& overrides) {
  if (auto each = validate_each(Scope::topic, "topic config", overrides); !each) return each;
  const auto topic = topic_config(server, overrides);
  if (topic.min_compaction_lag > topic.max_compaction_lag) {
    return refuse(ErrorCode::invalid_config,
                  fmt::format("conflict topic config setting min.compaction.lag.ms ({}) > "
                              "max.compaction.lag.ms ({})",
                              topic.min_compaction_lag.count(), topic.max_compaction_lag.count()));
  }
  const auto remote = overrides.find("remote.storage.enable");
  if (remote != overrides.end() && text::parse_boolean(text::trim(remote->second)) == true) {
    return refuse(ErrorCode::invalid_config,
                  "Tiered Storage functionality is disabled in the broker. Topic cannot be "
                  "configured with remote log storage.");
  }
  return {};
}

Validation validate_group(const ServerConfig& server, const Overrides& overrides) {
  if (auto each = validate_each(Scope::group, "group config", overrides); !each) return each;
  if (auto bounds = check_group_bounds(Values(server), overrides); !bounds) return bounds;
  return check_group_order(server, overrides);
}

Validation validate_client_metrics(std::string_view name, const Overrides& overrides) {
  if (name.empty()) {
    return refuse(ErrorCode::invalid_request, "Subscription name can't be empty");
  }
  for (const auto& [key, value] : overrides) {
    const auto* option = find(Scope::client_metrics, key);
    if (option == nullptr) {
      return refuse(ErrorCode::invalid_request, "Unknown client metrics configuration: " + key);
    }
    const auto checked = check_value(*option, value);
    if (checked) continue;
    if (const auto number = text::parse_integer(text::trim(value));
        key == "interval.ms" && number) {
      return refuse(
          ErrorCode::invalid_request,
          fmt::format("Invalid value {} for interval.ms, interval must be between 100 and "
                      "3600000 (1 hour)",
                      *number));
    }
    return checked;
  }
  return {};
}

Validation validate_broker(const ServerConfig& server, BrokerTarget target,
                           const Overrides& overrides, const std::vector<std::string>& changed) {
  if (auto names = check_dynamic_names(target, changed); !names) return names;
  for (const auto& key : changed) {
    const auto found = overrides.find(key);
    if (found == overrides.end()) continue;
    const auto* option = find(Scope::broker, key);
    if (option == nullptr) {
      // Kafka keeps unknown keys for its plugins. There are none here, so it would have no effect.
      return refuse(ErrorCode::invalid_config, "Unknown broker config name: " + key);
    }
    if (auto checked = check_value(*option, found->second); !checked) {
      return refuse(ErrorCode::invalid_request, checked.error().message);
    }
  }
  if (number_of(overrides, "log.retention.ms") == 0) {
    return refuse(ErrorCode::invalid_request,
                  "requirement failed: log.retention.ms must be unlimited (-1) or, greater than or "
                  "equal to 1");
  }
  const auto cordoned = overrides.find("cordoned.log.dirs");
  if (cordoned != overrides.end()) {
    for (const auto& dir : split_list(cordoned->second)) {
      if (dir == "*" || std::ranges::find(server.log.dirs, dir) != server.log.dirs.end()) continue;
      return refuse(ErrorCode::invalid_request,
                    "requirement failed: All entries in cordoned.log.dirs must be present in "
                    "log.dirs or log.dir. Missing entries : " +
                        dir);
    }
  }
  return {};
}

std::expected<Overrides, ConfigError> apply_alterations(
    ResourceType resource, Overrides overrides, const std::vector<Alteration>& alterations) {
  const auto scope = scope_of(resource);
  if (!scope) return refuse(ErrorCode::invalid_request, "Unexpected resource type.");
  for (const auto& alteration : alterations) {
    if (alteration.operation != AlterOperation::remove && !alteration.value) {
      return refuse(ErrorCode::invalid_request, "Null value not supported for : " + alteration.key);
    }
  }
  for (const auto& alteration : alterations) {
    const auto* option = find(*scope, alteration.key);
    if (is_list_operation(alteration.operation)) {
      if (option == nullptr || option->type != Type::list) {
        return refuse(
            ErrorCode::invalid_config,
            fmt::format("Can't {} to key {} because its type is not LIST.",
                        alteration.operation == AlterOperation::append ? "APPEND" : "SUBTRACT",
                        alteration.key));
      }
      overrides[alteration.key] = changed_list(*option, overrides, alteration);
    } else if (alteration.operation == AlterOperation::remove) {
      if (const auto found = overrides.find(alteration.key); found != overrides.end()) {
        overrides.erase(found);
      }
    } else if (alteration.operation == AlterOperation::set) {
      overrides[alteration.key] = *alteration.value;
    } else {
      return refuse(
          ErrorCode::invalid_request,
          fmt::format("Unknown operation type {}", static_cast<int>(alteration.operation)));
    }
  }
  return overrides;
}

}  // namespace cairn::config
